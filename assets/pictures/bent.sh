#!/usr/bin/env bash
# The README's first picture: the real studio in a window of a virtual display, and a PyTorch training that it bends.
# Needs Xvfb, xdotool, ImageMagick, a Vulkan driver, and in PYTHON an interpreter with torch. ANNEAL: the program.
# SIZE and THEME (dark, light) and OUT are for looking at it otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
anneal=$(realpath "${ANNEAL:-${CARGO_TARGET_DIR:-target}/release/anneal}")
python=${PYTHON:-python3} out=$(realpath -m "${OUT:-assets/pictures/studio-pytorch.png}") size=${SIZE:-1440x900}
folder=$(mktemp -d)
pids=()
end() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$folder"; }
trap end EXIT
export XDG_RUNTIME_DIR=$folder XDG_CONFIG_HOME=$folder/config XDG_STATE_HOME=$folder/state XDG_DATA_HOME=$folder/data
export PYTHONPATH=python
chmod 700 "$folder"
mkdir -p "$folder/config/anneal-studio"
printf 'theme = "%s"\nwindow = [%s, %s]\nknows_handles = true\n' "${THEME:-dark}" "${size%x*}" "${size#*x}" \
    >"$folder/config/anneal-studio/preferences.toml"

cat >"$folder/spirals.toml" <<'TOML'
anneal = 1
name = "two spirals, beside PyTorch"
[data]
name = "spirals"
batch_size = 32
[model]
kind = "mlp"
hidden = [32, 32]
activation = "tanh"
[train]
updates = "4000"
[[run]]
name = "ours"
optimizer = { kind = "adamw" }
lr = { kind = "cosine", peak = 0.004, warmup = { over = "300" } }
TOML

Xvfb -displayfd 3 -screen 0 "${size}x24" -nolisten tcp 3>"$folder/display" 2>"$folder/xvfb" &
pids+=($!)
until [ -s "$folder/display" ]; do sleep 0.1; done
DISPLAY=:$(cat "$folder/display")
export DISPLAY
"$anneal" --live "${FILE:-$folder/spirals.toml}" 2>"$folder/words" &
pids=($! "${pids[@]}")
door=$folder/anneal-studio/api.json
until [ -s "$door" ]; do sleep 0.1; done
window=$(xdotool search --sync --onlyvisible --name "Anneal Studio" | head -n 1)
xdotool windowmove "$window" 0 0 windowsize "$window" "${size%x*}" "${size#*x}"
"$python" assets/pictures/bent.py 2>"$folder/python" &
pids=($! "${pids[@]}")
field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" "$door"; }
call() { curl -s -H "Authorization: Bearer $(field token)" "$(field url)$1" "${@:2}"; }
made() { call /v1/runs | grep -o '"id":"l1".*' | sed 's/.*"update":\([0-9]*\).*/\1/'; }
until [ "$(made)" ] && [ "$(made)" -gt 900 ]; do sleep 0.2; kill -0 "${pids[0]}" || { cat "$folder/python"; exit 1; }; done
call /v1/runs/l1/schedule -X PUT -d '{"factor": 0.5, "by": "me", "why": "halve it"}' >"$folder/answer"
until [ "$(made)" -gt 1500 ]; do sleep 0.2; done
call /v1/runs/l1/schedule -X PUT -d '{"points": [[1500, 0.004], [2600, 0.003], [3200, 0.0005], [4000, 0.0]], "by": "me", "why": "warm it up again"}' >>"$folder/answer"
until [ "$(made)" -gt 2000 ]; do sleep 0.2; done
xdotool mousemove "${size%x*}" "${size#*x}"
sleep 0.5
import -window root "$out"
call /v1/runs/l1/stop -X POST >>"$folder/answer"
echo "$out"
