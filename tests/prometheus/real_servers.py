"""A real Prometheus scrapes a live training, answers every query of the dashboards and rules, and a real Alertmanager
groups what a divergence sets off into one page.

    python3 tests/prometheus/real_servers.py ANNEAL    # the program; needs prometheus, promtool, prometheus-alertmanager

Standard library only. Everything runs on the loopback in a folder that is removed.
"""
import http.server
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

anneal = sys.argv[1]
root = pathlib.Path(__file__).resolve().parents[2]
rules = root / "assets/prometheus/anneal.rules.yml"
# A target that is gone has no values, so the training lasts longer than the questions and is ended after them. It is
# wide, so that its updates are few and its folder stays small; one of far more updates is validated too rarely.
EXPERIMENT = """anneal = 1
name = "scraped"
data = { name = "digits", batch_size = 64 }
model = { kind = "mlp", hidden = [512, 512] }
train = { updates = "200000" }
[[run]]
name = "steady"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = 200 } }
[[run]]
name = "wild"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 1e20 }
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


children = {}


def wait(what, done, seconds=600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, child in children.items():
            if child.poll() is not None:
                raise SystemExit(f"{name} ended with {child.returncode} while this waited for: {what}")
        try:
            if found := done():
                return found
        except (OSError, ValueError):
            # Not listening yet, or not ready: an answer in words.
            pass
        time.sleep(.25)
    raise SystemExit(f"still waiting for: {what}, after {seconds} s")


pages = []


class Pager(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        pages.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def queries():
    """Every expression of the rules, and of the dashboards where they are."""
    texts = re.findall(r"expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)", rules.read_text())
    yield from ("".join(pair) for pair in texts)
    for board in sorted((root / "assets/grafana").glob("*.json")):
        for panel in json.loads(board.read_text())["panels"]:
            yield from (target["expr"] for target in panel.get("targets", []))


def main():
    missing = [name for name in ("prometheus", "promtool", "prometheus-alertmanager") if not shutil.which(name)]
    if missing:
        print(f"SKIPPED: {', '.join(missing)} is not installed: no real server was asked")
        return
    subprocess.run(["promtool", "check", "rules", rules], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["promtool", "test", "rules", root / "tests/prometheus/anneal.test.yml"], check=True)
    place = pathlib.Path(tempfile.mkdtemp(prefix="anneal-prometheus-"))
    metrics, prometheus, alerts, pager = (free_port() for _ in range(4))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", pager), Pager)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (place / "a.toml").write_text(EXPERIMENT)
    config = (root / "assets/prometheus/prometheus.yml").read_text()
    config = config.replace("5s", "1s").replace("9464", str(metrics)).replace("9093", str(alerts))
    (place / "prometheus.yml").write_text(config.replace("anneal.rules.yml", str(rules)))
    router = (root / "assets/prometheus/alertmanager.yml").read_text().replace("9095", str(pager))
    (place / "alertmanager.yml").write_text(router.replace("group_wait: 10s", "group_wait: 2s"))
    say = open(place / "log", "w")

    def start(name, *command):
        children[name] = subprocess.Popen(list(map(str, command)), cwd=place, stdout=say, stderr=say)

    try:
        start("Prometheus", "prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data",
              f"--web.listen-address=127.0.0.1:{prometheus}")
        start("Alertmanager", "prometheus-alertmanager", f"--config.file={place}/alertmanager.yml",
              f"--storage.path={place}/am", f"--web.listen-address=127.0.0.1:{alerts}", "--cluster.listen-address=")
        api = f"http://127.0.0.1:{prometheus}/api/v1"
        wait("Prometheus", lambda: get(f"{api}/status/buildinfo"))
        wait("Alertmanager", lambda: get(f"http://127.0.0.1:{alerts}/api/v2/status"))
        version = get(f"{api}/status/buildinfo")["data"]["version"]
        start("anneal", anneal, "train", "a.toml", "--metrics", f"127.0.0.1:{metrics}", "--out", "out", "--no-baseline",
              "--threads", "1")
        ask = lambda q: get(f"{api}/query?" + urllib.parse.urlencode({"query": q}))["data"]["result"]
        steady = '{run="steady",replica="0",experiment="scraped"}'
        wait("progress", lambda: float(ask(f"anneal_updates_total{steady}")[0]["value"][1]) > 300 if
             ask(f"anneal_updates_total{steady}") else False)
        for name in ("anneal_learning_rate", "anneal_train_loss", "anneal_gradient_norm", "anneal_validation_loss"):
            wait(name, lambda: ask(f"{name}{steady}"))
        found = wait("the divergence", lambda: ask("anneal_divergences_total == 1"))
        assert found[0]["metric"]["run"] == "wild"
        wait("the alert", lambda: [a for a in get(f"{api}/alerts")["data"]["alerts"]
                                   if a["labels"]["alertname"] == "AnnealDiverged" and a["state"] == "firing"])
        wait("the page", lambda: pages)
        # Time for a second one, which must not come.
        time.sleep(8)
        diverged = [body for path, body in pages if path == "/page" and body["groupLabels"]["alertname"] == "AnnealDiverged"]
        assert len(diverged) == 1, f"{len(diverged)} pages for one divergence"
        assert len(diverged[0]["alerts"]) == 1 and diverged[0]["alerts"][0]["labels"]["run"] == "wild"
        asked, quiet = 0, 0
        for query in queries():
            # The training is younger than a minute.
            plain = query.replace("$__rate_interval", "5s").replace("$experiment", ".*").replace("$run", ".*")
            plain = plain.replace("[1d:1m]", "[1d:1s]")
            # Alerts and ratios that nothing set off have no data; a value of a run has.
            found = ask(plain)
            if not found and re.search(r"[<>=]=? *[\d.]|anneal:|offset 30m", plain):
                quiet += 1
            elif not found:
                wait(f"data for {plain}", lambda: ask(plain))
            asked += 1
        assert children["anneal"].poll() is None, "the training ended before the questions did"
        print(f"Prometheus {version}: {asked} queries answered ({quiet} alarms quiet), one page for one divergence")
    except BaseException:
        say.flush()
        print((place / "log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        for child in reversed(children.values()):
            child.kill()
            child.wait()
        server.shutdown()
        shutil.rmtree(place, ignore_errors=True)


# A time limit ends this by SIGTERM, and what it started must end with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
main()
