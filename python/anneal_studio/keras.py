"""A Keras fit as a run in Anneal Studio.

>>> from anneal_studio.keras import AnnealCallback
>>> model.fit(x, y, epochs=10, callbacks=[AnnealCallback()])   # doctest: +SKIP
"""

import logging
from typing import Any, Optional

import keras

from .live import Live
from .single import Scheduled, Single


class AnnealCallback(keras.callbacks.Callback):
    """Shows the fit in an open studio, and lets its rate be bent there.

    The options are those of :class:`anneal_studio.Live` (``bounds``, ``on_change``, ``name``, ...); ``total`` is
    needed where Keras does not know the number of batches. The loss is the one Keras reports: the mean since the
    epoch's beginning. A pause or a stop that is asked for in the studio is obeyed.

    A rate given as a number can be bent on every backend; a ``LearningRateSchedule`` on PyTorch's, without
    ``jit_compile``: elsewhere it is compiled into the training, which then is shown and not bent.
    """

    def __init__(self, **options: Any):
        super().__init__()
        self._options = options
        #: The run, while a fit goes on and after it.
        self.live: Optional[Live] = None
        self._single: Optional[Single] = None
        self._optimizer: Any = None
        self._schedule: Any = None
        self._steered: Optional[_Steered] = None
        self._bent = False

    def on_train_begin(self, logs=None):
        options = {"name": self.model.name, **self._options}
        steps, epochs = self.params.get("steps"), self.params.get("epochs", 1)
        total = options.pop("total", None) or (steps or 0) * epochs
        if not total:
            logging.getLogger("anneal_studio").warning(
                "Keras does not know the length of this fit, so it is not shown: give AnnealCallback total=...")
            return
        self._optimizer = self.model.optimizer
        made = int(keras.ops.convert_to_numpy(self._optimizer.iterations))
        rate = self._optimizer._learning_rate
        scheduler = None
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            self._schedule = rate
            self._single = Single(rate(made), self.model.count_params())
            scheduler = Scheduled(self._single, rate, made)
            if keras.backend.backend() == "torch" and not self.model.jit_compile:
                self._steered = _Steered(rate)
                self._optimizer.learning_rate = self._steered
            else:
                options["fixed"] = ("the rate is a LearningRateSchedule, which is compiled into this training; it can be "
                                    "bent where the optimizer is given a number")
        elif isinstance(rate, keras.Variable):
            self._single = Single(_number(rate), self.model.count_params())
        else:
            self._single = Single(_number(rate() if callable(rate) else rate), self.model.count_params())
            options["fixed"] = "the rate is a function, which Keras asks itself"
        self.live = Live(self._single, scheduler, int(total) + made, update=made, **options)

    def on_epoch_begin(self, epoch, logs=None):
        if self.live is not None and self._schedule is None:
            self._single.group["lr"] = _number(self._optimizer.learning_rate)

    def on_train_batch_begin(self, batch, logs=None):
        live, single = self.live, self._single
        if live is None:
            return
        live.wait_while_paused()
        live.step()
        if not live.bent:
            return
        self._bent = True
        if self._steered is not None:
            self._steered.rate = single.group["lr"]
        else:
            # Where the backend keeps variables to itself while it trains, `self.model` brings them back.
            self.model.optimizer.learning_rate = single.group["lr"]

    def on_train_batch_end(self, batch, logs=None):
        live, single = self.live, self._single
        if live is None:
            return
        single.done()
        if self._bent:
            self._bent = False
            if self._steered is not None:
                self._steered.rate = None
            else:
                self.model.optimizer.learning_rate = single.group["lr"]
        if self._schedule is not None:
            update = live.next_update
            rate = live.planned_rate(update)
            single.group["lr"] = _number(self._schedule(update)) if rate is None else rate
        live.log(**(logs or {}))
        if live.stop_requested:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self.live is not None:
            self.live.log(**{name: value for name, value in (logs or {}).items() if name.startswith("val_")})

    def on_train_end(self, logs=None):
        if self._steered is not None:
            self._optimizer.learning_rate = self._schedule
            self._steered = None
        if self.live is not None:
            self.live.close()


class _Steered(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule, or the rate that is set for the update to come."""

    def __init__(self, schedule: Any):
        self._schedule = schedule
        self.rate: Optional[float] = None

    def __call__(self, step):
        return self._schedule(step) if self.rate is None else keras.ops.convert_to_tensor(self.rate, "float32")

    def get_config(self):
        return self._schedule.get_config()


def _number(value: Any) -> float:
    return float(keras.ops.convert_to_numpy(value))
