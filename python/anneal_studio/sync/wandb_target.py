"""Weights & Biases: a run a lane. ``wandb:PROJECT``, online where you are logged in; ``wandb-offline`` writes files that
``wandb sync`` sends: set WANDB_MODE=offline."""
from __future__ import annotations

import hashlib

import wandb

from .target import Target


class WandB(Target):
    def begin(self):
        self.project = self.address.split(":", 1)[1] or "anneal"
        self.current = None

    def _run(self, lane):
        if self.current and self.current[0] == lane:
            return self.current[1]
        self.close()
        # The same id each time, so that what a crash interrupted goes on as one run.
        key = hashlib.sha256(f"{self.folder.key}/{lane.run}/{lane.replica}".encode()).hexdigest()[:16]
        run = wandb.init(project=self.project, id=key, name=lane.name, group=lane.run, resume="allow",
                         dir=str(self.folder.path), config=dict(lane.settings), reinit="finish_previous")
        self.current = (lane, run)
        return run

    def rows(self, lane, rows, first, end):
        run = self._run(lane)
        for row in rows:
            # A step that a run has already is passed over by W&B, which says so.
            values = {name: value for name, value in row.items() if value is not None and name != "update"}
            run.log(values, step=row["update"] + 1)

    def close(self):
        if self.current:
            self.current[1].finish()
        self.current = None


OPEN = WandB
