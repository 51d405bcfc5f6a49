"""What is said to the person at the keyboard: each thing once, in plain words, and never by the training's own thread."""

import collections
import logging
import threading

log = logging.getLogger("anneal_studio")


class Said:
    """Sentences on their way to the log ``anneal_studio``.

    The training thread only puts them down (:meth:`say`); the client's own thread writes them (:meth:`flush`), so a
    terminal that does not take any more output cannot hold a training up.
    """

    def __init__(self, limit: int = 64):
        self._known = set()
        self._waiting = collections.deque(maxlen=limit)
        self._lock = threading.Lock()

    def say(self, key: str, sentence: str, level: int = logging.WARNING) -> None:
        """Says ``sentence``, unless something was said under ``key`` before."""
        with self._lock:
            if key not in self._known:
                self._known.add(key)
                self._waiting.append((level, sentence))

    def forget(self, key: str) -> None:
        """Lets ``key`` be said again: what it told has passed."""
        with self._lock:
            self._known.discard(key)

    def flush(self) -> None:
        """Writes what waits."""
        while True:
            try:
                level, sentence = self._waiting.popleft()
            except IndexError:
                return
            log.log(level, "%s", sentence)
