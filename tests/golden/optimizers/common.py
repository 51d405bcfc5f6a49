"""What the programs beside this one share: each makes the golden numbers of one optimizer.

    pip install torch==2.15.0 schedulefree==1.4.1 prodigyopt==1.1.2 timm==1.0.31 numpy
    python tests/golden/optimizers/sgd.py

A file holds what an optimizer does to a few parameters under given gradients and rates, in float64. Numbers are
written in their shortest form that reads back to the same float64.
"""

import importlib
import importlib.util
import math
import platform
import sys
import types
from importlib.metadata import version
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
from golden_json import write  # noqa: E402

UPDATES = 12
# A warmup from zero, a plateau and a decay with another zero in it.
RATES = [0.0, 0.02, 0.05, 0.1, 0.1, 0.1, 0.08, 0.05, 0.03, 0.0, 0.02, 0.01]
MOMENTA = [0.95, 0.93, 0.91, 0.88, 0.85, 0.85, 0.86, 0.88, 0.9, 0.92, 0.94, 0.95]
SHAPES = [[4], [2]]
START = [1.0, -2.0, 0.5, 3.0, -0.25, 0.125]


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


class Golden:
    """The file of one optimizer."""

    def __init__(self, kind: str, shapes=SHAPES, start=START, gradients=GRADIENTS, rates=RATES, packages=(), about=()):
        self.kind, self.shapes, self.start, self.gradients, self.rates = kind, shapes, start, gradients, rates
        self.packages, self.about, self.cases = packages, about, []

    def tensors(self, numbers) -> list[torch.Tensor]:
        """A tensor a shape, so that a global norm is told from a tensor's own."""
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = torch.tensor(numbers, dtype=torch.float64).split(sizes)
        return [part.reshape(shape).clone() for part, shape in zip(parts, self.shapes)]

    def flat(self, tensors) -> list[float]:
        return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).tolist()

    def case(self, name: str, make, *, clip=None, schedule=None, options=(), rates=None, inspect=None, **numbers):
        """The weights after every update of the optimizer that `make` builds of tensors.

        `schedule` is (our name of a number, its values, what sets it in a parameter group); `inspect` gives
        further numbers of the optimizer and its tensors after an update, by name.
        """
        tensors = self.tensors(self.start)
        optimizer = make(tensors)
        one = {"name": name, "numbers": numbers}
        if options:
            one["options"] = list(options)
        if clip:
            one["clip_norm"] = clip
        if schedule:
            one["number_schedule"] = {"number": schedule[0], "values": schedule[1]}
        if rates:
            one["rates"] = rates
        after, inspected = [], {}
        for update, row in enumerate(self.gradients):
            for tensor, part in zip(tensors, self.tensors(row)):
                tensor.grad = part
            for group in optimizer.param_groups:
                group["lr"] = (rates or self.rates)[update]
                if schedule:
                    schedule[2](group, schedule[1][update])
            if clip:
                torch.nn.utils.clip_grad_norm_(tensors, clip)
            optimizer.step()
            after.append(self.flat(tensors))
            for key, value in (inspect(optimizer, tensors) if inspect else {}).items():
                inspected.setdefault(key, []).append(value)
        self.cases.append(one | {"parameters": after} | inspected)

    def write(self) -> None:
        about = {
            "program": f"tests/golden/optimizers/{Path(sys.argv[0]).name}",
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", *self.packages)},
            },
            "reading": [
                "Every case starts at `start` and makes one update a row of `gradients`, at the rate beside it (or its"
                " own); a row of `parameters` is what they are after that update. All float64.",
                "`clip_norm` scales the gradient by min(1, clip_norm / (its norm + 1e-6)) before the optimizer sees it.",
                "`number_schedule` gives the named number's value at every update; the others are in `numbers`.",
                *self.about,
            ],
        }
        document = {
            "about": about,
            "shapes": self.shapes,
            "start": self.start,
            "gradients": self.gradients,
            "rates": self.rates,
            "cases": self.cases,
        }
        write(Path(__file__).parent / f"{self.kind}.json", document)


def timm_optimizer(module: str, name: str):
    """A class of timm's, by its file alone: the rest of timm needs torchvision."""
    if "timm" not in sys.modules:
        folder = Path(importlib.util.find_spec("timm").origin).parent
        for package, path in (("timm", folder), ("timm.optim", folder / "optim")):
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = [str(path)]
    return getattr(importlib.import_module(f"timm.optim.{module}"), name)


def set_momentum(group, value):
    group["momentum"] = value


def set_beta1(group, value):
    group["betas"] = (value, *group["betas"][1:])
