"""What sinks cost: the same training with and without them, in turns, so that both see the same machine.

    python3 benches/sinks.py target/release/anneal [TURNS]

Prints the median of each way's updates a second, and the loss of speed. Build with the release profile first.
"""
import json
import pathlib
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
    speeds = {name: [] for name in ways}
    for turn in range(turns):
        for name, more in ways.items():
            subprocess.run([anneal, "train", place / "a.toml", "--out", place / "out", "--no-baseline", *more],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            said = json.loads((place / "out/summary.json").read_text())["runs"][0]
            speeds[name].append(said["updates_per_second"])
            subprocess.run(["rm", "-rf", str(place / "board")], check=True)
    plain = statistics.median(speeds["none"])
    for name, all_ in speeds.items():
        middle = statistics.median(all_)
        print(f"{name:12} {middle:10,.0f} updates/s  {100 * (1 - middle / plain):+.1f} % of the speed lost")
