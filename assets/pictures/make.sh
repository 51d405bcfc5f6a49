#!/usr/bin/env bash
# Makes the README's pictures again: run it from the checkout after a change to the interface, then look at them.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release
anneal() { "${CARGO_TARGET_DIR:-target}/release/anneal" "$@"; }
# picture EXPERIMENT NAME [OPTIONS]
picture() { anneal screenshot "$1" --out "assets/pictures/$2.png" "${@:3}"; }

picture examples/mnist1d.toml studio-dark --panel results
picture examples/spirals.toml studio-light --updates 2400 --theme light --panel decision-field
picture examples/forks.toml studio-forks
picture examples/digits.toml studio-recording --size 1440x900 --recording tests/recordings/digits
picture examples/rosenbrock.toml studio-landscape --size 1440x900
picture examples/digits.toml range-test --size 1440x900 --updates 300 --panel range-test
picture examples/sweep.toml map --size 1440x900 --panel map
picture examples/sweep.toml isolation --size 1440x900 --theme light --panel sweep
picture examples/shakespeare-warmup.toml microscope --size 1440x900 --updates 250 --panel microscope
picture examples/mnist1d-snapshots.toml studio-snapshots --size 1440x1500 --theme light --panel snapshots
picture examples/mnist1d.toml gallery --size 1440x900 --over gallery
picture examples/mnist1d.toml palette --size 1440x900 --theme light --over palette
picture examples/mnist1d.toml presenter --size 1440x900 --over presenter
anneal screenshot --lesson the-noise-floor --out assets/pictures/lesson.png --size 1440x900 --theme light

# A real window and a real PyTorch: see bent.sh for what it needs.
if "${PYTHON:-python3}" -c 'import torch' && command -v Xvfb xdotool import; then
    assets/pictures/bent.sh
else
    echo "left as it is: studio-pytorch.png needs PYTHON with torch, Xvfb, xdotool and ImageMagick" >&2
fi

trained=$(mktemp -d)
library=$(mktemp -d)
trap 'rm -rf "$trained" "$library"' EXIT
anneal train examples/mnist1d-snapshots.toml --out "$trained" --no-baseline
anneal landscape "$trained" --out assets/pictures/landscape.png --size 1200x800

# A library with runs that converge, one that diverges, a sweep, and one that was killed.
export ANNEAL_LIBRARY=$library
anneal sweep examples/sweep.toml
anneal train examples/spirals.toml --no-baseline
rm "$library"/*spirals*/summary.json
cat >"$trained/hot.toml" <<'TOML'
anneal = 1
name = "digits: far too hot"
data = { name = "digits", batch_size = 64 }
model = { kind = "mlp", hidden = [64] }
train = { updates = "1500", replicas = 3 }
[[run]]
name = "hot"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 3000.0, warmup = { over = "60%", from = 1e-3 } }
TOML
anneal train "$trained/hot.toml" --no-baseline
anneal train examples/digits-cosine-vs-constant.toml --no-baseline
sed 's/peak = 0.1/peak = 0.02/' examples/digits-cosine-vs-constant.toml >"$trained/lower.toml"
anneal train "$trained/lower.toml" --no-baseline
cat >"$library/library.toml" <<'TOML'
anneal_library = 1
price_per_hour = 2.5
[[task]]
data = "digits"
accuracy_at_least = 0.95
TOML
for theme in dark light; do
    for panel in library executive-dashboard on-call-dashboard debug-dashboard; do
        picture examples/digits.toml $panel-$theme --panel $panel --size 1280x900 --theme $theme
    done
done
