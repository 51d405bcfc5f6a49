"""Writes logged.json: the law that scipy fits to losses of real trainings, and what it says of a fourth.

logged.csv has the validation losses of four runs of examples/forecast.toml, three seeds each, as `anneal train` wrote
them into metrics.csv. Rates are worked out here from the schedules' definitions, and the fit is that of fit.py:

    python3 logged.py > logged.json       (numpy, scipy)
"""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from fit import fit, losses

PEAK, WARMUP, UPDATES = 0.08, 100, 2800
BODY = UPDATES - WARMUP
# The milestone is 60 % of the run, counted from the end of the warmup.
STEP = int(0.6 * UPDATES)
SHAPES = {
    "constant": lambda e: np.ones_like(e),
    "cosine": lambda e: 0.5 * (1 + np.cos(np.pi * e / BODY)),
    "step": lambda e: np.where(e < STEP, 1.0, 0.1),
    "linear": lambda e: 1 - e / BODY,
}


def rates(name: str) -> np.ndarray:
    body = SHAPES[name](np.arange(BODY, dtype=float))
    return PEAK * np.concatenate([np.arange(WARMUP) / WARMUP, body])


def main() -> None:
    logged = defaultdict(list)
    for row in csv.DictReader(Path(__file__).with_name("logged.csv").open()):
        seeds = [float(row[seed]) for seed in ("first", "second", "third")]
        logged[row["run"]].append((int(row["updates"]), float(np.mean(seeds))))
    runs = {name: (rates(name), np.array([u for u, _ in all]), np.array([y for _, y in all])) for name, all in logged.items()}
    law, error = fit([runs[name] for name in ("constant", "cosine", "step")], PEAK)
    _, updates, actual = runs["linear"]
    foretold = losses(rates("linear"), updates, law)
    print(json.dumps({
        "law": dict(zip(("L0", "A", "alpha", "B", "C", "beta", "gamma"), [float(v) for v in law])),
        "error": error,
        "linear": {"losses": [float(v) for v in foretold], "mean_abs_error": float(np.mean(np.abs(foretold - actual)))},
        "sums": {name: float(run[0].sum()) for name, run in runs.items()},
    }, indent=1))


main()
