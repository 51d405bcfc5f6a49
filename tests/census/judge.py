"""Judges what `anneal import` makes of public files by a second reading: `judge.py ANNEAL FOLDER OUT.csv [DIALECT]`.

FOLDER holds `owner+name/path` files (see `collect.py`), and `owner+name/.commit` where the commit is known. Each file
that the program reads is read again by `judges/`, which shares no code with it and computes the rate of each update
with the framework's own classes where they install, else by their arithmetic said again from the source. Compared are
the rates (as a share of the highest one), the run's length, the batch, the accumulation, the clip and the optimizer's
numbers; and every setting that only one of the two readings asked for must be in what the program says it left out.

Verdicts: `right`; `said`, where it deviates and says so; `wrong`; `silent`, where a setting that the second reading
needs, or that sounds like it matters, is neither read nor told; `refused`; `unjudged`, with the reason.
"""

import collections
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import warnings

from judges import JUDGES
from judges.want import Clock, Unjudged

SAME = 1e-6
PER_EPOCH = 100
# A deviation that a note explains: rounding of a warmup, a first update.
SAID = 0.02
MATTERS = re.compile(r"(?:^|[._-])(lr|rate|warm|warmup|decay|sched|scheduler|momentum|betas?|gamma|milestones|anneal)(?:$|[._-])|learning_rate")
# What has such a name and nothing to do with the rate.
ELSEWHERE = re.compile(r"ema|dropout|drop_path|drop_rate|mask|frame_rate|sample_rate|label|rope|noise_sched|sampling_rate|"
                       r"auto_scale_lr|monitor|custom_hooks|default_hooks|model\.|loss|layerdrop|attention|attn|dataset|augment|transform|tokenizer|model_conf|encoder|decoder|pos_")


def program(anneal, path):
    """The program's reading, and the rates of its run on a plain clock."""
    done = subprocess.run([anneal, "import", path, "--json"], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
        return None, reason.replace(path, "FILE")
    said = json.loads(done.stdout)
    # An epoch of 100 updates, whatever the batch: shares of a run are whole then, however one rounds.
    plain = re.sub(r"(?m)^batch_size = .*\n", "", said["experiment"])
    plain = re.sub(r"(?m)^accumulate = .*\n", "", plain)
    plain = re.sub(r"(?m)^\[data\]$", "[data]\nlimit = 1000\nbatch_size = 10", plain)
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(plain)
        file.flush()
        rows = subprocess.run([anneal, "schedule", file.name], capture_output=True, text=True, timeout=300)
    if rows.returncode != 0:
        return None, "its experiment has no schedule: " + rows.stderr.strip()[-200:]
    rates = [float(row.split(",")[3]) for row in rows.stdout.splitlines()[1:]]
    return (said, rates), ""


def experiment_of(said):
    read = tomllib.loads(said["experiment"])
    run = read["run"][0]
    optimizer = run.get("optimizer", {})
    return read, run, optimizer


USUAL = {"weight_decay": {"adamw": 0.01}, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum": 0.0}


def number_of(optimizer, name):
    usual = USUAL.get(name)
    if isinstance(usual, dict):
        usual = usual.get(optimizer.get("kind"), 0.0)
    return optimizer.get(name, usual)


def beside(said, want):
    """What of the numbers beside the rate differs, in words."""
    read, run, optimizer = experiment_of(said)
    train, data = read.get("train", {}), read.get("data", {})
    found = []
    told = " ".join(said["notes"] + said["assumed"]) + " ".join(one["name"] for one in said["unread"])
    for name, value in want.optimizer.items():
        has = optimizer.get("kind") if name == "kind" else number_of(optimizer, name)
        if isinstance(value, str):
            same = has == value or f"optimizer {value}" in told or value in told.lower()
        elif isinstance(has, dict) or has is None:
            same = True
        else:
            same = abs(has - value) <= 1e-9 + 1e-6 * abs(value)
        if not same and "optimizer" in told and "not known here" in told:
            same = True
        if not same:
            found.append(f"{name}: {has} for {value}")
    if want.length is not None and str(train.get("updates")) != want.length:
        found.append(f"length: {train.get('updates')} for {want.length}")
    if want.batch and data.get("batch_size", 64) != int(want.batch):
        found.append(f"batch: {data.get('batch_size', 64)} for {int(want.batch)}")
    if want.accumulate and train.get("accumulate", 1) != int(want.accumulate):
        found.append(f"accumulate: {train.get('accumulate', 1)} for {int(want.accumulate)}")
    if want.clip and abs(train.get("clip_norm", 0) - want.clip) > 1e-9:
        found.append(f"clip: {train.get('clip_norm')} for {want.clip}")
    if want.layer_decay and run.get("layer_decay") != want.layer_decay:
        found.append(f"layer decay: {run.get('layer_decay')} for {want.layer_decay}")
    return found


def silent(said, want):
    """Settings that sound like they matter, and that neither reading's side says a word about."""
    if want.keys is None:
        return []
    told = {one["name"].lstrip("-") for one in said["unread"]}
    words = " ".join(said["notes"] + said["assumed"])
    found = []
    for path, value in want.keys.leaves():
        name = ".".join(path)
        if value in (None, "", "null") or path in want.keys.asked or not MATTERS.search(name) or ELSEWHERE.search(name.lower()):
            continue
        if any(path[: len(one)] == one for one in want.keys.asked):
            continue
        if path[-1] in words or any(one == name or one.endswith("." + name) or name.endswith("." + one) or one == path[-1] for one in told):
            continue
        found.append(name)
    return found


def judged(anneal, path, inside, text, got):
    said, rates = got
    clock = Clock(len(rates), PER_EPOCH, path)
    judge = JUDGES.get(said["dialect"])
    if judge is None:
        return "unjudged", "", "", "this dialect has no second reading"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = judge(inside, text, clock)
            most, worst, at = 0.0, 0.0, 0
            for i, rate in enumerate(rates):
                value = float(want.rate(i))
                most = max(most, abs(value))
                if abs(value - rate) > worst:
                    worst, at = abs(value - rate), i
    except Unjudged as why:
        return "unjudged", "", "", str(why)
    except Exception as why:  # a second reading that fails judges nothing, and must say so
        return "unjudged", "", "", f"the second reading failed: {type(why).__name__}: {why}"[:200]
    share = worst / most if most > 0 else worst
    problems = beside(said, want)
    if share > SAME:
        problems.insert(0, f"the rate deviates by {share:.2e} of the highest, first worst at update {at}")
    lost = silent(said, want)
    matter = [one["name"] for one in said["unread"] if one["matters"]]
    if lost:
        return "silent", f"{share:.1e}", want.how, "; ".join(lost + problems)
    if not problems:
        return "right", f"{share:.1e}", want.how, ""
    explained = share <= SAME or (share <= SAID and any("update" in note for note in said["notes"]))
    if explained and len(problems) == (share > SAME):
        return "said", f"{share:.1e}", want.how, "; ".join(problems)
    return "wrong", f"{share:.1e}", want.how, "; ".join(problems) + (f" (listed: {', '.join(matter)})" if matter else "")


def main(anneal, folder, out, only=None):
    paths = sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name != ".commit")
    counts = collections.Counter()
    with open(out, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["repository", "path", "commit", "dialect", "verdict", "deviation", "by", "what"])
        for path in paths:
            repository, _, inside = os.path.relpath(path, folder).partition(os.sep)
            commit = os.path.join(folder, repository, ".commit")
            commit = open(commit).read().strip()[:12] if os.path.exists(commit) else ""
            got, reason = program(anneal, path)
            if got is None:
                if not only:
                    rows.writerow([repository.replace("+", "/"), inside, commit, "", "refused", "", "", reason[:240]])
                    counts["refused", ""] += 1
                continue
            dialect = got[0]["dialect"]
            if only and dialect != only:
                continue
            with open(path, errors="replace") as held:
                text = held.read()
            verdict, deviation, how, what = judged(anneal, path, inside, text, got)
            rows.writerow([repository.replace("+", "/"), inside, commit, dialect, verdict, deviation, how, what[:400]])
            file.flush()
            counts[verdict, dialect] += 1
    print("verdict,dialect,files")
    for (verdict, dialect), files in sorted(counts.items()):
        print(f"{verdict},{dialect},{files}")


if __name__ == "__main__":
    main(*sys.argv[1:5])
