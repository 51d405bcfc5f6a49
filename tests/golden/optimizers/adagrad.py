"""Makes adagrad.json with PyTorch's Adagrad."""

import torch
from common import Golden

golden = Golden("adagrad")


def adagrad(name: str, **numbers) -> None:
    numbers = {"eps": 1e-10, "weight_decay": 0.0} | numbers
    golden.case(name, lambda tensors: torch.optim.Adagrad(tensors, **numbers), **numbers)


adagrad("adagrad")
adagrad("adagrad with weight decay", weight_decay=1e-2)
golden.write()
