#!/bin/sh
# A wheel with the program `anneal` and the Python package `anneal_studio`, tagged for the oldest glibc that this
# build runs on. Needs `pip install maturin`.
set -eu
cd "$(dirname "$0")/../python"
maturin build --release "$@"
