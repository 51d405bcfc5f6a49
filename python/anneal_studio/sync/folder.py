"""A training's folder, read while it grows: whole lines of ``metrics.csv`` from where the last look ended."""
from __future__ import annotations

import csv
import hashlib
import io
import json
import pathlib
from dataclasses import dataclass

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.9 and 3.10
    import tomli as tomllib

KEYS = ("run", "replica", "update", "epoch")
#: Bytes that are read at once; whole lines of them are rows.
CHUNK = 8 << 20


@dataclass(frozen=True)
class Lane:
    """One run under one seed."""

    experiment: str
    run: str
    replica: int
    seed: int
    #: What it was given, by dotted names.
    settings: tuple

    @property
    def name(self):
        return f"{self.run}, seed {self.seed}"


class Replaced(Exception):
    """The beginning of the metrics is not what was read before: the training began anew or went back."""


class Folder:
    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()
        text = (self.path / "experiment.toml").read_text(encoding="utf-8")
        self.experiment = tomllib.loads(text)
        self.lanes = list(self._lanes())
        self._burst = None
        self._by_key = {(lane.run, lane.replica): lane for lane in self.lanes}

    def _lanes(self):
        train = self.experiment.get("train", {})
        shared = {}
        for part in ("data", "model", "train"):
            _flatten(part, self.experiment.get(part, {}), shared)
        for run in self.experiment["run"]:
            given = {}
            for key, value in run.items():
                if key != "name":
                    _flatten(key, value, given)
            for replica in range(train.get("replicas", 1)):
                seed = train.get("seed", 0) + replica
                settings = {**shared, **given, "train.seed": seed}
                settings.pop("train.replicas", None)
                yield Lane(self.experiment.get("name", ""), run["name"], replica, seed, tuple(sorted(settings.items())))

    @property
    def key(self):
        """What tells this training from others, also after the folder was moved: its experiment and first rows."""
        with open(self.path / "metrics.csv", "rb") as file:
            head = b"".join(file.readline() for _ in range(3))
        text = (self.path / "experiment.toml").read_bytes()
        return hashlib.sha256(str(self.path).encode() + text + head).hexdigest()[:32]

    @property
    def ended(self):
        return (self.path / "summary.json").exists()

    def summary(self):
        file = self.path / "summary.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def rows(self, offset, digest):
        """Rows from a byte of ``metrics.csv`` on, as ``(lane, row)``, with the byte after them and a digest of all
        before it. ``digest`` is the one that came with ``offset``.

        A cell is a number or ``None``. A last line that is not whole is left for the next time.
        """
        file = self.path / "metrics.csv"
        with open(file, "rb") as source:
            header_line = source.readline()
            if not header_line.endswith(b"\n"):
                return [], 0, ""
            columns = next(csv.reader([header_line.decode("utf-8")]))
            source.seek(0)
            known, self._burst = self._burst, None
            hashed = known[1] if known and known[0] == offset else hashlib.sha256()
            left = 0 if known and known[0] == offset else offset
            while left:
                part = source.read(min(left, CHUNK))
                if not part:
                    raise Replaced
                hashed.update(part)
                left -= len(part)
            source.seek(offset)
            if offset and hashed.hexdigest() != digest:
                raise Replaced
            if offset == 0:
                offset = len(header_line)
                hashed.update(source.readline())
            part = source.read(CHUNK)
        # A name may hold a line end inside quotes: a line is whole where the quotes before its end are even.
        end = part.rfind(b"\n") + 1
        while end and part.count(b'"', 0, end) % 2:
            end = part.rfind(b"\n", 0, end - 1) + 1
        whole = part[:end]
        hashed.update(whole)
        rows = []
        for cells in csv.reader(io.StringIO(whole.decode("utf-8"), newline="")):
            values = dict(zip(columns, cells))
            lane = self._by_key[(_text(values["run"]), int(values["replica"]))]
            row = {"update": int(values["update"]), "epoch": int(values["epoch"])}
            row.update((name, float(values[name]) if values[name] else None) for name in columns if name not in KEYS)
            rows.append((lane, row))
        if rows:
            # The next part of a long file follows at once: what is before it need not be read again.
            self._burst = (offset + end, hashed.copy())
        return rows, offset + end, hashed.hexdigest()

    def events(self):
        """The whole lines of ``events.jsonl``."""
        file = self.path / "events.jsonl"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]

    def checkpoints(self):
        """Checkpoints on the disk. They are replaced in one step, so each that is there is whole."""
        folder = self.path / "checkpoints"
        return sorted(folder.glob("*.safetensors")) if folder.is_dir() else []


def _flatten(name, value, found):
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, found)
    elif isinstance(value, (int, float, str, bool)):
        found[name] = value
    else:
        found[name] = json.dumps(value)


def _text(cell):
    """What the program put an apostrophe before, so that no spreadsheet takes it for a formula."""
    if cell.startswith("'") and cell.lstrip("'")[:1] in tuple("=+-@\t\r\n"):
        return cell[1:]
    return cell
