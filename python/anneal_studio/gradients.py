"""The norm of the gradient, measured as seldom as it must be to cost next to nothing."""

import sys
import time
from typing import Any, Optional


class Norm:
    """Measures the norm of all gradients now and then.

    On the processor a measurement may take a five-hundredth of the time between two; on other devices, where the
    time of a call says nothing, every fiftieth update is measured. Gradients that are spread over processes are left
    alone: their norm would have to be worked out by all of them together.
    """

    SHARE = 1 / 500
    ELSEWHERE = 50

    def __init__(self, every: Optional[int] = None):
        self._every = every
        #: The first update, counted from 0, before which it is to be measured again.
        self.next = 1 if every is None else every
        self._began = time.monotonic()
        self._measured = 0

    def measure(self, groups: list, count: int) -> Any:
        """The norm as a number or a scalar tensor, or None where there is no gradient to measure."""
        torch = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "Tensor"):
            self.next = sys.maxsize
            return None
        start = time.monotonic()
        gradients = []
        for group in groups:
            for parameter in group["params"]:
                gradient = getattr(parameter, "grad", None)
                if gradient is None:
                    continue
                if type(gradient) is not torch.Tensor or gradient.is_sparse:
                    self.next = sys.maxsize
                    return None
                gradients.append(gradient)
        if not gradients:
            self.next = count + 10
            return None
        with torch.no_grad():
            first = gradients[0].device
            norms = [norm.to(first, torch.float32) for norm in torch._foreach_norm(gradients)]
            norm = torch.linalg.vector_norm(torch.stack(norms))
        on_processor = first.type == "cpu"
        value = norm.item() if on_processor else norm
        self._schedule(count, start, on_processor)
        return value

    def _schedule(self, count: int, start: float, on_processor: bool) -> None:
        now = time.monotonic()
        self._measured += 1
        if self._every is not None:
            self.next = count + self._every
        elif not on_processor:
            self.next = count + self.ELSEWHERE
        else:
            update = max((now - self._began) / max(count, 1), 1e-9)
            pause = max(10, int((now - start) / update / self.SHARE) + 1)
            # The first calls are slow and say little of the later ones.
            self.next = count + (min(pause, 100) if self._measured < 3 else pause)
