"""Makes lamb.json with timm's Lamb, without its clipping and with the trust ratio also where nothing decays."""

import matrices
from common import Golden, timm_optimizer

Lamb = timm_optimizer("lamb", "Lamb")

shared = {"shapes": matrices.SHAPES, "start": matrices.START, "gradients": matrices.GRADIENTS}
golden = Golden("lamb", packages=["timm"], **shared)


def case(name: str, start=None, **numbers) -> None:
    numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-6, "weight_decay": 0.0} | numbers

    def make(tensors):
        return Lamb(
            tensors,
            betas=(numbers["beta1"], numbers["beta2"]),
            eps=numbers["eps"],
            weight_decay=numbers["weight_decay"],
            max_grad_norm=None,
            always_adapt=True,
        )

    golden.case(name, make, **numbers)


case("lamb")
case("lamb with weight decay", weight_decay=0.1)
case("lamb with other numbers", beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.01)
golden.write()
