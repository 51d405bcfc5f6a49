"""An optimizer of another library, with one rate, in the form that :class:`anneal_studio.Live` steers."""

from typing import Any, Callable, Optional


class Single:
    """One group with the numbers of the update to come. ``Live`` may set them; the library's hook then takes them
    over, and says when the update is done."""

    def __init__(self, rate: float, parameters: int = 0, **numbers: Any):
        self.group = {"params": [], "parameters": parameters, "lr": float(rate), **numbers}
        self.param_groups = [self.group]
        self._done: Optional[Callable] = None

    def register_step_post_hook(self, hook: Callable) -> "Single":
        """As PyTorch's optimizers have it, for one hook."""
        self._done = hook
        return self

    def remove(self) -> None:
        """Takes the hook away."""
        self._done = None

    def done(self) -> None:
        """The update was made: what was set is put back."""
        if self._done is not None:
            self._done(self, (), {})


class Scheduled:
    """A function of the update's index, in the form of a scheduler."""

    def __init__(self, optimizer: Single, schedule: Callable[[int], Any], update: int = 0):
        self.optimizer, self.schedule, self.last_epoch = optimizer, schedule, update

    def step(self) -> None:
        """The next update's rate."""
        self.last_epoch += 1
        self.optimizer.param_groups[0]["lr"] = float(self.schedule(self.last_epoch))
