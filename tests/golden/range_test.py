"""Makes range_test.json: what each learning-rate finder says about recorded sweeps.

    pip install torch==2.15.0 numpy tqdm packaging
    pip install --no-deps fastai==2.8.12 lightning==2.6.6 torch-lr-finder==0.2.2
    python tests/golden/range_test.py

The tools' own code runs, on the losses in range_test_curves.json (recorded from this program's sweeps, and
made by hand, with null where a loss was no number) and on float64. torch-lr-finder is imported as it is,
with the training of a batch replaced by the next recorded loss and with nothing drawn. Of fastai and
Lightning, which import much that has nothing to do with this, the classes and functions concerned are taken
out of the installed source files and run unchanged. Smoothing, cropping and rule are thus each tool's own.
null in the result means that the tool raised an error or gave no suggestion.
"""

import ast
import json
import logging
import math
import sys
import types
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Optional, Union
from unittest.mock import MagicMock

import numpy as np
import torch
from golden_json import write

for name in ("matplotlib", "matplotlib.pyplot"):
    sys.modules.setdefault(name, MagicMock())
from torch_lr_finder import LRFinder  # noqa: E402
from torch_lr_finder.lr_finder import TrainDataLoaderIter  # noqa: E402

HERE = Path(__file__).parent
torch.set_default_dtype(torch.float64)


def taken(package: str, file: str, names: list[str], context: dict) -> types.SimpleNamespace:
    """The named classes and functions of an installed file, run in `context` and nothing else of the file."""
    source = Path(find_spec(package).submodule_search_locations[0], file).read_text()
    found = [node for node in ast.parse(source).body if getattr(node, "name", None) in names]
    assert [node.name for node in found] == names
    exec(compile(ast.Module(found, []), file, "exec"), context)
    return types.SimpleNamespace(**{name: context[name] for name in names})


fastai = taken(
    "fastai",
    "callback/schedule.py",
    ["valley", "slide", "minimum", "steep"],
    {"np": np, "to_np": lambda tensor: tensor.numpy()},
)
fastai_learner = taken(
    "fastai",
    "learner.py",
    ["AvgSmoothLoss"],
    {"Metric": object, "tensor": torch.tensor, "torch": torch, "to_detach": lambda tensor: tensor},
)
lightning = taken(
    "lightning",
    "pytorch/tuner/lr_finder.py",
    ["_LRFinder", "_LRCallback"],
    {
        "torch": torch,
        "log": logging.getLogger(),
        "override": lambda function: function,
        "Callback": object,
        "Any": object,
        "Optional": Optional,
        "Union": Union,
        "TYPE_CHECKING": False,
        "STEP_OUTPUT": object,
    },
)


def fastai_smooth(losses: list[float]) -> list[float]:
    metric, smooth = fastai_learner.AvgSmoothLoss(), []
    for loss in losses:
        metric.accumulate(types.SimpleNamespace(loss=torch.tensor(loss)))
        smooth.append(metric.value.item())
    return smooth


def fastai_suggest(rule, rates: list[float], smooth: list[float], num_it: int) -> float:
    # From here to the call it is fastai's lr_find, word for word.
    lrs, losses = torch.tensor(rates[num_it // 10 : -5]), torch.tensor(smooth[num_it // 10 : -5])
    nan_idxs = torch.nonzero(torch.isnan(losses.view(-1)))
    if len(nan_idxs) > 0:
        drop_idx = min(nan_idxs)
        lrs = lrs[:drop_idx]
        losses = losses[:drop_idx]
    return float(rule(lrs, losses, num_it)[0])


def lr_finder(rates: list[float], losses: list[float]) -> tuple[list[float], float]:
    model = torch.nn.Linear(1, 1)
    finder = LRFinder(model, torch.optim.SGD(model.parameters(), lr=rates[0]), None, device="cpu")
    recorded = iter(losses)
    finder._train_batch = lambda *_, **__: next(recorded)
    loader = torch.utils.data.DataLoader(torch.zeros(1, 1))
    finder.range_test(TrainDataLoaderIter(loader), end_lr=10, num_iter=len(losses), diverge_th=math.inf)
    finder.history["lr"] = rates
    return finder.history["loss"], finder.plot(ax=MagicMock(), suggest_lr=True)[1]


def lightning_both(rates: list[float], losses: list[float]) -> tuple[list[float], float | None]:
    callback = lightning._LRCallback(num_training=len(losses), early_stop_threshold=None)
    for step, loss in enumerate(losses):
        trainer = MagicMock()
        trainer.fit_loop.batch_idx, trainer.accumulate_grad_batches = step, 1
        # on_train_batch_end runs after the optimizer's step, which global_step counts.
        trainer.global_step = step + 1
        callback.on_train_batch_end(trainer, None, torch.tensor(loss), None, step)
    finder = lightning._LRFinder.__new__(lightning._LRFinder)
    finder.results = {"lr": rates, "loss": callback.losses}
    return callback.losses, finder.suggestion()


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (IndexError, RuntimeError, ValueError, ZeroDivisionError) as error:
        print(f"  {getattr(function, '__name__', function)}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def plain(values):
    return [value if math.isfinite(value) else None for value in values]


entries = []
for curve in json.loads((HERE / "range_test_curves.json").read_text()):
    losses = [math.nan if loss is None else loss for loss in curve["losses"]]
    start, end, planned = curve["start"], curve["end"], curve["planned"]
    rates = [start * (end / start) ** (i / planned) for i in range(len(losses))]
    print(curve["name"], file=sys.stderr)
    smooth = fastai_smooth(losses)
    finder_smooth, finder_rate = attempt(lr_finder, rates, losses) or (None, None)
    lightning_smooth, lightning_rate = lightning_both(rates, losses)
    entries.append(
        {
            **curve,
            "rates": rates,
            "fastai_smooth": plain(smooth),
            "lr_finder_smooth": finder_smooth and plain(finder_smooth),
            "lightning_smooth": plain(lightning_smooth),
            "valley": attempt(fastai_suggest, fastai.valley, rates, smooth, planned),
            "slide": attempt(fastai_suggest, fastai.slide, rates, smooth, planned),
            "steep": attempt(fastai_suggest, fastai.steep, rates, smooth, planned),
            "minimum/10": attempt(fastai_suggest, fastai.minimum, rates, smooth, planned),
            "torch-lr-finder": finder_rate,
            "lightning": lightning_rate,
        }
    )

packages = ("fastai", "lightning", "torch-lr-finder", "torch", "numpy")
write(
    HERE / "range_test.json",
    {"note": __doc__.splitlines()[0], "versions": {name: version(name) for name in packages}, "entries": entries},
)
