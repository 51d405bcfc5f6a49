"""256 trials by `anneal sweep` and by Optuna with PyTorch eager in as many processes as cores, in one sitting.

    pip install optuna torch
    python tests/sweeps/speed_against_optuna.py target/release/anneal [digits|tiny]

Both train the same number of updates of the same network on samples of the same shape, under random search over the
peak of a cosine. Prints both times and their ratio; what the samples show does not matter to the time.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIALS = 256
# Data, batch, samples to train on and held out, features, hidden units, classes, epochs.
WORKLOADS = {
    "digits": ("digits", 64, 1437, 360, 64, (128, 64), 10, 10),
    "tiny": ("spirals", 32, 800, 200, 2, (32, 32), 2, 10),
}

SWEEP = """anneal = 1
name = "speed"
data = {{ name = "{data}", batch_size = {batch}, validation = 0.2 }}
model = {{ kind = "mlp", hidden = {hidden}, activation = "tanh" }}
train = {{ updates = "{updates}" }}
[[run]]
name = "one"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "cosine", peak = 0.1 }}
[sweep]
run = "one"
search = "random"
trials = {trials}
[sweep.over]
"lr.peak" = {{ from = 1e-3, to = 1.0, scale = "log" }}
"""


def ours(anneal: str, workload: tuple) -> float:
    data, batch, train, _, _, hidden, _, epochs = workload
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sweep.toml")
        updates = train // batch * epochs
        file.write_text(
            SWEEP.format(data=data, batch=batch, hidden=list(hidden), updates=updates, trials=TRIALS)
        )
        start = time.perf_counter()
        subprocess.run([anneal, "sweep", file, "--out", Path(folder, "out")], capture_output=True, check=True)
        return time.perf_counter() - start


def worker(storage: str, workload: tuple, trials: int) -> None:
    import optuna
    import torch

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)
    _, batch, train, held_out, features, hidden, classes, epochs = workload
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(train, features, generator=generator)
    y = torch.randint(classes, (train,), generator=generator)
    x_val = torch.randn(held_out, features, generator=generator)
    y_val = torch.randint(classes, (held_out,), generator=generator)

    def objective(trial: optuna.Trial) -> float:
        sizes = [features, *hidden, classes]
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.Tanh()]
        model = torch.nn.Sequential(*layers[:-1])
        peak = trial.suggest_float("lr.peak", 1e-3, 1.0, log=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9, fused=True)
        updates = train // batch * epochs
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
        loss_of = torch.nn.functional.cross_entropy
        for _ in range(epochs):
            order = torch.randperm(train)
            for at in range(train // batch):
                rows = order[at * batch : (at + 1) * batch]
                optimizer.zero_grad()
                loss_of(model(x[rows]), y[rows]).backward()
                optimizer.step()
                scheduler.step()
        with torch.no_grad():
            return loss_of(model(x_val), y_val).item()

    study = optuna.load_study(study_name="speed", storage=storage_of(storage))
    study.optimize(objective, n_trials=trials)


def storage_of(path: str):
    import optuna

    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))


def theirs(workload: tuple) -> float:
    import optuna

    cores = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "optuna.journal"))
        sampler = optuna.samplers.RandomSampler(seed=0)
        optuna.create_study(study_name="speed", storage=storage_of(path), sampler=sampler)
        context = multiprocessing.get_context("spawn")
        start = time.perf_counter()
        shares = [TRIALS // cores + (core < TRIALS % cores) for core in range(cores)]
        processes = [context.Process(target=worker, args=(path, workload, share)) for share in shares]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            assert process.exitcode == 0
        return time.perf_counter() - start


if __name__ == "__main__":
    for name in sys.argv[2:] or WORKLOADS:
        mine, optunas = ours(sys.argv[1], WORKLOADS[name]), theirs(WORKLOADS[name])
        print(f"{name}: {TRIALS} trials, anneal {mine:.2f} s, Optuna {optunas:.2f} s: {optunas / mine:.0f} times")
