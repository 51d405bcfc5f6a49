"""Makes adagrad.json with PyTorch's Adagrad."""

import torch
from common import Golden

golden = Golden("adagrad")


def adagrad(name: str, **numbers) -> None:
    numbers = {"lr_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10, "weight_decay": 0.0} | numbers
    golden.case(name, lambda tensors: torch.optim.Adagrad(tensors, **numbers), **numbers)


adagrad("adagrad")
adagrad("adagrad with weight decay", weight_decay=1e-2)
adagrad("adagrad with rate decay", lr_decay=0.1)
adagrad("adagrad from an initial sum", initial_accumulator_value=0.5, lr_decay=0.01, weight_decay=1e-2)
golden.write()
