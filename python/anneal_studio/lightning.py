"""A Lightning fit as a run in Anneal Studio.

>>> from anneal_studio.lightning import AnnealCallback
>>> trainer = Trainer(max_steps=10_000, callbacks=[AnnealCallback()])   # doctest: +SKIP
"""

import logging
import math
from typing import Any, Optional

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback

from .live import Live


class AnnealCallback(Callback):
    """Shows the fit in an open studio, and lets its curves be bent there.

    The options are those of :class:`anneal_studio.Live` (``bounds``, ``on_change``, ``name``, ...); ``total``,
    ``update`` and the scheduler are the Trainer's. A pause or a stop that is asked for in the studio is obeyed. Where
    a module has several optimizers, the first one is shown.
    """

    def __init__(self, **options: Any):
        self._options = options
        #: The run, while a fit goes on and after it.
        self.live: Optional[Live] = None
        self._losses: list = []
        self._optimizer = None

    def on_train_start(self, trainer, pl_module):
        options = dict(self._options)
        total = options.pop("total", None) or trainer.estimated_stepping_batches
        if not trainer.optimizers or not math.isfinite(total) or total < 1:
            logging.getLogger("anneal_studio").warning(
                "the length of this fit is not known, so it is not shown: give AnnealCallback total=..., or the Trainer "
                "max_steps or max_epochs")
            return
        self._optimizer = trainer.optimizers[0]
        scheduler, every = None, 1
        config = next((it for it in trainer.lr_scheduler_configs if it.scheduler.optimizer is self._optimizer), None)
        if config is not None:
            scheduler = config.scheduler
            every = config.frequency
            if config.interval == "epoch":
                every *= max(1, math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches))
        options = {"name": type(pl_module).__name__, "scheduler_every": every, **options}
        self.live = Live(self._optimizer, scheduler, int(total), update=trainer.global_step, **options)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if self.live is not None:
            self.live.wait_while_paused()

    def on_before_backward(self, trainer, pl_module, loss):
        if self.live is not None:
            self._losses.append(loss.detach())

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if self.live is None or getattr(optimizer, "optimizer", optimizer) is not self._optimizer:
            return
        # Lightning divides each batch's loss by their number, so the update's loss is the sum.
        loss = sum(self._losses[1:], self._losses[0]) if self._losses else None
        self._losses.clear()
        self.live.step(loss=loss)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if self.live is not None and self.live.stop_requested:
            trainer.should_stop = True

    def on_validation_epoch_end(self, trainer, pl_module):
        if self.live is not None and not trainer.sanity_checking:
            self.live.log(**{name: value for name, value in trainer.callback_metrics.items() if "val" in name})

    def on_train_end(self, trainer, pl_module):
        if self.live is not None:
            self.live.close()

    def on_exception(self, trainer, pl_module, exception):
        self.on_train_end(trainer, pl_module)
