"""Makes optimizers.json: what each update rule does to six parameters under given gradients and rates.

    pip install torch==2.15.0 schedulefree==1.4.1 numpy
    python tests/golden/optimizers.py

PyTorch's own optimizers in float64, the `schedulefree` package's reference for schedule-free, and the
paper's rule for Lion (arXiv 2302.06675, algorithm 2), which PyTorch does not have. Numbers are written
in their shortest form that reads back to the same float64.
"""

import contextlib
import io
import math
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from golden_json import write
from schedulefree import AdamWScheduleFree, AdamWScheduleFreeReference, SGDScheduleFree, SGDScheduleFreeReference

UPDATES = 12
START = [1.0, -2.0, 0.5, 3.0, -0.25, 0.125]
# A warmup from zero, a plateau and a decay with another zero in it.
RATES = [0.0, 0.02, 0.05, 0.1, 0.1, 0.1, 0.08, 0.05, 0.03, 0.0, 0.02, 0.01]
MOMENTA = [0.95, 0.93, 0.91, 0.88, 0.85, 0.85, 0.86, 0.88, 0.9, 0.92, 0.94, 0.95]
CLIP = 1.0


def gradients() -> list[list[float]]:
    """A fixed sequence, of norms from below to above 1; the last parameters probe the corners."""
    rows = []
    for update in range(UPDATES):
        size = 0.3 if update % 3 == 1 else 1.5
        row = [round(size * math.sin(1.0 + 0.7 * update + 1.3 * i) / (1 + i), 6) for i in range(4)]
        # Nothing to learn from until the fifth update: 0 / 0 but for eps.
        row.append(0.0 if update < 4 else round(0.2 * math.cos(update), 6))
        # As small as eps: shows whether eps is inside or outside the square root.
        row.append(round((-1) ** update * 1e-8 * (1 + update), 8))
        rows.append(row)
    return rows


GRADIENTS = gradients()


def trajectory(make, clip: float | None = None, momenta: tuple[str, list[float]] | None = None) -> list[list[float]]:
    """The parameters after every update; two tensors, so that a global norm is told from a tensor's own."""
    tensors = [torch.tensor(START[:4], dtype=torch.float64), torch.tensor(START[4:], dtype=torch.float64)]
    optimizer = make(tensors)
    after = []
    for update, row in enumerate(GRADIENTS):
        for tensor, part in zip(tensors, (row[:4], row[4:])):
            tensor.grad = torch.tensor(part, dtype=torch.float64)
        for group in optimizer.param_groups:
            group["lr"] = RATES[update]
            if momenta and momenta[0] == "momentum":
                group["momentum"] = momenta[1][update]
            elif momenta:
                group["betas"] = (momenta[1][update], group["betas"][1])
        if clip:
            torch.nn.utils.clip_grad_norm_(tensors, clip)
        optimizer.step()
        after.append(torch.cat(tensors).tolist())
    return after


def lion(beta1: float, beta2: float, weight_decay: float) -> list[list[float]]:
    weights, mean = np.array(START), np.zeros(len(START))
    after = []
    for rate, row in zip(RATES, GRADIENTS):
        gradient = np.array(row)
        direction = np.sign(beta1 * mean + (1 - beta1) * gradient)
        weights = weights - rate * (direction + weight_decay * weights)
        mean = beta2 * mean + (1 - beta2) * gradient
        after.append(weights.tolist())
    return after


def schedule_free(reference, product, rates: list[float], **numbers) -> dict[str, list[list[float]]]:
    """`y`, where gradients are taken; `x`, the average to evaluate; `z`, the plain iterate; after every update.

    From the package's reference classes, checked against the classes that its users run.
    """
    after = {"y": [], "x": [], "z": []}
    weights = [torch.tensor(START, dtype=torch.float64) for _ in range(2)]
    optimizers = [reference([weights[0]], **numbers), product([weights[1]], **numbers, foreach=False)]
    # The reference class announces each change of mode.
    with contextlib.redirect_stdout(io.StringIO()):
        for rate, row in zip(rates, GRADIENTS):
            for tensor, optimizer in zip(weights, optimizers):
                optimizer.train()
                tensor.grad = torch.tensor(row, dtype=torch.float64)
                optimizer.param_groups[0]["lr"] = rate
                optimizer.step()
            state = optimizers[0].state[weights[0]]
            torch.testing.assert_close(weights[1], state["y"], rtol=1e-12, atol=1e-13)
            for optimizer in optimizers:
                optimizer.eval()
            torch.testing.assert_close(weights[1], state["x"], rtol=1e-12, atol=1e-13)
            for name, values in after.items():
                values.append(state[name].tolist())
    return after


def main() -> None:
    cases = []

    def case(name: str, kind: str, make, *, clip=None, momenta=None, nesterov=False, **numbers) -> None:
        one = {"name": name, "kind": kind, "numbers": numbers, "nesterov": nesterov}
        if clip:
            one["clip_norm"] = clip
        if momenta:
            one["number_schedule"] = {"number": "momentum" if kind == "sgd" else "beta1", "values": momenta}
            momenta = ("momentum" if kind == "sgd" else "betas", momenta)
        one["parameters"] = trajectory(make, clip, momenta)
        cases.append(one)

    def sgd(name: str, nesterov: bool = False, clip=None, momenta=None, **numbers) -> None:
        def make(tensors):
            return torch.optim.SGD(tensors, nesterov=nesterov, **{"momentum": 0.9 if momenta else 0.0} | numbers)

        case(name, "sgd", make, nesterov=nesterov, clip=clip, momenta=momenta, **numbers)

    def adam(name: str, kind: str, momenta=None, clip=None, **numbers) -> None:
        rule = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
        numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8} | numbers
        others = {key: value for key, value in numbers.items() if not key.startswith("beta")}

        def make(tensors):
            return rule(tensors, betas=(numbers["beta1"], numbers["beta2"]), **others)

        case(name, kind, make, momenta=momenta, clip=clip, **numbers)

    def plain(name: str, kind: str, rule, **numbers) -> None:
        case(name, kind, lambda tensors: rule(tensors, **numbers), **numbers)

    sgd("sgd", momentum=0.0, weight_decay=0.0)
    sgd("sgd with momentum", momentum=0.9, weight_decay=0.0)
    sgd("sgd with nesterov", nesterov=True, momentum=0.9, weight_decay=0.0)
    sgd("sgd with weight decay", momentum=0.9, weight_decay=1e-2)
    sgd("sgd with nesterov and weight decay", nesterov=True, momentum=0.9, weight_decay=1e-2)
    sgd("sgd with momentum on a schedule", weight_decay=0.0, momenta=MOMENTA)
    sgd("sgd, clipped", clip=CLIP, momentum=0.0, weight_decay=0.0)
    sgd("sgd with momentum, clipped", clip=CLIP, momentum=0.9, weight_decay=1e-2)
    adam("adam", "adam", weight_decay=0.0)
    adam("adam with weight decay", "adam", weight_decay=0.1)
    adam("adamw", "adamw", weight_decay=0.1)
    adam("adamw with other numbers", "adamw", beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.01)
    adam("adamw with beta1 on a schedule", "adamw", weight_decay=0.01, momenta=MOMENTA)
    rmsprop = {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0}
    plain("rmsprop", "rmsprop", torch.optim.RMSprop, **rmsprop)
    plain("rmsprop with momentum", "rmsprop", torch.optim.RMSprop, **rmsprop | {"momentum": 0.9})
    plain("rmsprop with weight decay", "rmsprop", torch.optim.RMSprop, **rmsprop | {"weight_decay": 1e-2})
    plain("adagrad", "adagrad", torch.optim.Adagrad, eps=1e-10, weight_decay=0.0)
    plain("adagrad with weight decay", "adagrad", torch.optim.Adagrad, eps=1e-10, weight_decay=1e-2)
    for name, weight_decay in (("lion", 0.0), ("lion with weight decay", 0.1)):
        numbers = {"beta1": 0.9, "beta2": 0.99, "weight_decay": weight_decay}
        cases.append(
            {"name": name, "kind": "lion", "numbers": numbers, "nesterov": False, "parameters": lion(**numbers)}
        )

    free = []
    constant = [0.05] * UPDATES
    for warmup in (0, 3):
        for weight_decay in (0.0, 0.01):
            for rates in (constant, RATES):
                shared = {"warmup_updates": warmup, "rates": rates}
                numbers = {"momentum": 0.9, "weight_decay": weight_decay}
                after = schedule_free(SGDScheduleFreeReference, SGDScheduleFree, rates, warmup_steps=warmup, **numbers)
                free.append({"kind": "schedule_free_sgd", **shared, "numbers": numbers, **after})
                numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": weight_decay}
                after = schedule_free(
                    AdamWScheduleFreeReference,
                    AdamWScheduleFree,
                    rates,
                    warmup_steps=warmup,
                    betas=(0.9, 0.999),
                    eps=1e-8,
                    weight_decay=weight_decay,
                )
                free.append({"kind": "schedule_free_adamw", **shared, "numbers": numbers, **after})

    about = {
        "program": "tests/golden/optimizers.py",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "schedulefree", "numpy")},
        },
        "reading": [
            "Every case starts at `start` and makes one update a row of `gradients`, at the rate beside it;"
            " a row of `parameters` is what they are after that update. All float64.",
            "`clip_norm` scales the gradient by min(1, clip_norm / (its norm + 1e-6)) before the optimizer sees it.",
            "`number_schedule` gives the named number's value at every update; the others are in `numbers`.",
            "lion is the paper's rule; every other case is the named framework's own class.",
            "schedule_free has its own `rates`, before the warmup factor min(1, (i + 1) / warmup_updates);"
            " gradients are those at y (train mode), x is what eval mode evaluates.",
        ],
    }
    document = {
        "about": about,
        "start": START,
        "gradients": GRADIENTS,
        "rates": RATES,
        "cases": cases,
        "schedule_free": free,
    }
    write(Path(__file__).with_suffix(".json"), document)


if __name__ == "__main__":
    main()
