"""The groups of an optimizer: reading and setting their rates and other numbers, and putting back what was there."""

from typing import Any, Callable, List, Optional


def number(value: Any) -> float:
    """A rate that an optimizer holds, a tensor or not, as a number."""
    return float(value)


def plain(value: Any, depth: int = 0) -> Any:
    """A value taken apart so that two moments of it can be compared."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth < 6:
        if isinstance(value, dict):
            return {str(key): plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item, depth + 1) for item in value]
        if hasattr(value, "last_epoch"):
            return plain(vars(value), depth + 1)
    return id(value)


def inner(optimizer: Any) -> Any:
    """The optimizer inside the wrappers of accelerate and Lightning."""
    for _ in range(4):
        inside = getattr(optimizer, "optimizer", None)
        if not hasattr(inside, "param_groups"):
            break
        optimizer = inside
    return optimizer


class Groups:
    """The parameter groups of a PyTorch optimizer, or of anything with ``param_groups`` and an ``lr`` in each.

    What is set holds for one update. It is put back right after, so that the scheduler, whose next rate often is made
    of the last one, and a checkpoint see their own rate only.
    """

    def __init__(self, optimizer: Any):
        self.optimizer = inner(optimizer)
        groups = getattr(self.optimizer, "param_groups", None)
        if not isinstance(groups, list) or not groups or not all("lr" in group for group in groups):
            raise TypeError(f"{type(optimizer).__name__} is no optimizer with param_groups that have an lr each")
        self.names = _names(groups)
        # (group, key, what was there, what was set)
        self._set: List[tuple] = []
        #: Whether something is set that is to be put back.
        self.is_set = False
        self._hook = None
        self._are_floats = all(type(group["lr"]) is float for group in groups)

    def counts(self) -> List[int]:
        """The parameters of each group."""
        count = []
        for group in self.optimizer.param_groups:
            parameters = group.get("params", ())
            count.append(group.get("parameters") or sum(p.numel() if hasattr(p, "numel") else 1 for p in parameters))
        return count

    def rates(self) -> List[float]:
        """Each group's present rate."""
        return [number(group["lr"]) for group in self.optimizer.param_groups]

    def present(self) -> tuple:
        """Each group's present rate, without waiting for a device that computes."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return tuple(rates if self._are_floats else map(_later, rates))

    def after_updates(self, done: Callable[[], None]) -> None:
        """Calls ``done`` after each of the optimizer's updates from now on, where the optimizer can tell."""
        register = getattr(self.optimizer, "register_step_post_hook", None)
        if self._hook is None and register is not None:
            self._hook = register(lambda *_: done())

    def close(self) -> None:
        """Puts everything back and leaves the optimizer."""
        self.put_back()
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def lacks(self, name: str) -> Optional[str]:
        """Why a number cannot be bent here, in a sentence, or None where it can."""
        if any(_holds(group, name) for group in self.optimizer.param_groups):
            return None
        return f"{type(self.optimizer).__name__} has no {name}"

    def number(self, name: str) -> Optional[float]:
        """What a number is in the first group that has it."""
        for group in self.optimizer.param_groups:
            if _holds(group, name):
                value = group["betas"][int(name[-1]) - 1] if name in ("beta1", "beta2") else group[name]
                try:
                    return number(value)
                except (TypeError, ValueError):
                    return None
        return None

    def set_rate(self, index: int, rate: float) -> None:
        """Sets one group's rate for the update to come."""
        self._write(self.optimizer.param_groups[index], "lr", rate)

    def set_number(self, name: str, value: float) -> None:
        """Sets a number for the update to come, in every group that has it."""
        for group in self.optimizer.param_groups:
            if name in ("beta1", "beta2"):
                if "betas" in group:
                    betas = list(group["betas"])
                    betas[int(name[-1]) - 1] = value
                    self._write(group, "betas", tuple(betas))
            elif name in group:
                self._write(group, name, value)

    def put_back(self) -> bool:
        """Puts back what was there before; False where somebody else wrote over it meanwhile."""
        own = True
        for group, key, before, after in reversed(self._set):
            now = group.get(key)
            if hasattr(now, "fill_"):
                now.copy_(before)
            elif now == after:
                group[key] = before
            else:
                own = False
        self._set.clear()
        self.is_set = False
        return own

    def _write(self, group: dict, key: str, value: Any) -> None:
        now = group[key]
        self.is_set = True
        if hasattr(now, "fill_"):
            # A rate in a tensor stays that tensor: a captured graph reads it there.
            self._set.append((group, key, now.detach().clone(), None))
            now.fill_(value)
        else:
            self._set.append((group, key, now, value))
            group[key] = value


def _holds(group: dict, name: str) -> bool:
    return "betas" in group if name in ("beta1", "beta2") else name in group


def _later(value: Any) -> Any:
    device = getattr(value, "device", None)
    if device is not None and getattr(device, "type", "cpu") != "cpu":
        return value.detach().clone()
    return float(value)


def _names(groups: List[dict]) -> List[str]:
    if len(groups) == 1 and not groups[0].get("name"):
        return ["all"]
    names: List[str] = []
    for index, group in enumerate(groups):
        name = str(group.get("name") or f"group {index}")[:80]
        if name == "all" and len(groups) > 1:
            name = "all of them"
        while name in names:
            name += "'"
        names.append(name)
    return names
