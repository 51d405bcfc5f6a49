"""A controller in 20 lines: halves a run's rate whenever its loss has not fallen for a while.

Start `anneal serve examples/digits.toml`, or switch "Let my programs in" on in the studio, then run this. Any run
can be steered, of ours or of a script that joined; the address and the token are in a file that only you can read.
"""
import json, os, pathlib, time, urllib.request

folder = os.environ.get("XDG_RUNTIME_DIR") or pathlib.Path.home() / ".local/state"
door = json.loads((pathlib.Path(folder) / "anneal-studio/api.json").read_text())

def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "Bearer " + door["token"]}
    request = urllib.request.Request(door["url"] + path, data, headers, method=method)
    return json.load(urllib.request.urlopen(request))

run = "/v1/runs/" + call("GET", "/v1/runs")["runs"][0]["id"]
best, patience = float("inf"), 0
while (now := call("GET", run))["state"] in ("waiting", "training", "paused"):
    loss = now.get("latest", {}).get("train_loss")
    best, patience = (loss, 0) if isinstance(loss, float) and loss < 0.99 * best else (best, patience + 1)
    if patience == 20:
        change = {"factor": 0.5, "by": "controller.py", "why": f"no better than {best:.3g} for 2 s"}
        print("update", now["update"], call("PUT", run + "/schedule", change))
        patience = 0
    time.sleep(0.1)
