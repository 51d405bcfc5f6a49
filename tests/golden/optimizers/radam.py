"""Makes radam.json with PyTorch's RAdam."""

import torch
from common import RATES, Golden

golden = Golden("radam")


def rectification(beta2: float, step: int) -> float:
    """The paper's, and 1 before the fifth or sixth update, whose step is SGD's."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return 1.0
    return ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5


def radam(name: str, decoupled=False, **numbers) -> None:
    numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0} | numbers

    def make(tensors):
        return torch.optim.RAdam(
            tensors,
            betas=(numbers["beta1"], numbers["beta2"]),
            eps=numbers["eps"],
            weight_decay=numbers["weight_decay"],
            decoupled_weight_decay=decoupled,
        )

    golden.case(name, make, options=["decoupled_weight_decay"] if decoupled else [], **numbers)
    rates = [rate * rectification(numbers["beta2"], update + 1) for update, rate in enumerate(RATES)]
    golden.cases[-1]["effective_lr"] = rates


radam("radam")
radam("radam with weight decay", weight_decay=0.1)
radam("radam with decoupled weight decay", weight_decay=0.1, decoupled=True)
radam("radam with other numbers", beta1=0.8, beta2=0.9, eps=1e-3)
golden.write()
