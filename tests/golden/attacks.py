"""Writes attacks.json: FGSM and PGD on eight training samples of the digits, in double precision.

The data, and the weights and gradients of the fully connected model, are those of `teams.py` beside it, in numpy. The CNN is
written out in PyTorch, which finds the gradient. An entry has the model, the attack and the attacked inputs, sample after
sample.

    python attacks.py > attacks.json
"""

import contextlib
import io
import json

import math

import numpy as np
import torch
import torch.nn.functional as F

with contextlib.redirect_stdout(io.StringIO()):
    from teams import X, Y, Rng, initial, parts


def slope(row, x, y):
    """The gradient of the mean cross-entropy along the inputs."""
    first, bias, second, offset = parts(row)
    hidden = np.maximum(x @ first + bias, 0)
    scores = hidden @ second + offset
    scores = scores - scores.max(1, keepdims=True)
    error = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    error[np.arange(len(y)), y] -= 1
    return ((error @ second.T) * (hidden > 0)) @ first.T / len(y)


def of_mlp(x, y):
    return slope(initial(), x, y)


def drawn():
    """Kernels [out, in, 3, 3] with their biases, and a head [inputs, 10], in the order of a row: tap by tap, in each the
    input channels; the head's rows are pixels, in each the channels."""
    rng, layers, inputs = Rng(Rng.INIT), [], 1
    for channels in (3, 5):
        deviation = math.sqrt(2 / (9 * inputs))
        numbers = [np.float32(rng.normal() * deviation) for _ in range(9 * inputs * channels)]
        kernel = np.array(numbers, np.float64).reshape(3, 3, inputs, channels).transpose(3, 2, 0, 1)
        layers.append(torch.tensor(kernel.copy()))
        inputs = channels
    deviation = math.sqrt(2 / (4 * inputs))
    head = np.array([np.float32(rng.normal() * deviation) for _ in range(4 * inputs * 10)], np.float64)
    return layers, torch.tensor(head.reshape(4 * inputs, 10))


KERNELS, HEAD = drawn()


def of_cnn(x, y):
    inputs = torch.tensor(x, requires_grad=True)
    image = inputs.reshape(-1, 1, 8, 8)
    for kernel in KERNELS:
        image = F.avg_pool2d(F.conv2d(image, kernel, padding=1).relu(), 2)
    F.cross_entropy(image.permute(0, 2, 3, 1).flatten(1) @ HEAD, torch.tensor(y)).backward()
    return inputs.grad.numpy()


def attacked(of, kind, eps, steps):
    begun = X[:8]
    length = eps if kind == "fgsm" else eps / min(steps, 4)
    x = begun
    for _ in range(1 if kind == "fgsm" else steps):
        x = np.clip(x + length * np.sign(of(x, Y[:8])), begun - eps, begun + eps)
    return x


cases = []
for model, of in (("mlp", of_mlp), ("cnn", of_cnn)):
    for kind, eps, steps in (("fgsm", 0.2, 1), ("pgd", 0.2, 7), ("pgd", 0.5, 3)):
        inputs = [float(f"{number:.12g}") for number in attacked(of, kind, eps, steps).ravel()]
        cases.append({"model": model, "kind": kind, "eps": eps, "steps": steps, "inputs": inputs})
print(json.dumps(cases))
