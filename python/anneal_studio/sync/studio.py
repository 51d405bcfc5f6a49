"""Runs of a studio or of ``anneal serve`` as folders that grow: what the API has is written down as a training writes
it, so that every target follows a running studio as it follows a folder, and catches up after either side died.
"""
from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import re
import time

from ..find import studio
from ..wire import Refused, Wire
from .folder import Folder

#: Seconds that an answer may take, updates that are asked for at once, and updates of a run before its columns are
#: settled: what comes once an epoch only is not there at the first.
TIMEOUT, AT_ONCE, SETTLED = 10.0, 8192, 8
#: The columns of our own runs, which need not all be there at the beginning.
COLUMNS = ("lr", "momentum", "train_loss", "grad_norm", "update_norm", "val_loss", "val_accuracy", "weight_decay", "batch",
           "rounded_away", "smallest_rate", "loss_scale", "grad_underflow",
           "effective_lr", "param_norm")
OVER = ("finished", "stopped")


def _cell(text):
    """A name that no spreadsheet takes for a formula, as the program writes it."""
    return "'" + text if text[:1] in "=+-@\t\r\n" or text.startswith("'") else text


def _number(value):
    return value if isinstance(value, (int, float)) else float(value)


class Mirror:
    """One run, written into a folder of its own."""

    def __init__(self, place, about):
        name = re.sub(r"[^\w-]+", "-", about["name"]).strip("-") or "run"
        self.path = place / f"{about['id']}-{name}"
        self.path.mkdir(parents=True, exist_ok=True)
        self.id, self.name = about["id"], about["name"]
        self._file = self.path / "metrics.csv"
        self._begun = time.time()
        self._next, self._columns = 0, None
        self._read_back()
        self.folder = None

    def _read_back(self):
        """Where an earlier process stopped: after the last whole line."""
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return
        whole = data[:data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            self._file.write_bytes(whole)
        lines = list(csv.reader(io.StringIO(whole.decode(), newline="")))
        if lines:
            self._columns = lines[0][4:]
            self._next = int(lines[-1][2]) + 1 if len(lines) > 1 else 0

    def look(self, wire, about):
        """Writes what is new."""
        made = about["update"]
        if made < self._next:
            # It began again, or another studio runs now: its folder begins again, and every target sees that.
            self._next, self._columns, self._begun = 0, None, time.time()
            (self.path / "summary.json").unlink(missing_ok=True)
        over = about["state"] in OVER
        if self._columns is None:
            if made < SETTLED and not over:
                return
            self._begin(wire, about)
        while self._next < made:
            if not self._append(wire, min(made, self._next + AT_ONCE)):
                break
        if over and self._next >= made and not (self.path / "summary.json").exists():
            run = {"name": self.name, "replica": 0, "seed": 0, "updates": made, "diverged_at": None,
                   "seconds": time.time() - self._begun}
            _replace(self.path / "summary.json", json.dumps({"runs": [run]}))
        if self.folder is None:
            self.folder = Folder(self.path)

    def _begin(self, wire, about):
        extra = [name for name in about["columns"] if name not in COLUMNS]
        self._columns = [*COLUMNS, *sorted(extra)]
        schedule = wire.call("GET", f"/v1/runs/{self.id}/schedule")
        given = {"kind": about["kind"], "id": self.id, "total": about["total"], "schedule": schedule.get("text"),
                 "framework": about.get("framework")}
        lines = ["anneal = 1", f"name = {json.dumps(self.name)}", "[[run]]", f"name = {json.dumps(self.name)}", "[run.studio]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in given.items() if value is not None]
        _replace(self.path / "experiment.toml", "\n".join(lines) + "\n")
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(["run", "replica", "update", "epoch", *self._columns])
        _replace(self._file, text.getvalue())
        self.folder = None

    def _append(self, wire, end):
        """Updates up to ``end``, exactly: so few at once are never put together into buckets."""
        path = f"/v1/runs/{self.id}/series?points={2 * AT_ONCE}&from={self._next}&to={end - 1}"
        answer = wire.call("GET", path)["columns"]
        rows = {}
        for name, series in answer.items():
            if name in self._columns:
                for update, value in zip(series["update"], series["last"]):
                    if self._next <= update < end:
                        rows.setdefault(update, {})[name] = _number(value)
        # An update is whole once its rate and loss are there; the newest may still be on its way.
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        written = self._next
        for update in sorted(rows):
            cells = [rows[update].get(name) for name in self._columns]
            writer.writerow([_cell(self.name), 0, update, 0, *("" if cell is None else repr(cell) for cell in cells)])
            written = update + 1
        if written == self._next:
            return False
        with open(self._file, "ab") as file:
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
        self._next = written
        return True


def _replace(path, text):
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


class Studio:
    """Every run of a studio."""

    def __init__(self, url, place=None):
        self.address = studio(url)
        name = f"{self.address.host}-{self.address.port}"
        usual = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "anneal-studio/sync" / name
        self.place = pathlib.Path(place) if place else usual
        self.mirrors = {}
        #: Whether the studio answered the last time.
        self.answers = True

    def look(self):
        """Writes down what is new; the folders that can be followed. Raises ``OSError`` where nobody answers."""
        wire = Wire(self.address, TIMEOUT)
        try:
            for about in wire.call("GET", "/v1/runs")["runs"]:
                mirror = self.mirrors.get(about["id"])
                if mirror is None or mirror.name != about["name"]:
                    mirror = self.mirrors[about["id"]] = Mirror(self.place, about)
                mirror.look(wire, about)
        except Refused as error:
            if error.status in (401, 403):
                raise
            raise ConnectionError(str(error)) from error
        finally:
            wire.close()
        return self.folders()

    def folders(self):
        return [mirror.folder for mirror in self.mirrors.values() if mirror.folder]
