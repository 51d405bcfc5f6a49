"""Measures `anneal bench` and its peers in one sitting and prints Markdown tables of rates and ratios.

`run.sh` starts this in an environment with PyTorch and JAX. Everybody is measured in turn, round after
round, so that a machine that slows down does so for all; the tables show medians over the rounds.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

from workloads import LANES, WORKLOADS

HERE = Path(__file__).resolve().parent
PEERS = ("torch_eager.py", "torch_compiled.py", "jax_jit.py")
ANNEAL = "anneal"
SYSTEMS = (
    "PyTorch eager",
    "PyTorch eager, 1 thread",
    "PyTorch compiled",
    "PyTorch compiled, 1 thread",
    "JAX jit",
    "JAX scan",
)

Cell = tuple[str, int]
Rates = dict[Cell, dict[str, list[float]]]
"""Lane-updates a second by (workload, lanes), system and round."""


class Peer:
    """A peer's program, kept alive so that it compiles once, and asked for one measurement at a time."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.process = subprocess.Popen(
            [sys.executable, HERE / program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, workload: str, lanes: int, seconds: float) -> dict[str, float]:
        """Lane-updates a second by system; nothing from a program that has failed (it said why on stderr)."""
        try:
            self.process.stdin.write(f"{workload} {lanes} {seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {}
        answer = self.process.stdout.readline()
        if not answer:
            print(f"{self.program} failed at {workload}, {lanes} lanes: left out from here on", file=sys.stderr)
            return {}
        return json.loads(answer)


def anneal_bench(command: list[str], workload: str, lanes: int) -> dict:
    """The result of one `anneal bench --json`."""
    wanted = ["--workloads", workload, "--lanes", str(lanes)]
    command = [*command, "bench", "--json", *wanted]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=HERE.parent.parent)
    return json.loads(done.stdout)["results"][0]


def other_work(results: list[dict]) -> list[str]:
    """Says of which workloads anneal's updates are not the size of the peers', which makes ratios meaningless."""
    notes = {}
    for result in results:
        name = result["workload"]
        if name in WORKLOADS:
            share = result["gflops"] * 1e9 / result["lane_updates_per_second"] / WORKLOADS[name].flops()
            if not 0.7 < share < 1.4:
                notes[name] = f"**Not the same work**: an update of {name} in anneal is {share:.2f} times the peers'."
    return list(notes.values())


def measure(asked: argparse.Namespace) -> tuple[Rates, list[str]]:
    """Everybody's rates, and what to know before comparing them."""
    notes = []
    rates: Rates = defaultdict(lambda: defaultdict(list))
    peers = [Peer(program) for program in PEERS]
    cells = [(workload, lanes) for workload in asked.workloads for lanes in asked.lanes]
    for turn in range(asked.rounds):
        results = []
        for cell in cells:
            print(f"round {turn + 1} of {asked.rounds}: {cell[0]}, lanes {cell[1]}", file=sys.stderr)
            if asked.anneal:
                results.append(anneal_bench(asked.anneal, *cell))
                rates[cell][ANNEAL].append(results[-1]["lane_updates_per_second"])
            for peer in peers:
                for system, rate in peer.ask(*cell, asked.seconds).items():
                    rates[cell][system].append(rate)
        notes = other_work(results)
    for peer in peers:
        peer.process.stdin.close()
        peer.process.wait()
    return rates, notes


def table(columns: list[str], rows: list[tuple[Cell, list[str]]]) -> str:
    lines = [f"| workload | lanes | {' | '.join(columns)} |", f"|---|---:|{'---:|' * len(columns)}"]
    lines += [f"| {workload} | {lanes} | {' | '.join(values)} |" for (workload, lanes), values in rows]
    return "\n".join(lines)


def three_figures(value: float) -> str:
    """Three significant figures, thousands apart by commas."""
    return f"{float(f'{value:.3g}'):,.10g}"


def report(rates: Rates) -> str:
    """Rates, and how many times faster anneal is than each of its peers."""
    medians = {
        cell: {system: statistics.median(values) for system, values in by_system.items()}
        for cell, by_system in rates.items()
    }
    systems = [system for system in (*SYSTEMS, ANNEAL) if any(system in row for row in medians.values())]

    def rate(row: dict[str, float], system: str) -> str:
        return three_figures(row[system]) if system in row else "–"

    def ratio(row: dict[str, float], system: str) -> str:
        return f"{row[ANNEAL] / row[system]:.2f}" if system in row and ANNEAL in row else "–"

    parts = [
        "Lane-updates a second:",
        table(systems, [(cell, [rate(row, system) for system in systems]) for cell, row in medians.items()]),
    ]
    if ANNEAL in systems:
        peers = systems[:-1]
        parts += [
            f"{ANNEAL} is so many times as fast:",
            table(peers, [(cell, [ratio(row, system) for system in peers]) for cell, row in medians.items()]),
        ]
    spreads = [
        (max(values) - min(values)) / statistics.median(values)
        for by_system in rates.values()
        for values in by_system.values()
    ]
    parts.append(
        f"From the slowest to the fastest round, a figure varies by {statistics.median(spreads):.0%}"
        f" of its median (the median figure), {max(spreads):.0%} (the worst)."
    )
    return "\n\n".join(parts)


def processor() -> str:
    """The processor's name, as well as this system tells it."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--anneal", metavar="PATH", help="the program to measure (default: cargo run --release)")
    parser.add_argument("--without-anneal", action="store_true", help="measure the peers alone")
    parser.add_argument("--rounds", type=int, default=5, help="the median of so many (default: 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="a measurement's length (default: 1)")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--lanes", nargs="+", type=int, default=LANES)
    parser.add_argument("--json", metavar="PATH", type=Path, help="also write every round's figures here")
    asked = parser.parse_args()
    if asked.without_anneal:
        asked.anneal = []
    elif asked.anneal:
        asked.anneal = [str(Path(asked.anneal).resolve())]
    else:
        asked.anneal = ["cargo", "run", "--release", "--quiet", "--"]

    rates, notes = measure(asked)
    systems = ", ".join(f"{name} {version(package)}" for name, package in (("PyTorch", "torch"), ("JAX", "jax")))
    print(f"{processor()}, {os.cpu_count()} cores; {systems}; medians of {asked.rounds}, {asked.seconds:g} s each.\n")
    print("\n\n".join([report(rates), *notes]))
    if asked.json:
        flat = [
            {"workload": workload, "lanes": lanes, "system": system, "lane_updates_per_second": values}
            for (workload, lanes), by_system in rates.items()
            for system, values in by_system.items()
        ]
        asked.json.write_text(json.dumps(flat, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
