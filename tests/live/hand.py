"""`python hand.py URL UPDATE CHANGES`: waits until a run's UPDATE is known to be made, then asks for the changes one
after the other. Prints what was answered."""

import http.client
import json
import os
import sys
import time
from urllib.parse import urlsplit

url, at, changes = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
headers = {"Authorization": "Bearer " + os.environ["ANNEAL_HAND_TOKEN"], "Content-Type": "application/json"}
connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)


def call(method, path, body=None):
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    if answer.status >= 300:
        sys.exit(f"{method} {path}: {answer.status} {content}")
    return content


end = time.monotonic() + 120
while True:
    runs = [run for run in call("GET", "/v1/runs")["runs"] if run["state"] == "training" and run["update"] >= at]
    if runs:
        break
    if time.monotonic() > end:
        sys.exit("no run came that far")
    time.sleep(0.01)

answered = []
for change in changes:
    time.sleep(change.pop("wait", 0.0))
    asked = time.time()
    answer = call("PUT", f"/v1/runs/{runs[0]['id']}/schedule", {"by": "hand.py", "why": "a test", **change})
    answered.append({**answer, "asked": asked, "answered": time.time()})
print(json.dumps({"run": runs[0]["id"], "seen": runs[0]["update"], "changes": answered}))
