"""What the client costs a PyTorch training, and whether it changes it: beside a good studio, one that is killed, one
that stalls for 2 s with a full queue, and one that refuses the token.

Losses are compared bit for bit. The time of a step is measured in one run, in turns: a stretch of steps with the
client, the same stretch without it, and again. It is recorded, not asserted.
"""

import logging
import os
import statistics
import time

import torch

from common import Server, record

from anneal_studio import Live

STEPS, STRETCH, TURNS = 400, 100, 24


class Training:
    """A perceptron whose update takes some 5 ms on one thread."""

    def __init__(self):
        torch.manual_seed(0)
        width = int(os.environ.get("WIDTH", 704))
        layers = [torch.nn.Linear(256, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU(),
                  torch.nn.Linear(width, 10)]
        self.model = torch.nn.Sequential(*layers)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.02, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 100_000)
        self.inputs = torch.randn(4096, 256)
        self.answers = self.inputs[:, :10].argmax(1)
        self.made = 0

    def step(self, live=None):
        batch = slice(self.made * 64 % 4096, self.made * 64 % 4096 + 64)
        loss = torch.nn.functional.cross_entropy(self.model(self.inputs[batch]), self.answers[batch])
        self.optimizer.zero_grad()
        loss.backward()
        if live is not None:
            live.step(loss=loss)
        self.optimizer.step()
        self.scheduler.step()
        self.made += 1
        return loss

    def live(self, **options):
        live = Live(self.optimizer, self.scheduler, self.made + STEPS, "harm", update=self.made, **options)
        end = time.monotonic() + 2
        while not live.connected and live.counts["failures"] == 0 and time.monotonic() < end:
            time.sleep(0.01)
        return live


def losses(live_options=None, each=lambda update, live: None):
    training = Training()
    live = None if live_options is None else training.live(**live_options)
    seen = []
    for update in range(STEPS):
        each(update, live)
        seen.append(training.step(live).item())
    counts = None
    if live is not None:
        live.close(0.2)
        counts = live.counts
    return seen, counts


def paired(**options):
    """Seconds of a step without and with the client, in turns of one run: medians, and the median of their ratios."""
    training = Training()
    for _ in range(STRETCH):
        training.step().item()
    steps = {False: [], True: []}
    ratios = []
    for turn in range(TURNS):
        medians = {}
        # Which comes first alternates, so that a machine that slows down harms both.
        for with_client in ((False, True) if turn % 2 else (True, False)):
            live = training.live(**options) if with_client else None
            times = []
            for _ in range(STRETCH):
                start = time.perf_counter()
                training.step(live).item()
                times.append(time.perf_counter() - start)
            if live is not None:
                live.close(0.2)
            steps[with_client] += times
            medians[with_client] = statistics.median(times)
        ratios.append(medians[True] / medians[False])
    without, with_client = statistics.median(steps[False]), statistics.median(steps[True])
    deviation = statistics.stdev(ratios) / len(ratios) ** 0.5
    return {
        "step_ms_without": round(1e3 * without, 4), "step_ms_with": round(1e3 * with_client, 4),
        "ratio": round(statistics.median(ratios), 4), "ratio_standard_error": round(deviation, 4),
        "mean_ms_without": round(1e3 * statistics.fmean(steps[False]), 4),
        "mean_ms_with": round(1e3 * statistics.fmean(steps[True]), 4), "steps_each": len(steps[True]),
    }


def main():
    logging.getLogger("anneal_studio").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    server = Server()
    result = {}
    try:
        expected, _ = losses()

        def check(name, options, each=lambda update, live: None):
            seen, counts = losses(options, each)
            assert seen == expected, f"{name}: the losses differ from update {[a == b for a, b in zip(seen, expected)].index(False)}"
            result[name] = {"losses_bit_equal": len(seen), "counts": counts}

        def stalls(update, _live):
            if update == 100:
                server.stall()
                stalls.since = time.monotonic()
            if stalls.since and time.monotonic() > stalls.since + 2.0:
                server.go_on()
                stalls.since = None

        stalls.since = None
        check("a good studio", {})
        check("a wrong token", {"token": "0" * 64})
        check("a stall of 2 s, a full queue", {"history": 16}, stalls)
        server.go_on()
        check("killed in the middle", {}, lambda update, _: update == 200 and server.kill())
        server.start()
        if not os.environ.get("QUICK"):
            result["time: a good studio"] = paired()
            result["time: a wrong token"] = paired(token="0" * 64)
            server.stall()
            result["time: a studio that hangs"] = paired(history=16)
            server.go_on()
            server.kill()
            result["time: a studio that was killed"] = paired()
        record("harm", result, torch)
    finally:
        server.close()


main()
