"""An object store for checkpoints: ``s3://BUCKET/PATH``, ``gs://...``, ``az://...``, ``file:///PATH``, through fsspec.

A checkpoint is sent whole, and then a manifest that names it with its SHA-256: who fetches by the manifest
(``python -m anneal_studio.sync --fetch s3://BUCKET/PATH DIR``) gets a folder that ``anneal train FILE --resume DIR`` goes
on from, bit for bit. Credentials come from the environment, as each store's own library reads them, and are never said.
"""
from __future__ import annotations

import hashlib
import json
import pathlib
import shutil

import fsspec

from .target import Refused, Target

MANIFEST = "manifest.json"
#: What a resume needs beside the checkpoint: sealed by it up to where it was made, so what came later does no harm.
BESIDE = ("experiment.toml", "metrics.csv", "events.jsonl")


def _sum(path):
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            hashed.update(part)
    return hashed.hexdigest()


class Objects(Target):
    def begin(self):
        self.store, self.root = fsspec.core.url_to_fs(self.address)

    def rows(self, lane, rows, first, end):
        self._send()

    def end(self):
        self._send()

    def _send(self):
        newest = self.folder.checkpoints()[-1:]
        if not newest or self.state.own.get("sent") == newest[0].name:
            return
        # A copy: the training may put another file in its place while this one is on its way.
        place = self.folder.path / ".sync" / "upload"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            shutil.copyfile(newest[0], place / newest[0].name)
        except FileNotFoundError:
            return  # Gone for a newer one: the next look finds that.
        files = {f"checkpoints/{newest[0].name}": place / newest[0].name}
        for name in BESIDE:
            if (self.folder.path / name).exists():
                # After the checkpoint, so that it holds at least what that seals.
                shutil.copyfile(self.folder.path / name, place / name)
                files[name] = place / name
        # Under names of their own, so that the files an older manifest names stay as they were until it is replaced.
        sums = {name: _sum(path) for name, path in files.items()}
        for name, path in files.items():
            self.store.put_file(str(path), f"{self.root}/blobs/{sums[name]}")
        manifest = json.dumps({"anneal_checkpoint": 1, "files": sums}, indent=1)
        self.store.pipe_file(f"{self.root}/{MANIFEST}", manifest.encode())
        shutil.rmtree(place, ignore_errors=True)
        self.state.own["sent"] = newest[0].name
        self.state.save()


def fetch(address, folder):
    """Fetches what a manifest names into a folder that is empty or not there, and checks every byte."""
    store, root = fsspec.core.url_to_fs(address)
    place = pathlib.Path(folder)
    if place.exists() and any(place.iterdir()):
        raise Refused(f"{folder} is not empty: choose another folder")
    try:
        manifest = json.loads(store.cat_file(f"{root}/{MANIFEST}"))
    except FileNotFoundError as error:
        raise Refused(f"there is no {MANIFEST} in {address}: nothing whole was sent there") from error
    for name, wanted in manifest["files"].items():
        path = (place / name).resolve()
        if place.resolve() not in path.parents:
            raise Refused(f"the manifest names {name}, which is outside the folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        store.get_file(f"{root}/blobs/{wanted}", str(path))
        if _sum(path) != wanted:
            path.unlink()
            raise Refused(f"{name} is not what the manifest names: it was damaged on its way or in the store")
    return sorted(manifest["files"])


OPEN = Objects
