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
            yield lane(folder, experiment, given, rows.get((run["name"], replica), []), said)


def lane(folder, experiment, given, rows, said):
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
    }


lanes = [l for folder in sorted({p.parent for p in library.rglob("metrics.csv")}) for l in lanes_of(folder)]
mean = lambda values: statistics.fmean(values) if values else None


def spread(values):
    if not values:
        return None
    ranked = sorted(values)
    return {"median": statistics.median(ranked), "p95": ranked[math.ceil(.95 * len(ranked)) - 1]}


done = [l for l in lanes if l["converged"] is not None]
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
    "success_rate": len(done) / len(lanes), "divergence_rate": sum(l["diverged"] for l in lanes) / len(lanes),
    "failure_rate": failed / len(lanes),
    "updates_to_converge": spread([l["converged"] for l in done]),
    "seconds_to_converge": spread([l["seconds"] * l["converged"] / l["updates"] for l in done if l["seconds"] is not None]),
    "hours": hours, "cost": cost, "cost_per_converged": cost / len(done) if done else None,
    "rate_changes_per_update": mean([l["changes"] / l["updates"] for l in lanes if l["updates"]]),
    "rate_deviation": mean([l["deviation"] for l in lanes]), "reversals": mean([l["reversals"] for l in lanes]),
    "gradient_peaks": mean([l["peaks"] for l in lanes]),
    "loss_slope": mean([1000 * l["slope"] for l in lanes if l["slope"] is not None]),
    "loss_deviation": mean([statistics.stdev(v) for v in families.values() if len(v) > 1]),
    "error_budget_used": failed / len(lanes) / rules["error_budget"],
    "updates_per_second": sum(l["updates"] for l in lanes if l["seconds"] is not None) / sum(seconds.values()),
}, sort_keys=True))
