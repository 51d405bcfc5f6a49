"""The script's own future: a copy of its scheduler, stepped ahead beside a shell of its optimizer.

The scheduler itself, the optimizer and the generators of random numbers stay as they were.
"""

import copy
import functools
import inspect
import random
import sys
import time
import types
import warnings
from dataclasses import dataclass, field
from typing import Any, Dict, List

from .groups import Groups, number, plain

#: The most values that are sent; longer futures are thinned.
MOST = 20_000


@dataclass
class Planned:
    """Each group's rate at every ``every``-th update, and why there is none or not all of it (a sentence, or '')."""

    rates: Dict[str, List[float]] = field(default_factory=dict)
    every: int = 1
    why: str = ""


class _Shell:
    """What a scheduler needs of an optimizer: its groups' numbers. No parameters, no update."""

    def __init__(self, optimizer):
        self.param_groups = [
            {key: copy.deepcopy(value) for key, value in group.items() if key != "params"} | {"params": []}
            for group in optimizer.param_groups
        ]
        self.defaults = copy.deepcopy(getattr(optimizer, "defaults", {}))
        self.state = {}
        # Without these PyTorch warns that the optimizer was not stepped.
        self._opt_called = True
        self._step_count = 1

        def step(*_args, **_kwargs):
            return None

        step._wrapped_by_lr_sched = True
        self.step = step


def ahead(groups: Groups, scheduler, count: int, every: int = 1, seconds: float = 2.0) -> Planned:
    """The rates of the next ``count`` updates, where ``scheduler.step()`` is called once every ``every`` updates.

    Takes at most about ``seconds``; what is not reached then is left out, and said. Never raises.
    """
    thin = max(1, -(-count // MOST))
    if scheduler is None:
        return Planned({name: [rate] for name, rate in zip(groups.names, groups.rates())}, 1)
    held = {name: [rate] for name, rate in zip(groups.names, groups.rates())}
    name = type(scheduler).__name__
    if _waits_for_a_metric(scheduler):
        return Planned(held, 1, f"{name} decides by what is measured, so its future is not known: the rate now is drawn")
    generators = _Generators()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _step_ahead(groups, scheduler, count, every, seconds, thin)
    except Exception as error:  # A scheduler is anybody's code.
        return Planned(held, 1, f"{name} could not be copied ({error!r:.120}): the rate now is drawn instead of its future")
    finally:
        generators.restore()


def _step_ahead(groups: Groups, scheduler, count: int, every: int, seconds: float, thin: int) -> Planned:
    shell = _Shell(groups.optimizer)
    memo = {id(groups.optimizer): shell}
    for group in groups.optimizer.param_groups:
        # A function that holds the model must not lead to a second model in memory.
        memo.update((id(parameter), parameter) for parameter in group["params"])
    _isolate(scheduler, memo, set())
    before = plain(vars(scheduler))
    stepped = copy.deepcopy(scheduler, memo)
    rates = {name: [] for name in groups.names}
    why = ""
    end = time.monotonic() + seconds
    for update in range(count):
        if update and update % every == 0:
            stepped.step()
        if update % thin == 0:
            for name, group in zip(groups.names, shell.param_groups):
                rates[name].append(number(group["lr"]))
            if time.monotonic() > end:
                why = f"stepping a copy of {type(scheduler).__name__} is slow: its first {update + 1:,} updates are drawn"
                break
    if plain(vars(scheduler)) != before:
        why = f"{type(scheduler).__name__} shares state with its copy, which changed: check its rates"
    return Planned(rates, thin, why)


def _waits_for_a_metric(scheduler) -> bool:
    try:
        parameters = list(inspect.signature(scheduler.step).parameters.values())
    except (TypeError, ValueError):
        return False
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _isolate(value, memo: dict, seen: set) -> None:
    """Puts a copy of every function below ``value`` into ``memo``, with variables of its own.

    ``copy.deepcopy`` shares functions, and one that counts its calls would count those of the copy.
    """
    if id(value) in seen or id(value) in memo:
        return
    seen.add(id(value))
    if isinstance(value, (types.ModuleType, type)):
        memo[id(value)] = value
    elif isinstance(value, types.FunctionType):
        if value.__closure__:
            cells = tuple(types.CellType() for _ in value.__closure__)
            function = types.FunctionType(
                value.__code__, value.__globals__, value.__name__, value.__defaults__, cells
            )
            function.__kwdefaults__ = value.__kwdefaults__
            memo[id(value)] = function
            for cell, original in zip(cells, value.__closure__):
                try:
                    content = original.cell_contents
                except ValueError:
                    continue
                _isolate(content, memo, seen)
                cell.cell_contents = copy.deepcopy(content, memo)
    elif isinstance(value, functools.partial):
        _isolate(value.func, memo, seen)
        _isolate(list(value.args) + list(value.keywords.values()), memo, seen)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _isolate(item, memo, seen)
    elif isinstance(value, dict):
        for item in value.values():
            _isolate(item, memo, seen)
    elif type(value).__module__.partition(".")[0] != "torch" or hasattr(value, "last_epoch"):
        _isolate(getattr(value, "__dict__", None) or {}, memo, seen)


class _Generators:
    """The global generators of random numbers, to be put back as they were."""

    def __init__(self):
        self._python = random.getstate()
        self._numpy = self._torch = None
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if numpy is not None and hasattr(numpy, "random"):
            self._numpy = (numpy.random.set_state, numpy.random.get_state())
        if torch is not None and hasattr(torch, "get_rng_state"):
            self._torch = (torch.set_rng_state, torch.get_rng_state())

    def restore(self) -> None:
        random.setstate(self._python)
        for saved in (self._numpy, self._torch):
            if saved is not None:
                saved[0](saved[1])


def inner_scheduler(scheduler: Any) -> Any:
    """The scheduler inside accelerate's wrapper."""
    if hasattr(scheduler, "scheduler") and not hasattr(scheduler, "last_epoch"):
        return scheduler.scheduler
    return scheduler
