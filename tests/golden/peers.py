"""What other frameworks' own schedulers give, for texts that are imported: `python peers.py > peers.json`.

Needs torch, timm 1.0.31, transformers, optax, keras (on jax) and fastai; each entry has the text, the run's length,
and the rate of every tick. Values are those that the schedulers themselves compute.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import torch

ENTRIES = []


def entry(name, text, rates, unit="update", per_epoch=1, tolerance=1e-12, first=0):
    ENTRIES.append(
        {
            "name": name,
            "text": text,
            "unit": unit,
            "updates_per_epoch": per_epoch,
            "tolerance": tolerance,
            "first": first,
            "rates": [float(rate) for rate in rates],
        }
    )


def stepped(make, updates, lr=1.0):
    """The rates of a torch scheduler that is stepped after each update."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    rates = []
    for _ in range(updates):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def of_timm(arguments, epochs, **given):
    """timm's scheduler as `train.py` makes it, an epoch a value; the first is the constructor's."""
    from timm.scheduler import create_scheduler_v2

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler, _ = create_scheduler_v2(optimizer, **given)
    rates = []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step(epoch + 1)
    entry(f"timm {arguments}", f"python train.py --model vit --lr 0.4 {arguments}", rates, unit="epoch")


def timm():
    usual = {"num_epochs": 30, "warmup_epochs": 0, "cycle_decay": 0.5}
    warm = usual | {"warmup_epochs": 5, "warmup_lr": 1e-3}
    of_timm("--sched cosine --epochs 30 --warmup-epochs 5 --warmup-lr 1e-3", 30, sched="cosine", **warm)
    of_timm("--sched tanh --epochs 30 --warmup-epochs 5 --warmup-lr 1e-3", 30, sched="tanh", **warm)
    of_timm(
        "--sched poly --decay-rate 0.5 --epochs 30 --warmup-epochs 5 --warmup-lr 1e-3", 30, sched="poly", decay_rate=0.5, **warm
    )
    of_timm(
        "--sched step --decay-epochs 8 --epochs 30 --warmup-epochs 5 --warmup-lr 1e-3", 30, sched="step", decay_epochs=8, **warm
    )
    of_timm(
        "--sched cosine --epochs 10 --lr-cycle-limit 3 --lr-cycle-decay 0.25 --min-lr 0.03 --warmup-epochs 0",
        30,
        sched="cosine",
        min_lr=0.03,
        **(usual | {"num_epochs": 10, "cycle_limit": 3, "cycle_decay": 0.25}),
    )
    of_timm(
        "--sched cosine --epochs 30 --warmup-epochs 5 --warmup-lr 1e-3 --lr-noise 0.2 0.8",
        30,
        sched="cosine",
        noise=[0.2, 0.8],
        noise_pct=0.67,
        noise_std=1.0,
        noise_seed=42,
        **warm,
    )
    of_timm(
        "--sched step --decay-epochs 8 --epochs 30 --warmup-epochs 0 --lr-noise 0.5 --lr-noise-pct 0.3 --lr-noise-std 0.5 --seed 7",
        30,
        sched="step",
        decay_epochs=8,
        noise=0.5,
        noise_pct=0.3,
        noise_std=0.5,
        noise_seed=7,
        **usual,
    )


def pytorch():
    from torch.optim.lr_scheduler import CyclicLR, LambdaLR

    text = "opt = SGD(p, lr=0.1)\nfor epoch in range({}):\n    for batch in loader:\n        opt.step()\n        s.step()\n"
    make = "s = torch.optim.lr_scheduler.CyclicLR(opt, 0.1, 1.0, step_size_up=1.5, cycle_momentum=False)\n"
    rates = stepped(lambda opt: CyclicLR(opt, 0.1, 1.0, step_size_up=1.5, cycle_momentum=False), 40, lr=0.1)
    entry("CyclicLR up 1.5", make.join(["opt = SGD(p, lr=0.1)\n", ""]), rates)


def transformers():
    from transformers import get_scheduler

    def of(name, kind, updates, warmup, kwargs, arguments):
        rates = stepped(
            lambda opt: get_scheduler(
                kind, opt, num_warmup_steps=warmup, num_training_steps=updates, scheduler_specific_kwargs=kwargs
            ),
            updates,
        )
        text = f"TrainingArguments(output_dir='o', learning_rate=1.0, max_steps={updates}, warmup_steps={warmup}, {arguments})"
        entry(f"transformers {name}", text, rates)

    of("cosine num_cycles .7", "cosine", 53, 4, {"num_cycles": 0.7}, "lr_scheduler_type='cosine', lr_scheduler_kwargs={'num_cycles': 0.7}")
    of(
        "restarts 3 in 53",
        "cosine_with_restarts",
        53,
        0,
        {"num_cycles": 3},
        "lr_scheduler_type='cosine_with_restarts', lr_scheduler_kwargs={'num_cycles': 3}",
    )
    of(
        "restarts 6 in 14",
        "cosine_with_restarts",
        14,
        0,
        {"num_cycles": 6},
        "lr_scheduler_type='cosine_with_restarts', lr_scheduler_kwargs={'num_cycles': 6}",
    )
    kwargs = {"num_decay_steps": 12, "warmup_type": "1-sqrt", "decay_type": "1-sqrt", "min_lr_ratio": 0.1}
    of("wsd 1-sqrt", "warmup_stable_decay", 60, 10, kwargs, f"lr_scheduler_type='warmup_stable_decay', lr_scheduler_kwargs={kwargs}")


def optax_():
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    schedule = optax.cosine_decay_schedule(0.3, 80, alpha=0.1, exponent=2.5)
    entry(
        "optax cosine exponent",
        "import optax\nschedule = optax.cosine_decay_schedule(0.3, 80, alpha=0.1, exponent=2.5)\n",
        [schedule(count) for count in range(80)],
        tolerance=1e-9,
    )
    jax.config.update("jax_enable_x64", False)


def keras_():
    import keras

    def of(name, text, count, tolerance=1e-6):
        schedule = eval(text, {"keras": keras})
        lines = f"import keras\nschedule = {text}\nmodel.compile(keras.optimizers.SGD(schedule))\n"
        entry(f"keras {name}", lines, [schedule(step) for step in range(count)], tolerance=tolerance)

    room = "keras.optimizers.schedules."
    of("InverseTimeDecay", f"{room}InverseTimeDecay(0.1, 25, 2.4)", 200)
    of("InverseTimeDecay staircase", f"{room}InverseTimeDecay(0.1, 25, 2.4, staircase=True)", 200)
    of("PolynomialDecay cycle", f"{room}PolynomialDecay(0.1, 30, end_learning_rate=0.01, power=2.0, cycle=True)", 200)
    of("CosineDecayRestarts", f"{room}CosineDecayRestarts(0.1, 40, t_mul=1.0, m_mul=0.5, alpha=0.2)", 200)
    of("CosineDecayRestarts growing", f"{room}CosineDecayRestarts(0.1, 20, t_mul=2.0, m_mul=0.5, alpha=0.2)", 139, 1e-5)


def fastai():
    from fastai.callback.schedule import SchedCos, SchedExp, SchedLin, SchedNo, SchedPoly, combine_scheds, combined_cos

    names = dict(globals() | locals())

    def of(name, curve, total, text):
        rates = [float(curve(update / total)) for update in range(total)]
        entry(f"fastai {name}", text, rates, tolerance=1e-6)

    def param(name, text, total):
        lines = f"learn.fit({total}, cbs=ParamScheduler({{'lr': {text}}}))\n"
        of(name, eval(text, names), total, f"from fastai.callback.schedule import *\n{lines}")

    of("fit_flat_cos", combined_cos(0.75, 1e-2, 1e-2, 1e-2 / 1e5), 53, "from fastai.all import *\nlearn.fit_flat_cos(53, 1e-2)\n")
    of(
        "fit_one_cycle",
        combined_cos(0.25, 1e-2 / 25, 1e-2, 1e-2 / 1e5),
        53,
        "from fastai.all import *\nlearn.fit_one_cycle(53, 1e-2)\n",
    )
    param("SchedPoly", "SchedPoly(1e-3, 1e-2, 2.5)", 53)
    param("SchedExp", "SchedExp(1e-1, 1e-4)", 53)
    param("combine_scheds", "combine_scheds([0.3, 0.7], [SchedCos(1e-3, 1e-2), SchedPoly(1e-2, 1e-4, 3)])", 53)
    param("combined_cos", "combined_cos(0.4, 1e-3, 1e-2, 1e-5)", 53)


for make in (timm, pytorch, transformers, optax_, keras_, fastai):
    make()
json.dump(ENTRIES, sys.stdout, indent=0)
