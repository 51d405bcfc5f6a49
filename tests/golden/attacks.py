"""Writes attacks.json: FGSM and PGD on eight training samples of the digits, in numpy and double precision.

The data, the weights and the gradients are those of `teams.py` beside it. An entry has the attack and the attacked inputs,
sample after sample.

    python attacks.py > attacks.json
"""

import contextlib
import io
import json

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):
    from teams import X, Y, initial, parts


def slope(row, x, y):
    """The gradient of the mean cross-entropy along the inputs."""
    first, bias, second, offset = parts(row)
    hidden = np.maximum(x @ first + bias, 0)
    scores = hidden @ second + offset
    scores = scores - scores.max(1, keepdims=True)
    error = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    error[np.arange(len(y)), y] -= 1
    return ((error @ second.T) * (hidden > 0)) @ first.T / len(y)


def attacked(kind, eps, steps):
    begun = X[:8]
    length = eps if kind == "fgsm" else eps / min(steps, 4)
    x = begun
    for _ in range(1 if kind == "fgsm" else steps):
        x = np.clip(x + length * np.sign(slope(initial(), x, Y[:8])), begun - eps, begun + eps)
    return x


cases = [("fgsm", 0.2, 1), ("pgd", 0.2, 7), ("pgd", 0.5, 3)]
print(
    json.dumps(
        [
            {"kind": kind, "eps": eps, "steps": steps, "inputs": [round(v, 7) for v in attacked(kind, eps, steps).ravel()]}
            for kind, eps, steps in cases
        ]
    )
)
