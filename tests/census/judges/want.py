"""What a file says by the second reading: the rate of each update, and the numbers beside it."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """The run on which both readings are compared: its updates, and how many an epoch has."""

    updates: int
    per_epoch: int
    # Where the file stands, for what it inherits from.
    file: str = ""

    def of(self, length, unit):
        """A length in updates."""
        return length * self.per_epoch if unit == "epoch" else length


@dataclass
class Want:
    # The rate of update i, and by whose arithmetic.
    rate: object
    how: str
    # Names and numbers of the optimizer: kind, weight_decay, beta1, ...; what is not said is not compared.
    optimizer: dict = field(default_factory=dict)
    # `train.updates` as the experiment writes it, a micro-batch's samples, micro-batches an update, the clip.
    length: str | None = None
    batch: int | None = None
    accumulate: int | None = None
    clip: float | None = None
    layer_decay: float | None = None
    # The settings that were asked for, where there are keys.
    keys: object = None


class Unjudged(Exception):
    """This file has no second reading, for this reason."""


def updates(count):
    return f"{int(count)}"


def epochs(count):
    return f"{count:g}ep"
