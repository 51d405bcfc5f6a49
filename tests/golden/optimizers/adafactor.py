"""Makes adafactor.json with PyTorch's Adafactor."""

import matrices
import torch
from common import Golden

# eps1 is float32's: in double precision PyTorch would take that of float64.
EPS1 = 2.0**-23
shared = {"shapes": matrices.SHAPES, "start": matrices.START, "gradients": matrices.GRADIENTS}
golden = Golden("adafactor", **shared)


def adafactor(name: str, rates=None, **numbers) -> None:
    numbers = {"beta2_decay": -0.8, "eps1": EPS1, "eps2": 1e-3, "d": 1.0, "weight_decay": 0.0} | numbers

    def make(tensors):
        return torch.optim.Adafactor(
            tensors,
            beta2_decay=numbers["beta2_decay"],
            eps=(numbers["eps1"], numbers["eps2"]),
            d=numbers["d"],
            weight_decay=numbers["weight_decay"],
        )

    golden.case(name, make, rates=rates, **numbers)


adafactor("adafactor")
adafactor("adafactor with weight decay", weight_decay=0.1)
adafactor("adafactor with other numbers", beta2_decay=-0.5, eps1=1e-3, eps2=0.1, d=1.5)
adafactor("adafactor at a rate above one over the root of the update", rates=[0.5] * 12)
golden.write()
