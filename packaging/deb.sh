#!/bin/sh
# A Debian package: the program, its desktop entry, icon and file type, manual pages and completions.
# Needs `cargo install cargo-deb`. The package's name is printed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
[ -n "${NO_BUILD:-}" ] || cargo build --release --locked
anneal=$target/release/anneal
# Cargo.toml names these as assets, wherever the build itself goes.
out=target/packages
rm -rf "$out"
mkdir -p "$out"
"$anneal" man --out "$out/man"
gzip -9n "$out"/man/*.1
"$anneal" completions bash > "$out/anneal.bash"
"$anneal" completions zsh > "$out/_anneal"
"$anneal" completions fish > "$out/anneal.fish"
cargo deb --no-build --locked "$@"
