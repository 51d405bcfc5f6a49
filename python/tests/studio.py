"""A stand-in for the studio: it answers as it is told to, well or badly."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "5" * 64


class Studio:
    """A small server of the API's live half. ``mood`` says how it behaves, and may change while it runs."""

    def __init__(self, mood="good", plan=None):
        self.mood = mood
        #: What a request for further rates is answered from: a function of the update.
        self.plan = plan or (lambda update: 0.25)
        self.hellos, self.posts, self.applied, self.answered, self.rows = [], [], [], [], {}
        self.state = {"revision": 0, "from": 0, "pause": False, "stop": False, "release": False, "groups": {},
                      "numbers": {}}
        self._changed = threading.Condition()
        self._version = 0
        self._over = False
        class Handler(_Handler):
            studio = self

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), name="stand-in", daemon=True).start()

    def tell(self, **state):
        """Changes what the run is to do; with ``rates`` or ``numbers`` it is a new revision."""
        with self._changed:
            if state.keys() & {"groups", "numbers", "release"}:
                self.state["revision"] += 1
                self.state.update(release=False, soon=False, groups={}, numbers={}, sent_at=time.time())
            self.state.update(state)
            self._version += 1
            self._changed.notify_all()

    def wait(self, until, seconds=30.0):
        """Waits until a condition holds; fails where it does not."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise AssertionError("what was waited for did not come")
            time.sleep(0.005)

    def column(self, name):
        """What the rows say of a column, by update."""
        return {update: row.get(name) for update, row in sorted(self.rows.items())}

    def close(self):
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    studio: Studio

    def log_message(self, *_):
        pass

    def do_GET(self):
        studio, url = self.studio, urlsplit(self.path)
        if not self._let_in():
            return
        if url.path.endswith("/control"):
            self._stream()
        elif url.path.endswith("/rates"):
            asked = {key: value[0] for key, value in parse_qs(url.query).items()}
            first, count = int(asked["from"]), int(asked["count"])
            self._answer(200, {"rates": [studio.plan(update) for update in range(first, first + count)]})
        else:
            self._answer(404, {"error": "there is no such thing"})

    def do_POST(self):
        studio = self.studio
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._let_in():
            return
        if self.path == "/v1/live":
            studio.hellos.append(body)
            self._answer(201, {"id": "l1", "revision": 0, "have": 0, "lead": 2})
            return
        if studio.mood == "hangs":
            studio.posts.append(body)
            time.sleep(30)
        if studio.mood == "slow":
            time.sleep(0.3)
        if studio.mood == "dies":
            self.connection.close()
            self.close_connection = True
            return
        studio.posts.append(body)
        columns = body["rows"]
        for i, update in enumerate(columns.get("update", [])):
            studio.rows[update] = {name: values[i] for name, values in columns.items()}
        studio.applied += body["applied"]
        studio.answered += body["answered"]
        have = body["first"] + len(columns.get("update", []))
        if studio.mood == "lies":
            have = 10**30
        if studio.mood == "forgets":
            have = 0
        self._answer(200, {"have": have, "revision": studio.state["revision"]})

    def _let_in(self):
        mood = self.studio.mood
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"error": "the token is not this studio's"})
        elif mood == "garbage":
            self.wfile.write(b"\x00\xff nothing of HTTP \r\n\r\n" * 100)
            self.close_connection = True
        elif mood == "page":
            self._answer(200, "<html>not a studio</html>")
        elif mood == "huge":
            self._answer(200, {"id": "l1", "have": 0, "noise": "x" * (9 << 20)})
        elif mood == "deep":
            self._answer(200, None, b"[" * 200_000)
        elif mood == "busy":
            self._answer(429, {"error": "too many requests"}, retry_after="1")
        else:
            return True
        return False

    def _answer(self, status, content, raw=None, retry_after=None):
        data = raw if raw is not None else json.dumps(content).encode()
        try:
            self.send_response(status)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def _stream(self):
        studio = self.studio
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        seen = -1
        try:
            while True:
                with studio._changed:
                    studio._changed.wait_for(lambda: studio._version != seen or studio._over, 1.0)
                    if studio._over or studio.mood == "dies":
                        return
                    text = ": alive\n\n"
                    if studio._version != seen:
                        seen = studio._version
                        text = f"event: control\ndata: {json.dumps(studio.state)}\n\n"
                data = text.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            return
