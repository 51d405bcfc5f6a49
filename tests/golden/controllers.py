"""Writes controllers.json: traces of metric-driven controllers, made by the original classes.

GreedyLR is transformers' own class (transformers/optimization.py, 5.23.0), run over a torch SGD optimizer:
entry i of `lr` is the rate after metric i was reported. ReduceLROnPlateau is torch's own class (2.15.0), fed
the metric's exponential moving average s = w*s + (1-w)*m, whose first value is the first metric itself.
The hypergradient traces are Baydin's rules (arXiv 1703.04782, algorithms 4 and 5) in float64, written out
below, on the quadratic 0.5*sum(c*x^2).

    python controllers.py path/to/transformers/optimization.py > controllers.json
"""

import ast
import json
import math
import random
import sys
import types
import typing

import torch


def greedy_class(path):
    """GreedyLR out of optimization.py without the rest of transformers."""
    tree = ast.parse(open(path).read())
    wanted = ("StreamingAverage", "GreedyLR")
    tree.body = [node for node in tree.body if getattr(node, "name", None) in wanted]
    module = types.ModuleType("greedy")
    module.__dict__.update(Any=typing.Any, Optimizer=torch.optim.Optimizer)
    exec(compile(tree, path, "exec"), module.__dict__)
    return module.GreedyLR


def metrics(kind, length, seed):
    rng = random.Random(seed)
    if kind == "falling":
        return [2.0 * math.exp(-0.05 * i) for i in range(length)]
    if kind == "flat":
        return [1.0] * length
    if kind == "noisy":
        return [1.0 / (1 + 0.1 * i) + 0.05 * rng.gauss(0, 1) for i in range(length)]
    if kind == "waves":
        return [1.5 + math.sin(i / 9) - 0.005 * i for i in range(length)]
    raise ValueError(kind)


def optimizer(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def greedy(path):
    cls = greedy_class(path)
    cases = [
        (0.1, {}, "falling"),
        (0.1, {"patience": 2}, "falling"),
        (0.1, {"patience": 2}, "flat"),
        (0.1, {"patience": 1, "cooldown": 3, "warmup": 2}, "waves"),
        (0.1, {"patience": 0, "factor": 0.5, "min_lr": 0.02, "max_lr": 0.4}, "waves"),
        (0.1, {"patience": 0, "factor": 0.5, "min_lr": 0.01, "reset_start": 3}, "flat"),
        (5e-5, {"patience": 1}, "flat"),
        (5e-5, {"patience": 1}, "falling"),
        (0.1, {"patience": 2, "smooth": True, "window_size": 5}, "noisy"),
        (0.1, {"patience": 0, "smooth": True, "window_size": 3, "reset_start": 2, "factor": 0.3}, "noisy"),
        (0.1, {"patience": 1, "threshold": 0.01, "threshold_mode": "rel"}, "noisy"),
        (0.1, {"patience": 1, "mode": "max"}, "waves"),
        (0.1, {"patience": 1, "mode": "max", "threshold": 0.1, "threshold_mode": "rel"}, "waves"),
    ]
    for seed, (lr, args, kind) in enumerate(cases):
        opt = optimizer(lr)
        rule = cls(opt, **args)
        values = metrics(kind, 120, seed)
        rates = []
        for value in values:
            rule.step(value)
            rates.append(opt.param_groups[0]["lr"])
        yield {"rule": "greedy", "lr0": lr, "args": args, "metrics": values, "lr": rates}


def smoothed_plateau():
    for seed, weight in enumerate([0.3, 0.6, 0.9]):
        args = {"factor": 0.5, "patience": 2}
        opt = optimizer(0.1)
        rule = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, **args)
        values = metrics("noisy", 80, 100 + seed)
        rates, mean = [], None
        for value in values:
            mean = value if mean is None else weight * mean + (1 - weight) * value
            rule.step(mean)
            rates.append(opt.param_groups[0]["lr"])
        yield {"rule": "smoothed_plateau", "lr0": 0.1, "args": args, "smoothing": weight, "metrics": values, "lr": rates}


def hypergradient(rule):
    """SGD-HD and Adam-HD: the rate of each update, and the weights after all of them."""
    curvature = [1.0, 4.0, 0.25]
    x = [1.0, -0.5, 2.0]
    lr, beta = (0.01, 1e-4) if rule == "sgd" else (0.001, 1e-5)
    beta1, beta2, eps = 0.9, 0.999, 1e-8
    m, v = [0.0] * 3, [0.0] * 3
    direction = [0.0] * 3
    rates = []
    for t in range(1, 201):
        g = [c * w for c, w in zip(curvature, x)]
        lr += beta * sum(a * b for a, b in zip(g, direction))
        rates.append(lr)
        if rule == "sgd":
            direction = g
        else:
            m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g)]
            v = [beta2 * a + (1 - beta2) * b * b for a, b in zip(v, g)]
            direction = [
                (a / (1 - beta1**t)) / (math.sqrt(b / (1 - beta2**t)) + eps) for a, b in zip(m, v)
            ]
        x = [w - lr * d for w, d in zip(x, direction)]
    return {"rule": "hypergradient_" + rule, "lr0": 0.01 if rule == "sgd" else 0.001, "beta": beta,
            "curvature": curvature, "x0": [1.0, -0.5, 2.0], "x": x, "lr": rates}


if __name__ == "__main__":
    entries = list(greedy(sys.argv[1])) + list(smoothed_plateau())
    entries += [hypergradient("sgd"), hypergradient("adam")]
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    print('{"torch": "%s", "transformers": "5.23.0", "entries": [\n%s\n]}' % (torch.__version__, lines))
