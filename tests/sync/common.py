"""A training that grows in steps, and the package that follows it, for the tests beside this."""
import csv
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
#: Seconds until something is taken to be stuck: everything is asked for again and again, so it costs nothing where a
#: server comes up soon, and a machine that is busy with other things has its time.
LONG = 900
EXPERIMENT = """anneal = 1
name = "synced"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [16] }
train = { updates = "600", replicas = 2 }
[[run]]
name = "cosine, \\"quoted\\""
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = "5%" } }
[[run]]
name = "constant"
optimizer = { kind = "adamw" }
lr = { kind = "step", peak = 0.01, every = "200" }
"""


# A time limit ends a test by SIGTERM, and what it started must end with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))


def train(anneal, place, *more):
    (place / "a.toml").write_text(EXPERIMENT)
    subprocess.run([anneal, "train", place / "a.toml", "--out", place / "whole", "--no-baseline", *more],
                   check=True, stdout=subprocess.DEVNULL)
    return place / "whole"


class Growing:
    """The folder of a training as it was at some share of its updates."""

    def __init__(self, whole, at):
        self.whole, self.at = whole, at
        at.mkdir()
        shutil.copy(whole / "experiment.toml", at)
        self.bytes = (whole / "metrics.csv").read_bytes()
        self.grow(.1)

    def grow(self, share):
        # In the middle of a line, as a kill would leave it.
        (self.at / "metrics.csv").write_bytes(self.bytes[:int(len(self.bytes) * share)])

    def end(self):
        (self.at / "metrics.csv").write_bytes(self.bytes)
        shutil.copytree(self.whole / "checkpoints", self.at / "checkpoints", dirs_exist_ok=True)
        for name in ("events.jsonl", "report.html", "summary.json"):
            shutil.copy(self.whole / name, self.at)


def rows(folder):
    with open(folder / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def sync(*arguments, **more):
    command = [sys.executable, "-m", "anneal_studio.sync", *map(str, arguments), "--patience", str(LONG)]
    return subprocess.run(command, env=ENV, check=True, **more)


def follow(*arguments):
    return subprocess.Popen([sys.executable, "-m", "anneal_studio.sync", *map(str, arguments), "--follow"], env=ENV)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(what, done, seconds=LONG):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := done():
                return found
        except (OSError, ConnectionError):
            pass
        time.sleep(.3)
    raise SystemExit(f"still waiting for: {what}")


def stop(child):
    """With everything that it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
