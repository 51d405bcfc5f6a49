"""What the live trainings share: a real `anneal serve`, a hand that changes its runs, and the comparison."""

import http.client
import json
import os
import platform
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "python"))


class Server:
    """`anneal serve` without a training of its own, found by the client as a person's studio is."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        os.environ["XDG_RUNTIME_DIR"] = self._folder.name
        self.start()

    def start(self):
        anneal = os.environ.get("ANNEAL", str(ROOT / "target/release/anneal"))
        self.process = subprocess.Popen([anneal, "serve"], stderr=subprocess.DEVNULL)
        file = Path(self._folder.name) / "anneal-studio/api.json"
        end = time.monotonic() + 30
        while True:
            try:
                written = json.loads(file.read_text())
                if written["pid"] == self.process.pid:
                    break
            except (OSError, ValueError):
                pass
            assert self.process.poll() is None and time.monotonic() < end, "anneal serve does not come up"
            time.sleep(0.01)
        self.url, self.token = written["url"], written["token"]

    def call(self, method, path, body=None):
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        assert answer.status < 300, (answer.status, content)
        return content

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stall(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Rounded:
    """The server with rates in 32 bits, for a framework that computes in those."""

    def __init__(self, server):
        self._server = server

    def call(self, method, path, body=None):
        answer = self._server.call(method, path, body)
        if "rates" in answer:
            form = f"{len(answer['rates'])}f"
            answer["rates"] = list(struct.unpack(form, struct.pack(form, *answer["rates"])))
        return answer


class Hand:
    """Another process, which waits for update ``at`` of the only run that trains and then changes its future."""

    def __init__(self, server, at, *changes):
        arguments = [sys.executable, str(HERE / "hand.py"), server.url, str(at), json.dumps(changes)]
        environment = {**os.environ, "ANNEAL_HAND_TOKEN": server.token}
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment)

    def answers(self):
        out, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        return json.loads(out)


def compare(server, hand, groups, applied, own):
    """What became of a bent training: the applied rates of each update against the plan, bit for bit.

    ``applied`` are the rates that the framework's own update used, ``own`` those of the schedule in the script.
    """
    answers = hand.answers()
    run, revision = answers["run"], answers["changes"][-1]["revision"]
    promised = [change["from"] for change in answers["changes"]]
    made = {change["revision"]: change for change in server.call("GET", f"/v1/runs/{run}/schedule")["changes"]}
    effective = [made[change["revision"]]["applied"] for change in answers["changes"]]
    # On a busy machine a change may reach the training an update late; then the client has said so.
    late = sum(it > update for it, update in zip(effective, promised))
    assert all(it is not None and it >= update for it, update in zip(effective, promised)), (effective, promised)
    first, last, total = promised[0], effective[-1], len(applied)
    plan = {group: server.call("GET", f"/v1/runs/{run}/rates?revision={revision}&group={group.replace(' ', '%20')}"
                                      f"&from={last}&count={total - last}")["rates"] for group in groups}
    differing = [update for update in range(last, total)
                 if list(applied[update]) != [plan[group][update - last] for group in groups]]
    before = [update for update in range(first) if list(applied[update]) != list(own[update])]
    assert not differing, f"applied is not planned at updates {differing[:5]}: {applied[differing[0]]}"
    assert not before, f"not the script's own at updates {before[:5]}"
    assert any(list(applied[update]) != list(own[update]) for update in range(last, total)), "nothing was bent"
    return {
        "updates": total, "asked_when_known_at": answers["seen"], "promised_from": promised, "applied_at": effective,
        "late": late,
        "rates_equal_to_the_plan": (total - last) * len(groups), "rates_that_differ": 0,
        "rates_before_equal_to_the_script": first * len(groups),
    }


def record(name, result, *modules):
    """Writes what was seen beside the scripts, where RECORD says so, and prints it."""
    versions = {module.__name__: module.__version__ for module in modules}
    result = {"script": name, "python": platform.python_version(), **versions, **result}
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    if os.environ.get("RECORD"):
        (HERE / "recorded").mkdir(exist_ok=True)
        (HERE / "recorded" / f"{name}.json").write_text(text)
