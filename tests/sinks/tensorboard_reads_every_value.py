"""TensorBoard itself reads our event files and gives back every value of metrics.csv and every hyperparameter.

    python tests/sinks/tensorboard_reads_every_value.py OUT EVENTS

OUT is a training's folder, EVENTS what `anneal train --tensorboard` or `anneal sync` wrote of it. Needs `tensorboard`.
"""
import csv
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import plugin_data_pb2

out, events = map(pathlib.Path, sys.argv[1:])
single = lambda x: struct.unpack("f", struct.pack("f", float(x)))[0]
multiplexer = EventMultiplexer(size_guidance={"scalars": 0, "tensors": 0}).AddRunsFromDirectory(str(events))
multiplexer.Reload()
lanes = {}
with open(out / "metrics.csv", newline="") as file:
    for row in csv.DictReader(file):
        lanes.setdefault((row["run"], row["replica"]), []).append(row)
plain = lambda name: "".join(c if c.isalnum() or c in "+-_." else "_" for c in name)
runs = set(multiplexer.Runs())
values = 0
for (run, replica), rows in lanes.items():
    folder = f"{plain(run)}/seed-{replica}"  # the experiments of this test begin with seed 0
    assert folder in runs, (folder, runs)
    accumulator = multiplexer.GetAccumulator(folder)
    tags = {tag.rsplit("/", 1)[1]: tag for tag in accumulator.Tags()["scalars"]}
    for column in (c for c in rows[0] if c not in ("run", "replica", "update", "epoch")):
        wanted = [(int(r["update"]) + 1, single(r[column])) for r in rows if r[column]]
        if not wanted:
            assert column not in tags, column
            continue
        found = [(event.step, event.value) for event in accumulator.Scalars(tags[column])]
        same = lambda a, b: a == b or (a != a and b != b)
        assert len(found) == len(wanted), (run, replica, column, len(found), len(wanted))
        assert all(a[0] == b[0] and same(a[1], b[1]) for a, b in zip(found, wanted)), (run, replica, column)
        values += len(found)
    content = multiplexer.PluginRunToTagToContent("hparams")[folder]
    start = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/session_start_info"]).session_start_info
    assert start.hparams["train.seed"].number_value == int(replica) and start.hparams["lr.kind"].string_value, start
    end = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/session_end_info"]).session_end_info
    assert end.status == 1, end
    described = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/experiment"]).experiment
    assert {i.name for i in described.hparam_infos} == set(start.hparams) and len(described.metric_infos) == 2
print(f"TensorBoard read {values} values of {len(lanes)} lanes, and their hyperparameters")
