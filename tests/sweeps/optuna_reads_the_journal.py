"""Optuna reads the journal of a sweep and finds the same best trial.

    pip install optuna
    python tests/sweeps/optuna_reads_the_journal.py target/release/anneal
"""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import optuna

EXPERIMENT = """anneal = 1
name = "moons"
data = {{ name = "moons", batch_size = 32, validation = 0.25 }}
model = {{ kind = "mlp", hidden = [8] }}
train = {{ updates = "60" }}
[[run]]
name = "one"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "cosine", peak = 0.1, warmup = {{ over = "10%" }} }}
[sweep]
seeds = 2
{sweep}
"lr.peak" = {{ from = 1e-3, to = 10.0, scale = "log", points = 6 }}
"lr.warmup.over" = {{ from = "0%", to = "50%", points = 3 }}
"lr.kind" = ["cosine", "wsd", "linear"]
"data.batch_size" = {{ from = 16, to = 64, points = 2 }}
"model.hidden" = [[8], [16, 8]]
"""

SWEEPS = {
    "grid": 'objective = "final_val_loss"\n[sweep.over]',
    "tpe, pruned": 'search = "tpe"\ntrials = 60\nprune = { kind = "median" }\n[sweep.over]',
    "maximised": 'search = "sobol"\ntrials = 60\nobjective = "final_val_accuracy"\n[sweep.over]',
    "two objectives": 'search = "random"\ntrials = 60\nobjective = ["final_val_loss", "cost"]\n[sweep.over]',
}


def check(anneal: str, name: str, sweep: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "sweep.toml"), Path(folder, "out")
        file.write_text(EXPERIMENT.format(sweep=sweep))
        done = subprocess.run(
            [anneal, "sweep", file, "--out", out, "--json"], capture_output=True, text=True, check=True
        )
        summary = json.loads(done.stdout)
        trials = [json.loads(line) for line in Path(out, "trials.jsonl").read_text().splitlines()]
        backend = optuna.storages.journal.JournalFileBackend(str(out / "optuna.journal"))
        study = optuna.load_study(study_name="moons", storage=optuna.storages.JournalStorage(backend))

        assert len(study.trials) == len(trials), (len(study.trials), len(trials))
        states = {"complete": "COMPLETE", "pruned": "PRUNED", "diverged": "FAIL", "failed": "FAIL"}
        for theirs, ours in zip(study.trials, trials):
            assert theirs.user_attrs["trial"] == ours["trial"] == theirs.number
            assert theirs.state.name == states[ours["status"]], (theirs.state, ours)
            for path, value in ours["values"].items():
                read = theirs.params[path]
                if isinstance(value, list):
                    assert read == json.dumps(value), (read, value)
                elif isinstance(value, str) and value.endswith("%"):
                    assert math.isclose(read, float(value[:-1])), (read, value)
                else:
                    assert read == value, (read, value)
        if "front" in summary:
            theirs = sorted(trial.number for trial in study.best_trials)
            ours = sorted(trial["trial"] for trial in summary["front"])
            # Of trials that are equal in everything Optuna keeps all, a front one.
            assert set(ours) <= set(theirs), (ours, theirs)
        else:
            best = study.best_trial
            assert best.value == summary["best"]["objective"], (best.value, summary["best"])
            assert best.number == summary["best"]["trial"], (best.number, summary["best"])
            # What Optuna makes of a study works on it.
            optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
        pruned = sum(trial["status"] == "pruned" for trial in trials)
        print(f"{name}: {len(trials)} trials, {pruned} pruned, best {summary['best']['objective']}: Optuna agrees")


if __name__ == "__main__":
    for name, sweep in SWEEPS.items():
        check(sys.argv[1], name, sweep)
    print(f"optuna {optuna.__version__}")
