"""A real MLflow server holds runs, parameters, curves and artifacts, though it and the follower are killed on the way.

    python tests/sync/mlflow_server.py ANNEAL    # in an environment with `mlflow`
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import mlflow
from mlflow.tracking import MlflowClient

from common import LONG, Growing, follow, free_port, rows, stop, sync, train, wait

place = pathlib.Path(tempfile.mkdtemp(prefix="anneal-mlflow-"))
port = free_port()
url = f"http://127.0.0.1:{port}"


def server():
    child = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--artifacts-destination", f"{place}/artifacts"],
        start_new_session=True, stdout=open(place / "log", "a"), stderr=subprocess.STDOUT)
    wait("MLflow", lambda: urllib.request.urlopen(f"{url}/health", timeout=30).status == 200)
    return child


whole = train(sys.argv[1], place)
growing = Growing(whole, place / "folder")
running = server()
feed = None
try:
    client = MlflowClient(url)
    count = lambda: sum(len(client.get_metric_history(run.info.run_id, "train_loss")) for run in
                        client.search_runs([e.experiment_id for e in client.search_experiments()])) if running else 0
    target = f"mlflow:{url}"
    feed = follow(growing.at, "--to", target, "--patience", str(LONG))
    wait("the first values", lambda: count() > 100)
    stop(running)
    growing.grow(.4)
    time.sleep(3)
    assert feed.poll() is None, "a dead server ends nothing"
    running = server()
    wait("what came meanwhile", lambda: count() > 800)
    # The follower dies between sending and remembering: what it sends once more is there once.
    feed.send_signal(signal.SIGKILL)
    feed.wait()
    state = next((growing.at / ".sync").glob("*.json"))
    remembered = state.read_text()
    growing.grow(.6)
    sync(growing.at, "--to", target)
    state.write_text(remembered)
    sync(growing.at, "--to", target)
    growing.end()
    sync(growing.at, "--to", target)
    sync(growing.at, "--to", target)

    experiment = client.get_experiment_by_name("synced")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 4, f"{len(runs)} runs for 4 lanes"
    values = 0
    for run in runs:
        lane = run.data.tags["anneal.lane"].rsplit("/", 2)[1:]
        ours = [r for r in rows(whole) if (r["run"], r["replica"]) == tuple(lane)]
        for column in ("lr", "train_loss", "grad_norm", "val_loss"):
            wanted = {int(r["update"]) + 1: float(r[column]) for r in ours if r[column]}
            history = client.get_metric_history(run.info.run_id, column)
            assert len(history) == len(wanted), (lane, column, len(history), len(wanted))
            assert {m.step: m.value for m in history} == wanted, (lane, column)
            values += len(history)
        assert run.data.params["lr.kind"] in ("cosine", "step") and run.data.params["train.seed"] == lane[1]
        assert run.info.status == "FINISHED"
        names = {a.path for a in client.list_artifacts(run.info.run_id)}
        assert {"experiment.toml", "summary.json", "report.html"} <= names, names
        kept = pathlib.Path(client.download_artifacts(run.info.run_id, "summary.json", str(place)))
        assert kept.read_bytes() == (whole / "summary.json").read_bytes()
    print(f"MLflow {mlflow.__version__}: {len(runs)} runs, {values} values, parameters and artifacts, "
          "after kills of the server and of the follower")
finally:
    if feed and feed.poll() is None:
        feed.kill()
    stop(running)
    subprocess.run(["rm", "-rf", str(place)])
