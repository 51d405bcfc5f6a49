"""OpenTelemetry over OTLP/HTTP: metrics, and traces of training, epochs, validations and checkpoints.

``otlp:http://HOST:4318``. Times between a training's begin and its end are interpolated over its updates: the folder
does not say when each was made. Ids are made of names, so a span that is sent twice is one span.
"""
from __future__ import annotations

import hashlib

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    Gauge, Metric, MetricExportResult, MetricsData, NumberDataPoint, ResourceMetrics, ScopeMetrics)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from .target import Target

#: Rate changes of an epoch that become events; the others are counted.
MOST_EVENTS = 1000
#: An update takes so long where the folder does not say, in nanoseconds.
GUESSED = 1_000_000


def _id(text, size):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1


class OTLP(Target):
    def begin(self):
        base = self.address.split(":", 1)[1].rstrip("/")
        self.metrics = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=60)
        self.traces = OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=60)
        self.scope = InstrumentationScope("anneal_studio.sync")
        if "start" not in self.state.own:
            summary = self.folder.summary()
            first = summary["runs"][0] if summary and summary["runs"] else None
            ended = (self.folder.path / "metrics.csv").stat().st_mtime_ns
            took = int(first["seconds"] * 1e9) if first else 0
            self.state.own["step"] = max(1, took // max(1, first["updates"])) if first else GUESSED
            self.state.own["start"] = ended - took
            self.state.save()

    def _at(self, update):
        return self.state.own["start"] + update * self.state.own["step"]

    def _resource(self, lane):
        return Resource({"service.name": "anneal", "anneal.experiment": lane.experiment, "anneal.run": lane.run,
                         "anneal.replica": lane.replica, "anneal.seed": lane.seed})

    def rows(self, lane, rows, first, end):
        points = {}
        for row in rows:
            for name, value in row.items():
                if name not in ("update", "epoch") and value is not None:
                    at = self._at(row["update"] + 1)
                    points.setdefault(name, []).append(NumberDataPoint({}, self._at(0), at, value))
        metrics = [Metric(f"anneal.{name}", "", "", Gauge(of)) for name, of in points.items()]
        scope = [ScopeMetrics(self.scope, metrics, "")]
        data = MetricsData([ResourceMetrics(self._resource(lane), scope, "")])
        if self.metrics.export(data) is not MetricExportResult.SUCCESS:
            raise ConnectionError(f"{self.address} takes no metrics")
        self._trace(lane, rows)

    def _trace(self, lane, rows):
        """Epochs that ended in these rows, with the validations in them. What an epoch needs beyond one batch of rows
        is remembered with the state, so that it survives a crash."""
        open_ = self.state.own.setdefault("open", {}).setdefault(lane.name, None)
        spans = []
        for row in rows:
            if open_ and open_["epoch"] != row["epoch"]:
                spans.append(self._epoch(lane, open_, row["update"]))
                open_ = {"epoch": row["epoch"], "first": row["update"], "rate": open_["rate"], "events": [], "more": 0}
            open_ = open_ or {"epoch": row["epoch"], "first": row["update"], "rate": None, "events": [], "more": 0}
            if open_["rate"] is not None and open_["rate"] != row["lr"]:
                if len(open_["events"]) < MOST_EVENTS:
                    open_["events"].append([row["update"], open_["rate"], row["lr"]])
                else:
                    open_["more"] += 1
            open_["rate"], open_["last"] = row["lr"], row["update"]
            if row.get("val_loss") is not None:
                at = self._at(row["update"] + 1)
                values = {"anneal.val_loss": row["val_loss"], "anneal.update": row["update"]}
                parent = f"epoch {row['epoch']}"
                spans.append(self._span(lane, "validation", f"validation {row['update']}", parent, at, at, values))
        self.state.own["open"][lane.name] = open_
        self._send(spans)

    def _epoch(self, lane, open_, end):
        events = [Event("rate change", {"anneal.from": old, "anneal.to": new, "anneal.update": update}, self._at(update))
                  for update, old, new in open_["events"]]
        values = {"anneal.epoch": open_["epoch"], "anneal.rate_changes_not_listed": open_["more"]}
        return self._span(lane, "epoch", f"epoch {open_['epoch']}", "training", self._at(open_["first"]), self._at(end),
                          values, events)

    def _span(self, lane, name, key, parent, start, end, attributes, events=()):
        trace = _id(f"{self.folder.key}/{lane.run}/{lane.replica}", 16)
        context = lambda of: SpanContext(trace, _id(f"{trace}/{of}", 8), False, TraceFlags(TraceFlags.SAMPLED))
        return ReadableSpan(name, context(key), context(parent) if parent else None, self._resource(lane), attributes,
                            events, kind=SpanKind.INTERNAL, instrumentation_scope=self.scope, start_time=start,
                            end_time=end)

    def _send(self, spans):
        if spans and self.traces.export(spans) is not SpanExportResult.SUCCESS:
            raise ConnectionError(f"{self.address} takes no traces")

    def end(self):
        spans = []
        for lane in self.folder.lanes:
            open_ = self.state.own.get("open", {}).get(lane.name)
            last = open_["last"] + 1 if open_ else 0
            if open_:
                spans.append(self._epoch(lane, open_, last))
            for event in self.folder.events():
                if (event["run"], event["replica"]) == (lane.run, lane.replica):
                    at = self._at(event["update"])
                    values = {"anneal.message": event["message"]}
                    spans.append(self._span(lane, event["kind"], f"{event['kind']} {event['update']}", "training",
                                            at, at, values))
            spans.append(self._span(lane, "training", "training", None, self._at(0), self._at(last),
                                    {key: value for key, value in lane.settings}))
        for file in self.folder.checkpoints():
            lane = self.folder.lanes[0]
            at = file.stat().st_mtime_ns
            spans.append(self._span(lane, "checkpoint", file.name, "training", at, at, {"anneal.file": file.name}))
        self._send(spans)


OPEN = OTLP
