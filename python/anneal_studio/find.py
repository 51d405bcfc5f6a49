"""Where the studio is: its address and token."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional
from urllib.parse import urlsplit

NONE_OPEN = (
    "no open studio was found, so nothing is sent and nothing changes in this training "
    "(switch the API on in Anneal Studio, or run `anneal serve`; it joins when there is one)"
)


class NotFound(Exception):
    """There is no studio to speak to; the message says why, in a sentence."""


@dataclass(frozen=True)
class Address:
    """Where a studio listens, and the secret that lets one in."""

    host: str
    port: int
    token: str = field(repr=False)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def own_folder() -> Path:
    """The folder in which a running studio leaves its address."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path.home() / ".local" / "state"
    return base / "anneal-studio"


def studio(url: Optional[str] = None, token: Optional[str] = None) -> Address:
    """The studio to speak to: as given, by ``ANNEAL_URL`` and ``ANNEAL_TOKEN`` (or ``ANNEAL_TOKEN_FILE``), or the one
    that a running studio wrote down for this user.

    Raises :class:`NotFound` where there is none.
    """
    url = url or os.environ.get("ANNEAL_URL")
    token = token or os.environ.get("ANNEAL_TOKEN") or _token_file()
    if url and token:
        return _address(url, token)
    written = _written()
    return _address(url or written["url"], token or written["token"])


def _token_file() -> Optional[str]:
    path = os.environ.get("ANNEAL_TOKEN_FILE")
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(4096).strip()
    except (OSError, UnicodeError) as error:
        raise NotFound(f"ANNEAL_TOKEN_FILE cannot be read: {error}") from None


def _written() -> dict:
    path = own_folder() / "api.json"
    try:
        about = path.stat()
        if hasattr(os, "getuid") and about.st_uid != os.getuid():
            raise NotFound(f"{path} belongs to somebody else, so it is not believed")
        with open(path, encoding="utf-8") as file:
            written = json.loads(file.read(65_536))
        if not (isinstance(written["url"], str) and isinstance(written["token"], str)):
            raise KeyError("url")
    except FileNotFoundError:
        raise NotFound(NONE_OPEN) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(f"{path} cannot be read: {error!r}") from None
    pid = written.get("pid")
    if isinstance(pid, int) and os.name == "posix" and not _lives(pid):
        raise NotFound(NONE_OPEN)
    return written


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _address(url: str, token: str) -> Address:
    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 7117
    except ValueError as error:
        raise NotFound(f"{url!r} is not an address: {error}") from None
    if parts.scheme != "http" or not host:
        raise NotFound(f"{url!r} is not an address such as http://127.0.0.1:7117")
    if not token.isascii() or any(c.isspace() for c in token):
        raise NotFound("the token holds a space or a letter outside ASCII; copy it from the studio once more")
    return Address(host, port, token)
