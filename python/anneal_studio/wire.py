"""Requests to the studio: small, bounded in size and in time."""

import http.client
import json
import socket
from typing import Any, Iterator, Optional, Tuple

from .find import Address

MAX_ANSWER = 8 << 20
MAX_EVENT = 8 << 20


class Refused(Exception):
    """The studio answered with an error status."""

    def __init__(self, status: int, sentence: str, retry_after: Optional[float] = None):
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


class Nonsense(Exception):
    """The other side answered what no studio says."""


class Wire:
    """One connection that is kept open, for one thread."""

    def __init__(self, address: Address, timeout: float):
        self._connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout)
        self._sock: Optional[socket.socket] = None
        self._headers = {"Authorization": f"Bearer {address.token}", "User-Agent": "anneal-studio-python"}

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def cut(self) -> None:
        """Ends what another thread reads from the connection."""
        sock = self._sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def call(self, method: str, path: str, body: Any = None) -> dict:
        """The JSON object that the studio answers with.

        Raises :class:`Refused` for an error status, :class:`Nonsense` for an answer that is no JSON object, and
        ``OSError`` or ``http.client.HTTPException`` where the connection fails or takes too long.
        """
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        try:
            reused = self._connection.sock is not None
            try:
                answer = self._ask(method, path, data, headers)
            except ConnectionError:
                # A connection that was idle for some seconds is closed by the studio; a new one will do.
                if not reused:
                    raise
                self.close()
                answer = self._ask(method, path, data, headers)
            content = answer.read(MAX_ANSWER + 1)
        except BaseException:
            self.close()
            raise
        if len(content) > MAX_ANSWER:
            self.close()
            raise Nonsense("an answer of more than 8 MiB")
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = None
        if answer.status >= 300:
            raise _refusal(answer, content)
        if not isinstance(content, dict):
            raise Nonsense(f"an answer to {method} {path} that is no JSON object")
        return content

    def _ask(self, method: str, path: str, data, headers) -> http.client.HTTPResponse:
        self._connection.request(method, path, data, headers)
        return self._connection.getresponse()

    def events(self, path: str) -> Iterator[Tuple[str, dict]]:
        """The events of a stream, each as its name and data, until the stream ends."""
        try:
            self._connection.request("GET", path, headers={**self._headers, "Accept": "text/event-stream"})
            self._sock = self._connection.sock
            answer = self._connection.getresponse()
            if answer.status != 200:
                raise _refusal(answer, None)
            name, data = "message", []
            while True:
                line = answer.readline(MAX_EVENT + 1)
                if not line:
                    return
                if len(line) > MAX_EVENT:
                    raise Nonsense("an event of more than 8 MiB")
                line = line.rstrip(b"\r\n")
                if not line:
                    if data:
                        yield name, _object(b"\n".join(data))
                    name, data = "message", []
                elif line.startswith(b"event:"):
                    name = line[6:].strip().decode("utf-8", "replace")
                elif line.startswith(b"data:"):
                    data.append(line[5:].strip())
                    if sum(map(len, data)) > MAX_EVENT:
                        raise Nonsense("an event of more than 8 MiB")
        finally:
            self.close()


def _object(text: bytes) -> dict:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Nonsense("an event that is no JSON object")
    return content


def _refusal(answer: http.client.HTTPResponse, content: Any) -> Refused:
    sentence = content.get("error") if isinstance(content, dict) else None
    if not isinstance(sentence, str):
        sentence = f"status {answer.status}"
    seconds = answer.getheader("Retry-After") or ""
    retry_after = min(float(seconds), 60.0) if seconds.isdecimal() else None
    return Refused(answer.status, sentence[:300], retry_after)
