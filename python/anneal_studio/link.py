"""The client's own threads: they speak to the studio, and nothing they meet there reaches the training."""

import http.client
import logging
import re
import socket
import threading
import time
from typing import Any, Callable, Optional
from urllib.parse import quote

from . import find
from .journal import Journal
from .said import Said
from .wire import Nonsense, Refused, Wire

#: Rows of one request, and values of a plan that are fetched at once: what keeps the interpreter busy for less than
#: a millisecond.
ROWS = 250
VALUES = 4096
#: Seconds between two requests.
PERIOD = 0.2
#: Seconds of a request, and of silence on the stream (the studio says that it is alive every 2 s).
TIMEOUT = 2.0
SILENCE = 6.0
#: Seconds between two tries to find the studio again: at first, and at most.
WAIT, LONGEST_WAIT = 0.5, 10.0


class Link:
    """Sends rows, listens for what the studio wants, and tries again for as long as the training runs.

    ``hello()`` is the body of the first request, ``control(event)`` takes what the studio wants, ``report()`` gives
    what is to be told beside the rows, ``told(report)`` that it has arrived.
    """

    def __init__(
        self, journal: Journal, said: Said, where: Callable[[], find.Address], hello: Callable[[], dict],
        control: Callable[[dict], None], report: Callable[[], dict], told: Callable[[dict], None],
        lacking: Callable[[], Any], fetched: Callable[[Any, Any], None], look_again: float, goes_on: bool = False,
    ):
        self._journal, self._said, self._where = journal, said, where
        self._hello, self._control, self._report, self._told = hello, control, report, told
        self._lacking, self._fetched, self._look_again = lacking, fetched, look_again
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._sent = 0
        # Rows of the processes before this one that the run has already; not known before the first answer.
        self._before: Optional[int] = None if goes_on else 0
        self._id: Optional[str] = None
        self._stepped = (0, time.monotonic())
        self._pace: Optional[float] = None
        #: Whether the studio answers.
        self.connected = False
        #: Rows that were overwritten before they could be sent, connections made, and failures met.
        self.dropped = self.connections = self.failures = 0
        self._thread = threading.Thread(target=self._run, name="anneal-live", daemon=True)
        self._thread.start()

    def poke(self) -> None:
        """There is something to be told at once."""
        self._wake.set()

    def close(self, seconds: float) -> None:
        """Sends what is left, for at most so many seconds."""
        self._closing.set()
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def url(self) -> Optional[str]:
        """The run's address in the API, while there is one."""
        return f"/v1/runs/{self._id}" if self._id and self.connected else None

    def _run(self) -> None:
        wait = WAIT
        while True:
            pause = wait
            try:
                self._attend(self._where())
            except find.NotFound as missing:
                self._said.say("none", f"Anneal Studio: {missing}")
                pause = self._look_again
            except Refused as refused:
                self.failures += 1
                pause = self._refused(refused, wait)
            except (OSError, http.client.HTTPException) as error:
                self.failures += 1
                what = str(error) or type(error).__name__
                self._said.say("lost", f"Anneal Studio does not answer ({what}); the training goes on without it, and "
                                       "the rows are kept until it is back")
            except Exception as error:  # Whatever the other side says, the training does not hear of it.
                self.failures += 1
                self._said.say("nonsense", f"what answers in Anneal Studio's place is not understood ({error!r:.200}); "
                                           "the training goes on without it")
            was_connected, self.connected = self.connected, False
            wait = WAIT if was_connected else min(2 * wait, LONGEST_WAIT)
            if self._closing.is_set():
                self._say_odd()
                return
            self._rest(pause)
            if self._closing.is_set():
                self._say_odd()
                return

    def _rest(self, seconds: float) -> None:
        """Waits for the next try, and meanwhile keeps no device's memory."""
        end = time.monotonic() + seconds
        while not self._closing.is_set() and time.monotonic() < end:
            self._journal.settle(self._journal.count - 1)
            self._say_odd()
            self._closing.wait(min(0.5, max(0.0, end - time.monotonic())))

    def _refused(self, refused: Refused, wait: float) -> float:
        if refused.status in (401, 403):
            self._said.say("token", f"Anneal Studio lets nobody in with this token ({refused}); the training goes on "
                                    "without it")
            return LONGEST_WAIT
        if refused.status != 404:
            self._said.say(f"refused {refused.status}", f"Anneal Studio refuses this run: {refused}")
        return refused.retry_after or wait

    def _attend(self, address: find.Address) -> None:
        """Speaks to one studio until it goes or the training ends."""
        wire = Wire(address, TIMEOUT)
        listener = None
        try:
            welcome = wire.call("POST", "/v1/live", self._hello())
            self._id = _name(welcome.get("id"))
            have = _count(welcome.get("have"))
            if self._before is None:
                self._before = max(0, have)
            self._sent = min(max(have - self._before, 0), self._journal.count)
            self._said.say("found", f"Anneal Studio at {address.url} shows this training", logging.INFO)
            self.connections += 1
            self.connected = True
            listener = self._listen(address)
            backwards = 0
            while True:
                closing = self._closing.is_set()
                if not closing:
                    self._wake.wait(PERIOD)
                    self._wake.clear()
                self._say_odd()
                before = self._sent
                is_done = self._send(wire, closing)
                backwards += self._sent < before
                if backwards > 3:
                    raise Nonsense("it asks for the same rows again and again")
                if closing:
                    if is_done:
                        return
                    continue
                self._fetch(wire)
                if isinstance(listener.error, socket.timeout):
                    # Silent, while the studio answers all else: its stream is opened anew, and begins with the whole state.
                    listener.close()
                    listener = self._listen(address)
                elif listener.error is not None:
                    raise listener.error
        finally:
            if listener is not None:
                listener.close()
            wire.close()

    def _listen(self, address: find.Address) -> "_Listener":
        return _Listener(Wire(address, SILENCE), self._id, self._control, self._wake)

    def _send(self, wire: Wire, closing: bool) -> bool:
        """One request with the next rows; True where no row is left."""
        journal = self._journal
        oldest = journal.safe()
        if self._sent < oldest:
            self.dropped += oldest - self._sent
            self._sent = oldest
        end = journal.count
        now = time.monotonic()
        made, since = self._stepped
        if end > made and now - since >= 2 * PERIOD:
            self._pace = (now - since) / (end - made) if made else None
            self._stepped = (end, now)
        # Numbers may still join the newest row, while its update is made.
        still = end == made and now - since > 1.0
        last = max(self._sent, min(end if closing or still else end - 1, self._sent + ROWS))
        report = self._report()
        body = dict(report, first=self._before + self._sent, rows=journal.columns(self._sent, last), dropped=self.dropped,
                    now=journal.next_update, pace_s=self._pace)
        answer = wire.call("POST", f"/v1/live/{self._id}/rows", body)
        self._told(report)
        self._sent = min(max(_count(answer.get("have")) - self._before, 0), last)
        if last < end - 1:
            # More is waiting; between two requests the training has the interpreter for itself.
            if not closing:
                time.sleep(PERIOD / 4)
            self._wake.set()
        return last >= end

    def _fetch(self, wire: Wire) -> None:
        lacking = self._lacking()
        if lacking is None:
            return
        (_, name), segment = lacking
        path = (f"/v1/runs/{self._id}/rates?revision={segment.revision}&group={quote(name, safe='')}"
                f"&from={segment.known_to()}&count={VALUES}")
        self._fetched(lacking, wire.call("GET", path).get("rates"))
        self._wake.set()
        time.sleep(0.02)

    def _say_odd(self) -> None:
        for name, what in list(self._journal.odd.items()):
            self._said.say(f"odd {name}", f"{name} is no number and is not shown ({what})")
        if self.dropped:
            self._said.say("dropped", "updates come faster than they can be shown, or the studio was away for long: "
                                      "some rows are left out of its picture (live.counts says how many)")
        self._said.flush()


class _Listener:
    """Reads the stream of what the studio wants, on a thread of its own."""

    def __init__(self, wire: Wire, run: str, control: Callable[[dict], None], wake: threading.Event):
        self._wire, self._run, self._control, self._wake = wire, run, control, wake
        #: Why the stream ended.
        self.error: Optional[Exception] = None
        self._closed = False
        threading.Thread(target=self._listen, name="anneal-live-control", daemon=True).start()

    def close(self) -> None:
        self._closed = True
        self._wire.cut()

    def _listen(self) -> None:
        try:
            for name, event in self._wire.events(f"/v1/live/{self._run}/control"):
                began = time.thread_time()
                if name == "control" and not self._closed:
                    self._control(event)
                    self._wake.set()
                # Whatever comes, nine tenths of the interpreter are the training's.
                time.sleep(min(10 * (time.thread_time() - began), 1.0))
                if self._closed:
                    return
            raise ConnectionError("it ended the stream of what it wants")
        except Exception as error:  # As in `Link._run`, which is told.
            self.error = error
            self._wake.set()


def _name(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        return value
    raise Nonsense(f"a run called {value!r:.80}")


def _count(value: Any) -> int:
    if type(value) is int:
        return value
    raise Nonsense(f"{value!r:.80} rows")
