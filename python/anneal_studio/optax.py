"""An optax training as a run in Anneal Studio, by way of ``optax.inject_hyperparams``.

>>> tx = optax.inject_hyperparams(optax.adamw)(learning_rate=3e-4)          # a number, not the schedule
>>> state = tx.init(params)
>>> live = anneal_studio.optax.Live(state, schedule=schedule, total=10_000) # doctest: +SKIP
>>> for batch in loader:
...     loss, gradients = value_and_grad(params, batch)
...     state = live.step(state, loss=loss)
...     updates, state = tx.update(gradients, state, params)
"""

from typing import Any, Callable, Optional

import jax.numpy as jnp

from .live import Live as _Live
from .single import Scheduled, Single

_NUMBERS = ("momentum", "weight_decay")


class Live:
    """A training with optax as a run in an open studio.

    :param state: what ``init`` of an optimizer made by ``inject_hyperparams`` gave, alone or inside a chain's state.
    :param schedule: the training's own rate, a function of the update's index; without one the rate that ``state``
        has is held.
    :param total: updates of the whole training.
    :param options: those of :class:`anneal_studio.Live`.
    :raises TypeError: where ``state`` has no learning rate that can be set.

    ``live.run`` is the :class:`anneal_studio.Live` beneath, with ``stop_requested`` and the rest.
    """

    def __init__(self, state: Any, schedule: Optional[Callable[[int], Any]] = None, total: int = 0, **options: Any):
        self._path = _find(state)
        if self._path is None:
            raise TypeError("this state has no hyperparams with a learning_rate: make the optimizer by "
                            "optax.inject_hyperparams")
        injected = _at(state, self._path)
        if "learning_rate" in (getattr(injected, "hyperparams_states", None) or {}):
            raise TypeError("the learning_rate of inject_hyperparams is a schedule, which optax sets itself: give "
                            "inject_hyperparams a number, and Live the schedule")
        numbers = {name: float(injected.hyperparams[name]) for name in _NUMBERS if name in injected.hyperparams}
        if {"b1", "b2"} <= injected.hyperparams.keys():
            numbers["betas"] = (float(injected.hyperparams["b1"]), float(injected.hyperparams["b2"]))
        update = options.get("update", 0)
        rate = injected.hyperparams["learning_rate"] if schedule is None else schedule(update)
        self._single = Single(float(rate), **numbers)
        self._schedule = None if schedule is None else Scheduled(self._single, schedule, update)
        self._was_bent = False
        self.run = _Live(self._single, self._schedule, total, **{"name": "optax", **options})

    def step(self, state: Any, loss: Any = None, **numbers: Any) -> Any:
        """``state`` with the rate and the numbers of the update to come. Waits for nothing, the loss included."""
        single, run = self._single, self.run
        run.step(loss=loss, **numbers)
        if self._schedule is not None or run.bent or self._was_bent:
            injected = _at(state, self._path)
            group, values = single.group, dict(injected.hyperparams)
            wanted = {"learning_rate": group["lr"], **{name: group[name] for name in _NUMBERS if name in group}}
            if "betas" in group:
                wanted["b1"], wanted["b2"] = group["betas"]
            for name, value in wanted.items():
                if name == "learning_rate" or run.bent or self._was_bent:
                    values[name] = jnp.asarray(value, dtype=jnp.asarray(values[name]).dtype)
            state = _with(state, self._path, injected._replace(hyperparams=values))
        self._was_bent = run.bent
        single.done()
        if self._schedule is not None:
            rate = run.planned_rate(run.next_update)
            self._schedule.last_epoch = run.next_update
            single.group["lr"] = float(self._schedule.schedule(run.next_update)) if rate is None else rate
        return state

    def close(self, timeout: float = 2.0) -> None:
        """Ends the run in the studio."""
        self.run.close(timeout)


def _find(state: Any, path: tuple = ()) -> Optional[tuple]:
    """Where in a state the injected hyperparameters are, as indices into tuples."""
    if "learning_rate" in (getattr(state, "hyperparams", None) or {}):
        return path
    if isinstance(state, tuple):
        for index, part in enumerate(state):
            found = _find(part, (*path, index))
            if found is not None:
                return found
    return None


def _at(state: Any, path: tuple) -> Any:
    for index in path:
        state = state[index]
    return state


def _with(state: Any, path: tuple, part: Any) -> Any:
    if not path:
        return part
    parts = list(state)
    parts[path[0]] = _with(parts[path[0]], path[1:], part)
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
