#!/bin/sh
# Makes the peers' virtual environment where there is none, and measures: see README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${VENV:-$here/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt" >&2
exec "$venv/bin/python" "$here/run.py" "$@"
