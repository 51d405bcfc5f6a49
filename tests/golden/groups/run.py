"""Executes the exported parameter groups (pytorch.py) in PyTorch and records what each update really used.

`ANNEAL_RENEW=1 cargo test --release groups::exported` writes pytorch.py; this then writes rates.json, which the same tests
compare with the drawn rates.
"""

import json
import pickle
import sys
import types
from pathlib import Path

import torch

HERE = Path(__file__).parent


def model():
    """Three layers by the names that patterns match: an embedding, a norm, and the head."""
    parts = {"table": torch.nn.Embedding(5, 4), "norm": torch.nn.LayerNorm(4), "head": torch.nn.Linear(4, 2)}
    return torch.nn.Sequential(__import__("collections").OrderedDict(parts))


def exported():
    module = types.ModuleType("exported")
    sys.modules["exported"] = module
    exec(compile((HERE / "pytorch.py").read_text(), "pytorch.py", "exec"), module.__dict__)
    return module


def main():
    module = exported()
    network = model()
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    optimizer, scheduler = module.build(network)
    updates = []
    for update in range(module.UPDATES):
        if update == module.UPDATES // 2:
            # Saved and loaded half way, as a resumed training does.
            saved = pickle.dumps((optimizer.state_dict(), scheduler.state_dict()))
            optimizer, scheduler = module.build(network)
            for part, state in zip((optimizer, scheduler), pickle.loads(saved)):
                part.load_state_dict(state)
        before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
        optimizer.zero_grad()
        network(torch.arange(5)).square().mean().backward()
        optimizer.step()
        row = {}
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = names[id(parameter)]
                moved = bool((parameter.detach() != before[name]).any())
                steps = int(optimizer.state.get(parameter, {}).get("step", 0))
                row[name] = {"lr": group["lr"], "weight_decay": group["weight_decay"], "moved": moved, "steps": steps}
        updates.append(row)
        scheduler.step()
    text = json.dumps({"torch": torch.__version__, "updates": updates}, indent=1)
    (HERE / "rates.json").write_text(text + "\n")


main()
