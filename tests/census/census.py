"""What `anneal import` makes of public files: `census.py ANNEAL FOLDER OUT.csv`.

FOLDER holds `owner+name/path` files (see `collect.py`). OUT.csv gets a row a file: repository, path, verdict, dialect, the
number of notes, assumptions and settings that were not read, and the reason of a refusal. The table on stdout counts
verdicts by dialect. Verdicts: `read`, `refused` (exit 2 with a reason), `fault` (anything else: a crash, a hang, no
reason).
"""

import collections
import csv
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def one(anneal, path):
    try:
        done = subprocess.run([anneal, "import", path, "--json"], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "fault", "", 0, 0, 0, "no answer in 60 s"
    if done.returncode == 0:
        try:
            said = json.loads(done.stdout)
        except json.JSONDecodeError:
            return "fault", "", 0, 0, 0, "its JSON is broken"
        matters = [unread for unread in said["unread"] if unread["matters"]]
        return "read", said["dialect"], len(said["notes"]), len(said["assumed"]), len(matters), ""
    reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    if done.returncode == 2 and reason:
        return "refused", "", 0, 0, 0, reason.replace(path, "FILE")[:300]
    return "fault", "", 0, 0, 0, f"exit {done.returncode}: {reason[:200]}"


def main(anneal, folder, out):
    paths = sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)
    with ThreadPoolExecutor(max_workers=1) as pool:
        found = list(pool.map(lambda path: one(anneal, path), paths))
    counts = collections.Counter()
    with open(out, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["repository", "path", "verdict", "dialect", "notes", "assumed", "not_read", "reason"])
        for path, row in zip(paths, found):
            repository, _, inside = os.path.relpath(path, folder).partition(os.sep)
            rows.writerow([repository.replace("+", "/"), inside, *row])
            counts[row[0], row[1]] += 1
    print("verdict,dialect,files")
    for (verdict, dialect), files in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"{verdict},{dialect},{files}")
    print(f"files,,{len(paths)}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
