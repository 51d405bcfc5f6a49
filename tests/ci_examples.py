"""The example hook and the example workflow's steps, run in a real repository: what must be let through is, and what
must be stopped is.

    python3 tests/ci_examples.py ANNEAL    # needs git; the workflow's shell is read from docs/ci/anneal.yml

The workflow's script is run as GitHub runs it (bash -e), with the variables that the step sets.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

anneal = pathlib.Path(sys.argv[1]).resolve()
root = pathlib.Path(__file__).resolve().parents[1]
place = pathlib.Path(tempfile.mkdtemp(prefix="anneal-ci-"))
repo = place / "repo"
(place / "bin").mkdir()
(place / "bin/anneal").symlink_to(anneal)
ENV = {**os.environ, "PATH": f"{place}/bin:{os.environ['PATH']}", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "a@b.c",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "a@b.c", "ANNEAL_BY": "Ada", "GIT_CONFIG_GLOBAL": "/dev/null"}
TEXT = """anneal = 1
name = "governed"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "400" }
[[run]]
name = "cosine"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = PEAK }
"""
file = repo / "experiments/a.toml"


def run(*command, check=True, **more):
    done = subprocess.run(list(map(str, command)), cwd=repo, env={**ENV, **more}, text=True, capture_output=True)
    if check and done.returncode:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def write(peak, record=True):
    file.write_text(TEXT.replace("PEAK", str(peak)))
    if record:
        run("anneal", "history", file, "--record", "--why", f"peak {peak}")


def commit(what, *add):
    run("git", "add", *add)
    return run("git", "commit", "-m", what, check=False)


def step():
    """The script of the workflow's step with a `run: |`."""
    text = (root / "docs/ci/anneal.yml").read_text()
    found = re.search(r"- name: Lint, verify, canary\n(?:.*\n)*?        run: \|\n((?: {10}.*\n|\n)+)", text)
    return textwrap.dedent(found.group(1))


def workflow(base):
    # Its runner is a fresh machine; here the policy lies where the step writes it.
    return run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(), check=False, BASE=base)


try:
    file.parent.mkdir(parents=True)
    run("git", "init", "-q", "-b", "main")
    for name in ("ada", "grace"):
        run("anneal", "key", place / f"{name}.key", "--name", name.capitalize())
    key = {name: re.search(r"ed25519:\S+?(?=\"|\s|$)", (place / f"{name}.key.pub").read_text()).group() for name in ("ada", "grace")}
    policy = 'anneal_policy = 1\nauthor = true\n[approvals]\nneeded = 1\nof = ["Grace"]\n[rate]\nmax = 0.5\n'
    for name in ("ada", "grace"):
        policy += f'[[person]]\nname = "{name.capitalize()}"\nkey = "{key[name]}"\n'
    (repo / "experiments/policy.toml").write_text(policy)
    shutil.copy(root / "docs/ci/pre-commit", repo / ".git/hooks/pre-commit")
    os.chmod(repo / ".git/hooks/pre-commit", 0o755)

    # The hook.
    write(0.1)
    assert "add it, too" in (refused := commit("without its log", file)).stderr and refused.returncode, refused
    assert commit("first", "experiments").returncode == 0
    write(0.1 * 2, record=False)
    assert commit("not recorded", "experiments").returncode, "a change that no log has"
    run("anneal", "history", file, "--record", "--why", "higher")
    done = commit("recorded", "experiments")
    assert done.returncode == 0, done.stderr
    write(1e9)
    assert commit("wild", "experiments").returncode, "a canary that diverges is worse"
    run("git", "checkout", "-q", "HEAD", "--", "experiments")
    print("the hook lets through what is recorded and sound, and stops the rest")

    # The workflow.
    base = run("git", "rev-parse", "HEAD").stdout.strip()
    run("git", "checkout", "-q", "-b", "change")
    write(0.21)
    assert commit("a change", "experiments").returncode == 0
    unsigned = workflow(base)
    assert unsigned.returncode == 1 and "0 of 1 approvals" in unsigned.stderr, unsigned
    run("anneal", "sign", file, "--key", place / "ada.key")
    run("anneal", "approve", file, "--key", place / "grace.key")
    assert commit("signed and approved", "experiments").returncode == 0
    sound = workflow(base)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert (repo / "canary-a.toml.json").exists()
    # A log that was written from scratch holds, but not what the main branch's ended with.
    for old in file.parent.glob("a.history.*"):
        old.unlink()
    (file.parent / "a.signatures.jsonl").unlink()
    run("anneal", "sign", file, "--key", place / "ada.key")
    run("anneal", "approve", file, "--key", place / "grace.key")
    run("git", "add", "experiments")
    run("git", "commit", "-q", "--no-verify", "-m", "another past")
    assert workflow(base).returncode == 1, "the main branch's past is not in the log"
    print("the workflow lets through what is signed, approved and no worse, and stops the rest")
finally:
    shutil.rmtree(place, ignore_errors=True)
