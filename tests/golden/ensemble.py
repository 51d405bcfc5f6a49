"""Makes ensemble.json: snapshots, their ensembles and averages measured again, from exported weights.

    ANNEAL_EXPORT=DIR cargo test --release --test it ensemble::export -- --ignored
    python tests/golden/ensemble.py [DIR]

The test above writes checkpoints, and the held-out samples that go with each, into DIR. The small one is
kept here as ensemble.safetensors and ensemble_validation.safetensors, so this program runs without DIR too;
what it said of the large ones, examples/mnist1d-snapshots.toml under the seeds 0 to 4, is then left
as it is.
Nothing but numpy: the files are read, the network is computed and the figures are made here, in float64.
"""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np
from golden_json import write

HERE = Path(__file__).parent
BINS, POINTS = 15, 11


def read(path: Path) -> tuple[dict, dict]:
    """A safetensors file: eight bytes of length, a JSON header, the numbers."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32"
        begin, end = entry["data_offsets"]
        numbers = np.frombuffer(raw[start + begin : start + end], "<f4")
        tensors[name] = numbers.reshape(entry["shape"]).astype(np.float64)
    return metadata, tensors


class Bench:
    def __init__(self, checkpoint: Path, validation: Path) -> None:
        metadata, self.tensors = read(checkpoint)
        self.state = json.loads(metadata["state"])
        experiment = tomllib.loads(self.state["experiment"])
        model = experiment["model"]
        assert model["kind"] == "mlp" and model.get("activation", "relu") == "relu"
        _, samples = read(validation)
        self.inputs, self.labels = samples["features"], samples["labels"].astype(int)

    def probabilities(self, weights: np.ndarray) -> np.ndarray:
        x, parameters = self.inputs, self.state["parameters"]
        for at in range(0, len(parameters), 2):
            matrix, bias = (
                weights[p["offset"] : p["offset"] + int(np.prod(p["shape"]))].reshape(p["shape"])
                for p in parameters[at : at + 2]
            )
            x = x @ matrix + bias
            if at + 2 < len(parameters):
                x = np.maximum(x, 0)
        x = np.exp(x - x.max(axis=1, keepdims=True))
        return x / x.sum(axis=1, keepdims=True)

    def measures(self, p: np.ndarray) -> dict:
        rows = np.arange(len(p))
        right = p.argmax(axis=1) == self.labels
        confidence = p.max(axis=1)
        ece = 0.0
        for low in range(BINS):
            inside = (confidence > low / BINS) & (confidence <= (low + 1) / BINS)
            if inside.any():
                ece += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        return {
            "accuracy": float(right.mean()),
            "nll": float(-np.log(p[rows, self.labels]).mean()),
            "ece": float(ece),
        }

    def of(self, weights: np.ndarray) -> dict:
        return self.measures(self.probabilities(weights))

    def greedy(self, snapshots: np.ndarray) -> dict:
        accuracy = [self.of(weights)["accuracy"] for weights in snapshots]
        order = sorted(range(len(snapshots)), key=lambda at: -accuracy[at])
        inside, best = [], None
        for at in order:
            figures = self.of(snapshots[[*inside, at]].mean(axis=0))
            if best is None or figures["accuracy"] >= best["accuracy"]:
                inside, best = [*inside, at], figures
        return {"members": len(inside), **best}

    def barrier(self, a: np.ndarray, b: np.ndarray) -> float:
        shares = np.linspace(0, 1, POINTS)
        losses = np.array([self.of((1 - t) * a + t * b)["nll"] for t in shares])
        return float(max(0, (losses - ((1 - shares) * losses[0] + shares * losses[-1])).max()))

    def reversed_units(self, weights: np.ndarray) -> np.ndarray:
        """The same function with the units of the first hidden layer in the opposite order."""
        weights = weights.copy()
        w1, b1, w2 = (
            weights[p["offset"] : p["offset"] + int(np.prod(p["shape"]))].reshape(p["shape"])
            for p in self.state["parameters"][:3]
        )
        w1[:], b1[:], w2[:] = w1[:, ::-1].copy(), b1[::-1].copy(), w2[::-1].copy()
        return weights

    def lane(self, at: int) -> dict:
        lane = self.state["lanes"][at]
        width = sum(int(np.prod(p["shape"])) for p in self.state["parameters"])
        snapshots = self.tensors[f"lane.{at}.snapshots"]
        predictions = np.array([self.probabilities(weights) for weights in snapshots])
        answers = predictions.argmax(axis=2)
        told = {
            "run": lane["run"],
            "replica": lane["replica"],
            "snapshots": [
                {"update": update, **self.measures(p)} for update, p in zip(lane["kept"]["updates"], predictions)
            ],
            "last": self.of(self.tensors["rows"][at, :width]),
            "swa": self.of(self.tensors[f"lane.{at}.swa"]),
            "ema": self.of(self.tensors[f"lane.{at}.ema"]),
        }
        if len(snapshots) > 1:
            flat = predictions.reshape(len(snapshots), -1)
            told |= {
                "ensemble": self.measures(predictions.mean(axis=0)),
                "soup": self.of(snapshots.mean(axis=0)),
                "greedy_soup": self.greedy(snapshots),
                "disagreement": [[float((a != b).mean()) for b in answers] for a in answers],
                "correlation": [[float(x) for x in row] for row in np.corrcoef(flat)],
                "barriers": [self.barrier(a, b) for a, b in zip(snapshots, snapshots[1:])],
                "barrier_to_itself_reversed": self.barrier(snapshots[-1], self.reversed_units(snapshots[-1])),
            }
        return told

    def lanes(self) -> list:
        return [self.lane(at) for at in range(len(self.state["lanes"]))]


def main() -> None:
    target = HERE / "ensemble.json"
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        for suffix in ("", "_validation"):
            (HERE / f"ensemble{suffix}.safetensors").write_bytes((folder / f"small{suffix}.safetensors").read_bytes())
        names = [f"seed{seed}" for seed in range(5)]
        pairs = [(folder / f"{name}.safetensors", folder / f"{name}_validation.safetensors") for name in names]
        large = [Bench(*pair).lanes() for pair in pairs]
    else:
        large = json.loads(target.read_text())["mnist1d"]
    small = Bench(HERE / "ensemble.safetensors", HERE / "ensemble_validation.safetensors").lanes()
    write(target, {"program": "tests/golden/ensemble.py", "numpy": np.__version__, "small": small, "mnist1d": large})


if __name__ == "__main__":
    main()
