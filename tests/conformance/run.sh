#!/bin/sh
# Makes the environment (a few GB, once), fetches four schedulers' sources, and runs everything.
# Needs: Python 3.11 or newer, rustc, unzip, and `anneal` (ANNEAL, or the release build of this checkout).
set -eu
cd "$(dirname "$0")"
anneal=${ANNEAL:-../../target/release/anneal}

if [ ! -d environment ]; then
    python3 -m venv environment
    environment/bin/pip install --quiet -r requirements.txt
fi

if [ ! -d sources ]; then
    mkdir sources
    fetch() { environment/bin/pip download --quiet --no-deps --dest sources "$@"; }
    fetch --no-binary :all: deepspeed==0.19.8
    fetch megatron-core==0.16.1
    fetch axolotl==0.19.0
    fetch torchtitan==0.3.0
    cd sources
    tar xzf deepspeed-*.tar.gz --strip-components=3 deepspeed-0.19.8/deepspeed/runtime/lr_schedules.py
    unzip -qjo megatron_core-*.whl megatron/core/optimizer_param_scheduler.py
    unzip -qjo axolotl-*.whl axolotl/utils/schedulers.py && mv schedulers.py axolotl_schedulers.py
    unzip -qjo axolotl-*.whl axolotl/core/trainers/mixins/scheduler.py && mv scheduler.py axolotl_mixin.py
    unzip -qjo torchtitan-*.whl torchtitan/components/optimizer/lr_scheduler.py
    mv lr_scheduler.py torchtitan_lr_scheduler.py
    cd ..
fi

environment/bin/python run.py --command "$anneal export {file} --run {run} --to {target} --json" "$@"
