"""The memory of a sweep of 10,000 trials of `tiny` against that of one of 500: it may not grow with what trained.

    python3 tests/sweeps/ten_thousand_trials.py target/release/anneal

Prints the greatest resident memory of each and the time; fails where 10,000 trials take over 64 MiB more, which is far
more than what is kept of each (its values, its ends and twenty losses).
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SWEEP = """anneal = 1
name = "many"
data = {{ name = "spirals", batch_size = 32, validation = 0.2 }}
model = {{ kind = "mlp", hidden = [32, 32], activation = "tanh" }}
train = {{ updates = "10ep" }}
[[run]]
name = "one"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "cosine", peak = 0.1 }}
[sweep]
run = "one"
search = "random"
trials = {trials}
[sweep.over]
"lr.peak" = {{ from = 1e-3, to = 1.0, scale = "log" }}
"optimizer.momentum" = {{ from = 0.0, to = 0.95 }}
"""


def memory(anneal: str, trials: int) -> float:
    """The greatest resident memory of a sweep, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "sweep.toml"), Path(folder, "out")
        file.write_text(SWEEP.format(trials=trials))
        start = time.perf_counter()
        program = subprocess.Popen([anneal, "sweep", file, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(program.pid, 0)
        assert status == 0, status
        lines = (out / "trials.jsonl").read_bytes().count(b"\n")
        assert lines == trials, lines
        print(f"{trials:>6} trials: {used.ru_maxrss / 1024:.0f} MiB, {time.perf_counter() - start:.1f} s", flush=True)
        return used.ru_maxrss / 1024


few, many = (memory(sys.argv[1], trials) for trials in (500, 10_000))
assert many - few < 64, f"{many - few:.0f} MiB more"
