"""Parquet: a file a batch, for DuckDB, ClickHouse and pandas. ``parquet:FOLDER``; read ``FOLDER/*.parquet``."""
from __future__ import annotations

import os
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

from .target import Target


class Parquet(Target):
    def begin(self):
        self.place = pathlib.Path(self.address.split(":", 1)[1])
        self.place.mkdir(parents=True, exist_ok=True)
        if self.state.offset == 0:
            # Of a training that began anew, or of a crash before the first batch was remembered.
            for old in self.place.glob(f"{self.folder.key}-*.parquet"):
                old.unlink()

    def rows(self, lane, rows, first, end):
        names = [name for name in rows[0] if name not in ("update", "epoch")]
        columns = {
            # Tells trainings of one name apart, such as one that began again.
            "training": [self.folder.key] * len(rows),
            "experiment": [lane.experiment] * len(rows), "run": [lane.run] * len(rows),
            "replica": pa.array([lane.replica] * len(rows), pa.int32()),
            "seed": pa.array([lane.seed] * len(rows), pa.int64()),
            "update": pa.array([row["update"] for row in rows], pa.int64()),
            "epoch": pa.array([row["epoch"] for row in rows], pa.int64()),
            **{name: pa.array([row[name] for row in rows], pa.float64()) for name in names},
        }
        at = self.folder.lanes.index(lane)
        # The same bytes make the same file: a batch that is written once more replaces itself.
        file = self.place / f"{self.folder.key}-{first:012}-{at:04}.parquet"
        beside = file.with_suffix(".tmp")
        pq.write_table(pa.table(columns), beside, compression="zstd")
        os.replace(beside, file)


OPEN = Parquet
