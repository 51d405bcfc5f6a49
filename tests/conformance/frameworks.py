"""Runs exported texts in the frameworks they are for: the rate that each update uses.

A function a target: it takes what `anneal export --json` gave and returns the rates. Where a framework cannot
be started on a small machine without a cluster (DeepSpeed, Megatron, axolotl, torchtitan), its scheduler's own
source file is executed, unmodified, around a PyTorch optimizer.
"""

import argparse
import csv
import importlib.util
import io
import json
import logging
import os
import pickle
import re
import shlex
import subprocess
import sys
import tempfile
import types
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import torch

# Schedulers are stepped here without their trainers, which some of them warn about.
warnings.filterwarnings("ignore")
for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.ERROR)

# A whole trainer is slow: so many updates of a longer run are compared.
LIMITS = {"lightning": 50}

SOURCES = Path(os.environ.get("CONFORMANCE_SOURCES", Path(__file__).parent / "sources"))


def model():
    """Two layers, the second of which is the head."""
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))


def execute(text):
    """The names a Python text defines, as a module that pickle finds."""
    module = types.ModuleType("exported")
    sys.modules["exported"] = module
    exec(compile(text, "exported.py", "exec"), module.__dict__)
    return module


def train(parameters, optimizer):
    """One update."""
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 1e-3)
    optimizer.step()


def group_numbers(optimizer):
    groups = optimizer.param_groups
    # Muon's momentum is that of its matrices.
    momentum = next((group["momentum"] for group in groups if "momentum" in group), None)
    return groups[-1]["lr"], groups[-1].get("betas", (None,))[0] if momentum is None else momentum


def plain(numbers):
    """What is a number or an option of them, by name; pairs as they are."""
    idle = {"name", "use_ema", "ema_momentum", "maximize", "capturable", "differentiable", "foreach", "fused"}
    kept = {}
    for name, value in numbers.items():
        pair = isinstance(value, (tuple, list)) and all(isinstance(part, float) for part in value)
        finite = not isinstance(value, float) or abs(value) < float("inf")
        if name not in idle and finite and (pair or isinstance(value, (bool, int, float, str))):
            kept[name] = list(value) if pair else value
    return kept


def made(entry, optimizer):
    """Notes which optimizer was built, and with which numbers: of its last group, and of Muon's matrices."""
    groups = [group for part in getattr(optimizer, "parts", [optimizer]) for group in part.param_groups[-1:]]
    numbers = {name: value for group in reversed(groups) for name, value in group.items()}
    changing = {"lr", "initial_lr", "params", "step", "k", "d", "d_max", "d_numerator", "max_lr_snapshot"}
    kept = {name: value for name, value in plain(numbers).items() if name not in changing or "beta2_decay" in numbers and name == "d"}
    entry["made"] = {"class": type(optimizer).__name__, **kept}


def stepped(build, updates, entry=None):
    """The rates and momenta under PyTorch's stepping, saved and loaded half way."""
    network = model()
    optimizer, scheduler = build(network)
    if entry is not None:
        made(entry, optimizer)
    rates, momenta = [], []
    for update in range(updates):
        if update == updates // 2:
            saved = pickle.dumps((optimizer.state_dict(), scheduler.state_dict()))
            optimizer, scheduler = build(network)
            for part, state in zip((optimizer, scheduler), pickle.loads(saved)):
                part.load_state_dict(state)
        rate, momentum = group_numbers(optimizer)
        rates.append(rate)
        momenta.append(momentum)
        train(network.parameters(), optimizer)
        scheduler.step()
    return rates, momenta


def pytorch(entry):
    """Checks momentum (or beta1) too, against the same run's table of drawn numbers."""
    rates, momenta = stepped(execute(entry["text"]).build, entry["updates"], entry)
    rows = list(csv.DictReader(io.StringIO(entry["table"])))
    name = next((name for name in ("momentum", "beta1") if name in rows[0]), None)
    for update, row in enumerate(rows if name else []):
        assert abs(momenta[update] - float(row[name])) < 1e-9, (name, update, momenta[update], row[name])
    return rates


def lightning(entry):
    import lightning

    module = execute(entry["text"])
    rates = []

    class Model(module.Optimization, lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = model()

        def parameters(self, recurse=True):
            return self.network.parameters(recurse)

        def training_step(self, batch):
            return self.network(batch).square().mean()

        def on_before_optimizer_step(self, optimizer):
            rates.append(optimizer.param_groups[-1]["lr"])

    batches = torch.utils.data.DataLoader(torch.ones(64 * entry["updates_per_epoch"], 2), batch_size=64)
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    settings = {**module.TRAINER, "max_steps": min(module.TRAINER["max_steps"], LIMITS["lightning"])}
    trainer = lightning.Trainer(accelerator="cpu", devices=1, **quiet, **settings)
    trainer.fit(Model(), batches)
    return rates


def trainer_rates(arguments, updates, optimizers=(None, None)):
    """The rates of a Hugging Face Trainer's own scheduler."""
    from transformers import Trainer

    trainer = Trainer(model=model(), args=arguments, optimizers=optimizers)
    trainer.create_optimizer_and_scheduler(num_training_steps=updates)
    rates = []
    for _ in range(updates):
        rates.append(trainer.optimizer.param_groups[-1]["lr"])
        train(trainer.model.parameters(), trainer.optimizer)
        trainer.lr_scheduler.step()
    return rates


def hugging_face(entry):
    module = execute(entry["text"])
    if hasattr(module, "build"):
        return trainer_rates(module.ARGUMENTS, entry["updates"], module.build(model()))
    return trainer_rates(module.ARGUMENTS, entry["updates"])


def hugging_face_yaml(entry):
    import yaml
    from transformers import TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(output_dir=folder, use_cpu=True, **yaml.safe_load(entry["text"]))
        return trainer_rates(arguments, entry["updates"])


def timm(entry):
    import timm.optim
    import timm.scheduler
    import timm.utils

    words = shlex.split(entry["text"].split("DATA", 1)[1].replace("\\\n", " "), comments=True)
    parser = argparse.ArgumentParser()
    for name in ("sched", "opt", "clip-mode", "lr-decay-fn"):
        parser.add_argument(f"--{name}")
    for name in ("epochs", "warmup-epochs", "cooldown-epochs", "batch-size", "grad-accum-steps", "lr-cycle-limit"):
        parser.add_argument(f"--{name}", type=int)
    numbers = ("lr", "warmup-lr", "min-lr", "decay-rate", "decay-epochs", "lr-k-decay", "lr-cycle-mul", "lr-cycle-decay")
    for name in (*numbers, "momentum", "weight-decay", "opt-eps", "clip-grad", "layer-decay"):
        parser.add_argument(f"--{name}", type=float)
    parser.add_argument("--decay-milestones", type=int, nargs="+")
    parser.add_argument("--opt-betas", type=float, nargs="+")
    # As train.py reads it.
    parser.add_argument("--opt-kwargs", nargs="*", default={}, action=timm.utils.ParseKwargs)
    for name in ("sched-on-updates", "warmup-prefix"):
        parser.add_argument(f"--{name}", action="store_true")
    given = {name: value for name, value in vars(parser.parse_args(words)).items() if value is not None}
    # The defaults of timm's own train.py where its factory has others.
    arguments = argparse.Namespace(**{"min_lr": 0.0, "decay_epochs": None, "lr_cycle_decay": 0.5, "momentum": 0.9, **given})
    network = model()
    if given.get("opt"):
        kwargs = timm.optim.optimizer_kwargs(arguments)
        optimizer = timm.optim.create_optimizer_v2(network, **kwargs, **arguments.opt_kwargs)
        made(entry, optimizer)
    else:
        optimizer = torch.optim.SGD(network.parameters(), lr=arguments.lr)
    per_epoch = entry["updates_per_epoch"]
    kwargs = timm.scheduler.scheduler_factory.scheduler_kwargs(arguments)
    scheduler, _ = timm.scheduler.create_scheduler_v2(optimizer, **kwargs, updates_per_epoch=per_epoch)
    rates = []
    for update in range(entry["updates"]):
        rates.append(max(group["lr"] for group in optimizer.param_groups))
        train(network.parameters(), optimizer)
        scheduler.step_update(num_updates=update + 1)
        if (update + 1) % per_epoch == 0:
            scheduler.step((update + 1) // per_epoch)
    return rates


def optax(entry):
    import jax.numpy as jnp

    module = execute(entry["text"])
    parameters = {"w": jnp.ones((3, 2)), "b": jnp.ones(2)}
    state = module.optimizer.init(parameters)
    for _ in range(3):
        change, state = module.optimizer.update(parameters, state, parameters)
        assert all(jnp.isfinite(value).all() for value in change.values())
    return [float(module.schedule(count)) for count in range(entry["updates"])]


def keras(entry):
    import jax
    import jax.numpy as jnp
    import keras

    module = execute(entry["text"])
    rate = module.schedule if callable(module.schedule) else lambda _: jnp.asarray(module.schedule, "float32")
    # None where Keras has no such optimizer.
    accumulate = module.optimizer.gradient_accumulation_steps or 1 if module.optimizer else 1
    # Keras' own count, as its optimizer has it when the last micro-batch of each of some updates is applied.
    variables = [keras.Variable(jnp.ones((3, 2)), name="kernel"), keras.Variable([1.0, 1.0], name="bias")]
    if module.optimizer:
        module.optimizer.build(variables)
        config = module.optimizer.get_config()
        entry["made"] = {"class": type(module.optimizer).__name__, **plain(config)}
    for update in range(4 if module.optimizer else 0):
        for micro_batch in range(accumulate):
            if micro_batch == accumulate - 1:
                assert int(module.optimizer._iterations) == update * accumulate + accumulate - 1
            module.optimizer.apply([jnp.ones((3, 2)), jnp.ones(2)], variables)
    counts = jnp.arange(entry["updates"]) * accumulate + accumulate - 1
    return [float(value) for value in jax.jit(jax.vmap(rate))(counts)]


def fastai(entry):
    from fastai.callback.core import Callback
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.learner import Learner

    module = execute(entry["text"])
    rates = []

    class Record(Callback):
        order = 70

        def before_batch(self):
            if self.training:
                rates.append(float(self.opt.hypers[-1]["lr"]))

    # fastai counts batches, of which accumulation makes several an update.
    accumulates = re.search(r"n_acc=(\d+)", entry["text"])
    every = int(accumulates[1]) // entry["micro_batch"] if accumulates else 1
    samples = [(torch.ones(2), torch.ones(1)) for _ in range(4 * entry["updates_per_epoch"] * every)]
    batches = DataLoader(samples, bs=4)
    learner = Learner(
        DataLoaders(batches, batches), model(), loss_func=torch.nn.MSELoss(), opt_func=module.OPTIMIZER, cbs=[Record()]
    )
    with learner.no_bar(), learner.no_logging():
        module.fit(learner)
    rates = rates[::every]
    # A run that is no whole number of epochs ends by itself.
    return rates if entry["updates"] % entry["updates_per_epoch"] else rates[: entry["updates"]]


def source(name, path, stubs):
    """A framework's source file as a module, with what it imports from the rest of its package stubbed."""
    for stub, members in stubs.items():
        module = types.ModuleType(stub)
        module.__dict__.update(members)
        sys.modules[stub] = module
    spec = importlib.util.spec_from_file_location(name, SOURCES / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        # Others ask whether these packages are installed.
        for stub in (*stubs, name):
            sys.modules.pop(stub, None)
    return module


def deepspeed(entry):
    quiet = logging.getLogger("deepspeed")
    quiet.setLevel(logging.CRITICAL)
    stubs = {"deepspeed": {}, "deepspeed.utils": {"logger": quiet}}
    schedulers = source("deepspeed.runtime.lr_schedules", "lr_schedules.py", stubs)
    settings = json.loads(entry["text"])
    # Where DeepSpeed has no such optimizer, one of the user's own is built at the peak.
    given = settings.get("optimizer", {"params": {"lr": max(entry["predicted"])}})
    optimizer = torch.optim.AdamW(model().parameters(), lr=given["params"]["lr"])
    scheduler = getattr(schedulers, settings["scheduler"]["type"])(optimizer, **settings["scheduler"]["params"])
    return after_each(optimizer, scheduler.step, entry["updates"])


def after_each(optimizer, step, updates):
    rates = []
    for _ in range(updates):
        rates.append(float(optimizer.param_groups[-1]["lr"]))
        step()
    return rates


def megatron(entry):
    stubs = {"megatron": {}, "megatron.core": {}, "megatron.core.utils": {"log_single_rank": lambda *_: None}}
    schedulers = source("megatron.core.optimizer_param_scheduler", "optimizer_param_scheduler.py", stubs)
    words = shlex.split(entry["text"].split("\n", 1)[1].replace("\\\n", " "), comments=True)
    given = {words[i][2:].replace("-", "_"): words[i + 1] for i in range(0, len(words), 2)}
    batch = int(given["global_batch_size"])
    optimizer = torch.optim.AdamW(model().parameters(), lr=float(given["lr"]))
    # As Megatron's training.get_optimizer_param_scheduler turns iterations into samples.
    samples = {name: int(given.get(name, 0)) * batch for name in ("lr_warmup_iters", "lr_decay_iters", "lr_wsd_decay_iters")}
    decay = float(given["weight_decay"])
    scheduler = schedulers.OptimizerParamScheduler(
        optimizer,
        init_lr=float(given["lr_warmup_init"]),
        max_lr=float(given["lr"]),
        min_lr=float(given["min_lr"]),
        lr_warmup_steps=samples["lr_warmup_iters"],
        lr_decay_steps=samples["lr_decay_iters"],
        lr_decay_style=given["lr_decay_style"],
        start_wd=decay,
        end_wd=decay,
        wd_incr_steps=int(given["train_iters"]) * batch,
        wd_incr_style="constant",
        wsd_decay_steps=samples["lr_wsd_decay_iters"],
        lr_wsd_decay_style=given.get("lr_wsd_decay_style"),
    )
    return after_each(optimizer, lambda: scheduler.step(increment=batch), entry["updates"])


def axolotl(entry):
    import yaml
    import transformers

    class Plugins:
        @staticmethod
        def get_instance():
            return Plugins()

        def create_lr_scheduler(self, **_):
            return None

    stubs = {
        "axolotl": {},
        "axolotl.integrations": {},
        "axolotl.integrations.base": {"PluginManager": Plugins},
        "axolotl.utils": {},
        "axolotl.utils.logging": {"get_logger": logging.getLogger},
    }
    stubs["axolotl.utils.schedulers"] = vars(source("axolotl.utils.schedulers", "axolotl_schedulers.py", {}))
    mixin = source("axolotl.core.trainers.mixins.scheduler", "axolotl_mixin.py", stubs).SchedulerMixin
    given = yaml.safe_load(entry["text"])
    # axolotl's own types run as an alternate of "cosine".
    own = given["lr_scheduler"] in ("one_cycle", "rex")
    arguments = argparse.Namespace(
        lr_scheduler_type="cosine" if own else given["lr_scheduler"],
        alternate_lr_scheduler_type=given["lr_scheduler"] if own else None,
        lr_scheduler_kwargs=given.get("lr_scheduler_kwargs", {}),
        learning_rate=given["learning_rate"],
        lr_quadratic_warmup=given.get("lr_quadratic_warmup"),
        cosine_min_lr_ratio=given.get("cosine_min_lr_ratio"),
        cosine_constant_lr_ratio=given.get("cosine_constant_lr_ratio"),
        jagged_restart_steps=None,
        get_warmup_steps=lambda total: given["warmup_steps"],
    )
    optimizer = torch.optim.AdamW(model().parameters(), lr=given["learning_rate"])
    trainer = object.__new__(type("Axolotl", (mixin, transformers.Trainer), {}))
    trainer.__dict__.update(args=arguments, optimizer=optimizer, lr_scheduler=None, _created_lr_scheduler=False)
    trainer.create_scheduler(entry["updates"], optimizer)
    return after_each(optimizer, trainer.lr_scheduler.step, entry["updates"])


def torchtitan(entry):
    import dataclasses
    import tomllib

    configurable = type("Configurable", (), {"Config": dataclasses.make_dataclass("Config", [])})
    stubs = {
        "torchtitan": {},
        "torchtitan.config": {"Configurable": configurable},
        "torchtitan.tools": {},
        "torchtitan.tools.logging": {"logger": logging.getLogger("torchtitan")},
        "torchtitan.components": {},
        "torchtitan.components.optimizer": {"__path__": []},
        "torchtitan.components.optimizer.optimizer": {"OptimizersContainer": list},
    }
    name = "torchtitan.components.optimizer.lr_scheduler"
    container = source(name, "torchtitan_lr_scheduler.py", stubs).LRSchedulersContainer
    settings = tomllib.loads(entry["text"])
    optimizer = torch.optim.AdamW(model().parameters(), lr=settings["optimizer"]["lr"])
    config = container.Config(**settings["lr_scheduler"])
    schedulers = config.build(optimizers=[optimizer], training_steps=settings["training"]["steps"])
    return after_each(optimizer, schedulers.step, entry["updates"])


def candle(entries):
    """All of candle's texts in one program, compiled by rustc: they need candle for a struct alone."""
    stub = "mod candle_nn { pub struct ParamsAdamW { pub lr: f64, pub beta1: f64, pub beta2: f64, pub eps: f64, pub weight_decay: f64 } }\n"
    modules, calls = [], []
    for index, entry in enumerate(entries):
        modules.append(f"mod m{index} {{ use super::candle_nn;\n{entry['text']}\n}}\n")
        calls.append(f"for i in 0..m{index}::UPDATES {{ println!(\"{index} {{}}\", m{index}::rate(i)); }}\n")
    program = f"#![allow(unused, dead_code)]\n{stub}{''.join(modules)}fn main() {{ {''.join(calls)} }}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rates.rs"
        path.write_text(program)
        binary = Path(folder) / "rates"
        subprocess.run(["rustc", "--edition", "2021", "-o", binary, path], check=True)
        out = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    return numbered(out, len(entries))


BURN = """[package]
name = "burn-rates"
version = "0.1.0"
edition = "2021"

[workspace]

[dependencies]
burn = { version = "=0.22.1", default-features = false, features = ["std", "optim"] }

[profile.dev]
debug = 0
"""


def burn(entries):
    """All of burn's texts in one program: each scheduler is stepped, each optimizer's configuration is made."""
    folder = SOURCES / "burn"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(BURN)
    modules, calls = [], []
    for index, entry in enumerate(entries):
        modules.append(f"mod m{index} {{\n{entry['text']}\n}}\n")
        calls.append(
            f"let _ = m{index}::optimizer(); let mut s = m{index}::scheduler();"
            f" for _ in 0..{entry['updates']} {{ println!(\"{index} {{}}\", s.step().base()); }}\n"
        )
    program = f"#![allow(unused)]\n{''.join(modules)}fn main() {{ {''.join(calls)} }}"
    (folder / "src/main.rs").write_text(program)
    run = ["cargo", "run", "--quiet", "--manifest-path", folder / "Cargo.toml"]
    return numbered(subprocess.run(run, check=True, capture_output=True, text=True).stdout, len(entries))


def numbered(output, count):
    """Lines of an index and a rate, as a list of rates for each index."""
    rates = [[] for _ in range(count)]
    for line in output.splitlines():
        index, rate = line.split()
        rates[int(index)].append(float(rate))
    return rates


def table(entry):
    rows = list(csv.DictReader(io.StringIO(entry["text"])))
    return [float(row["lr"]) for row in rows]


def pytorch_batches(entry):
    """A loop of as many backward passes as the text says: their gradient is that of all samples at once."""
    module = execute(entry["text"])
    network = model().double()
    generator = torch.Generator().manual_seed(0)
    samples = []
    for update in range(entry["updates"]):
        count = module.micro_batches(update)
        batch = torch.rand(count * entry["micro_batch"], 2, generator=generator, dtype=torch.float64)
        whole = torch.autograd.grad(network(batch).square().mean(), list(network.parameters()))
        network.zero_grad()
        for part in batch.split(entry["micro_batch"]):
            (network(part).square().mean() / module.micro_batches(update)).backward()
        for parameter, gradient in zip(network.parameters(), whole):
            assert torch.allclose(parameter.grad, gradient, rtol=1e-12, atol=1e-15), update
        samples.append(len(batch))
    return samples


def optax_batches(entry):
    """Micro-batches until MultiSteps makes an update; plain SGD also shows its rate, and the mean of the gradients."""
    import jax
    import numpy

    module = execute(entry["text"])
    is_plain = entry["optimizer"] == {"kind": "sgd"}
    parameters = {"w": numpy.ones(2)}
    state = module.optimizer.init(parameters)
    step = jax.jit(module.optimizer.update)
    random = numpy.random.default_rng(0)
    samples, gradients = [], []
    while len(samples) < entry["updates"]:
        gradients.append(random.normal(size=2))
        change, state = step({"w": gradients[-1]}, state, parameters)
        if int(state.gradient_step) == len(samples):
            assert not change["w"].any(), "an update before its last micro-batch"
            continue
        if is_plain:
            expected = -float(module.schedule(len(samples))) * numpy.mean(gradients, axis=0)
            # MultiSteps adds gradients up in single precision.
            assert numpy.allclose(change["w"], expected, rtol=1e-6, atol=1e-6 * module.schedule(0)), len(samples)
        samples.append(len(gradients) * entry["micro_batch"])
        gradients.clear()
    return samples


def table_batches(entry):
    return [int(row["batch"]) for row in csv.DictReader(io.StringIO(entry["text"]))]


# The samples of each update, for the targets that carry a batch that is a schedule.
BATCHES = {"pytorch": pytorch_batches, "optax": optax_batches, "csv": table_batches}

TARGETS = {
    "pytorch": pytorch,
    "hugging_face": hugging_face,
    "hugging_face_yaml": hugging_face_yaml,
    "llama_factory": hugging_face_yaml,
    "timm": timm,
    "optax": optax,
    "keras": keras,
    "lightning": lightning,
    "fastai": fastai,
    "deepspeed": deepspeed,
    "megatron": megatron,
    "axolotl": axolotl,
    "torchtitan": torchtitan,
    "csv": table,
}
