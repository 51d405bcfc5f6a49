"""What the client costs a PyTorch training, and whether it changes it: beside a good studio, one that is killed, one
that stalls for 2 s with a full queue, and one that refuses the token.

Losses are compared bit for bit. The time of a step is measured in one run, in turns: a stretch of steps with the
client, the same stretch without it, and again. It is recorded, not asserted. On a machine that has other work, the
share of the processor says more: the seconds inside ``live.step`` and of the client's own threads (whatever they
compute may keep the interpreter from the training), as the kernel counts them, per second of the training's own.
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
        width = 704
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
    """Seconds of a step without and with the client, in turns of one run, and the client's share of the processor."""
    training = Training()
    for _ in range(STRETCH):
        training.step().item()
    steps = {False: [], True: []}
    ratios = []
    own = of_step = of_threads = 0.0
    for turn in range(TURNS):
        quartiles = {}
        # Which comes first alternates, so that a machine that slows down harms both.
        for with_client in ((False, True) if turn % 2 else (True, False)):
            live = training.live(**options) if with_client else None
            threads = [it for it in threading.enumerate() if it.name.startswith("anneal-live")] if live else []
            timed = Timed(live) if live else None
            before, began = threads_time(threads), time.thread_time()
            times = []
            for _ in range(STRETCH):
                start = time.perf_counter()
                training.step(timed).item()
                times.append(time.perf_counter() - start)
            if live is not None:
                own += time.thread_time() - began
                of_threads += threads_time(threads) - before
                of_step += timed.seconds
                live.close(0.2)
            steps[with_client] += times
            # Other work on the machine only ever adds.
            quartiles[with_client] = statistics.quantiles(times, n=4)[0]
        ratios.append(quartiles[True] / quartiles[False])
    deviation = statistics.stdev(ratios) / len(ratios) ** 0.5
    result = {"steps_each": len(steps[True])}
    for name, times in (("without", steps[False]), ("with", steps[True])):
        first, median, _ = statistics.quantiles(times, n=4)
        result[f"step_ms_{name}"] = {"lower_quartile": round(1e3 * first, 3), "median": round(1e3 * median, 3)}
    result["ratio_of_lower_quartiles"] = round(statistics.median(ratios), 4)
    result["its_standard_error"] = round(deviation, 4)
    result["live_step_share_of_processor"] = round(of_step / own, 5)
    result["client_threads_share_of_processor"] = round(of_threads / own, 5)
    return result


def threads_time(threads):
    return sum(time.clock_gettime(time.pthread_getcpuclockid(it.ident)) for it in threads if it.is_alive())


class Timed:
    """A Live whose calls are timed."""

    def __init__(self, live):
        self._live = live
        self.seconds = 0.0

    def step(self, loss):
        began = time.thread_time()
        self._live.step(loss=loss)
        self.seconds += time.thread_time() - began


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
