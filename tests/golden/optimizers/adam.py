"""Makes adam.json and adamw.json with PyTorch's Adam and AdamW; cautious ones with timm's AdamW."""

import torch
from common import MOMENTA, Golden, set_beta1, timm_optimizer


def adam(golden: Golden, name: str, schedule=None, options=(), **numbers) -> None:
    rule = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[golden.kind]
    numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8} | numbers
    others = {key: value for key, value in numbers.items() if not key.startswith("beta")}

    def make(tensors):
        arguments = {"betas": (numbers["beta1"], numbers["beta2"]), "amsgrad": "amsgrad" in options} | others
        if "cautious" in options:
            return timm_optimizer("adamw", "AdamWLegacy")(tensors, caution=True, **arguments)
        return rule(tensors, **arguments)

    golden.case(name, make, schedule=schedule, options=options, **numbers)


golden = Golden("adam")
adam(golden, "adam", weight_decay=0.0)
adam(golden, "adam with weight decay", weight_decay=0.1)
adam(golden, "amsgrad", weight_decay=0.1, options=["amsgrad"])
adam(golden, "amsgrad that forgets soon", beta2=0.5, weight_decay=0.0, options=["amsgrad"])
golden.write()

golden = Golden("adamw")
adam(golden, "adamw", weight_decay=0.1)
adam(golden, "adamw with other numbers", beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.01)
adam(golden, "adamw with beta1 on a schedule", weight_decay=0.01, schedule=("beta1", MOMENTA, set_beta1))
adam(golden, "adamw with amsgrad", beta2=0.5, weight_decay=0.1, options=["amsgrad"])
adam(golden, "cautious adamw", weight_decay=0.1, options=["cautious"])
adam(golden, "cautious adamw with amsgrad", beta2=0.5, weight_decay=0.1, options=["amsgrad", "cautious"])
golden.write()
