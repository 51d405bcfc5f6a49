"""A Hugging Face ``Trainer`` as a run in Anneal Studio.

>>> from anneal_studio.hugging_face import AnnealCallback
>>> trainer = Trainer(model=model, args=args, ..., callbacks=[AnnealCallback()])   # doctest: +SKIP
"""

from typing import Any, Optional

from transformers import TrainerCallback

from .live import Live


class AnnealCallback(TrainerCallback):
    """Shows the training in an open studio, and lets its curves be bent there.

    The options are those of :class:`anneal_studio.Live` (``bounds``, ``on_change``, ``name``, ...); ``total``,
    ``update`` and the scheduler are the Trainer's. A pause or a stop that is asked for in the studio is obeyed.
    ``learning_rate`` in the Trainer's own log is its scheduler's; while another one is applied, the log has it as
    ``applied_learning_rate``.
    """

    def __init__(self, **options: Any):
        self._options = options
        #: The run, while a training goes on and after it.
        self.live: Optional[Live] = None
        self._loss: Any = None
        self._hook = None

    def on_train_begin(self, args, state, control, model=None, optimizer=None, lr_scheduler=None, **_):
        if optimizer is None or not state.max_steps:
            return
        options = {"name": args.run_name or args.output_dir or "trainer", **self._options}
        self.live = Live(optimizer, lr_scheduler, state.max_steps, update=state.global_step, **options)
        if args.gradient_accumulation_steps == 1 and hasattr(model, "register_forward_hook"):
            # With several batches an update the model's losses are parts; then the Trainer's log has the whole.
            self._hook = model.register_forward_hook(self._see)

    def _see(self, module, _inputs, outputs):
        loss = outputs.get("loss") if isinstance(outputs, dict) else getattr(outputs, "loss", None)
        if module.training and loss is not None and getattr(loss, "ndim", 1) == 0:
            self._loss = loss.detach()

    def on_step_begin(self, args, state, control, **_):
        if self.live is not None:
            self.live.wait_while_paused()

    def on_pre_optimizer_step(self, args, state, control, **_):
        if self.live is not None:
            self.live.step(loss=self._loss)
            self._loss = None

    def on_step_end(self, args, state, control, **_):
        if self.live is not None and self.live.stop_requested:
            control.should_training_stop = True

    def on_log(self, args, state, control, logs=None, **_):
        if self.live is None or not logs:
            return
        numbers = {name: value for name, value in logs.items()
                   if isinstance(value, (int, float)) and name.startswith(("eval_", "loss"))}
        if self._hook is not None:
            numbers.pop("loss", None)
        if numbers:
            self.live.log(**numbers)
        if self.live.bent:
            logs["applied_learning_rate"] = next(iter(self.live.rates.values()))

    def on_train_end(self, args, state, control, **_):
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        if self.live is not None:
            self.live.close()
