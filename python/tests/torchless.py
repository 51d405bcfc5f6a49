"""An optimizer and schedulers with PyTorch's manners, of pure Python: one parameter a group, on a parabola."""

import math


class Optimizer:
    """SGD with momentum. Its state says everything about what was applied to it."""

    def __init__(self, rates, **numbers):
        self.param_groups = [{"params": [[1.0 + i]], "lr": rate, "momentum": 0.9, "weight_decay": 0.0, **numbers}
                             for i, rate in enumerate(rates)]
        self.defaults = {"lr": rates[0], "momentum": 0.9}
        self.speed = [0.0] * len(rates)
        self.applied = []
        self._hooks = []

    def step(self):
        self.applied.append([group["lr"] for group in self.param_groups])
        for i, group in enumerate(self.param_groups):
            weight = group["params"][0]
            self.speed[i] = group["momentum"] * self.speed[i] + 2 * weight[0] + group["weight_decay"] * weight[0]
            weight[0] -= group["lr"] * self.speed[i]
        for hook in list(self._hooks):
            hook(self, (), {})

    def loss(self):
        return sum(group["params"][0][0] ** 2 for group in self.param_groups)

    def register_step_post_hook(self, hook):
        self._hooks.append(hook)
        return _Handle(self._hooks, hook)


class Hookless:
    """The same without hooks."""

    def __init__(self, rates):
        self._inside = Optimizer(rates)
        self.param_groups = self._inside.param_groups
        self.defaults = self._inside.defaults
        self.applied = self._inside.applied

    def step(self):
        self._inside.step()

    def loss(self):
        return self._inside.loss()


class _Handle:
    def __init__(self, hooks, hook):
        self._hooks, self._hook = hooks, hook

    def remove(self):
        self._hooks.remove(self._hook)


class Chained:
    """A scheduler whose next rate is made of the last one, as most of PyTorch's are."""

    def __init__(self, optimizer, gamma=0.999):
        self.optimizer, self.gamma, self.last_epoch = optimizer, gamma, 0

    def step(self):
        self.last_epoch += 1
        for group in self.optimizer.param_groups:
            group["lr"] *= self.gamma


class ByFunction:
    """A scheduler that asks a function, as LambdaLR does."""

    def __init__(self, optimizer, function):
        self.optimizer, self.function, self.last_epoch = optimizer, function, 0
        self.base = [group["lr"] for group in optimizer.param_groups]

    def step(self):
        self.last_epoch += 1
        for group, base in zip(self.optimizer.param_groups, self.base):
            group["lr"] = base * self.function(self.last_epoch)


class OnPlateau:
    """A scheduler that needs to be told a metric."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self, metrics):
        del metrics


def cosine(total):
    return lambda update: 0.5 * (1 + math.cos(math.pi * update / total))


def train(optimizer, scheduler, updates, live=None, each=None):
    """A training; its losses."""
    losses = []
    for update in range(updates):
        if each is not None:
            each(update)
        loss = optimizer.loss()
        losses.append(loss)
        if live is not None:
            live.step(loss=loss)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return losses
