"""What a studio may ask a run to do once: one update while it is paused, a snapshot, a fork."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional

#: Requests that may wait; more come again with the studio's next event.
MOST = 32


@dataclass(frozen=True)
class Request:
    """What ``on_snapshot`` and ``on_fork`` are given: ``what`` is asked for, after ``update`` updates; ``by`` and ``why``
    are what the person or program gave."""

    what: str
    update: int
    by: str
    why: str


class Asked:
    """The requests of one run, and the answers until they are sent."""

    def __init__(self, **obeys: Optional[Callable[[Request], None]]):
        self._obeys: Dict[str, Callable[[Request], None]] = {what: do for what, do in obeys.items() if do is not None}
        self._waiting: List[dict] = []
        #: The newest request that was heard of.
        self.newest = 0
        #: What became of requests, for the studio.
        self.answers: List[dict] = []

    def can(self) -> List[str]:
        """What this run does when it is asked."""
        return ["step", *self._obeys]

    def hear(self, event: Mapping) -> None:
        """Takes what an event asks for; anything that is no request is passed over."""
        asked = event.get("asked")
        for it in asked if isinstance(asked, list) else ():
            number = it.get("id") if isinstance(it, dict) else None
            if type(number) is not int or not self.newest < number < 1 << 53 or len(self._waiting) >= MOST:
                continue
            self.newest = number
            if it.get("what") in self.can():
                self._waiting.append(it)
            else:
                self._answer(number, None, f"this script does not {str(it.get('what'))[:40]}")

    def waits(self) -> bool:
        """Whether something is to be done."""
        return bool(self._waiting)

    def take_step(self, update: int) -> bool:
        """Whether a paused training is to make one update."""
        step = next((it for it in self._waiting if it["what"] == "step"), None)
        if step is not None:
            self._waiting.remove(step)
            self._answer(step["id"], update, None)
        return step is not None

    def obey(self, update: int) -> None:
        """Does what waits, after ``update`` updates. What the script's own function raises is the answer."""
        while self._waiting:
            it = self._waiting.pop(0)
            error = None
            if it["what"] in self._obeys:
                try:
                    self._obeys[it["what"]](Request(it["what"], update, _text(it.get("by")), _text(it.get("why"))))
                except Exception as raised:  # Their disk is full, say: the training goes on.
                    error = f"its script could not: {raised!r:.200}"
            self._answer(it["id"], update, error)

    def told(self, count: int) -> None:
        """So many answers have arrived."""
        del self.answers[:count]

    def _answer(self, number: int, update: Optional[int], error: Optional[str]) -> None:
        if len(self.answers) < 1000:
            self.answers.append({"id": number, "update": update if error is None else None, "error": error})


def _text(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""
