"""MLflow: a run a lane, with parameters, metrics, tags and artifacts. ``mlflow:http://HOST:PORT`` or ``mlflow:FOLDER``."""
from __future__ import annotations

import os

# Waiting for a server that comes back is ours to do, and to say; one that is busy is given its time.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")

from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

from .target import Target  # noqa: E402

#: What one request may hold: https://mlflow.org/docs/latest/rest-api.html#log-batch
METRICS, PARAMS = 1000, 100
#: Finds the runs of a training again, also where a crash kept their ids from being remembered.
TAG = "anneal.lane"


class MLflow(Target):
    def begin(self):
        self.client = MlflowClient(self.address.split(":", 1)[1])
        name = self.folder.experiment.get("name") or "anneal"
        experiment = self.client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else self.client.create_experiment(name)
        ids = self.state.own.setdefault("runs", {})
        # Milliseconds; a metric that is sent twice with the same time, step and value is one metric.
        start = self.state.own.setdefault("start", int((self.folder.path / "metrics.csv").stat().st_mtime * 1000))
        for lane in self.folder.lanes:
            if lane.name in ids:
                continue
            key = f"{self.folder.key}/{lane.run}/{lane.replica}"
            quoted = key.replace("'", "\\'").replace('"', '\\"')
            there = self.client.search_runs([experiment_id], f'tags."{TAG}" = "{quoted}"', max_results=1)
            run = there[0] if there else self.client.create_run(
                experiment_id, start_time=start, run_name=lane.name,
                tags={TAG: key, "anneal.run": lane.run, "anneal.folder": str(self.folder.path)})
            params = [Param(key[:250], str(value)[:6000]) for key, value in lane.settings]
            for at in range(0, len(params), PARAMS):
                self.client.log_batch(run.info.run_id, params=params[at:at + PARAMS])
            ids[lane.name] = run.info.run_id
        self.state.save()

    def rows(self, lane, rows, first, end):
        run, start = self.state.own["runs"][lane.name], self.state.own["start"]
        metrics = [Metric(name, value, start + row["update"], row["update"] + 1)
                   for row in rows for name, value in row.items()
                   if name not in ("update", "epoch") and value is not None]
        for at in range(0, len(metrics), METRICS):
            self.client.log_batch(run, metrics=metrics[at:at + METRICS])

    def end(self):
        summary = self.folder.summary() or {"runs": []}
        for lane in self.folder.lanes:
            run = self.state.own["runs"][lane.name]
            for name in ("experiment.toml", "summary.json", "events.jsonl", "report.html"):
                if (self.folder.path / name).exists():
                    self.client.log_artifact(run, str(self.folder.path / name))
            said = [r for r in summary["runs"] if (r["name"], r["replica"]) == (lane.run, lane.replica)]
            diverged = bool(said and said[0]["diverged_at"] is not None)
            self.client.log_batch(run, tags=[RunTag("anneal.diverged", str(diverged).lower())])
            failed = diverged or bool(said and said[0].get("failed"))
            self.client.set_terminated(run, "FAILED" if failed else "FINISHED")


OPEN = MLflow
