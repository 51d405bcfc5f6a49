"""Does population based training find a better schedule than a tuned cosine, on the character model?

    python tests/sweeps/population_on_characters.py target/release/anneal [MEMBERS]

Five populations under SGD and five under AdamW, each with a seed of its own. Of each, the winner's lineage is exported
as a table (`anneal export --to csv`), put into an experiment of its own and trained alone from scratch: under the seed
it was bred under it must come to the winner's very loss; under five other seeds it is compared with the best cosine
that as many trainings find (`anneal sweep` does that by itself). Prints a line a population and the verdict in words.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = range(5)
# The optimizer, and the peaks that members begin with.
SETTINGS = {
    "sgd": ('{ kind = "sgd", momentum = 0.9 }', 0.02, 0.5),
    "adamw": ('{ kind = "adamw", beta1 = 0.9, beta2 = 0.95, weight_decay = 0.01 }', 1e-3, 3e-2),
}

MODEL = """anneal = 1
name = "characters"
data = {{ name = "shakespeare", batch_size = 64, validation = 0.1 }}
model = {{ kind = "mlp", hidden = [96], activation = "tanh", context = 8, embedding = 16 }}
train = {{ updates = "2800", seed = {seed} }}
[[run]]
name = "one"
optimizer = {optimizer}
"""

SWEEP = """lr = {{ kind = "constant", peak = {high}, warmup = {{ over = "100" }} }}
[sweep]
run = "one"
search = "pbt"
trials = {members}
[sweep.over]
"lr.peak" = {{ from = {low}, to = {high}, scale = "log" }}
"""


def call(*arguments: object) -> str:
    done = subprocess.run([str(one) for one in arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def bred(anneal: str, setting: str, seed: int, members: int, folder: Path) -> dict:
    """A population, and what its schedule comes to alone."""
    optimizer, low, high = SETTINGS[setting]
    model = MODEL.format(seed=seed, optimizer=optimizer)
    (folder / "population.toml").write_text(model + SWEEP.format(low=low, high=high, members=members))
    found = json.loads(call(anneal, "sweep", folder / "population.toml", "--out", folder / "bred", "--json"))

    schedule = folder / "bred" / "schedule.toml"
    name = next(line for line in schedule.read_text().splitlines() if line.startswith("name = \"lineage"))
    table = call(anneal, "export", schedule, "--run", json.loads(name.split("=", 1)[1]), "--to", "csv")
    rows = list(csv.DictReader(line for line in table.splitlines() if not line.startswith("#")))
    rates = [float(row["lr"]) for row in rows]
    (folder / "alone.toml").write_text(model + f'lr = {{ kind = "table", values = {rates} }}\n')
    call(anneal, "train", folder / "alone.toml", "--out", folder / "alone", "--no-baseline")
    summary = json.loads((folder / "alone" / "summary.json").read_text())
    return {"bred": found["best"]["objective"], "alone": summary["runs"][0]["final_val_loss"], **found["verdict"]}


def main() -> None:
    anneal = sys.argv[1]
    members = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    for setting in SETTINGS:
        differences = []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                found = bred(anneal, setting, seed, members, Path(folder))
            differences.append(found["difference"])
            lineage, cosine = statistics.fmean(found["lineage"]), statistics.fmean(found["cosine"])
            print(
                f"{setting}, seed {seed}: bred {found['bred']:.4f}, alone {found['alone']:.4f}; under five other seeds "
                f"{lineage:.4f}, cosine (peak {found['cosine_peak']:.3g}) {cosine:.4f}: "
                f"{found['difference']:+.4f} ± {found['standard_error']:.4f}",
                flush=True,
            )
            if abs(found["bred"] - found["alone"]) > 1e-6:
                sys.exit("the schedule alone did not come to the winner's loss")
        mean = statistics.fmean(differences)
        error = statistics.stdev(differences) / len(differences) ** 0.5
        word = "as good as" if abs(mean) <= 2 * error else "better than" if mean < 0 else "worse than"
        print(
            f"{setting}: over {len(differences)} populations of {members}, the schedule of a population is {word} the best "
            f"cosine of as many trainings: {mean:+.4f} ± {error:.4f} nats",
            flush=True,
        )


if __name__ == "__main__":
    main()
