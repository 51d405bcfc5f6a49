"""A page in a real Chromium against a real `anneal serve`: it may read nothing and change nothing.

`python browse.py [PROGRAM]`, with `chromium` in the path (or in CHROMIUM). The page (`page.html`) tries what pages can: fetches with
and without a preflight and the token, forms, beacons, streams, sockets, images, scripts, frames. It is opened

* at a friendly server, which lets every page in: there the tries must succeed, so that their failing elsewhere means something;
* at another origin on this machine, without the token and with it;
* at a name that leads to the API itself (DNS rebinding), for which the page and the API are one origin.
"""

import http.client
import json
import os
import queue
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

HERE = Path(__file__).resolve().parent
PAGE = (HERE / "page.html").read_bytes()
SECRET = "run-" + secrets.token_hex(8)


class Pages(ThreadingHTTPServer):
    """Serves the page, takes down what it tells, and hands all else to `other`."""

    daemon_threads = True

    def __init__(self, address, other):
        self.told, self.other = queue.Queue(), other
        self.seen = []
        super().__init__(address, Handler)
        threading.Thread(target=self.serve_forever, name="pages", daemon=True).start()

    def handle_error(self, request, client_address):
        """A browser that goes away is part of the test."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/page":
            return self.send(200, {"Content-Type": "text/html"}, PAGE)
        if path == "/told":
            self.server.told.put(json.loads(body))
            return self.send(204, {}, b"")
        self.server.seen.append((self.command, path))
        self.server.other(self, path, body)

    do_GET = do_POST = do_PUT = do_OPTIONS = answer

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body), "Connection": "close"}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


def nothing(handler, _path, _body):
    handler.send(404, {}, b"")


def friendly(handler, path, _body):
    """An API that lets every page in."""
    let_in = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*"}
    if path == "/v1/events":
        return handler.send(200, {**let_in, "Content-Type": "text/event-stream"}, b"event: state\ndata: {\"run\": \"open\"}\n\n")
    handler.send(200, {**let_in, "Content-Type": "application/json"}, json.dumps({"runs": [{"name": SECRET}]}).encode())


def relay(api):
    """Hands a request on as it came: what a name does that leads to the API since a moment ago."""
    def hand_on(handler, _path, body):
        connection = http.client.HTTPConnection(*api, timeout=10)
        connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        # A stream that opens is told, and not followed.
        content = answer.read() if "event-stream" not in (answer.getheader("Content-Type") or "") else b""
        handler.send(answer.status, {"Content-Type": answer.getheader("Content-Type") or "text/plain"}, content)
    return hand_on


def browse(chromium, url, pages, *options):
    """Opens a page; what it told."""
    # Processes of the browser may write into its profile for a moment after it has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", f"--user-data-dir={profile}", *options, url]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return pages.told.get(timeout=180)
        except queue.Empty:
            sys.exit(f"FAILED: the page at {url} told nothing")
        finally:
            browser.terminate()
            try:
                browser.wait(10)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()


class Served:
    """`anneal serve`, with a training that has joined."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        door = Path(self.folder.name) / "anneal-studio/api.json"
        environment = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        self.process = subprocess.Popen([program, "serve"], env=environment, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not door.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit("FAILED: anneal serve does not come up")
            time.sleep(0.02)
        written = json.loads(door.read_text())
        self.url, self.token = written["url"], written["token"]
        self.address = (urlsplit(self.url).hostname, urlsplit(self.url).port)
        about = {"session": "a test", "name": SECRET, "total": 1000, "groups": [{"name": "all", "lr": 0.1}], "can": ["pause", "stop"]}
        self.run = self.call("POST", "/v1/live", about)["id"]

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        connection.request(method, path, None if body is None else json.dumps(body), {"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        if answer.status >= 300:
            sys.exit(f"FAILED: {method} {path}: {answer.status} {content}")
        return content

    def state(self):
        """Everything that a page could have changed."""
        runs = self.call("GET", "/v1/runs")["runs"]
        with socket.create_connection(self.address, timeout=10) as stream:
            host = f"{self.address[0]}:{self.address[1]}"
            stream.sendall(f"GET /v1/live/{self.run}/control HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
            text = b""
            while b"\n\n" not in text.split(b"data:", 1)[-1] or b"data:" not in text:
                text += stream.recv(65536)
        control = json.loads(text.split(b"data:", 1)[1].split(b"\n", 1)[0])
        return {"runs": [(run["id"], run["name"], run["revision"]) for run in runs],
                "control": {name: control[name] for name in ("revision", "pause", "stop", "groups", "numbers")},
                "changes": self.call("GET", f"/v1/runs/{self.run}/schedule")["changes"]}

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()


def succeeded(told):
    """The tries that read or opened anything. A frame loads whatever it is answered; what counts is whether it can be read."""
    loads = ("an image", "a script", "a style sheet")
    return {name for name, it in told.items() if it.get("read") or it.get("opened") or (it.get("loaded") and name in loads)}


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "target/release/anneal"
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("SKIPPED: there is no Chromium here")
        return
    served = Served(program)
    try:
        elsewhere = Pages(("127.0.0.1", 0), nothing)
        open_to_all = Pages(("127.0.0.1", 0), friendly)
        here = f"http://127.0.0.1:{elsewhere.server_address[1]}/page"

        told = browse(chromium, f"{here}?api=http://127.0.0.1:{open_to_all.server_address[1]}&run=r1&token=x", elsewhere)
        read = {name for name, it in told.items() if SECRET in it.get("read", "") or it.get("opened")}
        wanted = {"GET the runs", "GET the runs, without a preflight", "PUT a schedule", "POST a stop", "a stream of events"}
        assert wanted <= read, f"the tries themselves do not work: {sorted(wanted - read)}: {told}"
        arrived = [seen for seen in open_to_all.seen if seen == ("POST", "/v1/runs/r1/stop")]
        assert len(arrived) >= 4, f"a post, an opaque one, a beacon and a form should arrive: {open_to_all.seen}"
        print(f"a friendly server: {len(read)} of {len(told)} tries read something, as they should")

        before = served.state()
        for name, token in (("without the token", ""), ("with the token", served.token)):
            told = browse(chromium, f"{here}?api={quote(served.url)}&run={served.run}&token={token}", elsewhere)
            assert not succeeded(told), f"another origin, {name}: {[(it, told[it]) for it in succeeded(told)]}"
            assert SECRET not in json.dumps(told), f"another origin, {name}: {told}"
            assert served.state() == before, f"another origin, {name}, changed something: {served.state()}"
            print(f"another origin, {name}: {len(told)} tries read nothing and changed nothing")

        # The page's server has the API's port at another address of the loopback; all that it does not know goes to the API.
        rebound = Pages(("127.0.0.2", served.address[1]), relay(served.address))
        name = f"http://evil.example:{served.address[1]}"
        for which, token in (("without the token", ""), ("with the token", served.token)):
            told = browse(chromium, f"{name}/page?run={served.run}&token={token}", rebound, "--host-resolver-rules=MAP evil.example 127.0.0.2")
            statuses = {it["status"] for it in told.values() if it.get("status")}
            assert statuses and statuses <= {403, 421}, f"a name that leads here, {which}: {told}"
            assert SECRET not in json.dumps(told), f"a name that leads here, {which}: {told}"
            assert served.state() == before, f"a name that leads here, {which}, changed something: {served.state()}"
            print(f"a name that leads here, {which}: {len(told)} tries, answered {sorted(statuses)}, changed nothing")
    finally:
        served.close()


if __name__ == "__main__":
    main()
