"""Every dashboard is one that Grafana's own SDK understands: nothing that we wrote is lost on the way through it.

    python tests/prometheus/dashboards.py    # in an environment with `grafana-foundation-sdk`
"""
import json
import pathlib

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()
root = pathlib.Path(__file__).resolve().parents[2]
count = 0


def kept(ours, theirs, place):
    """Whatever we say, they say, too; they may add defaults."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            assert key in theirs, f"{place}.{key} is not known"
            kept(value, theirs[key], f"{place}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), place
        for at, pair in enumerate(zip(ours, theirs)):
            kept(*pair, f"{place}[{at}]")
    else:
        assert ours == theirs, f"{place}: {ours!r} became {theirs!r}"


for file in sorted((root / "assets/grafana").glob("*.json")):
    ours = json.loads(file.read_text())
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))
    kept(ours, theirs, file.stem)
    assert len({panel["id"] for panel in ours["panels"]}) == len(ours["panels"]), file
    count += len(ours["panels"])
print(f"Grafana's SDK understands {count} panels")
