#!/bin/sh
# Runs the live trainings: all, or those that are named. PYTHON: an interpreter with the frameworks. ANNEAL: the program.
set -eu
cd "$(dirname "$0")"
if [ -z "${PYTHON:-}" ]; then
    PYTHON=$PWD/environment/bin/python
    if [ ! -x "$PYTHON" ]; then
        python3 -m venv environment
        environment/bin/pip install --quiet -r requirements.txt
    fi
fi
[ $# -gt 0 ] || set -- pytorch hugging_face lightning_fit keras_fit optax_fit restart harm latency
for script in "$@"; do
    "$PYTHON" "$script.py"
done
