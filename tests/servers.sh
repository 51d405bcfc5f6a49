#!/usr/bin/env bash
# What we write for other programs, given to those programs: tests/servers.sh ANNEAL. What cannot be installed is
# skipped aloud, and everything that can be had must pass.
set -euo pipefail
anneal=$(realpath "${1:?the program}")
cd "$(dirname "$0")/.."
skipped() { echo "SKIPPED: $1" >&2; }

if ! command -v promtool >/dev/null || ! command -v prometheus-alertmanager >/dev/null; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager >/dev/null 2>&1 || true
fi
python3 tests/prometheus/real_servers.py "$anneal"

venv=${ANNEAL_VENV:-$HOME/.cache/anneal-studio/venv-sinks}
if [ ! -x "$venv/bin/tensorboard" ]; then
    python3 -m venv "$venv" && "$venv/bin/pip" install -q "tensorboard==2.21.*" || true
fi
if "$venv/bin/python" -c "import tensorboard" 2>/dev/null; then
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    "$anneal" train examples/digits-cosine-vs-constant.toml --out "$place/out" --tensorboard "$place/live" --no-baseline >/dev/null
    "$anneal" sync "$place/out" --tensorboard "$place/after"
    "$venv/bin/python" tests/sinks/tensorboard_reads_every_value.py "$place/out" "$place/live"
    "$venv/bin/python" tests/sinks/tensorboard_reads_every_value.py "$place/out" "$place/after"
else
    skipped "tensorboard cannot be installed: nobody but our own reader has read the event files"
fi

# The package's targets, where their clients can be had.
if "$venv/bin/pip" install -q mlflow duckdb pyarrow opentelemetry-exporter-otlp-proto-http 'moto[server,s3]' s3fs wandb trackio \
    grafana-foundation-sdk; then
    "$venv/bin/python" tests/prometheus/dashboards.py
    "$venv/bin/python" tests/sync/others.py "$anneal"
    "$venv/bin/python" tests/sync/mlflow_server.py "$anneal"
else
    skipped "the clients of MLflow and others cannot be installed: anneal_studio.sync was not tried"
fi
