"""Makes nadam.json with PyTorch's NAdam."""

import torch
from common import MOMENTA, Golden, set_beta1

golden = Golden("nadam")


def nadam(name: str, decoupled=False, schedule=None, **numbers) -> None:
    numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 4e-3, "weight_decay": 0.0} | numbers
    others = {key: value for key, value in numbers.items() if key not in ("beta1", "beta2")}

    def make(tensors):
        betas = (numbers["beta1"], numbers["beta2"])
        return torch.optim.NAdam(tensors, betas=betas, decoupled_weight_decay=decoupled, **others)

    options = ["decoupled_weight_decay"] if decoupled else []
    golden.case(name, make, schedule=schedule, options=options, **numbers)


# The product of momenta is a float32 in PyTorch, unless float64 is the default.
torch.set_default_dtype(torch.float64)
nadam("nadam")
nadam("nadam with weight decay", weight_decay=0.1)
nadam("nadam with decoupled weight decay", weight_decay=0.1, decoupled=True)
nadam("nadam with other numbers", beta1=0.8, beta2=0.95, eps=1e-3, momentum_decay=0.1)
nadam("nadam with beta1 on a schedule", schedule=("beta1", MOMENTA, set_beta1))
golden.write()
