"""What sinks cost: the same training with and without them, in turns, so that both see the same machine.

    python3 benches/sinks.py target/release/anneal [TURNS]

Prints the median of each way's updates a second and of its processor time, and what each sink adds: for the speed the
median over the turns of the ratio to the plain training beside it, which a machine that is busy with other things
disturbs least. Build with the release profile first.
"""
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

anneal, turns = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
EXPERIMENT = """anneal = 1
name = "cost"
data = { name = "digits", batch_size = 64 }
model = { kind = "mlp", hidden = [128, 64] }
train = { updates = "40000" }
[[run]]
name = "one"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.05 }
"""
with tempfile.TemporaryDirectory() as place:
    place = pathlib.Path(place)
    (place / "a.toml").write_text(EXPERIMENT)
    ways = {"none": [], "Prometheus": ["--metrics", "127.0.0.1:0"], "TensorBoard": ["--tensorboard", place / "board"]}
    speeds, used = {name: [] for name in ways}, {name: [] for name in ways}
    for turn in range(turns):
        for name, more in ways.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([anneal, "train", place / "a.toml", "--out", place / "out", "--no-baseline", *more],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            said = json.loads((place / "out/summary.json").read_text())["runs"][0]
            speeds[name].append(said["updates_per_second"])
            subprocess.run(["rm", "-rf", str(place / "board")], check=True)
    for name in ways:
        ratios = sorted(plain / speed for plain, speed in zip(speeds["none"], speeds[name]))
        cpu = [with_ / plain for plain, with_ in zip(used["none"], used[name])]
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(f"{name:12} {statistics.median(speeds[name]):10,.0f} updates/s  {100 * (statistics.median(ratios) - 1):+.1f} % "
              f"time (quartiles {100 * (low - 1):+.1f}, {100 * (high - 1):+.1f})  "
              f"{100 * (statistics.median(cpu) - 1):+.1f} % processor time")
