"""The library's measures from the files alone, with Python's standard library: the oracle of `tests/it/library.rs`.

    python3 tests/library/measures.py LIBRARY    # prints what `anneal library LIBRARY --measures --json` has as "measures"
"""
import csv
import json
import math
import pathlib
import statistics
import sys
import tomllib

library = pathlib.Path(sys.argv[1])
rules = {"price_per_hour": 0.0, "error_budget": 0.02, "task": []}
if (library / "library.toml").exists():
    rules |= tomllib.loads((library / "library.toml").read_text())


def number(text):
    return float(text) if text else None


def lanes_of(folder):
    experiment = tomllib.loads((folder / "experiment.toml").read_text())
    summary = json.loads((folder / "summary.json").read_text()) if (folder / "summary.json").exists() else None
    rows = {}
    with open(folder / "metrics.csv", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault((row["run"], int(row["replica"])), []).append(row)
    for run in experiment["run"]:
        for replica in range(experiment["train"].get("replicas", 1)):
            given = json.dumps([run, experiment["data"], experiment["model"],
                                {k: v for k, v in experiment["train"].items() if k not in ("seed", "replicas")}])
            said = [r for r in (summary or {"runs": []})["runs"] if (r["name"], r["replica"]) == (run["name"], replica)]
            yield lane(folder, experiment, given, rows.get((run["name"], replica), []), said,
                       (run["name"], replica), (summary or {}).get("joules"))


def text_lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def lane(folder, experiment, given, rows, said, key, joules):
    losses = [float(r["train_loss"]) for r in rows]
    rates = [float(r["lr"]) for r in rows]
    looks = [(int(r["update"]) + 1, number(r["val_loss"]), number(r["val_accuracy"]), float(r["lr"]))
             for r in rows if r["val_loss"]]
    diverged = any(not math.isfinite(x) for x in losses)
    failed = diverged or bool(said and said[0].get("failed"))
    task = next((t for t in rules["task"] if t["data"] in ("*", experiment["data"].get("name"))), None)
    converged = None
    for updates, loss, accuracy, _ in looks if not failed else []:
        if task:
            ok = ("accuracy_at_least" not in task or (accuracy is not None and accuracy >= task["accuracy_at_least"])) \
                and ("loss_at_most" not in task or loss <= task["loss_at_most"])
        else:
            ok = loss <= looks[0][1] / 2
        if ok:
            converged = updates
            break
    task_measured = task and looks and ("accuracy_at_least" not in task or any(a is not None for _, _, a, _ in looks))
    judged = failed or bool(task_measured if task else len(looks) > 1)
    # The rate that a checkpoint had for the next update, against the one that was used.
    resumes = broken = 0
    for line in text_lines(folder / "resumes.jsonl"):
        if (line["run"], line["replica"]) == key:
            for row in rows:
                if int(row["update"]) == line["update"]:
                    resumes += 1
                    broken += float(row["lr"]).hex() != float(line["rate"]).hex()
    latencies = [max(0, line["applied"] - line["from"]) for line in text_lines(folder / "changes.jsonl")
                 if line["run"] == key[0] and line.get("applied") is not None]
    # Peaks: the running average is corrected for its beginning.
    peaks, average, weight = 0, 0.0, 0.0
    for at, row in enumerate(rows):
        norm = float(row["grad_norm"])
        if math.isfinite(norm):
            peaks += at >= 20 and weight > 0 and norm > 3 * average / weight
            average, weight = .98 * average + .02 * norm, .98 * weight + .02
    # Reversals: of the losses that are numbers and not the same as the one before.
    reversals, rising, before = 0, None, None
    for _, loss, _, rate in looks:
        if not math.isfinite(loss):
            continue
        if before and loss != before[0]:
            up = loss > before[0]
            reversals += rising is not None and up != rising and rate != before[1]
            rising = up
        before = (loss, rate)
    count = max(2, int(.2 * len(losses) + .5))
    last = losses[-count:]
    slope = None
    if len(losses) >= count and all(map(math.isfinite, last)):
        slope = statistics.linear_regression(range(count), last).slope
    final = looks[-1][1] if looks and math.isfinite(looks[-1][1]) else None
    return {
        "folder": folder, "given": given, "updates": len(rows), "diverged": diverged, "failed": failed,
        "converged": converged, "seconds": said[0]["seconds"] if said else None,
        "changes": sum(a != b for a, b in zip(rates, rates[1:])),
        "deviation": statistics.pstdev(rates) if rates else 0.0,
        "peaks": peaks, "reversals": reversals, "slope": slope, "final": final,
        "judged": judged, "joules": joules, "resumes": resumes, "broken": broken, "latencies": latencies,
        "at": int((folder / "metrics.csv").stat().st_mtime),
    }


lanes = [l for folder in sorted({p.parent for p in library.rglob("metrics.csv")}) for l in lanes_of(folder)]
mean = lambda values: statistics.fmean(values) if values else None


def spread(values):
    if not values:
        return None
    ranked = sorted(values)
    return {"median": statistics.median(ranked), "p95": ranked[math.ceil(.95 * len(ranked)) - 1]}


done = [l for l in lanes if l["converged"] is not None and l["judged"]]
judged = sum(l["judged"] for l in lanes)
resumes, broken = sum(l["resumes"] for l in lanes), sum(l["broken"] for l in lanes)
energy = {l["folder"]: l["joules"] for l in lanes if l["joules"] is not None}
metered = [l for l in done if l["joules"] is not None]
newest = max(l["at"] for l in lanes)
recent = [l for l in lanes if l["at"] + 86400 >= newest]
to_converge = [l["seconds"] * l["converged"] / l["updates"] for l in done if l["seconds"] is not None]
seconds = {l["folder"]: l["seconds"] for l in lanes if l["seconds"] is not None}
hours = sum(seconds.values()) / 3600
cost = hours * rules["price_per_hour"]
families = {}
for l in lanes:
    if l["final"] is not None:
        families.setdefault(l["given"], []).append(l["final"])
failed = sum(l["failed"] for l in lanes)
print(json.dumps({
    "runs": len(lanes), "converged": len(done), "diverged": sum(l["diverged"] for l in lanes), "failed": failed,
    "judged": judged,
    "success_rate": len(done) / judged if judged else None, "divergence_rate": sum(l["diverged"] for l in lanes) / len(lanes),
    "failure_rate": failed / len(lanes),
    "updates_to_converge": spread([l["converged"] for l in done]),
    "seconds_to_converge": spread(to_converge),
    "cost_to_converge": spread([s / 3600 * rules["price_per_hour"] for s in to_converge]),
    "joules": sum(energy.values()) if energy else None,
    "joules_per_converged": sum(energy.values()) / len(metered) if energy and metered else None,
    "resumes": resumes, "checkpoint_consistency": (resumes - broken) / resumes if resumes else None,
    "scheduler_latency": spread([u for l in lanes for u in l["latencies"]]),
    "burn_rate": sum(l["failed"] for l in recent) / len(recent) / rules["error_budget"],
    "hours": hours, "cost": cost, "cost_per_converged": cost / len(done) if done else None,
    "rate_changes_per_update": mean([l["changes"] / l["updates"] for l in lanes if l["updates"]]),
    "rate_deviation": mean([l["deviation"] for l in lanes]), "reversals": mean([l["reversals"] for l in lanes]),
    "gradient_peaks": mean([l["peaks"] for l in lanes]),
    "loss_slope": mean([1000 * l["slope"] for l in lanes if l["slope"] is not None]),
    "loss_deviation": mean([statistics.stdev(v) for v in families.values() if len(v) > 1]),
    "error_budget_used": failed / len(lanes) / rules["error_budget"],
    "updates_per_second": sum(l["updates"] for l in lanes if l["seconds"] is not None) / sum(seconds.values())
    if sum(seconds.values()) else None,
}, sort_keys=True))
