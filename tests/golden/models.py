"""Makes models.json: losses and gradients of small models, in float64 by PyTorch's autograd.

    pip install torch==2.15.0 numpy
    python tests/golden/models.py

Weights and inputs are rounded to a few decimals, so that the file gives them exactly. Numbers are
written in their shortest form that reads back to the same float64.
"""

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from golden_json import write
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": F.relu,
    "gelu_erf": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


class Draw:
    """Rounded normal numbers from one seed."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, deviation: float = 1.0, mean: float = 0.0) -> Tensor:
        drawn = torch.randn(*shape, generator=self.generator, dtype=torch.float64)
        return (mean + deviation * drawn).round(decimals=4)

    def classes(self, count: int, *shape: int) -> Tensor:
        return torch.randint(count, shape, generator=self.generator)

    def linear(self, weights: Weights, name: str, inputs: int, outputs: int) -> None:
        weights[f"{name}.weight"] = self.normal(inputs, outputs, deviation=inputs**-0.5)
        # Not zero as at the start of a training: a bias that is left out must show.
        weights[f"{name}.bias"] = self.normal(outputs, deviation=0.1)


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """The mean over all samples (or positions) of softmax cross-entropy."""
    return F.cross_entropy(logits.flatten(0, -2), classes.flatten())


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the squared error summed over the outputs, averaged over the samples."""
    return 0.5 * (outputs - targets).square().sum(-1).mean()


def mlp(weights: Weights, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    return linear(weights, "2", activation(linear(weights, "1", activation(linear(weights, "0", x)))))


def cnn(weights: Weights, x: Tensor) -> Tensor:
    for layer in range(2):
        x = F.conv2d(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], padding=1)
        x = F.avg_pool2d(F.relu(x), 2)
    return linear(weights, "head", x.flatten(1))


def transformer(weights: Weights, tokens: Tensor, layers: int, heads: int, pre: bool) -> Tensor:
    batch, context = tokens.shape
    width = weights["tokens"].shape[1]

    def norm(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, (width,), weights[f"{name}.gain"], weights[f"{name}.bias"], 1e-5)

    def attention(layer: int, x: Tensor) -> Tensor:
        def split(matrix: str) -> Tensor:
            return linear(weights, f"{layer}.{matrix}", x).view(batch, context, heads, -1).transpose(1, 2)

        q, k, v = map(split, "qkv")
        scores = q @ k.transpose(-1, -2) / (width // heads) ** 0.5
        later = torch.ones(context, context, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        return linear(weights, f"{layer}.o", mixed.transpose(1, 2).reshape(batch, context, width))

    def feed_forward(layer: int, x: Tensor) -> Tensor:
        return linear(weights, f"{layer}.down", F.relu(linear(weights, f"{layer}.up", x)))

    x = weights["tokens"][tokens] + weights["positions"]
    for layer in range(layers):
        if pre:
            x = x + attention(layer, norm(f"{layer}.norm1", x))
            x = x + feed_forward(layer, norm(f"{layer}.norm2", x))
        else:
            x = norm(f"{layer}.norm1", x + attention(layer, x))
            x = norm(f"{layer}.norm2", x + feed_forward(layer, x))
    return linear(weights, "head", norm("norm", x) if pre else x)


def transformer_weights(
    draw: Draw, vocabulary: int, context: int, layers: int, width: int, pre: bool
) -> Weights:
    weights = {"tokens": draw.normal(vocabulary, width), "positions": draw.normal(context, width, deviation=0.1)}

    def norm(name: str) -> None:
        weights[f"{name}.gain"] = draw.normal(width, deviation=0.1, mean=1.0)
        weights[f"{name}.bias"] = draw.normal(width, deviation=0.1)

    for layer in range(layers):
        norm(f"{layer}.norm1")
        for matrix in "qkvo":
            draw.linear(weights, f"{layer}.{matrix}", width, width)
        norm(f"{layer}.norm2")
        draw.linear(weights, f"{layer}.up", width, 4 * width)
        draw.linear(weights, f"{layer}.down", 4 * width, width)
    if pre:
        norm("norm")
    draw.linear(weights, "head", width, vocabulary)
    return weights


def array(tensor: Tensor) -> dict:
    return {"shape": list(tensor.shape), "values": tensor.flatten().tolist()}


def gradients(weights: Weights, forward: Callable[[Weights], Tensor], loss: Callable[[Tensor], Tensor]) -> dict:
    """What the model says, its loss, and the loss's gradient by every weight."""
    leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
    outputs = forward(leaves)
    value = loss(outputs)
    value.backward()
    return {
        "outputs": array(outputs.detach()),
        "loss": value.item(),
        "gradients": {name: array(leaf.grad) for name, leaf in leaves.items()},
    }


def mlp_golden() -> dict:
    draw = Draw(0)
    sizes, batch = (3, 4, 5, 2), 5
    weights: Weights = {}
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        draw.linear(weights, str(layer), inputs, outputs)
    x, classes = draw.normal(batch, sizes[0]), draw.classes(sizes[-1], batch)
    one_hot = F.one_hot(classes, sizes[-1]).double()
    cases = []
    for name, activation in ACTIVATIONS.items():
        for loss_name, loss in (
            ("cross_entropy", lambda outputs: cross_entropy(outputs, classes)),
            ("mse", lambda outputs: mse(outputs, one_hot)),
        ):
            found = gradients(weights, lambda leaves: mlp(leaves, x, activation), loss)
            cases.append({"activation": name, "loss_name": loss_name, **found})
    return {
        "sizes": list(sizes),
        "weights": {name: array(value) for name, value in weights.items()},
        "inputs": array(x),
        "classes": array(classes),
        "cases": cases,
    }


def cnn_golden() -> dict:
    draw = Draw(1)
    side, channels, classes, batch = 8, (2, 3), 4, 2
    weights: Weights = {}
    for layer, (inputs, outputs) in enumerate(zip((1, *channels), channels)):
        weights[f"{layer}.weight"] = draw.normal(outputs, inputs, 3, 3, deviation=(2 / (9 * inputs)) ** 0.5)
        weights[f"{layer}.bias"] = draw.normal(outputs, deviation=0.1)
    draw.linear(weights, "head", channels[-1] * (side // 4) ** 2, classes)
    x, labels = draw.normal(batch, 1, side, side), draw.classes(classes, batch)
    found = gradients(weights, lambda leaves: cnn(leaves, x), lambda logits: cross_entropy(logits, labels))
    return {
        "channels": list(channels),
        "weights": {name: array(value) for name, value in weights.items()},
        "inputs": array(x),
        "classes": array(labels),
        **found,
    }


def transformer_golden(pre: bool) -> dict:
    draw = Draw(2)
    vocabulary, context, layers, width, heads, batch = 7, 5, 2, 8, 2, 2
    text = draw.classes(vocabulary, batch, context + 1)
    tokens, targets = text[:, :-1], text[:, 1:]
    weights = transformer_weights(draw, vocabulary, context, layers, width, pre)
    found = gradients(
        weights,
        lambda leaves: transformer(leaves, tokens, layers, heads, pre),
        lambda logits: cross_entropy(logits, targets),
    )
    return {
        "norm": "pre" if pre else "post",
        "vocabulary": vocabulary,
        "context": context,
        "layers": layers,
        "width": width,
        "heads": heads,
        "weights": {name: array(value) for name, value in weights.items()},
        "inputs": array(tokens),
        "classes": array(targets),
        **found,
    }


def main() -> None:
    about = {
        "program": "tests/golden/models.py",
        "versions": {"python": platform.python_version(), "torch": version("torch")},
        "reading": [
            "Arrays are row-major. Matrices are [in, out]: y = x W + b.",
            "Convolution kernels are [out channels, in channels, 3, 3], cross-correlated, zero padding 1; images are"
            " [batch, channels, height, width] and reach the head flattened in that order.",
            "gelu_erf is x Phi(x); gelu_tanh is its approximation x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).",
            "mse is half the squared error summed over the outputs, averaged over the samples, against"
            " one-hot classes; cross-entropy is the mean over samples, or over all positions of all sequences.",
            "Transformer: x = tokens[t] + positions; pre: x += attention(norm1(x)), x += down(relu(up(norm2(x)))), norm,"
            " head; post: x = norm1(x + attention(x)), x = norm2(x + down(relu(up(x)))), head. Attention is causal,"
            " scores over sqrt(width / heads), head h takes columns h*width/heads and on of q, k and v. LayerNorm's eps"
            " is 1e-5.",
            "The gradient of k's bias is 0 in exact arithmetic (softmax ignores a shift): what stands here is"
            " rounding.",
        ],
    }
    document = {
        "about": about,
        "mlp": mlp_golden(),
        "cnn": cnn_golden(),
        "transformer": [transformer_golden(pre) for pre in (True, False)],
    }
    write(Path(__file__).with_suffix(".json"), document)


if __name__ == "__main__":
    main()
