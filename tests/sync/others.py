"""OTLP, Parquet, W&B offline, trackio and an S3 server, each read back by its own tools.

    python tests/sync/others.py ANNEAL [NAME...]    # otlp, parquet, wandb, trackio, s3: those whose packages are there
"""
import gzip
import http.server
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from common import ENV, LONG, Growing, follow, free_port, rows, stop, sync, train, wait

place = pathlib.Path(tempfile.mkdtemp(prefix="anneal-sync-"))
whole = train(sys.argv[1], place)
number = 0


def growing():
    global number
    number += 1
    return Growing(whole, place / f"folder-{number}")


def otlp():
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest, ExportMetricsServiceResponse)
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest, ExportTraceServiceResponse)
    points, spans, refuse = {}, {}, [3]

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            if refuse[0]:
                # A collector that fails at first: nothing of it may be lost, and nothing be there twice.
                refuse[0] -= 1
                self.send_response(500)
                self.end_headers()
                return
            if self.path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    given = {a.key: a.value for a in resource.resource.attributes}
                    lane = (given["anneal.run"].string_value, given["anneal.replica"].int_value)
                    for metric in resource.scope_metrics[0].metrics:
                        for point in metric.gauge.data_points:
                            known = points.setdefault((*lane, metric.name), {})
                            assert known.setdefault(point.time_unix_nano, point.as_double) == point.as_double
                answer = ExportMetricsServiceResponse()
            else:
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for span in resource.scope_spans[0].spans:
                        spans[span.trace_id, span.span_id] = span
                answer = ExportTraceServiceResponse()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(answer.SerializeToString())

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = growing()
    target = f"otlp:http://127.0.0.1:{server.server_port}"
    sync(folder.at, "--to", target)
    folder.grow(.7)
    sync(folder.at, "--to", target)
    folder.end()
    sync(folder.at, "--to", target)
    server.shutdown()
    values = 0
    for run, replica in {(r["run"], r["replica"]) for r in rows(whole)}:
        ours = [r for r in rows(whole) if (r["run"], r["replica"]) == (run, replica)]
        for column in ("lr", "train_loss", "val_loss"):
            found = points[run, int(replica), f"anneal.{column}"]
            assert [found[at] for at in sorted(found)] == [float(r[column]) for r in ours if r[column]], (run, column)
            values += len(found)
    names = [span.name for span in spans.values()]
    epochs = len({(r["run"], r["replica"], r["epoch"]) for r in rows(whole)})
    assert names.count("training") == 4 and names.count("epoch") == epochs, (names.count("epoch"), epochs)
    assert names.count("validation") == sum(1 for r in rows(whole) if r["val_loss"])
    assert names.count("checkpoint") >= 1
    roots = {(s.trace_id, s.span_id) for s in spans.values() if s.name == "training"}
    assert all((s.trace_id, s.parent_span_id) in roots for s in spans.values() if s.name == "epoch")
    steps = [e for s in spans.values() for e in s.events if e.name == "rate change"]
    assert len(steps) > 4 and all(len(e.attributes) == 3 for e in steps)
    return f"{values} points and {len(spans)} spans decoded by opentelemetry-proto, {len(steps)} rate changes in them"


def parquet():
    import duckdb
    folder, out = growing(), place / "parquet"
    for share in (.1, .5, .9):
        folder.grow(share)
        sync(folder.at, "--to", f"parquet:{out}")
    folder.end()
    sync(folder.at, "--to", f"parquet:{out}")
    found = duckdb.sql(f"select run, replica, \"update\", lr, train_loss, val_loss from '{out}/*.parquet'").fetchall()
    cell = lambda text: float(text) if text else None
    wanted = [(r["run"], int(r["replica"]), int(r["update"]), *map(cell, (r["lr"], r["train_loss"], r["val_loss"])))
              for r in rows(whole)]
    key = lambda row: row[:3]
    assert sorted(found, key=key) == sorted(wanted, key=key)
    return f"DuckDB {duckdb.__version__} read {len(found)} rows"


def wandb():
    folder = growing()
    folder.end()
    quiet = {**ENV, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-m", "anneal_studio.sync", folder.at, "--to", "wandb:anneal-test"], env=quiet,
                   check=True)
    files = list(folder.at.glob("wandb/offline-run-*/*.wandb"))
    assert len(files) == 4, files
    from wandb.proto import wandb_internal_pb2

    def records(data):
        """A LevelDB log behind seven bytes: blocks of 32 KiB, records in parts with checksum, length and kind."""
        at, whole = 7, b""
        while at + 7 <= len(data):
            if (left := 32768 - at % 32768) < 7:
                at += left
                continue
            length, kind = int.from_bytes(data[at + 4:at + 6], "little"), data[at + 6]
            whole += data[at + 7:at + 7 + length]
            at += 7 + length
            if kind in (1, 4):
                yield whole
                whole = b""

    rows_found = 0
    for file in files:
        for data in records(file.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(data)
            # The steps that were logged; the offline file keeps what `run.log` was given.
            rows_found += record.WhichOneof("record_type") in ("history", "request") and (
                record.WhichOneof("record_type") == "history"
                or record.request.WhichOneof("request_type") == "partial_history")
    assert rows_found == len(rows(whole)), (rows_found, len(rows(whole)))
    return f"{len(files)} offline runs with {rows_found} steps"


def trackio():
    folder = growing()
    folder.end()
    ENV["TRACKIO_DIR"] = str(place / "trackio")
    os.environ["TRACKIO_DIR"] = ENV["TRACKIO_DIR"]
    sync(folder.at, "--to", "trackio:anneal-test")
    import sqlite3
    database = next((place / "trackio").glob("*.db"))
    count, = sqlite3.connect(database).execute("select count(*) from metrics").fetchone()
    assert count == len(rows(whole)), (count, len(rows(whole)))
    return f"{count} rows in its database"


def s3():
    port = free_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "a-secret-key", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "FSSPEC_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    ENV.update(keys)

    def server():
        child = subprocess.Popen([str(pathlib.Path(sys.executable).with_name("moto_server")), "-p", str(port)],
                                 start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait("the S3 server", lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=30))
        return child

    def bucket():
        import boto3
        boto3.client("s3", endpoint_url=keys["AWS_ENDPOINT_URL"], aws_access_key_id="test", region_name="us-east-1",
                     aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"]).create_bucket(Bucket="kept")

    anneal = sys.argv[1]
    # Stopped in the middle: a folder whose newest checkpoint is not the last.
    middle = place / "middle"
    newest = sorted((whole / "checkpoints").glob("*.safetensors"))
    subprocess.run(["cp", "-r", str(whole), str(middle)], check=True)
    (middle / "summary.json").unlink()
    for late in newest[len(newest) // 2 + 1:]:
        (middle / "checkpoints" / late.name).unlink()
    running = server()
    try:
        bucket()
        stop(running)
        with open(place / "s3.log", "w") as log:
            feed = subprocess.Popen([sys.executable, "-m", "anneal_studio.sync", str(middle), "--to", "s3://kept/run",
                                     "--patience", str(LONG)], env=ENV, stderr=log)
            # Its client tries by itself for a while before it says anything.
            wait("the dead server to be noticed", lambda: "again in" in (place / "s3.log").read_text())
            running = server()
            bucket()
            assert feed.wait(LONG) == 0, (place / "s3.log").read_text()
        said = (place / "s3.log").read_text()
        assert "again in" in said and keys["AWS_SECRET_ACCESS_KEY"] not in said, said
        fetched = place / "fetched"
        sync(fetched, "--fetch", "s3://kept/run")
        subprocess.run([anneal, "train", fetched / "experiment.toml", "--resume", fetched, "--no-baseline"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert (fetched / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
        return "a checkpoint went to moto's S3 though it was killed, came back, and trained on bit for bit"
    finally:
        stop(running)


NEEDS = {"otlp": "opentelemetry.exporter.otlp.proto.http", "parquet": "duckdb", "wandb": "wandb", "trackio": "trackio",
         "s3": "moto"}
failed = False
try:
    for name in sys.argv[2:] or NEEDS:
        try:
            there = importlib.util.find_spec(NEEDS[name]) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            print(f"SKIPPED: {name}: {NEEDS[name]} is not installed")
            continue
        print(f"{name}: {globals()[name]()}", flush=True)
finally:
    subprocess.run(["rm", "-rf", str(place)])
