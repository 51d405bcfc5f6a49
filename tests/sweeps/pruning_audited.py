"""Winners that pruning kills, and what it saves: the median rule beside the forecast.

    python tests/sweeps/pruning_audited.py target/release/anneal

Each sweep is trained whole, and again under each rule: a winner is killed where a trial that was given up would have
ended better than the best that was kept. Three kinds of schedule over twenty-four peaks, on five tasks and three seeds.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = 3
SGD = '{ kind = "sgd", momentum = 0.9 }'
ADAMW = '{ kind = "adamw", beta2 = 0.95, weight_decay = 0.01 }'
CHARACTERS = 'hidden = [96], activation = "tanh", context = 8, embedding = 16'
TASKS = {
    "characters, SGD": ("shakespeare", 64, CHARACTERS, "1200", SGD, (1e-2, 1.5)),
    "characters, AdamW": ("shakespeare", 64, CHARACTERS, "1200", ADAMW, (5e-4, 5e-2)),
    "fashion14": ("fashion14", 32, 'hidden = [64], activation = "relu"', "6ep", SGD, (1e-3, 0.3)),
    "mnist1d": ("mnist1d", 32, 'hidden = [64], activation = "relu"', "20ep", SGD, (1e-3, 0.5)),
    "digits": ("digits", 64, 'hidden = [128, 64], activation = "tanh"', "20ep", SGD, (1e-2, 3.0)),
}
FILE = """anneal = 1
name = "pruning"
data = {{ name = "{data}", batch_size = {batch}, validation = 0.2 }}
model = {{ kind = "mlp", {model} }}
train = {{ updates = "{updates}", seed = {seed} }}
[[run]]
name = "one"
optimizer = {optimizer}
lr = {{ kind = "cosine", peak = 0.1, warmup = {{ over = "5%" }} }}
[sweep]
search = "random"
trials = 96
prune = {{ kind = "{prune}" }}
[sweep.over]
"lr.kind" = ["cosine", "wsd", "linear"]
"lr.peak" = {{ from = {low}, to = {high}, scale = "log" }}
"""


def swept(anneal: str, task: tuple, seed: int, prune: str) -> tuple[dict, dict]:
    data, batch, model, updates, optimizer, (low, high) = task
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "sweep.toml"), Path(folder, "out")
        file.write_text(FILE.format(**locals()))
        done = subprocess.run([anneal, "sweep", file, "--out", out, "--json"], capture_output=True, check=True)
        lines = [json.loads(line) for line in Path(out, "trials.jsonl").read_text().splitlines()]
        return json.loads(done.stdout), {line["trial"]: line for line in lines}


def main(anneal: str) -> None:
    killed = {"median": 0, "forecast": 0}
    saved = {"median": [], "forecast": []}
    lost = {"median": 0, "forecast": 0}
    for name, task in TASKS.items():
        for seed in range(SEEDS):
            whole, ends = swept(anneal, task, seed, "none")
            told = [f"{name}, seed {seed}: whole {whole['seconds']:.1f} s"]
            for rule in killed:
                done, trials = swept(anneal, task, seed, rule)
                best = done["best"]["objective"]
                given_up = [trial for trial, line in trials.items() if line["status"] == "pruned"]
                winners = [it for it in given_up if (ends[it]["objective"] or float("inf")) < best]
                killed[rule] += len(winners)
                lost[rule] += best > whole["best"]["objective"]
                saved[rule].append(done["audit"]["share_saved"])
                told.append(f"{rule} {len(given_up)} given up, {len(winners)} winners, saved {saved[rule][-1]:.2f}, {done['seconds']:.1f} s")
            print("; ".join(told), flush=True)
    for rule, winners in killed.items():
        mean = sum(saved[rule]) / len(saved[rule])
        print(f"{rule}: {winners} winners killed, the best lost in {lost[rule]} of {len(saved[rule])} sweeps, {mean:.0%} of the updates saved")


if __name__ == "__main__":
    main(sys.argv[1])
