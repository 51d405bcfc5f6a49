"""Makes lion.json by the paper's rule (arXiv 2302.06675, algorithm 2), which PyTorch does not have.

Cautious ones with timm's Lion."""

import torch
from common import Golden, timm_optimizer


class Lion(torch.optim.Optimizer):
    def __init__(self, tensors, beta1, beta2, weight_decay):
        super().__init__(tensors, {"lr": 0.0, "beta1": beta1, "beta2": beta2, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weights in group["params"]:
                state = self.state[weights]
                mean = state.setdefault("mean", torch.zeros_like(weights))
                direction = torch.sign(group["beta1"] * mean + (1 - group["beta1"]) * weights.grad)
                weights -= group["lr"] * (direction + group["weight_decay"] * weights)
                mean.mul_(group["beta2"]).add_(weights.grad, alpha=1 - group["beta2"])


golden = Golden("lion")
for name, weight_decay in (("lion", 0.0), ("lion with weight decay", 0.1)):
    numbers = {"beta1": 0.9, "beta2": 0.99, "weight_decay": weight_decay}
    golden.case(name, lambda tensors, numbers=numbers: Lion(tensors, **numbers), **numbers)
    cautious = timm_optimizer("lion", "Lion")
    golden.case(
        f"cautious {name}",
        lambda tensors: cautious(tensors, betas=(0.9, 0.99), weight_decay=weight_decay, caution=True),
        options=["cautious"],
        **numbers,
    )
golden.write()
