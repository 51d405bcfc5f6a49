"""Makes sgd.json with PyTorch's SGD."""

import torch
from common import MOMENTA, Golden, set_momentum

CLIP = 1.0
golden = Golden("sgd")


def sgd(name: str, nesterov: bool = False, clip=None, schedule=None, **numbers) -> None:
    def make(tensors):
        return torch.optim.SGD(tensors, nesterov=nesterov, **{"momentum": 0.9 if schedule else 0.0} | numbers)

    options = ["nesterov"] if nesterov else []
    golden.case(name, make, clip=clip, schedule=schedule, options=options, **numbers)


sgd("sgd", momentum=0.0, weight_decay=0.0)
sgd("sgd with momentum", momentum=0.9, weight_decay=0.0)
sgd("sgd with nesterov", nesterov=True, momentum=0.9, weight_decay=0.0)
sgd("sgd with weight decay", momentum=0.9, weight_decay=1e-2)
sgd("sgd with nesterov and weight decay", nesterov=True, momentum=0.9, weight_decay=1e-2)
sgd("sgd with momentum on a schedule", weight_decay=0.0, schedule=("momentum", MOMENTA, set_momentum))
sgd("sgd, clipped", clip=CLIP, momentum=0.0, weight_decay=0.0)
sgd("sgd with momentum, clipped", clip=CLIP, momentum=0.9, weight_decay=1e-2)
sgd("sgd with dampening", momentum=0.9, dampening=0.5, weight_decay=1e-2)
sgd("sgd with dampening and no momentum, which PyTorch ignores", momentum=0.0, dampening=0.5, weight_decay=0.0)
golden.write()
