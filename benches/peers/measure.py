"""How a peer program measures, and how it talks to `run.py`."""

import json
import sys
import time
from collections.abc import Callable

from workloads import WORKLOADS, Workload


def updates_per_second(call: Callable[[], object], finish: Callable[[], float], updates: int, seconds: float) -> float:
    """Updates a second of `call`, which makes so many `updates`, over at least so many `seconds`.

    `finish` waits until all the work is done and returns the loss, which must be finite: a diverged
    run computes with infinities and proves nothing.
    """
    calls = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        call()
        calls += 1
    loss = finish()
    elapsed = time.perf_counter() - start
    if not abs(loss) < float("inf"):
        raise ValueError(f"the loss became {loss}: this is no training any more")
    return calls * updates / elapsed


def serve(rates: Callable[[Workload, int, float], dict[str, float]]) -> None:
    """Answers requests, a line each: "WORKLOAD LANES SECONDS" in, `{system: lane-updates a second}` out.

    A program stays alive between requests, so that nothing is compiled twice. With arguments it
    answers that one request and ends: `python jax_jit.py tiny 64 0.5`.
    """
    requests = [" ".join(sys.argv[1:])] if len(sys.argv) > 1 else sys.stdin
    for request in requests:
        name, lanes, seconds = request.split()
        print(json.dumps(rates(WORKLOADS[name], int(lanes), float(seconds))), flush=True)
