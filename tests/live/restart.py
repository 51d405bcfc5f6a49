"""Either side ends in the middle and begins again: the history, the changes and what is followed stay.

The studio is killed while a bent training goes on, and another one takes its place: it is sent every row again, and told the
changes and the future that the training follows. Then the script ends half-way and a new one goes on from its checkpoint with
the same session: the same run of the same studio.
"""

import time

import torch

from common import Server, record

from anneal_studio import Live

TOTAL, BENT, KILLED, ENDED = 1200, 200, 400, 800


class Script:
    """A training that can be saved and gone on with."""

    def __init__(self, saved=None):
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, TOTAL)
        self.made, session = 0, None
        if saved is not None:
            for name in ("model", "optimizer", "scheduler"):
                getattr(self, name).load_state_dict(saved[name])
            self.made, session = saved["made"], saved["session"]
        self.live = Live(self.optimizer, self.scheduler, TOTAL, "restarted", update=self.made, session=session)
        self.applied = {}
        self.optimizer.register_step_pre_hook(lambda *_: self.applied.update({self.made: self.optimizer.param_groups[0]["lr"]}))

    def train(self, until):
        while self.made < until:
            inputs = torch.randn(32, 64)
            loss = torch.nn.functional.cross_entropy(self.model(inputs), inputs[:, :10].argmax(1))
            self.optimizer.zero_grad()
            loss.backward()
            self.live.step(loss=loss)
            self.optimizer.step()
            self.scheduler.step()
            self.made += 1
            time.sleep(0.003)

    def save(self):
        states = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "scheduler")}
        return {**states, "made": self.made, "session": self.live.session}


def wait(until):
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


def the_run(server):
    runs = server.call("GET", "/v1/runs")["runs"]
    assert len(runs) <= 1, runs
    return runs[0] if runs else None


def rows(server, run):
    return server.call("GET", f"/v1/runs/{run}/series?columns=train_loss&points=20000")["columns"]["train_loss"]["update"]


def main():
    torch.set_num_threads(1)
    server = Server()
    try:
        script = Script()
        wait(lambda: script.live.connected)
        script.train(BENT)
        run = the_run(server)["id"]
        asked = {"points": [[0, 0.02], [TOTAL, 0.001]], "by": "restart.py", "why": "a line"}
        # The script has to go on for the change to begin.
        revision = server.call("PUT", f"/v1/runs/{run}/schedule", {**asked, "from": BENT + 50})["revision"]
        script.train(KILLED)
        before = server.call("GET", f"/v1/runs/{run}/schedule")["changes"]
        plan = server.call("GET", f"/v1/runs/{run}/rates?from={KILLED}&count={TOTAL - KILLED}")["rates"]
        server.kill()
        script.train(KILLED + 50)
        server.start()
        wait(lambda: the_run(server) is not None)
        script.train(ENDED)
        run = the_run(server)["id"]
        wait(lambda: len(rows(server, run)) >= ENDED - 1)
        after = server.call("GET", f"/v1/runs/{run}/schedule")
        again = server.call("GET", f"/v1/runs/{run}/rates?from={KILLED}&count={TOTAL - KILLED}")["rates"]
        assert after["revision"] == revision and len(after["changes"]) == len(before) == 1, (after, before)
        kept = [{name: change[name] for name in ("revision", "from", "applied", "late", "by", "why")} for change in (before[0], after["changes"][0])]
        assert kept[0] == kept[1], kept
        differing = [update for update, (a, b) in enumerate(zip(plan, again)) if a != b]
        assert not differing, f"the new studio draws another future from {KILLED + differing[0]} on"
        saved = script.save()
        script.live.close()

        resumed = Script(saved)
        wait(lambda: resumed.live.connected)
        assert the_run(server)["id"] == run
        change = server.call("GET", f"/v1/runs/{run}/schedule")["changes"][0]
        resumed.train(TOTAL)
        resumed.live.close()
        wait(lambda: the_run(server)["state"] == "finished")
        seen = rows(server, run)
        assert seen == list(range(TOTAL)), f"{len(seen)} rows of {TOTAL}"
        rates = {**script.applied, **resumed.applied}
        wrong = [update for update in range(change["applied"], TOTAL) if rates[update] != (0.02 + (0.001 - 0.02) * (update / TOTAL))]
        record("restart", {
            "updates": TOTAL, "studio_killed_at": KILLED, "script_ended_at": ENDED, "rows_kept": len(seen),
            "changes_kept": len(after["changes"]), "future_values_equal": len(plan), "applied_at": change["applied"],
            "rates_that_differ_from_the_line": len(wrong), "counts": {"first": script.live.counts, "second": resumed.live.counts},
        }, torch)
        assert not wrong, f"not the line at {wrong[:5]}"
    finally:
        server.close()


if __name__ == "__main__":
    main()
