"""The workloads' models in PyTorch: one run (no lane axis), or `lanes` runs as one batched program."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import workloads
from workloads import Cnn, Mlp, Transformer, Workload

Weights = dict[str, Tensor]


class Problem:
    """A workload on so many lanes: its weights, its batch, and the loss summed over the lanes."""

    def __init__(self, workload: Workload, lanes: int) -> None:
        self.workload = workload
        self.lanes = lanes
        inputs, targets = workloads.data(workload, lanes)
        if isinstance(workload.model, Cnn) and lanes > 1:
            # Grouped convolution: the lanes lie side by side as channels, [batch, lanes, side, side].
            inputs = inputs.transpose(1, 0, 2, 3, 4).reshape(workload.batch, lanes, *inputs.shape[3:])
        elif lanes == 1:
            inputs = inputs[0]
        self.inputs = torch.from_numpy(np.ascontiguousarray(inputs))
        self.targets = torch.from_numpy(np.ascontiguousarray(targets)).flatten()

    def weights(self) -> Weights:
        """Fresh weights, without the lane axis where there is only one lane."""
        made = workloads.weights(self.workload, self.lanes)
        return {name: torch.from_numpy(value[0] if self.lanes == 1 else value) for name, value in made.items()}

    def loss(self, weights: Weights) -> Tensor:
        """Each lane's mean softmax cross-entropy, summed over the lanes."""
        logits = MODELS[type(self.workload.model)](self.workload.model, weights, self.inputs)
        total = F.cross_entropy(logits.flatten(0, -2), self.targets, reduction="sum")
        return total * (self.lanes / self.targets.numel())


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    """`x W + b` for `x` of `[rows, in]`, or `[lanes, rows, in]`."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    if weight.dim() == 2:
        return torch.addmm(bias, x, weight)
    return torch.baddbmm(bias.unsqueeze(1), x, weight)


def mlp(model: Mlp, weights: Weights, x: Tensor) -> Tensor:
    last = len(model.sizes) - 2
    for layer in range(last):
        x = torch.tanh(linear(weights, str(layer), x))
    return linear(weights, str(last), x)


def cnn(model: Cnn, weights: Weights, x: Tensor) -> Tensor:
    """`x` is `[batch, 1, side, side]`, or `[batch, lanes, side, side]`: one group of channels a lane."""
    kernels = weights["0.weight"]
    lanes = kernels.shape[0] if kernels.dim() == 5 else None
    for layer in range(len(model.channels)):
        kernels, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        if lanes:
            kernels, bias = kernels.flatten(0, 1), bias.flatten()
        x = F.avg_pool2d(F.relu(F.conv2d(x, kernels, bias, padding=1, groups=lanes or 1)), 2)
    if lanes:
        return linear(weights, "head", x.reshape(x.shape[0], lanes, -1).transpose(0, 1))
    return linear(weights, "head", x.flatten(1))


def transformer(model: Transformer, weights: Weights, tokens: Tensor) -> Tensor:
    """`tokens` is `[batch, context]`, or `[lanes, batch, context]`; logits are `[(lanes,) rows, vocabulary]`."""
    lead = tokens.shape[:-2]
    batch = tokens.shape[-2]
    head = model.width // model.heads

    def norm(name: str, x: Tensor) -> Tensor:
        gain, bias = weights[f"{name}.gain"], weights[f"{name}.bias"]
        if not lead:
            return F.layer_norm(x, (model.width,), gain, bias)
        return torch.addcmul(bias.unsqueeze(1), F.layer_norm(x, (model.width,)), gain.unsqueeze(1))

    def split(x: Tensor) -> Tensor:
        return x.reshape(-1, model.context, model.heads, head).transpose(1, 2)

    table = weights["tokens"]
    if lead:
        # One table for all lanes; each lane's tokens point into its own part of it.
        offsets = torch.arange(lead[0]).view(-1, 1, 1) * model.vocabulary
        x = F.embedding(tokens + offsets, table.flatten(0, 1)) + weights["positions"].unsqueeze(1)
    else:
        x = F.embedding(tokens, table) + weights["positions"]
    x = x.reshape(*lead, batch * model.context, model.width)
    for layer in range(model.layers):
        h = norm(f"{layer}.norm1", x)
        q, k, v = (split(linear(weights, f"{layer}.{matrix}", h)) for matrix in "qkv")
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1 / math.sqrt(head))
        x = x + linear(weights, f"{layer}.o", mixed.transpose(1, 2).reshape(x.shape))
        h = norm(f"{layer}.norm2", x)
        x = x + linear(weights, f"{layer}.down", F.relu(linear(weights, f"{layer}.up", h)))
    return linear(weights, "head", norm("norm", x))


MODELS = {Mlp: mlp, Cnn: cnn, Transformer: transformer}
