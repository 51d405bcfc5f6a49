"""The five workloads of `anneal bench`: shapes, initial weights and data, for every peer alike.

Data are fake but fixed: what a training step costs depends on shapes, not on what the numbers mean.
Each lane (one independent run) has its own weights and its own batch, and trains on that batch again
and again, so that nobody's data loading is measured.
"""

from dataclasses import dataclass

import numpy as np

LANES = (1, 8, 64)
MOMENTUM = 0.9
SGD_RATE = 0.01
ADAMW_RATE = 1e-3
ADAMW_DECAY = 0.01


@dataclass(frozen=True)
class Mlp:
    """Fully connected layers with tanh between them; `sizes` from input to classes."""

    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Cnn:
    """3x3 convolutions (zero padding 1), each with ReLU and 2x2 average pooling, then a linear head."""

    side: int
    channels: tuple[int, ...]
    classes: int

    @property
    def head_inputs(self) -> int:
        return self.channels[-1] * (self.side >> len(self.channels)) ** 2


@dataclass(frozen=True)
class Transformer:
    """A pre-norm decoder: causal attention, ReLU feed-forward 4x wide, learned positions."""

    vocabulary: int
    layers: int
    width: int
    heads: int
    context: int


@dataclass(frozen=True)
class Workload:
    name: str
    model: Mlp | Cnn | Transformer
    batch: int
    optimizer: str = "sgd"
    """"sgd" is SGD with momentum; "adamw" is AdamW."""

    def flops(self) -> float:
        """Multiplications and additions of one update's matrix products: forward, and by weights and inputs backward.

        Nobody needs the gradient by the data, so the first layer of images and tables counts two products, not three.
        """
        match self.model:
            case Mlp(sizes):
                layers = [inputs * outputs for inputs, outputs in zip(sizes, sizes[1:])]
                products = 3 * sum(layers) - layers[0]
            case Cnn(side, channels, classes) as cnn:
                layers = [
                    (side >> layer) ** 2 * 9 * inputs * outputs
                    for layer, (inputs, outputs) in enumerate(zip((1, *channels), channels))
                ]
                products = 3 * (sum(layers) + cnn.head_inputs * classes) - layers[0]
            case Transformer(vocabulary, layers, width, _, context):
                # q, k, v and o; the feed-forward's two; then scores and mixing over the earlier half.
                block = 4 * width**2 + 8 * width**2 + context * width
                products = 3 * context * (layers * block + width * vocabulary)
        return 2.0 * self.batch * products


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("tiny", Mlp((2, 32, 32, 2)), 32),
        Workload("digits", Mlp((64, 128, 64, 10)), 64),
        Workload("wide", Mlp((784, 256, 128, 10)), 128),
        Workload("cnn", Cnn(8, (16, 32), 10), 64),
        Workload("chars", Transformer(66, 2, 32, 4, 32), 16, "adamw"),
    )
}


def weights(workload: Workload, lanes: int) -> dict[str, np.ndarray]:
    """Initial weights by name, f32, each `[lanes, ...]`; matrices are `[in, out]`, kernels `[out, in, 3, 3]`."""
    draw = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}

    def normal(name: str, shape: tuple[int, ...], deviation: float) -> None:
        made[name] = draw.normal(0.0, deviation, (lanes, *shape)).astype(np.float32)

    def fill(name: str, size: int, value: float) -> None:
        made[name] = np.full((lanes, size), value, np.float32)

    def xavier(name: str, inputs: int, outputs: int) -> None:
        normal(f"{name}.weight", (inputs, outputs), (2.0 / (inputs + outputs)) ** 0.5)
        fill(f"{name}.bias", outputs, 0.0)

    def norm(name: str, size: int) -> None:
        fill(f"{name}.gain", size, 1.0)
        fill(f"{name}.bias", size, 0.0)

    match workload.model:
        case Mlp(sizes):
            for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
                normal(f"{layer}.weight", (inputs, outputs), inputs**-0.5)
                fill(f"{layer}.bias", outputs, 0.0)
        case Cnn(_, channels, classes) as cnn:
            for layer, (inputs, outputs) in enumerate(zip((1, *channels), channels)):
                normal(f"{layer}.weight", (outputs, inputs, 3, 3), (2.0 / (9 * inputs)) ** 0.5)
                fill(f"{layer}.bias", outputs, 0.0)
            normal("head.weight", (cnn.head_inputs, classes), (2.0 / cnn.head_inputs) ** 0.5)
            fill("head.bias", classes, 0.0)
        case Transformer(vocabulary, layers, width, _, context):
            normal("tokens", (vocabulary, width), 1.0)
            normal("positions", (context, width), 0.1)
            for layer in range(layers):
                norm(f"{layer}.norm1", width)
                for matrix in "qkvo":
                    xavier(f"{layer}.{matrix}", width, width)
                norm(f"{layer}.norm2", width)
                xavier(f"{layer}.up", width, 4 * width)
                xavier(f"{layer}.down", 4 * width, width)
            norm("norm", width)
            xavier("head", width, vocabulary)
    return made


def data(workload: Workload, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (f32, or token numbers) and target classes, each `[lanes, batch, ...]`; integers are i64."""
    draw = np.random.default_rng(1)
    lead = (lanes, workload.batch)
    match workload.model:
        case Mlp(sizes):
            inputs = draw.normal(size=(*lead, sizes[0])).astype(np.float32)
            targets = draw.integers(sizes[-1], size=lead)
        case Cnn(side, _, classes):
            inputs = draw.normal(size=(*lead, 1, side, side)).astype(np.float32)
            targets = draw.integers(classes, size=lead)
        case Transformer(vocabulary=vocabulary, context=context):
            text = draw.integers(vocabulary, size=(*lead, context + 1))
            inputs, targets = text[..., :-1], text[..., 1:]
    return inputs, targets
