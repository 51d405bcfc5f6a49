"""A library of many small trainings, to measure listing, filtering and sorting on: lanes are eight a training.

    python3 tests/library/generate.py LIBRARY 100000
    anneal library LIBRARY --reindex --limit 1    # the index from nothing
    anneal library LIBRARY --search cosine --sort best_val_loss --limit 20

The numbers are made up, from a seed; the files have the form that `anneal train --out` gives them.
"""
import json
import pathlib
import random
import sys

library, lanes = pathlib.Path(sys.argv[1]), int(sys.argv[2])
chance = random.Random(0)
HEADER = "run,replica,update,epoch,lr,momentum,train_loss,grad_norm,update_norm,val_loss,val_accuracy\n"
KINDS = ["cosine", "linear", "constant", "rex"]
for training in range(-(-lanes // 8)):
    place = library / f"t{training // 1000:03}" / f"{training:06}"
    place.mkdir(parents=True)
    peak, kinds = round(10 ** chance.uniform(-3, 0), 5), chance.sample(KINDS, 2)
    text = f"""anneal = 1
name = "generated {training % 50}"
data = {{ name = "{chance.choice(['digits', 'moons', 'spirals'])}", batch_size = 32 }}
model = {{ kind = "mlp", hidden = [{chance.choice([16, 32, 64])}] }}
train = {{ updates = "1000", replicas = 4, seed = {training % 7} }}
"""
    rows, runs = [HEADER], []
    for kind in kinds:
        text += f"""[[run]]
name = "{kind}"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "{kind}", peak = {peak} }}
"""
        for replica in range(4):
            loss, diverged = 2.3, chance.random() < .02
            for look in range(10):
                loss *= chance.uniform(.7, 1.02)
                shown = "NaN" if diverged and look == 9 else repr(loss)
                rows.append(f"{kind},{replica},{look * 100 + 99},{look},{peak * (1 - look / 10)!r},0.9,{shown},"
                            f"{chance.uniform(.1, 2)!r},0.01,{loss * 1.1!r},{1 - loss / 3!r}\n")
            runs.append({"name": kind, "replica": replica, "seed": training % 7 + replica, "updates": 1000,
                         "diverged_at": 999 if diverged else None, "seconds": 2.0, "updates_per_second": 500.0})
    (place / "experiment.toml").write_text(text)
    (place / "metrics.csv").write_text("".join(rows))
    (place / "summary.json").write_text(json.dumps({"runs": runs}))
