"""``python -m anneal_studio.sync``: see the package."""
from __future__ import annotations

import argparse
import http.client
import re
import sys
import time

from .. import wire
from ..find import NotFound
from .folder import Folder, Replaced
from .state import State
from .target import Refused, open_target

#: Between two looks at a folder that grows, and before the first new try, in seconds; tries grow apart up to the last.
PAUSE, FIRST_WAIT, LONGEST_WAIT = 1.0, 0.5, 30.0


def say(text):
    # An address may hold a password.
    print("anneal_studio.sync: " + re.sub(r"//[^/@\s]*@", "//***@", text), file=sys.stderr)


class Feed:
    """One target and how far it came."""

    def __init__(self, address, folder):
        self.address, self.folder, self.state = address, folder, State(folder, address)
        self.target, self.wait, self.next_try, self.sent = None, FIRST_WAIT, 0.0, 0
        self.failing_since, self.done = None, self.state.ended

    def step(self):
        """Sends what is new; whether there was anything. A target that does not answer is tried again later."""
        if self.done or time.monotonic() < self.next_try:
            return False
        try:
            moved = self._send()
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - clients raise what they like
            self.failing_since = self.failing_since or time.monotonic()
            say(f"{self.address}: {type(error).__name__}: {str(error)[:300]}; again in {self.wait:.1f} s")
            self.next_try = time.monotonic() + self.wait
            self.wait = min(LONGEST_WAIT, self.wait * 2)
            self.target = None
            # What was not acknowledged is sent once more; it comes to the same.
            self.state = State(self.folder, self.address)
            return False
        if self.failing_since:
            say(f"{self.address}: it answers again")
        self.failing_since, self.wait = None, FIRST_WAIT
        return moved

    def _send(self):
        ended = self.folder.ended
        if self.target is None:
            target = open_target(self.address, self.folder, self.state)
            target.begin()
            self.target = target
        state = self.state
        try:
            rows, offset, digest = self.folder.rows(state.offset, state.digest)
        except Replaced:
            say(f"{self.address}: the training began again or went back: it is sent from its beginning")
            state.begin_anew()
            self.target = None
            return True
        lanes = {}
        for lane, row in rows:
            lanes.setdefault(lane, []).append(row)
        for lane, batch in lanes.items():
            self.target.rows(lane, batch, state.offset, offset)
        if rows:
            # Clients that keep things to themselves hand them on before they count as sent.
            self.target.close()
            state.offset, state.digest = offset, digest
            state.save()
            self.sent += len(rows)
            return True
        if ended and not rows:
            self.target.end()
            self.target.close()
            state.ended = self.done = True
            state.save()
        return False


class Source:
    """Where the feeds come from: a training's folder, or every run of a studio."""

    def __init__(self, args):
        self.addresses, self.follow, self.patience = args.to, args.follow, args.patience
        self.known, self.studio, self.unanswered, self.silent_since = {}, None, None, None
        if re.match(r"https?://", args.folder):
            from .studio import Studio
            self.studio = Studio(args.folder, args.mirror)
        else:
            self._add(Folder(args.folder))

    def _add(self, folder):
        if folder.path not in self.known:
            self.known[folder.path] = (folder, [Feed(address, folder) for address in self.addresses])
        elif self.known[folder.path][0] is not folder:
            # It began again: what was remembered of it says so, and sends it from its beginning.
            self.known[folder.path] = (folder, [Feed(address, folder) for address in self.addresses])

    def feeds(self):
        if self.studio:
            try:
                self.studio.look()
                if self.silent_since:
                    say("the studio answers again")
                self.silent_since = self.unanswered = None
            except (OSError, http.client.HTTPException) as error:
                if not self.silent_since:
                    say(f"the studio does not answer: {error}")
                self.silent_since = self.silent_since or time.monotonic()
                self.unanswered = "the studio does not answer"
            for folder in self.studio.folders():
                self._add(folder)
        return [feed for _, feeds in self.known.values() for feed in feeds]

    def ended(self, feeds):
        """Whether nothing more can come. A studio may train something else at any time, while it is there."""
        if self.studio:
            return bool(self.silent_since) and time.monotonic() - self.silent_since > self.patience
        return all(feed.done for feed in feeds)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m anneal_studio.sync", description=__doc__)
    parser.add_argument("folder", help="a training's folder, http://HOST:PORT of a studio, or where --fetch puts a folder")
    parser.add_argument("--to", action="append", default=[], metavar="ADDRESS",
                        help="mlflow:URL, otlp:URL, wandb:PROJECT, trackio:PROJECT, parquet:FOLDER, s3://BUCKET/PATH")
    parser.add_argument("--fetch", metavar="ADDRESS", help="fetch a checkpoint from an object store into the folder")
    parser.add_argument("--follow", action="store_true", help="follow the training until it ends")
    parser.add_argument("--patience", type=float, default=60.0, metavar="SECONDS",
                        help="give up on a target that has not answered for so long (default 60)")
    parser.add_argument("--mirror", metavar="DIR", help="where the runs of a studio are written down while they are sent")
    args = parser.parse_args(arguments)
    if bool(args.fetch) == bool(args.to):
        parser.error("--to or --fetch is needed, and not both")
    try:
        if args.fetch:
            from .objects_target import fetch
            files = fetch(args.fetch, args.folder)
            say(f"fetched {', '.join(files)}; go on with `anneal train {args.folder}/experiment.toml --resume {args.folder}`")
            return 0
        source = Source(args)
        while True:
            feeds = source.feeds()
            moved = [feed.step() for feed in feeds]
            given_up = [feed for feed in feeds
                        if feed.failing_since and time.monotonic() - feed.failing_since > args.patience]
            for feed in given_up:
                say(f"{feed.address}: given up; the same command sends the rest later")
            if given_up:
                return 1
            waiting = [feed for feed in feeds if feed.failing_since]
            if not any(moved) and not waiting:
                if source.ended(feeds) or not args.follow:
                    break
                time.sleep(PAUSE)
            elif waiting and not any(moved):
                time.sleep(.1)
        if source.unanswered:
            say(f"{args.folder}: {source.unanswered}; what came before is sent, the same command goes on later")
            return 1
        for feed in feeds:
            say(f"{feed.address}: {feed.sent} updates sent" + (", the training has ended" if feed.done else ""))
        return 0
    except (Refused, NotFound, wire.Refused) as error:
        say(str(error))
        return 2
    except FileNotFoundError as error:
        say(f"{error.filename} is not there: is {args.folder} a training's folder?")
        return 2


if __name__ == "__main__":
    sys.exit(main())
