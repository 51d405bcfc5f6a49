"""trackio: a run a lane in its local database. ``trackio:PROJECT``."""
from __future__ import annotations

import trackio

from .target import Target


class Trackio(Target):
    def begin(self):
        self.project = self.address.split(":", 1)[1] or "anneal"
        self.lane = None

    def rows(self, lane, rows, first, end):
        if self.lane != lane:
            self.close()
            trackio.init(project=self.project, name=f"{lane.name} ({self.folder.key[:8]})", group=lane.run,
                         config=dict(lane.settings), resume="allow", embed=False)
            self.lane = lane
        for row in rows:
            values = {name: value for name, value in row.items() if value is not None and name != "update"}
            trackio.log(values, step=row["update"] + 1)

    def close(self):
        if self.lane:
            trackio.finish()
        self.lane = None


OPEN = Trackio
