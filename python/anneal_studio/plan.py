"""What the studio has planned for a run, as the client keeps it: exact rates by update, believed only within bounds."""

import math
from array import array
from dataclasses import dataclass, field, replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

# A curve's name: ("lr", group) or ("number", name).
Key = Tuple[str, str]

#: Numbers beside the rate that can be bent, with the values that make sense: from the first up to below the second.
NUMBERS = {
    "momentum": (0.0, 1.0),
    "beta1": (0.0, 1.0),
    "beta2": (0.0, 1.0),
    "weight_decay": (0.0, math.inf),
}

#: The value of an update is planned, but has not arrived.
MISSING = object()


class Unfit(Exception):
    """A change that this client does not apply; the message says why, in a sentence."""


class Segment:
    """The values of one curve from update ``first`` on, as far as they have arrived."""

    __slots__ = ("first", "revision", "base", "values", "complete")

    def __init__(self, first: int, revision: int, values: Optional[Iterable[float]], complete: bool):
        self.first = first
        self.revision = revision
        self.base = first
        # None: from here on the script's own scheduler.
        self.values = None if values is None else array("d", values)
        self.complete = complete or values is None

    def at(self, update: int):
        """The value of an update from ``first`` on: a number, None (the script's own), or :data:`MISSING`."""
        values = self.values
        if values is None:
            return None
        index = update - self.base
        if index < len(values):
            return values[index] if index >= 0 else MISSING
        return values[-1] if self.complete and values else MISSING

    def known_to(self) -> int:
        """The first update whose value has not arrived."""
        return self.base + (len(self.values) if self.values is not None else 0)


@dataclass(frozen=True)
class Change:
    """A change of the plan, as ``on_change`` is given it before it is applied.

    ``update`` is the first update under the new plan, ``promised`` the one that the studio said (earlier where the
    change came late), ``by`` and ``why`` what the person or program gave, ``release`` whether the script's own
    scheduler comes back.
    """

    revision: int
    update: int
    promised: int
    by: str
    why: str
    release: bool


@dataclass(frozen=True)
class Pending:
    """A revision that is to take effect at update ``first``."""

    revision: int
    first: int
    release: bool
    by: str
    why: str
    #: When the studio sent it, in seconds since 1970; None where it was not for the very next updates.
    sent_at: Optional[float]
    #: Whether it begins at the next update, whichever that is; ``first`` is then the earliest.
    soon: bool = False

    def change(self, update: int) -> Change:
        """The change as it begins at an update."""
        return Change(self.revision, update, update if self.soon else self.first, self.by, self.why, self.release)


@dataclass(frozen=True)
class Control:
    """Everything the studio wants of this run, at one moment. Never changed, only replaced."""

    revision: int = 0
    curves: Mapping[Key, Tuple[Segment, ...]] = field(default_factory=dict)
    pending: Tuple[Pending, ...] = ()
    pause: bool = False
    stop: bool = False

    def value(self, key: Key, update: int):
        """What ``key`` is at ``update``: a number, None (the script's own), or :data:`MISSING`."""
        for segment in reversed(self.curves.get(key, ())):
            if segment.first <= update:
                return segment.at(update)
        return None

    def without(self, revision: int) -> "Control":
        """The same, without what a revision planned."""
        curves = {}
        for key, segments in self.curves.items():
            kept = tuple(segment for segment in segments if segment.revision != revision)
            if kept:
                curves[key] = kept
        pending = tuple(it for it in self.pending if it.revision != revision)
        return replace(self, curves=curves, pending=pending)

    def lacking(self, update: int, total: int) -> Optional[Tuple[Key, Segment]]:
        """A curve of which not all values have arrived."""
        for key, segments in self.curves.items():
            for segment in segments:
                if not segment.complete and segment.known_to() < total:
                    return key, segment
        return None


def read(
    event: Mapping, before: Control, groups: List[str], update: int, bounds: Optional[Tuple[float, float]], full: int
) -> Control:
    """What a ``control`` event asks for, after ``before``, where ``update`` is the next one to be made.

    A curve of ``full`` values may have more of them, to be fetched. Raises :class:`Unfit` where any part of a new
    revision is no plan for this run; then nothing of it may be applied.
    """
    pause, stop = event.get("pause") is True, event.get("stop") is True
    revision = _whole(event.get("revision"), "revision")
    if revision <= before.revision:
        return replace(before, pause=pause, stop=stop)
    first = update if event.get("from") is None else _whole(event["from"], "from")
    release = event.get("release") is True
    # What is not listed goes back to the script's own scheduler.
    new = {key: Segment(first, revision, None, True) for key in before.curves}
    if not release:
        new.update(_bent(event, revision, first, groups, bounds, full))
    curves = dict(before.curves)
    for key, segment in new.items():
        # What is in force until the new one begins; anything older is past.
        earlier = [it for it in before.curves.get(key, ()) if it.first < segment.first]
        current = max((i for i, it in enumerate(earlier) if it.first <= update), default=0)
        curves[key] = (*earlier[current:], segment)
    sent_at = _sent_at(event) if first <= update + 4 else None
    it = Pending(revision, first, release, _text(event.get("by")), _text(event.get("why")), sent_at,
                 event.get("soon") is True)
    pending = tuple(earlier for earlier in before.pending if earlier.first < first)
    return Control(revision, curves, (*pending, *_overtaken(event, before.revision, revision), it), pause, stop)


def _overtaken(event: Mapping, before: int, revision: int) -> List[Pending]:
    """Changes that begin at once and were overtaken by this one on the way: its curves hold them, too."""
    listed = event.get("open")
    listed = listed if isinstance(listed, list) and len(listed) <= 1000 else []
    known = sorted({it for it in listed if type(it) is int and before < it < revision})
    return [Pending(it, 0, False, "", "", None, True) for it in known]


def more(segment: Segment, rates, asked: int, bounds: Optional[Tuple[float, float]], key: Key) -> None:
    """Appends values that were fetched from ``segment.known_to()`` on."""
    values = _checked(rates, key, bounds)
    segment.values.extend(values[:asked])
    if len(values) < asked:
        segment.complete = True


def _bent(event, revision, first, groups, bounds, full) -> Dict[Key, Segment]:
    wanted = {}
    bent = event.get("groups") or {}
    if not isinstance(bent, dict):
        raise Unfit("its groups are no table")
    for name, curve in bent.items():
        if name not in groups and name != "all":
            raise Unfit(f"this run has no group {name!r}")
        for group in groups if name == "all" else [name]:
            wanted["lr", group] = _segment(("lr", group), curve, "rates", revision, first, bounds, full)
    numbers = event.get("numbers") or {}
    if not isinstance(numbers, dict):
        raise Unfit("its numbers are no table")
    for name, curve in numbers.items():
        if name not in NUMBERS:
            raise Unfit(f"{name!r} is no number that can be bent here ({', '.join(NUMBERS)} are)")
        if not isinstance(curve, dict):
            curve = {"value": curve}
        curve = {"values": [curve.get("value")], **curve}
        wanted["number", name] = _segment(("number", name), curve, "values", revision, first, None, full)
    return wanted


def _segment(key, curve, values, revision, first, bounds, full) -> Segment:
    if not isinstance(curve, dict):
        raise Unfit(f"the curve of {key[1]!r} is no table")
    start = _whole(curve.get("from", first), "from")
    rates = _checked(curve.get(values), key, bounds)
    if not rates:
        raise Unfit(f"the curve of {key[1]!r} has no values")
    return Segment(start, revision, rates, len(rates) < full)


def _checked(rates, key: Key, bounds: Optional[Tuple[float, float]]) -> List[float]:
    """``rates`` where every one is a number that may be applied; a lie is found here, before it can do anything."""
    if not isinstance(rates, list):
        raise Unfit(f"the values of {key[1]!r} are no list")
    kind, name = key
    low, high = NUMBERS[name] if kind == "number" else bounds or (0.0, math.inf)
    for rate in rates:
        if type(rate) not in (int, float) or not low <= rate <= high or rate == math.inf:
            break
        if kind == "number" and rate >= high:
            break
    else:
        return [float(rate) for rate in rates]
    what = f"a learning rate of {rate!r}" if kind == "lr" else f"a {name} of {rate!r}"
    if kind == "lr" and bounds:
        raise Unfit(f"{what} is outside the bounds that the script declared, {bounds[0]:g} to {bounds[1]:g}")
    raise Unfit(f"{what} makes no sense")


def _whole(value, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise Unfit(f"its {name!r} is {str(value)[:40]!r}, which counts no updates")
    return value


def _text(value) -> str:
    return value[:300] if isinstance(value, str) else ""


def _sent_at(event) -> Optional[float]:
    value = event.get("sent_at")
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
