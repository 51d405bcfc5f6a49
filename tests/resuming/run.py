"""Executes the table of resuming: `run.py ANNEAL [--only TARGET] [--record FILE]`, in an environment of tests/conformance.

Every target trains the plan's text in one process, saves at update 20, and goes on in a new process with the
same text, with one of another length (60 updates) and with one of twice the rate; keeping all that was saved, all
but the scheduler's state, the weights alone, or by the code that we give. The rates from update 20 on are recorded; the ordinary tests
compare them with what `anneal export --resume-at` predicts.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
AT = 20
RUNS = ("warmup and cosine", "cosine")
TARGETS = ("pytorch", "hugging_face", "lightning", "timm", "fastai", "deepspeed", "keras", "optax")


def export(anneal, text, run, target, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        command = [anneal, "export", file.name, "--run", run, "--to", target, "--json", *more]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def process(*words):
    done = subprocess.run([sys.executable, str(HERE / "frameworks.py"), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{words}: {done.stderr[-3000:]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("anneal")
    parser.add_argument("--only")
    parser.add_argument("--record")
    arguments = parser.parse_args()
    plan = (HERE / "plan.toml").read_text()
    changes = {
        "none": plan,
        "length": plan.replace('updates = "40"', 'updates = "60"'),
        "rate": plan.replace("peak = 0.1", "peak = 0.2"),
    }
    found = []
    if arguments.record and arguments.only and Path(arguments.record).exists():
        found = [one for one in json.loads(Path(arguments.record).read_text()) if one["target"] != arguments.only]
    for target in TARGETS:
        if arguments.only not in (None, target):
            continue
        for run in RUNS:
            with tempfile.TemporaryDirectory() as folder:
                request = Path(folder) / "request.json"
                asked = {
                    "folder": folder,
                    "at": AT,
                    "plan": export(arguments.anneal, plan, run, target),
                    "changed": {name: export(arguments.anneal, text, run, target) for name, text in changes.items()},
                    "code": {name: export(arguments.anneal, text, run, target, "--resume-at", str(AT))["code"]
                             for name, text in changes.items()},
                    "answer": str(Path(folder) / "answer.json"),
                }
                request.write_text(json.dumps(asked))
                process(target, "begin", str(request))
                process(target, "resume", str(request))
                framework = asked["plan"]["framework"]
                for answer in json.loads(Path(asked["answer"]).read_text()):
                    found.append({"target": target, "framework": framework, "run": run, "at": AT, **answer})
                    print(target, run, answer["change"], answer["kept"], len(answer["rates"]),
                          [round(rate, 5) for rate in answer["rates"][:4]], round(answer["rates"][-1], 5), flush=True)
    if arguments.record:
        Path(arguments.record).write_text("[\n" + ",\n".join(json.dumps(one) for one in found) + "\n]\n")


if __name__ == "__main__":
    main()
