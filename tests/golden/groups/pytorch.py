# moons: run "run", 40 updates, for PyTorch 2.15.
# optimizer, scheduler = build(model); call scheduler.step() after each optimizer.step().

from math import cos, pi

from fnmatch import fnmatchcase
import torch
from torch.optim.lr_scheduler import LambdaLR


UPDATES = 40
PEAK = 0.01


def rate(update):
    """The learning rate that update `update` uses, from 0."""
    if update < 4:
        return 0.01 * (update / 4)
    return 0.01 * ((1 + cos(pi * (min(update - 4, 36) / 36))) / 2)


def rate_2(update):
    """The rate of the group bias."""
    return 0.02 * (1 + (-1) * (min(update, 40) / 40))


# Which parameters, their rate, their weight decay where it is their own, and the first update that trains them.
GROUPS = [
    ("head", lambda update: 2.0 * rate(update), 0.3, 0),
    ("layer 0", lambda update: 0.5 * rate(update), None, 10),
    ("bias", rate_2, None, 0),
    (None, rate, None, 0),
]


class Factor:
    """What PEAK is multiplied by for a group; a class of the module, so that its state can be saved."""

    def __init__(self, group):
        self.group = group

    def __call__(self, update):
        _, own, _, thaw = GROUPS[self.group]
        return own(update) / PEAK if update >= thaw else 0.0


class Scheduler(LambdaLR):
    """Sets the rates, and freezes groups until they thaw."""

    def freeze(self):
        for group in self.optimizer.param_groups:
            frozen = self.last_epoch < GROUPS[group["group"]][3]
            for parameter in group["params"]:
                parameter.requires_grad_(not frozen)
                if frozen:
                    parameter.grad = None

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.freeze()

    def get_lr(self):
        self.freeze()
        return super().get_lr()


def matches(pattern, name, module, layer, depth):
    """Whether a group holds a parameter of a module; layers are the modules that have parameters."""
    if pattern == "bias":
        return name.rpartition(".")[2] == "bias"
    if pattern == "norm":
        return "Norm" in type(module).__name__
    if pattern == "embedding":
        return isinstance(module, torch.nn.Embedding)
    if pattern == "head":
        return layer == depth
    if pattern.startswith("layer "):
        return layer == int(pattern.removeprefix("layer "))
    return fnmatchcase(name, pattern)


def groups(model):
    """Parameters by the first of GROUPS that matches them."""
    modules = dict(model.named_modules())
    owners = [name for name, module in modules.items() if list(module.parameters(recurse=False))]
    layers = {name: layer for layer, name in enumerate(owners)}
    depth = len(owners) - 1
    found = {}
    for name, parameter in model.named_parameters():
        owner = name.rpartition(".")[0]
        at = next(
            index for index, (pattern, *_) in enumerate(GROUPS)
            if pattern is None or matches(pattern, name, modules[owner], layers[owner], depth)
        )
        own = GROUPS[at][2]
        decay = (0.1 if own is None else own) if parameter.ndim > 1 else 0.0
        key = (at, decay, PEAK, own is None and parameter.ndim > 1)
        found.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "lr": lr, "weight_decay": decay, "group": at, "follows": follows}
        for (at, decay, lr, follows), parameters in sorted(found.items(), key=lambda item: item[0][0])
    ]


def build(model):
    """The optimizer and its scheduler."""
    optimizer = torch.optim.AdamW(groups(model), lr=PEAK, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    factors = [Factor(group["group"]) for group in optimizer.param_groups]
    scheduler = Scheduler(optimizer, factors)
    return optimizer, scheduler
