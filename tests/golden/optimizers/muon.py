"""Makes muon.json with PyTorch's Muon for the matrices and its AdamW for the vectors.

PyTorch orthogonalises in bfloat16; here it is kept in float64, so that the numbers say what the rule is.
"""

import matrices
import torch
from common import Golden

_to = torch.Tensor.to


def to(tensor, *arguments, **named):
    if named.get("dtype") is torch.bfloat16:
        named["dtype"] = tensor.dtype
    return _to(tensor, *arguments, **named)


torch.Tensor.to = to


class Both:
    """Two optimizers that step as one."""

    def __init__(self, *optimizers):
        self.optimizers = optimizers
        self.param_groups = [group for optimizer in optimizers for group in optimizer.param_groups]

    def step(self):
        for optimizer in self.optimizers:
            optimizer.step()


class Turned(Golden):
    """PyTorch's matrices are [out, in]."""

    def tensors(self, numbers):
        return [t.T.contiguous() if t.ndim == 2 else t for t in super().tensors(numbers)]

    def flat(self, tensors):
        return super().flat([t.detach().T if t.ndim == 2 else t for t in tensors])


golden = Turned("muon", shapes=matrices.SHAPES, start=matrices.START, gradients=matrices.GRADIENTS)


def muon(name: str, options=("nesterov",), **numbers) -> None:
    usual = {"momentum": 0.95, "ns_steps": 5.0, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}
    numbers = usual | numbers

    def make(tensors):
        matrices = torch.optim.Muon(
            [tensor for tensor in tensors if tensor.ndim == 2],
            momentum=numbers["momentum"],
            nesterov="nesterov" in options,
            ns_steps=int(numbers["ns_steps"]),
            weight_decay=numbers["weight_decay"],
            adjust_lr_fn="match_rms_adamw" if "match_rms_adamw" in options else "original",
        )
        vectors = torch.optim.AdamW(
            [tensor for tensor in tensors if tensor.ndim != 2],
            betas=(numbers["beta1"], numbers["beta2"]),
            eps=numbers["eps"],
            weight_decay=numbers["weight_decay"],
        )
        return Both(matrices, vectors)

    golden.case(name, make, options=options, **numbers)


muon("muon")
muon("muon without nesterov", options=())
muon("muon that moves like adamw", options=("nesterov", "match_rms_adamw"))
muon("muon with other numbers", momentum=0.8, ns_steps=3.0, beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.0)
golden.write()
