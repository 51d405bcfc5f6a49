"""What the client costs a PyTorch training, and whether it changes it: beside a good studio, one that is killed, one
that stalls for 2 s with a full queue, and one that refuses the token.

Losses are compared bit for bit. The time of a step is measured in one run, in turns: a stretch of steps with the
client, the same stretch without it, and again. It is recorded, not asserted. On a machine that has other work the clock
says little; so the seconds that the kernel gave to the training's thread are compared, too, and those of the client's own
threads are told per second of the training's.
"""

import logging
import os
import statistics
import threading
import time

import torch

from common import Server, record

from anneal_studio import Live

STEPS, STRETCH, TURNS = 400, 100, int(os.environ.get("TURNS", 24))


class Training:
    """A perceptron whose update takes some 5 ms on one thread."""

    def __init__(self):
        torch.manual_seed(0)
        width = 928
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
    """Milliseconds of a step without and with the client, in turns of one run: medians, by the clock and by the kernel's
    account of the training's thread, with the median ratio of two turns and its standard error."""
    training = Training()
    for _ in range(STRETCH):
        training.step().item()
    clock, processor = {False: [], True: []}, {False: [], True: []}
    ratios = {"clock": [], "processor": []}
    of_threads = 0.0
    for turn in range(TURNS):
        medians = {}
        # Which comes first alternates, so that a machine that slows down harms both.
        for with_client in ((False, True) if turn % 2 else (True, False)):
            live = training.live(**options) if with_client else None
            for _ in range(5):
                training.step(live).item()
            threads = [it for it in threading.enumerate() if it.name.startswith("anneal-live")]
            before = threads_time(threads)
            times, seconds = [], []
            for _ in range(STRETCH):
                start, began = time.perf_counter(), time.thread_time()
                training.step(live).item()
                seconds.append(time.thread_time() - began)
                times.append(time.perf_counter() - start)
            if live is not None:
                of_threads += threads_time(threads) - before
                live.close(0.2)
            clock[with_client] += times
            processor[with_client] += seconds
            medians[with_client] = statistics.median(times), statistics.median(seconds)
        for i, name in enumerate(ratios):
            ratios[name].append(medians[True][i] / medians[False][i])
    result = {"steps_each": len(clock[True])}
    for name, times in (("clock", clock), ("processor", processor)):
        result[name] = {
            "step_ms_without": round(1e3 * statistics.median(times[False]), 3),
            "step_ms_with": round(1e3 * statistics.median(times[True]), 3),
            "ratio": round(statistics.median(ratios[name]), 4),
            "standard_error": round(statistics.stdev(ratios[name]) / len(ratios[name]) ** 0.5, 4),
        }
    result["client_threads_share_of_processor"] = round(of_threads / sum(processor[True]), 5)
    return result


def threads_time(threads):
    return sum(time.clock_gettime(time.pthread_getcpuclockid(it.ident)) for it in threads if it.is_alive())


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


if __name__ == "__main__":
    main()
