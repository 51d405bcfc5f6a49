"""From a request to the rate in effect in the other process: seconds, and updates of some 5 ms.

Measured by the two processes' own clocks (one machine): from right before the request is sent to the moment at which
the training sets the rate.
"""

import bisect
import random
import statistics
import time

import torch

from common import Hand, Server, record

from anneal_studio import Live

CHANGES = 60


def main():
    torch.set_num_threads(1)
    server = Server()
    try:
        parameter = torch.nn.Parameter(torch.ones(8))
        optimizer = torch.optim.SGD([parameter], lr=0.1)
        applied, steps = {}, []
        live = Live(optimizer, total=100_000, name="latency",
                    on_change=lambda change: applied.update({change.revision: (time.time(), change.update - change.promised)}))
        random.seed(0)
        # At moments that have nothing to do with the updates'.
        changes = [{"factor": 1.0 + 1e-6 * i, "wait": random.uniform(0.1, 0.2)} for i in range(CHANGES)]
        hand = Hand(server, 100, *changes)
        while len(applied) < CHANGES and len(steps) < 10_000:
            steps.append(time.time())
            loss = (parameter**2).sum()
            optimizer.zero_grad()
            loss.backward()
            live.step(loss=loss)
            optimizer.step()
            # A computation of 5 ms.
            end = time.perf_counter() + 0.005
            while time.perf_counter() < end:
                parameter.detach().sum()
        answers = hand.answers()
        live.close()
        seconds, updates, late = [], [], 0
        for change in answers["changes"]:
            at, behind = applied[change["revision"]]
            seconds.append(at - change["asked"])
            # Updates that began after the request and before the one that used the new rate.
            updates.append(bisect.bisect_left(steps, at) - bisect.bisect_left(steps, change["asked"]) - 1)
            late += behind > 0
        pace = statistics.median(b - a for a, b in zip(steps, steps[1:]))
        record("latency", {
            "changes": CHANGES, "step_ms": round(1e3 * pace, 3), "median_ms": round(1e3 * statistics.median(seconds), 3),
            "p90_ms": round(1e3 * sorted(seconds)[int(0.9 * CHANGES)], 3), "median_updates": statistics.median(updates),
            "most_updates": max(updates), "late": late, "counts": live.counts,
        }, torch)
    finally:
        server.close()


if __name__ == "__main__":
    main()
