"""A training behind the API of a real `anneal serve`, followed into Parquet though the follower and the server are killed.

    python tests/sync/studio.py ANNEAL    # in an environment with `duckdb` and `pyarrow`

The first training is killed with its server; the second one, which takes its place under the same address, is followed
to its end and compared value by value with what the program itself wrote.
"""
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile

import duckdb

from common import ENV, LONG, ROOT, free_port, rows, stop, wait

sys.path.insert(0, str(ROOT / "python"))
from anneal_studio.sync.folder import Folder  # noqa: E402

anneal = sys.argv[1]
place = pathlib.Path(tempfile.mkdtemp(prefix="anneal-studio-"))
port = free_port()
url = f"http://127.0.0.1:{port}"
(place / "token").write_text("0123456789abcdef0123456789abcdef")
(place / "token").chmod(0o600)
ENV.update(XDG_RUNTIME_DIR=str(place), ANNEAL_TOKEN_FILE=str(place / "token"))
EXPERIMENT = """anneal = 1
name = "served"
data = { name = "digits", batch_size = 32 }
model = { kind = "mlp", hidden = [256] }
train = { updates = "UPDATES" }
[[run]]
name = "cosine, \\"quoted\\""
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = "5%" } }
[[run]]
name = "=constant"
optimizer = { kind = "adamw" }
lr = { kind = "step", peak = 0.01, every = "200" }
"""


def serve(name, updates):
    (place / f"{name}.toml").write_text(EXPERIMENT.replace("UPDATES", str(updates)))
    log = open(place / f"{name}.log", "w")
    child = subprocess.Popen([anneal, "serve", f"{name}.toml", "--out", name, "--listen", f"127.0.0.1:{port}",
                              "--token-file", place / "token"], cwd=place, env=ENV, stdout=log, stderr=log,
                             start_new_session=True)
    wait("the server", lambda: "serving at" in (place / f"{name}.log").read_text())
    return child


def follow():
    return subprocess.Popen([sys.executable, "-m", "anneal_studio.sync", url, "--to", f"parquet:{place}/rows", "--mirror",
                             place / "mirror", "--follow", "--patience", "20"], env=ENV, cwd=place)


def count(trainings=None):
    if not list((place / "rows").glob("*.parquet")):
        return 0
    where = f"where training in {trainings}" if trainings else ""
    return duckdb.sql(f"select count(*) from '{place}/rows/*.parquet' {where}").fetchall()[0][0]


running, feed = serve("first", 200_000), None
try:
    feed = follow()
    wait("rows of the first training", lambda: count() > 500)
    stop(running)
    running = serve("second", 3000)
    wait("the second training", lambda: (place / "second.log").read_text().count("the training has ended") or None)
    feed.send_signal(signal.SIGKILL)
    feed.wait()
    feed = follow()
    ours = rows(place / "second")
    # The first training stays in the table, as one of its own.
    of_second = lambda: tuple(Folder(path).key for path in (place / "mirror").iterdir())
    wait("every update", lambda: count(of_second()) == len(ours))
    assert count() > len(ours) + 500
    stop(running)
    assert feed.wait(LONG) == 1, "a studio that is gone is said, and is no success"
    columns = ("lr", "momentum", "train_loss", "grad_norm", "update_norm", "val_loss", "val_accuracy")
    names = ", ".join(columns)
    found = duckdb.sql(f"select run, \"update\", {names} from '{place}/rows/*.parquet' where training in {of_second()}").fetchall()
    cell = lambda text: float(text) if text else None
    name = lambda row: row["run"].removeprefix("'")
    wanted = {(name(r), int(r["update"])): tuple(cell(r[c]) for c in columns) for r in ours}
    assert len(found) == len(wanted), (len(found), len(wanted))
    single = lambda values: [v if v is None else struct.unpack("f", struct.pack("f", v))[0] for v in values]
    for run, update, *values in found:
        # The API gives single precision as doubles, the file as the shortest decimals.
        assert single(values) == single(wanted[run, update]), (run, update, values, wanted[run, update])
    print(f"studio: {len(found)} updates of {len({run for run, *_ in found})} runs over the API, after kills of both sides")
finally:
    if feed and feed.poll() is None:
        feed.kill()
    stop(running)
    subprocess.run(["rm", "-rf", str(place)])
