#!/usr/bin/env bash
# What we write for other programs, given to those programs: tests/servers.sh ANNEAL [STEP...].
#
# Every step has a time limit against hanging and is run whatever became of those before it. What cannot be installed is
# skipped, and said so again at the end; the exit code is 1 where a step that could be run failed.
set -uo pipefail
anneal=$(realpath "${1:?the program}") || exit 2
shift
cd "$(dirname "$0")/.." || exit 2
wanted=" $* "
venv=${ANNEAL_VENV:-$HOME/.cache/anneal-studio/venv-sinks}
python=$venv/bin/python
failed=() skipped=()
# Seconds after which a step is taken to hang: far more than any needs on a machine that is busy with other things.
limit=1200
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

skip() {
    echo "SKIPPED: $1: $2" >&2
    skipped+=("$1")
}

# step NAME COMMAND...
step() {
    local name=$1 begun=$SECONDS code=0
    shift
    case $wanted in "  " | *" $name "*) ;; *) return 0 ;; esac
    echo "== $name"
    # What it started is in its own group and ends with it.
    timeout --kill-after=10 "$limit" "$@" || code=$?
    if [ "$code" = 0 ]; then
        echo "== $name passed in $((SECONDS - begun)) s"
    else
        [ "$code" = 124 ] && echo "$name took more than $limit s" >&2
        echo "FAILED: $name (exit code $code, $((SECONDS - begun)) s)" >&2
        failed+=("$name")
    fi
}

# needs NAME MODULES PACKAGE...: whether the modules can be imported, once the packages were installed if need be.
needs() {
    local name=$1 modules=$2
    shift 2
    case $wanted in "  " | *" $name "*) ;; *) return 1 ;; esac
    "$python" -c "import $modules" >/dev/null 2>&1 && return 0
    timeout 900 "$python" -m pip install -q --disable-pip-version-check --retries 2 --timeout 20 "$@" >&2
    "$python" -c "import $modules" >/dev/null 2>&1 && return 0
    skip "$name" "cannot be installed: $*"
    return 1
}

for tool in promtool prometheus-alertmanager; do
    command -v $tool >/dev/null && continue
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    packages="prometheus prometheus-alertmanager"
    # The lists may be missing or old: they are fetched where the first try does not do.
    for update in true "timeout 300 $sudo apt-get update -qq"; do
        $update >/dev/null 2>&1
        # shellcheck disable=SC2086
        timeout 600 $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1 && break
    done
    break
done
if command -v promtool >/dev/null && command -v prometheus-alertmanager >/dev/null; then
    step prometheus python3 tests/prometheus/real_servers.py "$anneal"
else
    skip prometheus "cannot be installed: prometheus, prometheus-alertmanager"
fi

if command -v git >/dev/null; then
    step ci-examples python3 tests/ci_examples.py "$anneal"
else
    skip ci-examples "there is no git"
fi

"$python" -c 'import pip' 2>/dev/null || { rm -rf "$venv" && timeout 300 python3 -m venv "$venv"; } || true

read_by_tensorboard() {
    set -e
    "$anneal" train examples/digits-cosine-vs-constant.toml --out "$place/out" --tensorboard "$place/live" --no-baseline \
        >/dev/null 2>&1
    "$anneal" sync "$place/out" --tensorboard "$place/after"
    "$python" tests/sinks/tensorboard_reads_every_value.py "$place/out" "$place/live"
    "$python" tests/sinks/tensorboard_reads_every_value.py "$place/out" "$place/after"
}
export -f read_by_tensorboard
export anneal python place
needs tensorboard tensorboard 'tensorboard==2.21.*' && step tensorboard bash -c read_by_tensorboard

needs grafana grafana_foundation_sdk grafana-foundation-sdk && step grafana "$python" tests/prometheus/dashboards.py
needs otlp opentelemetry.exporter.otlp.proto.http opentelemetry-exporter-otlp-proto-http &&
    step otlp "$python" tests/sync/others.py "$anneal" otlp
needs parquet duckdb,pyarrow duckdb pyarrow && step parquet "$python" tests/sync/others.py "$anneal" parquet
needs studio duckdb,pyarrow duckdb pyarrow && step studio "$python" tests/sync/studio.py "$anneal"
needs wandb wandb wandb && step wandb "$python" tests/sync/others.py "$anneal" wandb
needs trackio trackio trackio && step trackio "$python" tests/sync/others.py "$anneal" trackio
needs s3 moto.server,s3fs,boto3 'moto[server,s3]' s3fs boto3 && step s3 "$python" tests/sync/others.py "$anneal" s3
needs mlflow mlflow 'mlflow==3.*' && step mlflow "$python" tests/sync/mlflow_server.py "$anneal"

[ ${#skipped[@]} = 0 ] || echo "SKIPPED, and so not tried: ${skipped[*]}" >&2
if [ ${#failed[@]} != 0 ]; then
    echo "FAILED: ${failed[*]}" >&2
    exit 1
fi
echo "Everything that could be had passed, in $SECONDS s"
