"""How far a target came, in a file beside the training that is replaced in one step."""
from __future__ import annotations

import hashlib
import json
import os


class State:
    def __init__(self, folder, address):
        place = folder.path / ".sync"
        place.mkdir(exist_ok=True)
        # The address may hold a password; its hash does not.
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        self._file = place / f"{name}.json"
        self.offset, self.digest, self.ended = 0, "", False
        #: Whatever the target needs to find its own things again.
        self.own = {}
        if self._file.exists():
            said = json.loads(self._file.read_text(encoding="utf-8"))
            self.offset, self.digest = said["offset"], said["digest"]
            self.ended, self.own = said["ended"], said["own"]

    def begin_anew(self):
        self.offset, self.digest, self.ended, self.own = 0, "", False, {}
        self.save()

    def save(self):
        text = json.dumps({"offset": self.offset, "digest": self.digest, "ended": self.ended, "own": self.own})
        beside = self._file.with_suffix(".tmp")
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._file)
