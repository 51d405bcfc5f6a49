"""A sweep on a real Ray cluster of two workers, one of which is killed in the middle, against the same sweep here.

    pip install ray
    PYTHONPATH=python python tests/sweeps/on_ray.py target/release/anneal

The cluster is Ray's own, of a head without CPUs and two nodes of one CPU, on this machine. Checks that every trial is
there with the bits it has locally, with and without a kill, pruned or not, and prints what distribution costs: the time with
one and two workers, and of the smallest race there is, which is nothing but the way there and back.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import ray.cluster_utils

SWEEP = """anneal = 1
name = "ray"
data = {{ name = "digits", batch_size = 64, validation = 0.2 }}
model = {{ kind = "mlp", hidden = [128, 64], activation = "tanh" }}
train = {{ updates = "{updates}" }}
[[run]]
name = "one"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "cosine", peak = 0.1, warmup = {{ over = "5%" }} }}
[sweep]
run = "one"
search = "random"
trials = {trials}
seeds = 2
prune = {{ kind = "{prune}" }}
[sweep.over]
"lr.peak" = {{ from = 1e-2, to = 1.0, scale = "log" }}
"lr.kind" = ["cosine", "wsd", "linear"]
"""

POPULATION = """anneal = 1
name = "ray"
data = {{ name = "digits", batch_size = 64, validation = 0.2 }}
model = {{ kind = "mlp", hidden = [128, 64], activation = "tanh" }}
train = {{ updates = "{updates}" }}
[[run]]
name = "one"
optimizer = {{ kind = "adamw" }}
lr = {{ kind = "constant", peak = 0.01, warmup = {{ over = "5%" }} }}
[sweep]
run = "one"
search = "pbt"
trials = {members}
[sweep.over]
"lr.peak" = {{ from = 1e-4, to = 1e-1, scale = "log" }}
"""


class Runs:
    def __init__(self, anneal: str, folder: Path) -> None:
        self.anneal, self.folder, self.count = anneal, folder, 0

    def run(self, text: str, *options: str, address: str = "", meanwhile=None) -> tuple:
        """A sweep's trials and, of a population, its schedule; its seconds and what it said."""
        program, out = self.begin(text, *options, address=address)
        if meanwhile:
            threading.Thread(target=meanwhile, args=(out,), daemon=True).start()
        told, said = program.communicate(timeout=600)
        if program.returncode != 0:
            sys.exit(f"{options}: {said}")
        seconds = json.loads(told)["seconds"]
        files = [out / "trials.jsonl", out / "schedule.toml"]
        return b"".join(file.read_bytes() for file in files if file.exists()), seconds, said

    def fails(self, text: str, *options: str) -> str:
        """What a sweep says that cannot be."""
        program, out = self.begin(text, *options)
        _, said = program.communicate(timeout=600)
        assert program.returncode == 1 and not out.exists(), (program.returncode, said)
        return said

    def begin(self, text: str, *options: str, address: str = "") -> tuple:
        self.count += 1
        file, out = self.folder / f"{self.count}.toml", self.folder / f"out{self.count}"
        file.write_text(text)
        environment = {**os.environ, "ANNEAL_PYTHON": sys.executable}
        if address:
            environment["RAY_ADDRESS"] = address
        command = [self.anneal, "sweep", str(file), "--out", str(out), "--json", *options]
        program = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        return program, out


def main() -> None:
    anneal = str(Path(sys.argv[1]).resolve())
    cluster = ray.cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    try:
        with tempfile.TemporaryDirectory() as folder:
            check(Runs(anneal, Path(folder)), cluster, nodes)
    finally:
        cluster.shutdown()


def check(runs: Runs, cluster, nodes) -> None:
    plain = SWEEP.format(updates="60ep", trials=160, prune="none")
    here, seconds, _ = runs.run(plain, "--threads", "1")
    print(f"here, 1 thread: {seconds:.2f} s", flush=True)
    for workers in (1, 2):
        there, seconds, _ = runs.run(plain, "--on", "ray", "--threads", str(workers), address=cluster.address)
        assert there == here, "other bits than here"
        print(f"on Ray, {workers} worker{'s' * (workers > 1)}: {seconds:.2f} s, the same bits", flush=True)

    small = SWEEP.format(updates="1", trials=2, prune="none")
    _, nothing, _ = runs.run(small, "--on", "ray", address=cluster.address)
    _, local, _ = runs.run(small, "--threads", "1")
    print(f"two trials of one update: {1e3 * local:.1f} ms here, {1e3 * nothing:.1f} ms on Ray", flush=True)

    pruned = SWEEP.format(updates="40ep", trials=160, prune="successive_halving")
    here, _, _ = runs.run(pruned, "--threads", "1")
    there, seconds, _ = runs.run(pruned, "--on", "ray", address=cluster.address)
    assert there == here, "pruning decided otherwise than here"
    print(f"pruned by successive halving, 2 workers: {seconds:.2f} s, the same trials given up", flush=True)

    bred = POPULATION.format(updates="60ep", members=16)
    here, _, _ = runs.run(bred, "--threads", "1")
    there, seconds, _ = runs.run(bred, "--on", "ray", address=cluster.address)
    assert there == here, "a population bred otherwise than here"
    print(f"a population of 16, 2 workers: {seconds:.2f} s, the same lineage", flush=True)

    def kill(out: Path) -> None:
        # In the middle: some trials are there, most are not.
        while not (out / "journal.jsonl").exists() or (out / "journal.jsonl").read_bytes().count(b"\n") < 20:
            time.sleep(0.02)
        cluster.remove_node(nodes.pop(), allow_graceful=False)

    for updates, trials, prune in (("60ep", 320, "none"), ("150ep", 160, "successive_halving")):
        long = SWEEP.format(updates=updates, trials=trials, prune=prune)
        here, _, _ = runs.run(long, "--threads", "1")
        there, seconds, said = runs.run(long, "--on", "ray", address=cluster.address, meanwhile=kill)
        lost = [line for line in said.splitlines() if "a worker was lost" in line]
        assert lost, f"nobody was lost: {said}"
        assert there == here, "other bits after a worker was lost"
        count = there.count(b"\n")
        print(f"one of two workers killed in the middle, prune {prune}: {seconds:.2f} s, {count} trials, the same bits")
        print("  " + lost[0], flush=True)
        nodes.append(cluster.add_node(num_cpus=1))
        cluster.wait_for_nodes()

    def kill_soon(out: Path) -> None:
        while not (out / "journal.jsonl").exists():
            time.sleep(0.02)
        time.sleep(1.0)
        cluster.remove_node(nodes.pop(), allow_graceful=False)

    long = POPULATION.format(updates="300ep", members=32)
    here, _, _ = runs.run(long, "--threads", "1")
    there, seconds, said = runs.run(long, "--on", "ray", address=cluster.address, meanwhile=kill_soon)
    lost = [line for line in said.splitlines() if "a worker was lost" in line]
    assert lost, f"nobody was lost: {said}"
    assert there == here, "another lineage after a worker was lost"
    print(f"one of two workers killed while a population bred: {seconds:.2f} s, the same lineage", flush=True)


if __name__ == "__main__":
    main()
