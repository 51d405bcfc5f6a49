"""What a run tells a studio that does not know it: what it is, what it follows, and what was changed so far."""

import sys
import time
from typing import Any, Dict, List

from .groups import Groups
from .plan import NUMBERS, Control, Pending

#: Changes that are remembered, and rates of a bent curve that are told.
CHANGES = 100
RATES = 20_000


class History:
    """The newest changes of a run, for a studio that begins again."""

    def __init__(self) -> None:
        self._changes: List[dict] = []

    def add(self, it: Pending, update: int, late: bool) -> None:
        """A change took effect at an update."""
        first = update if it.soon else it.first
        self._changes.append({"revision": it.revision, "from": first, "applied": update, "late": late, "by": it.by,
                              "why": it.why, "at": time.time()})
        del self._changes[:-CHANGES]

    def changes(self) -> List[dict]:
        """The newest changes, the oldest first."""
        return list(self._changes)


def framework() -> str:
    """What trains here, as far as one can see."""
    known = ("lightning", "transformers", "torch", "keras", "optax")
    return next((f"{name} {getattr(sys.modules[name], '__version__', '')}" for name in known if name in sys.modules),
                "python")


def followed(control: Control) -> Dict[str, Dict[str, Any]]:
    """What is followed in the script's own place: the groups' rates and the numbers, each from an update on."""
    bent: Dict[str, Any] = {}
    numbers: Dict[str, Any] = {}
    for (kind, name), segments in control.curves.items():
        segment = segments[-1]
        if segment.values is None or not len(segment.values):
            continue
        if kind == "lr":
            bent[name] = {"from": segment.base, "rates": list(segment.values[:RATES])}
        else:
            numbers[name] = {"from": segment.base, "value": segment.values[-1]}
    return {"bent": bent, "bent_numbers": numbers}


def bendable(groups: Groups) -> Dict[str, float]:
    """What the numbers are that can be bent, by name: those of the first group that has them."""
    return {name: value for name in NUMBERS if (value := groups.number(name)) is not None}
