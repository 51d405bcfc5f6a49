"""Makes rmsprop.json with PyTorch's RMSprop."""

import torch
from common import Golden

golden = Golden("rmsprop")


def rmsprop(name: str, centered=False, **numbers) -> None:
    numbers = {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0} | numbers
    options = ["centered"] if centered else []
    golden.case(
        name, lambda tensors: torch.optim.RMSprop(tensors, centered=centered, **numbers), options=options, **numbers
    )


rmsprop("rmsprop")
rmsprop("rmsprop with momentum", momentum=0.9)
rmsprop("rmsprop with weight decay", weight_decay=1e-2)
rmsprop("rmsprop, centered", centered=True, weight_decay=1e-2)
rmsprop("rmsprop with momentum, centered", centered=True, momentum=0.9, alpha=0.9)
golden.write()
