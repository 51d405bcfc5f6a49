"""The rows of a run: one for each update, kept in a ring until the studio has them."""

import math
from typing import Any, Dict, List, Optional

INDEX, UPDATE, LOSS, NORM, RATES, EXTRA = range(6)


class Journal:
    """What each update used and measured, the newest ``size`` of them.

    One thread writes (the training's), one reads (the client's own). Neither waits for the other: a row that is
    overwritten before it was read is lost, and counted.
    """

    def __init__(self, size: int, groups: List[str], first_update: int):
        self._rows: List[Optional[list]] = [None] * size
        self._size = size
        self._groups = [f"lr:{name}" for name in groups]
        #: Rows written since the beginning.
        self.count = 0
        #: The index of the next update.
        self.next_update = first_update
        self._settled = 0
        #: Values that are no numbers: their names.
        self.odd: Dict[str, str] = {}

    def append(self, update: int, loss: Any, norm: Any, rates: tuple, extra: Optional[dict]) -> None:
        """Writes the row of an update; a value may be a scalar tensor, which is read later by the other thread."""
        index = self.count
        self._rows[index % self._size] = [index, update, loss, norm, rates, extra]
        self.next_update = update + 1
        self.count = index + 1

    def add(self, numbers: dict) -> None:
        """Adds numbers to the newest row."""
        row = self._rows[(self.count - 1) % self._size]
        if row is not None:
            loss = numbers.pop("loss", None)
            if loss is not None:
                row[LOSS] = loss
            if numbers:
                row[EXTRA] = {**(row[EXTRA] or {}), **numbers}

    def oldest(self) -> int:
        """The index of the oldest row that is still there."""
        return max(0, self.count - self._size)

    def safe(self) -> int:
        """The index of the oldest row that is not about to be overwritten."""
        oldest = self.oldest()
        return oldest + self._size // 8 if oldest else 0

    def settle(self, last: int) -> None:
        """Turns scalar tensors of rows up to ``last`` into numbers, so that no device's memory is held by them."""
        for index in range(max(self._settled, self.oldest()), last):
            row = self._rows[index % self._size]
            if row is None or row[INDEX] != index:
                continue
            row[LOSS] = self._number("loss", row[LOSS])
            row[NORM] = self._number("gradient norm", row[NORM])
            rates = row[RATES]
            if any(type(rate) is not float for rate in rates):
                row[RATES] = tuple(self._number("lr", rate) for rate in rates)
            if row[EXTRA]:
                row[EXTRA] = {name: self._number(name, value) for name, value in row[EXTRA].items()}
        self._settled = max(self._settled, last)

    def columns(self, first: int, last: int) -> Dict[str, list]:
        """Rows ``first`` to below ``last``, as columns of the same length; empty where a row is gone meanwhile."""
        self.settle(last)
        rows = [self._rows[index % self._size] for index in range(first, last)]
        if not rows or any(row is None or row[INDEX] != first + i for i, row in enumerate(rows)):
            return {}
        columns = {"update": [row[UPDATE] for row in rows]}
        columns["train_loss"] = [_json(row[LOSS]) for row in rows]
        columns["gradient_norm"] = [_json(row[NORM]) for row in rows]
        for i, name in enumerate(self._groups):
            columns[name] = [_json(row[RATES][i]) for row in rows]
        for name in {name: None for row in rows if row[EXTRA] for name in row[EXTRA]}:
            if name not in columns:
                columns[name] = [_json((row[EXTRA] or {}).get(name)) for row in rows]
        return {name: values for name, values in columns.items() if any(value is not None for value in values)}

    def _number(self, name: str, value: Any) -> Optional[float]:
        if value is None or type(value) is float:
            return value
        try:
            return float(value)
        except Exception as error:  # A value is anybody's object.
            if len(self.odd) < 16:
                self.odd.setdefault(name, f"{type(value).__name__}: {error}"[:120])
            return None


def _json(value: Optional[float]) -> Any:
    """A number as JSON has it, and as words where JSON has none."""
    if value is None or math.isfinite(value):
        return value
    return "nan" if value != value else "inf" if value > 0 else "-inf"
