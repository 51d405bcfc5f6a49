"""What a target does, and the table of all of them."""
from __future__ import annotations

import importlib

#: The word before the colon of an address, and the file of this package.
TARGETS = {
    "mlflow": "mlflow_target",
    "otlp": "otlp_target",
    "wandb": "wandb_target",
    "trackio": "trackio_target",
    "parquet": "parquet_target",
    "s3": "objects_target",
    "gs": "objects_target",
    "az": "objects_target",
    "file": "objects_target",
}


class Target:
    """Takes a training. Every call may come once more after a crash with the same arguments: it must come to the same."""

    def __init__(self, address, folder, state):
        self.address, self.folder, self.state = address, folder, state

    def begin(self):
        """Makes what rows are put into, or finds it again by ``state.own``."""

    def rows(self, lane, rows, first, end):
        """Rows of one lane, from bytes ``first`` to ``end`` of the metrics."""

    def end(self):
        """The training ended and every row was taken."""

    def close(self):
        """Hands on what waits inside a client."""


class Refused(Exception):
    """The address, or what it leads to, cannot be used; waiting does not help."""


def open_target(address, folder, state):
    kind = address.split(":", 1)[0]
    if kind not in TARGETS:
        raise Refused(f"{address}: one of {', '.join(sorted(TARGETS))} comes before the colon")
    try:
        module = importlib.import_module(f"{__package__}.{TARGETS[kind]}")
    except ModuleNotFoundError as error:
        raise Refused(f"{kind}: `pip install {error.name}` first: its own client is used") from error
    return module.OPEN(address, folder, state)
