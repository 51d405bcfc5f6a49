"""The conformance run: executes what `anneal export` writes and compares it, update by update, with the prediction.

    python run.py --command "anneal export {file} --run {run} --to {target} --json" --record ../golden/conformance.json

See README.md for the environment. Double-precision frameworks agree to 1e-9 of the rate; single-precision ones
(Keras, and fastai's shares of training) to 1e-6 of the peak.
"""

import argparse
import collections
import csv
import json
import pathlib
import shlex
import subprocess
import sys
import tomllib
import traceback
from importlib.metadata import PackageNotFoundError, version

import frameworks

HERE = pathlib.Path(__file__).parent
SINGLE = {"keras", "fastai"}
# Our own format, which the ordinary tests read back.
NOT_RUN = {"toml": "read back by the ordinary tests"}
PACKAGES = ["torch", "transformers", "timm", "optax", "jax", "keras", "lightning", "fastai"]
# Frameworks whose scheduler source is executed, and Rust crates, with their versions.
SOURCES = {"deepspeed": "0.19.8", "megatron-core": "0.16.1", "axolotl": "0.19.0", "torchtitan": "0.3.0", "burn": "0.22.1", "candle": "0.11.1"}


def exported(command, file, run, target):
    words = [word.format(file=file, run=run, target=target) for word in shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{words}: {done.stderr}")
    return json.loads(done.stdout)


def difference(target, predicted, real):
    """The largest difference, of the rate in double precision, of the peak in single."""
    if len(real) != min(len(predicted), frameworks.LIMITS.get(target, len(predicted))):
        return float("inf")
    peak = max(predicted)
    worst = 0.0
    for ours, theirs in zip(predicted, real):
        # In double precision a rate that is zero but for rounding is measured against the peak.
        scale = peak if target in SINGLE else max(abs(ours), 1e-6 * peak)
        worst = max(worst, abs(ours - theirs) / scale if scale > 0 else abs(ours - theirs))
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True, help="with {file}, {run} and {target}")
    parser.add_argument("--record", type=pathlib.Path, help="the golden; targets that are not run keep theirs")
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    options = parser.parse_args()

    entries = []
    listed = subprocess.run(
        [*shlex.split(options.command)[: shlex.split(options.command).index("{file}")], "--list"],
        capture_output=True, text=True, check=True,
    ).stdout
    targets = options.target or [line.split()[0] for line in listed.splitlines() if line.strip()]
    for file in sorted((HERE / "experiments").glob("*.toml")):
        experiment = tomllib.loads(file.read_text())
        for run in experiment["run"]:
            for target in targets:
                entry = exported(options.command, file, run["name"], target)
                if target in frameworks.BATCHES:
                    entry["table"] = exported(options.command, file, run["name"], "csv")["text"]
                entry |= {"optimizer": run["optimizer"], "micro_batch": experiment["data"]["batch_size"]}
                entries.append({"experiment": file.name, "run": run["name"], **entry})

    # Rust is compiled once for all the texts of a target.
    compiled = {}
    for target, run_all in (("candle", frameworks.candle), ("burn", frameworks.burn)):
        own = [entry for entry in entries if entry["target"] == target]
        if own:
            compiled |= {id(entry): rates for entry, rates in zip(own, run_all(own))}

    failures, records, counts = [], [], collections.Counter()
    for entry in entries:
        target = entry["target"]
        what = f"{entry['experiment']} / {entry['run']} / {target}"
        if target in NOT_RUN:
            continue
        tolerance = 1e-6 if target in SINGLE else 1e-9
        try:
            real = compiled[id(entry)] if id(entry) in compiled else frameworks.TARGETS[target](entry)
            worst = difference(target, entry["predicted"], real)
            samples = batches(entry)
        except Exception:
            traceback.print_exc()
            failures.append(f"{what}: raised")
            continue
        counts[target] += 1
        if worst > tolerance:
            at = next((i for i, (a, b) in enumerate(zip(entry["predicted"], real)) if abs(a - b) > 1e-12), None)
            failures.append(f"{what}: apart by {worst:.3g}, first at {at} ({len(real)} of {len(entry['predicted'])} rates)")
        record = {
            "experiment": entry["experiment"],
            "run": entry["run"],
            "target": target,
            "updates_per_epoch": entry["updates_per_epoch"],
            "badge": entry["badge"],
            "worst": float(f"{worst:.1e}"),
            "rates": sampled(real),
        }
        # Of the usual optimizers the rates are enough; of the others what they were built with is kept too.
        made = {"made": entry["made"]} if entry["experiment"] == "optimizers.toml" and "made" in entry else {}
        records.append(record | made | ({"samples": samples} if samples else {}))
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{sum(counts.values())} exports executed, {len(failures)} apart: {dict(counts)}")
    if options.record and not failures:
        kept = json.loads(options.record.read_text())["exports"] if options.record.exists() else []
        records = [entry for entry in kept if entry["target"] not in targets] + records
        records.sort(key=lambda entry: (entry["target"], entry["experiment"]))
        versions = {name: installed(name) for name in PACKAGES} | SOURCES
        record = {"versions": versions, "tolerances": {"double": 1e-9, "single": 1e-6}, "not_run": NOT_RUN}
        lines = ",\n".join(json.dumps(entry) for entry in records)
        head = json.dumps(record, indent=1)[:-2]
        options.record.write_text(f"{head},\n \"exports\": [\n{lines}\n]}}\n")
    sys.exit(1 if failures else 0)


def batches(entry):
    """Where the target carries the run's batch: its samples, where they change, once they are those of the table."""
    if not any(note.startswith("Carried: the schedule of the batch") for note in entry["notes"]):
        return None
    real = frameworks.BATCHES[entry["target"]](entry)
    predicted = [int(row["batch"]) for row in csv.DictReader(entry["table"].splitlines())]
    assert real == predicted, f"batches of {real} instead of {predicted}"
    return [[update, count] for update, count in enumerate(real) if update == 0 or count != real[update - 1]]


def sampled(rates):
    """About twenty of the real rates, each with its update: enough to notice a change, small enough to keep."""
    step = max(1, len(rates) // 20)
    updates = sorted({*range(0, len(rates), step), *range(min(3, len(rates))), len(rates) - 1})
    return [[update, rates[update]] for update in updates]


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
