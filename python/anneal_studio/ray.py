"""Trials of a sweep on Ray: ``anneal sweep FILE --on ray`` or ``--on ray://HOST:PORT`` starts this and speaks to it.

A worker is an actor of one CPU that runs the same program as the driver, ``anneal block``, and hands it the driver's
lines. A block depends on nothing but those lines, so when a worker is lost its blocks are begun again on another by
telling it all they were told, and come to the same bits. Which trials there are, and which of them are given up, is
decided by the driver.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import warnings
from typing import Any, Dict, List, Optional, Tuple

# How often a block's progress is asked for, in seconds: at least, and for each worker, so that many do not ask for more
# than a driver can answer.
LOOK, LOOK_A_WORKER = 0.5, 0.005
# How often a block is begun again before the sweep gives up.
ATTEMPTS = 10
# How long a new worker may take to come, in seconds: the cluster may have to start a machine.
PATIENCE = 300.0


class Lost(Exception):
    """A block's program ended while it was at work."""


class Blocks:
    """The programs of a worker, one for each block: what runs inside an actor."""

    def __init__(self, anneal: str) -> None:
        # The wheel brings the program; the driver's own path is right on its own machine.
        self.anneal = anneal if os.access(anneal, os.X_OK) else shutil.which("anneal")
        if self.anneal is None:
            raise FileNotFoundError("this worker has no program `anneal`: pip install anneal-studio there")
        self.programs: Dict[int, Tuple[str, subprocess.Popen]] = {}
        self.last: Dict[int, Optional[dict]] = {}

    def node(self) -> str:
        return os.uname().nodename

    def tell(self, block: int, life: str, line: str) -> dict:
        """Hands a line to the block's program and waits for what comes of it. ``life`` names one attempt at the block."""
        known, program = self.programs.get(block, (None, None))
        if program is None or known != life:
            if program is not None:
                program.kill()
                program.wait()
            program = subprocess.Popen(
                [self.anneal, "block"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
            self.programs[block] = (life, program)
        try:
            program.stdin.write(line + "\n")
            program.stdin.flush()
            for said in program.stdout:
                said = json.loads(said)
                if "progress" not in said:
                    self.last[block] = None
                    return said
                self.last[block] = said
        except (OSError, ValueError):
            pass
        del self.programs[block]
        raise Lost(f"the program of block {block} ended with {program.wait()}")

    def progress(self, block: int) -> Optional[dict]:
        return self.last.get(block)


class Pool:
    """The workers, and which of them has which block."""

    def __init__(self, ray: Any, anneal: str, workers: int) -> None:
        self.ray = ray
        self.actor = ray.remote(Blocks).options(num_cpus=1, max_restarts=0, max_concurrency=4)
        self.anneal = anneal
        self.lock = threading.Lock()
        self.workers = [self.actor.remote(anneal) for _ in range(workers)]
        ray.get([worker.node.remote() for worker in self.workers], timeout=PATIENCE)

    def worker(self, place: int) -> Any:
        with self.lock:
            return self.workers[place % len(self.workers)]

    def replace(self, place: int, lost: Any) -> None:
        """Another worker in place of one that was lost: a new one where the cluster has room for it, or one there is."""
        with self.lock:
            place %= len(self.workers)
            if self.workers[place] is not lost:
                return
            room = self.ray.available_resources().get("CPU", 0) >= 1
            if room or len(self.workers) == 1:
                fresh = self.actor.remote(self.anneal)
                self.ray.get(fresh.node.remote(), timeout=PATIENCE)
                self.workers[place] = fresh
            else:
                self.workers.pop(place)


class Block(threading.Thread):
    """A block: its lines in their order, on whichever worker."""

    def __init__(self, pool: Pool, block: int, say: Any) -> None:
        super().__init__(name=f"block {block}", daemon=True)
        self.pool, self.block, self.say = pool, block, say
        self.lines: "queue.SimpleQueue[str]" = queue.SimpleQueue()
        # All that was told since the block was begun.
        self.told: List[str] = []
        self.life = 0

    def run(self) -> None:
        try:
            while True:
                line = self.lines.get()
                # Neither of these needs what was told before it.
                if {"begin", "breed"} & json.loads(line).keys():
                    self.told = []
                self.told.append(line)
                self.say({"said": {"block": self.block, "said": self.done(line)}})
        except BaseException as error:  # noqa: BLE001: whatever it is, the driver is to hear of it
            self.say({"failed": {"why": f"block {self.block}: {error}"}})

    def done(self, line: str) -> dict:
        """What came of a line; where the worker is lost, of all that was told before it as well."""
        errors = self.pool.ray.exceptions
        lines = [line]
        for _ in range(ATTEMPTS):
            worker = self.pool.worker(self.block)
            try:
                for told in lines:
                    said = self.ask(worker, told)
                return said
            except (errors.ActorDiedError, errors.ActorUnavailableError, errors.RayActorError, Lost) as error:
                why = type(error).__name__
            except errors.RayTaskError as error:
                if type(error.cause).__name__ != Lost.__name__:
                    raise
                why = str(error.cause)
            print(f"anneal: a worker was lost ({why}): its block {self.block} is done again", file=sys.stderr, flush=True)
            if not self.alive(worker):
                self.pool.replace(self.block, worker)
            self.life += 1
            lines = list(self.told)
        raise Lost(f"it was lost {ATTEMPTS} times")

    def alive(self, worker: Any) -> bool:
        try:
            self.pool.ray.get(worker.node.remote(), timeout=10)
            return True
        except self.pool.ray.exceptions.RayError:
            return False

    def ask(self, worker: Any, line: str) -> dict:
        ray = self.pool.ray
        answer = worker.tell.remote(self.block, str(self.life), line)
        while True:
            ready, _ = ray.wait([answer], timeout=max(LOOK, LOOK_A_WORKER * len(self.pool.workers)))
            if ready:
                return ray.get(answer)
            progress = ray.get(worker.progress.remote(self.block), timeout=30)
            if progress:
                self.say({"said": {"block": self.block, "said": progress}})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m anneal_studio.ray", description=__doc__.splitlines()[0])
    parser.add_argument("--anneal", required=True, help="the program on the driver's machine")
    parser.add_argument("--address", default="ray", help="ray, or ray://HOST:PORT")
    parser.add_argument("--workers", type=int, help="at most so many; all CPUs of the cluster when not given")
    given = parser.parse_args()

    # Only lines for the driver go to stdout, whatever Ray prints.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(what: dict) -> None:
        with lock:
            out.write(json.dumps(what) + "\n")
            out.flush()

    try:
        import ray
    except ImportError as error:
        say({"failed": {"why": f"Ray is not there ({error}): pip install ray"}})
        return
    # RAY_ADDRESS names a cluster that is there already, as everywhere with Ray.
    address = os.environ.get("RAY_ADDRESS", "local") if given.address == "ray" else given.address
    try:
        quiet = {"include_dashboard": False} if address == "local" else {}
        with warnings.catch_warnings():
            # What goes wrong is said below, in one line.
            warnings.simplefilter("ignore")
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **quiet)
        there = int(ray.cluster_resources().get("CPU", 0))
        workers = max(1, min(there, given.workers or there))
        pool = Pool(ray, given.anneal, workers)
    except Exception as error:  # noqa: BLE001: in one line, whatever it is
        say({"failed": {"why": f"{given.address}: {str(error).strip().splitlines()[-1]}"}})
        return
    say({"ready": {"workers": workers}})

    blocks: Dict[int, Block] = {}
    for line in sys.stdin:
        word = json.loads(line)
        number = word["block"]
        if number not in blocks:
            blocks[number] = Block(pool, number, say)
            blocks[number].start()
        blocks[number].lines.put(json.dumps(word["told"]))
    ray.shutdown()


if __name__ == "__main__":
    main()
