"""A sweep through the client server of a Ray cluster that runs already, `--on ray://HOST:PORT`, against the same here.

    pip install 'ray[client]'
    PYTHONPATH=python python tests/sweeps/on_ray_address.py target/release/anneal

The head is started by Ray's own command, `ray start --head`, as on another machine; the driver knows its address only.
Searched, pruned and bred sweeps must come to the bits they have here, and an address where nobody is must be said.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from on_ray import POPULATION, SWEEP, Runs


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main() -> None:
    anneal = str(Path(sys.argv[1]).resolve())
    port, client = free_port(), free_port()
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2",
               "--include-dashboard=false", f"--port={port}", f"--ray-client-server-port={client}"]
    with tempfile.TemporaryDirectory() as folder, open(Path(folder, "head.log"), "w") as log:
        # What it starts is in its group, and ends with it.
        head = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            begun = time.monotonic()
            # A look at the port while the server forks for its clients can cost it one: its own words are waited for.
            while "block forever" not in Path(folder, "head.log").read_text():
                if head.poll() is not None or time.monotonic() - begun > 300:
                    sys.exit(f"the head does not come up:\n{Path(folder, 'head.log').read_text()}")
                time.sleep(0.2)
            check(Runs(anneal, Path(folder)), f"ray://127.0.0.1:{client}")
        finally:
            os.killpg(head.pid, signal.SIGTERM)
            try:
                head.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(head.pid, signal.SIGKILL)
                head.wait()


def check(runs: Runs, address: str) -> None:
    for name, text in (
        ("random", SWEEP.format(updates="20ep", trials=80, prune="none")),
        ("pruned by halving", SWEEP.format(updates="20ep", trials=80, prune="successive_halving")),
        ("a population", POPULATION.format(updates="20ep", members=12)),
    ):
        here, local, _ = runs.run(text, "--threads", "1")
        there, seconds, said = runs.run(text, "--on", address)
        assert there == here, f"{name}: other bits than here"
        assert f"2 workers on {address}" in said, said
        print(f"{name}: {here.count(bytes([10]))} lines, here {local:.2f} s, {address} {seconds:.2f} s, the same bits", flush=True)
    nobody = f"ray://127.0.0.1:{free_port()}"
    said = runs.fails(SWEEP.format(updates="1", trials=2, prune="none"), "--on", nobody)
    assert said.count("\n") == 1 and nobody in said, said
    print(f"where nobody is: {said.strip()}")


if __name__ == "__main__":
    main()
