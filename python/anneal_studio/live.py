"""``Live``: a training of yours as a run in Anneal Studio, whose curves can be bent while it trains."""

import atexit
import logging
import math
import os
import sys
import threading
import time
import traceback
import uuid
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import find, plan, planned
from .asked import Asked, Request
from .gradients import Norm
from .groups import Groups
from .history import History, bendable, followed, framework
from .journal import Journal
from .link import VALUES, Link
from .plan import MISSING, Change, Control, Unfit
from .said import Said


class Live:
    """A training as a run in an open studio.

    Call :meth:`step` once an update, after the backward pass and right before ``optimizer.step()``; go on calling
    ``scheduler.step()`` as ever. Nothing here waits for the studio, and nothing raises because of it: where there is
    none, or it dies, hangs or says nonsense, the training is the one it would be without this object, bit for bit.

    While nothing is bent the optimizer is only read. A bent rate is set for one update and the scheduler's own put
    back right after it, so the scheduler, and every checkpoint, know nothing of it; released control therefore
    continues where the scheduler is.

    :param optimizer: a PyTorch optimizer, or anything whose ``param_groups`` have an ``lr`` each.
    :param scheduler: its scheduler, if it has one; a copy of it is stepped ahead to draw its future.
    :param total: updates of the whole training.
    :param name: what the studio calls the run.
    :param bounds: the lowest and highest rate that may ever be applied, such as ``(0, 1e-2)``. A change with any
        rate outside is refused here, whatever the studio says; so are rates that are negative or no numbers.
    :param on_change: called in :meth:`step` with a :class:`Change` right before it is applied (save a checkpoint
        there). If it raises, the change is refused and the training goes on.
    :param on_snapshot: called in :meth:`step` with a :class:`Request` when a snapshot is asked for in the studio (save
        a checkpoint there); without it none can be asked for.
    :param on_fork: called in the same way when a fork is asked for: start another training from here, if you can.
    :param update: updates made before this object was (a resumed training).
    :param scheduler_every: updates between two ``scheduler.step()``: ``len(loader)`` where it steps once an epoch.
    :param gradient_norm: every how many updates the gradient's norm is measured; None: as often as it costs next to
        nothing; 0: never.
    :param session: what makes a restarted script the same run: the ``session`` of the Live before it.
    :param url: the studio's address, if not that of this user's open studio (or ``ANNEAL_URL``).
    :param token: its token (or ``ANNEAL_TOKEN``, ``ANNEAL_TOKEN_FILE``).
    :param fixed: why this training can be watched but not bent, in a sentence; changes are then refused with it.
    :param history: rows kept for a studio that is away, at least 16.
    :param look_again: seconds between two looks for a studio where there is none.
    :raises TypeError: where ``optimizer`` is none.
    :raises ValueError: where a number is outside its range.
    """

    def __init__(
        self,
        optimizer: Any,
        scheduler: Any = None,
        total: int = 0,
        name: str = "training",
        bounds: Optional[Tuple[float, float]] = None,
        on_change: Optional[Callable[[Change], None]] = None,
        *,
        on_snapshot: Optional[Callable[[Request], None]] = None,
        on_fork: Optional[Callable[[Request], None]] = None,
        update: int = 0,
        scheduler_every: int = 1,
        gradient_norm: Optional[int] = None,
        session: Optional[str] = None,
        url: Optional[str] = None,
        token: Optional[str] = None,
        fixed: Optional[str] = None,
        history: int = 16_384,
        look_again: float = 5.0,
    ):
        self._total = _at_least("total", total, 1)
        self._first = _at_least("update", update, 0)
        self._every = _at_least("scheduler_every", scheduler_every, 1)
        self._bounds = _bounds(bounds)
        self._groups = Groups(optimizer)
        self._scheduler = planned.inner_scheduler(scheduler)
        self._name = str(name)[:200]
        self._on_change = on_change
        self._asked = Asked(snapshot=on_snapshot, fork=on_fork)
        self._history = History()
        #: The session's id; give it to the Live of a resumed training to go on with the same run.
        self.session = session or str(uuid.uuid4())
        # Whether the first thing that is heard may be a future that the script before this one followed already.
        self._goes_on = session is not None
        self._said = Said()
        self._control = Control()
        self._lock = threading.Lock()
        self._applied = 0
        self._reports: List[dict] = []
        self._in_force: Dict[plan.Key, float] = {}
        self._counts = {"late": 0, "refused": 0, "missing": 0}
        self._paused = self._closed = self._off = False
        # A control that asks for nothing, and the update at which something is due all the same.
        self._quiet, self._watch = self._control, 0
        self._norm = None if gradient_norm == 0 else Norm(gradient_norm)
        rank = _rank()
        self._fixed = fixed
        self._several = rank is not None
        if rank is not None:
            self._fixed = "this training runs in several processes, which would come apart if one of them were bent"
        self._epoch = getattr(self._scheduler, "last_epoch", None)
        self._planned = planned.ahead(self._groups, self._scheduler, max(1, total - update), scheduler_every)
        if self._planned.why:
            self._said.say("planned", self._planned.why, logging.INFO)
        self._journal = Journal(_at_least("history", history, 16), self._groups.names, update)
        self._pid = os.getpid()
        self._link = None
        if not rank:
            self._link = Link(
                self._journal, self._said, lambda: find.studio(url, token), self._hello, self._wants, self._report,
                self._told, self._lacking, self._fetched, look_again, self._goes_on,
            )
            atexit.register(_close_at_exit, weakref.ref(self))

    # What the training calls.

    def step(self, loss: Any = None, **numbers: Any) -> None:
        """One update: sets each group's rate for it, and writes down its numbers.

        ``loss`` and the other numbers may be floats or scalar tensors; those on a device are read later, by another
        thread. Takes some microseconds, never waits, never raises.
        """
        if self._off:
            return
        try:
            journal, count = self._journal, self._journal.count
            if self._control is not self._quiet or count >= self._watch or numbers or self._groups.is_set:
                self._step(loss, numbers)
                return
            # Most updates: nothing is bent or due. After a large computation each line here costs a microsecond.
            if loss.__class__ is not float:
                loss = _kept(loss)
            journal.append(journal.next_update, loss, None, self._groups.present(), None)
        except Exception:  # The training must not end because of what only watches it.
            self._off = True
            self._groups.put_back()
            self._said.say("broken", "an error in anneal_studio itself; this training is no longer shown or bent:\n"
                                     + traceback.format_exc(limit=6))

    def log(self, **numbers: Any) -> None:
        """Adds numbers to the newest update: what is known only after it, such as an accuracy."""
        if not self._off:
            self._journal.add({name: _kept(value) for name, value in numbers.items()})

    @property
    def rates(self) -> Dict[str, float]:
        """Each group's rate of the newest update, as it was applied."""
        own = dict(zip(self._groups.names, self._groups.rates()))
        return {name: self._in_force.get(("lr", name), rate) for name, rate in own.items()}

    @property
    def bent(self) -> bool:
        """Whether the newest update used anything that the studio planned."""
        return bool(self._in_force)

    @property
    def next_update(self) -> int:
        """The index of the update that the next :meth:`step` is for."""
        return self._journal.next_update

    def planned_rate(self, update: int, group: int = 0) -> Optional[float]:
        """A group's own rate at an update, by the copy of its scheduler; None where it is not known."""
        known, index = self._planned, update - self._first
        rates = known.rates[self._groups.names[group]]
        if self._scheduler is None or known.every != 1 or not 0 <= index < len(rates):
            return None
        return rates[index]

    @property
    def connected(self) -> bool:
        """Whether a studio shows this training at present."""
        return self._link is not None and self._link.connected

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked in the studio that the training ends; the loop decides."""
        return self._control.stop

    @property
    def pause_requested(self) -> bool:
        """Whether somebody asked in the studio that the training pauses. False as soon as the studio is gone."""
        return self._control.pause and self.connected

    def wait_while_paused(self) -> None:
        """Waits for as long as a pause is asked for; returns at once where none is, or the studio is gone."""
        if not self.pause_requested or self._closed:
            return
        self._paused = True
        try:
            while self.pause_requested and not self.stop_requested:
                if self._asked.take_step(self._journal.next_update):
                    self._poke()
                    break
                time.sleep(0.02)
        finally:
            self._paused = False

    @property
    def counts(self) -> Dict[str, int]:
        """What did not go as planned, in numbers: rows ``dropped`` from the picture, changes ``late`` or ``refused``,
        updates whose planned rate was ``missing``, ``failures`` of the connection, and ``connections`` made."""
        link = self._link
        of_link = {"dropped": 0, "failures": 0, "connections": 0} if link is None else {
            "dropped": link.dropped, "failures": link.failures, "connections": link.connections,
        }
        return {**self._counts, **of_link}

    def close(self, timeout: float = 2.0) -> None:
        """Ends the run in the studio, sends what is left (for at most ``timeout`` seconds), and leaves the optimizer
        with its scheduler's rates. Called by itself when the script ends."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = self._off = True
        self._groups.close()
        if self._link is not None:
            self._link.close(timeout if self._link.connected else 0.2)
        self._said.flush()

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # One update.

    def _step(self, loss: Any, numbers: dict) -> None:
        groups, journal = self._groups, self._journal
        if groups.is_set:
            self._put_back_late()
        update = journal.next_update
        count = journal.count
        control = self._control
        if self._asked.waits():
            self._asked.obey(update)
            self._poke()
        if control.pending and control.pending[-1].revision > self._applied:
            control = self._take(control, update)
        norm = None
        if self._norm is not None and count >= self._norm.next:
            norm = self._norm.measure(groups.optimizer.param_groups, count)
        own = groups.present()
        # At the updates 1, 2, 4, 8 and so on, and then now and then.
        if count & (count - 1) == 0 or count % 256 == 0:
            self._check_planned(count, own)
        self._watch = min(self._norm.next if self._norm else sys.maxsize, 1 << count.bit_length(), (count | 255) + 1)
        extra = {name: _kept(value) for name, value in numbers.items()} if numbers else None
        rates = own
        if control.curves:
            rates, bent = self._bend(control, update, own)
            if bent:
                extra = {**bent, **(extra or {})}
        else:
            self._in_force = {}
        waits = control.pending and control.pending[-1].revision > self._applied
        self._quiet = control if not waits and self._released(control, update) else None
        journal.append(update, _kept(loss), norm, rates, extra)

    def _released(self, control: Control, update: int) -> bool:
        """Whether nothing is bent after an update, as far as is known."""
        return all(segments[-1].values is None and segments[-1].first <= update for segments in control.curves.values())

    def _bend(self, control: Control, update: int, own: tuple) -> Tuple[tuple, dict]:
        """Sets what is planned for this update; the groups' rates, and the other numbers that are bent."""
        groups = self._groups
        groups.after_updates(self._put_back)
        force, rates, bent = {}, list(own), {}
        for index, name in enumerate(groups.names):
            value = self._value(control, ("lr", name), update)
            if value is not None:
                groups.set_rate(index, value)
                rates[index] = force["lr", name] = value
        for key in control.curves:
            if key[0] == "number":
                value = self._value(control, key, update)
                if value is not None:
                    groups.set_number(key[1], value)
                    bent[key[1]] = force[key] = value
        self._in_force = force
        return tuple(rates), bent

    def _value(self, control: Control, key: plan.Key, update: int) -> Optional[float]:
        value = control.value(key, update)
        if value is MISSING:
            # Planned, but not here: the studio went before it sent everything. What was in force stays.
            self._counts["missing"] += 1
            value = self._in_force.get(key)
            self._said.say("missing", f"the plan of {key[1]!r} ends at update {update}, as the studio is not there to "
                                      "send more: its last value is held")
        return value

    def _take(self, control: Control, update: int) -> Control:
        """Revisions whose time has come: asked of ``on_change``, and told to the studio."""
        for it in control.pending:
            if it.revision <= self._applied or it.first > update:
                continue
            self._applied = it.revision
            if self._on_change is not None:
                try:
                    self._on_change(it.change(update))
                except Exception as error:  # Their checkpoint failed: then nothing is changed.
                    self._refuse(it.revision, f"on_change failed ({error!r:.200})", update)
                    with self._lock:
                        self._control = self._control.without(it.revision)
                    control = control.without(it.revision)
                    continue
            late = update > it.first and not it.soon
            self._history.add(it, update, late)
            latency = None if it.sent_at is None else max(0.0, time.time() - it.sent_at)
            self._tell({"revision": it.revision, "update": update, "late": late, "latency_s": latency})
            if late:
                self._counts["late"] += 1
                self._said.say("late", f"a change promised for update {it.first} arrived when {update} were made and is "
                                       "in effect from there (later ones are counted in live.counts)", logging.INFO)
        return control

    def _put_back(self) -> None:
        """After the optimizer's update: its scheduler's numbers again."""
        if self._groups.is_set:
            self._groups.put_back()

    def _put_back_late(self) -> None:
        """Before the next update, where nothing told that the last one was made: it was skipped (a gradient scaler
        does so), or this optimizer has no hooks. Its scheduler may have made its next rate of a bent one."""
        if self._groups.put_back() or self._scheduler is None:
            return
        epoch = getattr(self._scheduler, "last_epoch", None)
        known = self._planned
        if type(epoch) is int and type(self._epoch) is int and known.every == 1 and not known.why:
            index = (epoch - self._epoch) * self._every
            for group, name in zip(self._groups.optimizer.param_groups, self._groups.names):
                if 0 <= index < len(known.rates[name]):
                    if hasattr(group["lr"], "fill_"):
                        group["lr"].fill_(known.rates[name][index])
                    else:
                        group["lr"] = known.rates[name][index]
            return
        self._said.say("skipped", "an update was skipped while a rate was bent, and the scheduler's own rate is not "
                                  "known: it goes on from the bent one")

    def _check_planned(self, count: int, own: tuple) -> None:
        """Says where the scheduler does not do what its copy did: it mostly is not stepped as was said."""
        known = self._planned
        if self._scheduler is None or known.why or count % known.every:
            return
        index = count // known.every
        for rate, name in zip(own, self._groups.names):
            rates = known.rates[name]
            if index < len(rates) and type(rate) is float and rate != rates[index]:
                self._said.say("plan", f"the scheduler's rate at update {self._first + count} is {rate:g}, where a copy of "
                                       f"it had {rates[index]:g}: the dashed future is wrong. Is scheduler.step() called "
                                       "once after every update? If once in N, pass scheduler_every=N")
                known.why = "the scheduler is stepped otherwise than its copy was"
                return

    # What the client's own threads call.

    def _hello(self) -> dict:
        rates = self._groups.rates() if not self._groups.is_set else [r[-1] for r in self._planned.rates.values()]
        known = self._planned
        return {
            "session": self.session, "name": self._name, "total": self._total, "update": self._journal.next_update,
            "groups": [{"name": name, "lr": rate, "parameters": count} for name, rate, count in
                       zip(self._groups.names, rates, self._groups.counts())],
            "bounds": list(self._bounds) if self._bounds else None, "planned": known.rates,
            "planned_from": self._first, "planned_every": known.every, "planned_why": known.why or None,
            "numbers": [name for name in plan.NUMBERS if not self._groups.lacks(name)],
            "number_values": bendable(self._groups), "soon": True, "asked": self._asked.newest,
            "changes": self._history.changes(), **followed(self._control),
            "can": [] if self._several else ["pause", "stop", *self._asked.can()], "revision": self._control.revision,
            "client": {"framework": framework(), "pid": os.getpid(), "python": sys.version.split()[0]},
        }

    def _wants(self, event: dict) -> None:
        """A control event; what does not fit is refused whole."""
        if not self._several:
            self._asked.hear(event)
        with self._lock:
            before = self._control
            update = self._journal.next_update
            if self._goes_on:
                event, self._goes_on = {**event, "soon": True}, False
            try:
                after = plan.read(event, before, self._groups.names, update, self._bounds, VALUES)
                if after.revision > before.revision:
                    if self._fixed:
                        raise Unfit(self._fixed)
                    for kind, name in after.curves:
                        why = self._groups.lacks(name) if kind == "number" else None
                        if why:
                            raise Unfit(why)
            except Unfit as unfit:
                revision = event.get("revision")
                if type(revision) is int and before.revision < revision < 1 << 53:
                    self._refuse(revision, str(unfit), update)
                    before = Control(revision, before.curves, before.pending)
                after = Control(before.revision, before.curves, before.pending,
                                event.get("pause") is True, event.get("stop") is True)
            if self._several:
                after = Control(after.revision, after.curves, after.pending)
            self._control = after

    def _refuse(self, revision: int, reason: str, update: int) -> None:
        self._counts["refused"] += 1
        self._tell({"refused": revision, "reason": reason, "update": update})
        self._said.say("refused", f"a change from the studio was refused: {reason} (later ones are counted in "
                                  "live.counts)")

    def _tell(self, entry: dict) -> None:
        if len(self._reports) < 1000:
            self._reports.append(entry)
        self._poke()

    def _poke(self) -> None:
        if self._link is not None:
            self._link.poke()

    def _report(self) -> dict:
        done = self._journal.next_update >= self._total
        state = ("finished" if done else "stopped") if self._closed else "paused" if self._paused else "training"
        return {"applied": self._reports[:100], "answered": self._asked.answers[:100], "state": state}

    def _told(self, report: dict) -> None:
        del self._reports[:len(report["applied"])]
        self._asked.told(len(report["answered"]))

    def _lacking(self) -> Any:
        return self._control.lacking(self._journal.next_update, self._total)

    def _fetched(self, lacking: Any, rates: Any) -> None:
        key, segment = lacking
        try:
            plan.more(segment, rates, VALUES, self._bounds, key)
        except Unfit as unfit:
            segment.complete = True
            self._refuse(segment.revision, f"{unfit}; its plan is held where it was right", self._journal.next_update)


def _kept(value: Any) -> Any:
    """A number now, or what another thread can make one of later without waiting here."""
    if value is None or value.__class__ is float:
        return value
    try:
        # PyTorch's, in memory: the one that is cheap to read at once.
        if value.is_cpu:
            return value.item()
        return value.detach().clone()
    except (AttributeError, RuntimeError):
        pass
    if isinstance(value, (int, float)) or type(value).__module__ == "numpy":
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            return value
    return value


def _at_least(name: str, value: int, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{name} is {value!r}; it counts updates, from {least} on" if name != "history"
                         else f"history is {value!r}; it counts rows, from {least} on")
    return value


def _bounds(bounds: Optional[Tuple[float, float]]) -> Optional[Tuple[float, float]]:
    if bounds is None:
        return None
    low, high = (float(bound) for bound in bounds)
    if not 0 <= low <= high or math.isinf(low):
        raise ValueError(f"bounds are {bounds!r}; they are the lowest and the highest rate, such as (0, 1e-2)")
    return low, high


def _rank() -> Optional[int]:
    """This process's rank where several train together, or None where it trains alone."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        if distributed.get_world_size() > 1:
            return distributed.get_rank()
    return None


def _close_at_exit(live: "weakref.ref[Live]") -> None:
    it = live()
    if it is not None:
        it.close(timeout=1.0)
