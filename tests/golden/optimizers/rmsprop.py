"""Makes rmsprop.json with PyTorch's RMSprop."""

import torch
from common import Golden

golden = Golden("rmsprop")


def rmsprop(name: str, **numbers) -> None:
    numbers = {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0} | numbers
    golden.case(name, lambda tensors: torch.optim.RMSprop(tensors, **numbers), **numbers)


rmsprop("rmsprop")
rmsprop("rmsprop with momentum", momentum=0.9)
rmsprop("rmsprop with weight decay", weight_decay=1e-2)
golden.write()
