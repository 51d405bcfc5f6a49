"""Trials that TPE needs to reach a fixed target: ours against Optuna's, on the same space and the same trainings.

    pip install optuna
    python tests/sweeps/tpe_against_optuna.py target/release/anneal

Both vary the same run; a trial of Optuna's is an `anneal train`. The target is what the best hundredth of random
trials reach. Prints the median over the seeds of each, and fails where ours needs more than 1.2 times as many.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import optuna

SEEDS, BUDGET = 20, 100

HEAD = """anneal = 1
name = "spirals"
data = {{ name = "spirals", batch_size = 32, validation = 0.25 }}
model = {{ kind = "mlp", hidden = [16, 16], activation = "tanh" }}
train = {{ updates = "150" }}
[[run]]
name = "one"
optimizer = {{ kind = "sgd", momentum = {momentum} }}
lr = {{ kind = "{kind}", peak = {peak}, warmup = {{ over = "{warmup}%" }}{more} }}
"""
SWEEP = """
[sweep]
search = "{search}"
trials = {trials}
seed = {seed}
[sweep.over]
"lr.peak" = {{ from = 1e-3, to = 3.0, scale = "log" }}
"lr.warmup.over" = {{ from = "1%", to = "50%" }}
"optimizer.momentum" = {{ from = 0.0, to = 0.95 }}
"lr.kind" = ["cosine", "wsd", "linear"]
"""
# What a switch of kinds fills in.
MORE = {"cosine": "", "wsd": ', decay = "20%"', "linear": ", from = 1.0, to = 0.0"}


def ours(anneal: str, search: str, trials: int, seed: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "sweep.toml"), Path(folder, "out")
        head = HEAD.format(momentum=0.9, kind="cosine", peak=0.1, warmup=10, more="")
        file.write_text(head + SWEEP.format(search=search, trials=trials, seed=seed))
        subprocess.run([anneal, "sweep", file, "--out", out], capture_output=True, check=True)
        lines = Path(out, "trials.jsonl").read_text().splitlines()
        return [json.loads(line)["objective"] or float("inf") for line in lines]


def theirs(anneal: str, seed: int, target: float) -> int:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "one.toml"), Path(folder, "out")
        for number in range(1, BUDGET + 1):
            trial = study.ask()
            peak = trial.suggest_float("lr.peak", 1e-3, 3.0, log=True)
            warmup = trial.suggest_float("lr.warmup.over", 1.0, 50.0)
            momentum = trial.suggest_float("optimizer.momentum", 0.0, 0.95)
            kind = trial.suggest_categorical("lr.kind", ["cosine", "wsd", "linear"])
            file.write_text(
                HEAD.format(momentum=momentum, kind=kind, peak=peak, warmup=warmup, more=MORE[kind])
            )
            command = [anneal, "train", file, "--out", out, "--no-baseline", "--device", "cpu"]
            subprocess.run(command, capture_output=True, check=True)
            loss = json.loads(Path(out, "summary.json").read_text())["runs"][0]["final_val_loss"]
            study.tell(trial, loss if loss is not None else float("inf"))
            if loss is not None and loss <= target:
                return number
    return BUDGET


def main(anneal: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    target = sorted(ours(anneal, "random", 400, 1000))[3]
    mine, optunas = [], []
    for seed in range(SEEDS):
        losses = ours(anneal, "tpe", BUDGET, seed)
        mine.append(next((at + 1 for at, loss in enumerate(losses) if loss <= target), BUDGET))
        optunas.append(theirs(anneal, seed, target))
    medians = statistics.median(mine), statistics.median(optunas)
    print(f"target {target:.4f}, {SEEDS} seeds, at most {BUDGET} trials")
    print(f"ours    {sorted(mine)}: median {medians[0]}")
    print(f"Optuna's {sorted(optunas)}: median {medians[1]} (optuna {optuna.__version__})")
    assert medians[0] <= 1.2 * medians[1], "ours needs more than 1.2 times as many"


if __name__ == "__main__":
    main(sys.argv[1])
