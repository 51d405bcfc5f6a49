"""Executes exported parameter groups (exports.json) in their frameworks and records what each update really did.

`ANNEAL_RENEW=1 cargo test --release groups::exported` writes exports.json; this, in the environment of
`tests/conformance`, then writes rates.json, which the same tests compare with the drawn rates.

Rate and weight decay are measured, not looked up: before each update every parameter is set to 0, 1, 0, 0, ...
and gets a gradient of one. A step of AdamW is then the rate at the first number, and at the second the rate times 1
plus the weight decay. While a parameter is frozen its gradient is five, which an optimizer that counted it would
remember after the thaw.
"""

import argparse
import collections
import json
import logging
import pickle
import shlex
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "conformance"))
import frameworks
import torch

HERE = Path(__file__).parent
UPDATES = 40
NAMES = ["table.weight", "norm.weight", "norm.bias", "head.weight", "head.bias"]
# One run freezes this parameter, until this update.
FROZEN, THAW = "table.weight", 10
# The updates that are kept: the warmup, the thaw, half way where training is resumed, and the end.
KEPT = [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 19, 20, 21, 30, 38, 39]
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


freezes = False


def gradient(name, update):
    return 5.0 if freezes and name == FROZEN and update < THAW else 1.0


def model():
    """Three layers by the names that patterns match: an embedding, a norm, and the head."""
    parts = {"table": torch.nn.Embedding(5, 4), "norm": torch.nn.LayerNorm(4), "head": torch.nn.Linear(4, 2)}
    return torch.nn.Sequential(collections.OrderedDict(parts)).double()


def prepared(network):
    """Sets every parameter to 0, 1, 0, 0, ..."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_().view(-1)[1] = 1.0


def loss(network, update):
    """Its gradient is `gradient` everywhere."""
    return sum((parameter * gradient(name, update)).sum() for name, parameter in network.named_parameters())


def numbers(first, second):
    """The rate and the weight decay of a step that moved the two numbers by so much."""
    rate = -first
    return [rate, (-second - rate) / rate if rate > 1e-12 else None]


def measured(network):
    found = {}
    for name, parameter in network.named_parameters():
        at = parameter.detach().view(-1)
        found[name] = numbers(float(at[0]), float(at[1]) - 1.0)
    return found


def stepped(network, build):
    """A loop of PyTorch, saved and loaded half way as a resumed training is."""
    optimizer, scheduler = build(network)
    rows = []
    for update in range(UPDATES):
        if update == UPDATES // 2:
            saved = pickle.dumps((optimizer.state_dict(), scheduler.state_dict()))
            optimizer, scheduler = build(network)
            for part, state in zip((optimizer, scheduler), pickle.loads(saved)):
                part.load_state_dict(state)
        prepared(network)
        optimizer.zero_grad()
        loss(network, update).backward()
        optimizer.step()
        rows.append(measured(network))
        scheduler.step()
    return rows


def pytorch(text):
    return stepped(model(), frameworks.execute(text).build)


def lightning(text):
    import lightning

    module = frameworks.execute(text)
    rows = []

    class Model(module.Optimization, lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = model()

        def named_parameters(self, *arguments, **named):
            return self.network.named_parameters(*arguments, **named)

        def named_modules(self, *arguments, **named):
            return self.network.named_modules(*arguments, **named)

        def parameters(self, recurse=True):
            return self.network.parameters(recurse)

        def on_train_batch_start(self, batch, index):
            prepared(self.network)

        def training_step(self, batch):
            return loss(self.network, self.global_step)

        def on_train_batch_end(self, outputs, batch, index):
            rows.append(measured(self.network))

    batches = torch.utils.data.DataLoader(torch.ones(UPDATES, 1), batch_size=1)
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    trainer = lightning.Trainer(accelerator="cpu", devices=1, **quiet, **module.TRAINER)
    trainer.fit(Model(), batches)
    return rows


def trained(arguments, build=None):
    """A Trainer's own optimizer, or the one it is given."""
    from transformers import Trainer

    network = model()
    optimizers = build(network) if build else (None, None)
    trainer = Trainer(model=network, args=arguments, optimizers=optimizers)
    trainer.create_optimizer_and_scheduler(num_training_steps=UPDATES)
    return stepped(network, lambda _: (trainer.optimizer, trainer.lr_scheduler))


def hugging_face(text):
    module = frameworks.execute(text)
    return trained(module.ARGUMENTS, getattr(module, "build", None))


def hugging_face_yaml(text):
    import yaml
    from transformers import TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        return trained(TrainingArguments(output_dir=folder, use_cpu=True, **yaml.safe_load(text)))


def timm(text):
    import timm.optim
    import timm.scheduler
    import timm.utils

    words = shlex.split(text.split("DATA", 1)[1].replace("\\\n", " "), comments=True)
    parser = argparse.ArgumentParser()
    parser.add_argument("--opt-kwargs", nargs="*", default={}, action=timm.utils.ParseKwargs)
    parser.add_argument("--sched-on-updates", action="store_true")
    parser.add_argument("--opt-betas", type=float, nargs="+")
    for name in ("sched", "opt"):
        parser.add_argument(f"--{name}")
    for name in ("epochs", "warmup-epochs", "cooldown-epochs"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("lr", "warmup-lr", "min-lr", "weight-decay", "opt-eps", "momentum"):
        parser.add_argument(f"--{name}", type=float)
    arguments, _ = parser.parse_known_args(words)
    network = model()
    kwargs = timm.optim.optimizer_kwargs(arguments)
    optimizer = timm.optim.create_optimizer_v2(network, **kwargs, **arguments.opt_kwargs)
    kwargs = timm.scheduler.scheduler_factory.scheduler_kwargs(arguments)
    scheduler, _ = timm.scheduler.create_scheduler_v2(optimizer, **kwargs, updates_per_epoch=10)
    rows = []
    for update in range(UPDATES):
        prepared(network)
        optimizer.zero_grad()
        loss(network, update).backward()
        optimizer.step()
        rows.append(measured(network))
        scheduler.step_update(num_updates=update + 1)
    return rows


def fastai(text):
    from fastai.callback.core import Callback
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.learner import Learner

    module = frameworks.execute(text)
    network = model()
    rows = []

    class Measure(Callback):
        # Before the one that ends the training.
        order = -50

        def before_batch(self):
            if self.training:
                prepared(network)

        def after_batch(self):
            if self.training:
                rows.append(measured(network))

    class Whole(torch.nn.Module):
        """Where the splitter sees the layers themselves."""

        def __init__(self):
            super().__init__()
            self.update = 0

        def named_modules(self, *arguments, **named):
            return network.named_modules(*arguments, **named)

        def named_parameters(self, *arguments, **named):
            return network.named_parameters(*arguments, **named)

        def parameters(self, recurse=True):
            return network.parameters(recurse)

        def forward(self, _):
            self.update += int(self.training)
            # fastai averages losses in single precision.
            return loss(network, self.update - 1).float()

    samples = [(torch.ones(1).double(), torch.ones(1).double()) for _ in range(10)]
    batches = DataLoader(samples, bs=1)
    learner = Learner(
        DataLoaders(batches, batches), Whole(), loss_func=lambda found, _: found, opt_func=module.OPTIMIZER, cbs=[Measure()]
    )
    with learner.no_bar(), learner.no_logging():
        module.fit(learner)
    return rows[:UPDATES]


def optax(text):
    import jax
    import jax.numpy as jnp

    module = frameworks.execute(text)
    shapes = {"table": {"embedding": (5, 4)}, "norm": {"scale": (4,), "bias": (4,)}, "head": {"kernel": (4, 2), "bias": (2,)}}
    names = {("table", "embedding"): "table.weight", ("norm", "scale"): "norm.weight", ("norm", "bias"): "norm.bias",
             ("head", "kernel"): "head.weight", ("head", "bias"): "head.bias"}
    if hasattr(module, "LAYERS"):
        module.LAYERS = list(shapes)
    start = {layer: {kind: jnp.zeros(shape).reshape(-1).at[1].set(1.0).reshape(shape) for kind, shape in parts.items()}
             for layer, parts in shapes.items()}
    state = module.optimizer.init(start)
    update_of = jax.jit(module.optimizer.update)
    rows = []
    for update in range(UPDATES):
        slopes = {layer: {kind: jnp.full(shape, gradient(names[layer, kind], update)) for kind, shape in parts.items()}
                  for layer, parts in shapes.items()}
        change, state = update_of(slopes, state, start)
        flat = {names[layer, kind]: value.reshape(-1) for layer, parts in change.items() for kind, value in parts.items()}
        rows.append({name: numbers(float(flat[name][0]), float(flat[name][1])) for name in NAMES})
    return rows


def keras(text):
    import keras
    import jax.numpy as jnp

    module = frameworks.execute(text)
    layers = [
        keras.layers.Embedding(5, 4, name="table"),
        keras.layers.LayerNormalization(name="norm"),
        keras.layers.Dense(2, name="head"),
    ]
    network = keras.Sequential([keras.Input((3,), dtype="int32"), *layers])
    variables = network.trainable_variables
    optimizer = module.build(network) if hasattr(module, "build") else module.optimizer
    optimizer.build(variables)
    rows = []
    for update in range(UPDATES):
        for variable in variables:
            start = jnp.zeros(variable.shape).reshape(-1).at[1].set(1.0).reshape(variable.shape)
            variable.assign(start)
        # Its averages begin with the run, whatever is frozen.
        optimizer.apply([jnp.ones(variable.shape) for variable in variables], variables)
        flat = [jnp.asarray(variable.value).reshape(-1) for variable in variables]
        rows.append({name: numbers(float(at[0]), float(at[1]) - 1.0) for name, at in zip(NAMES, flat)})
    return rows


FRAMEWORKS = {
    "pytorch": pytorch, "lightning": lightning, "hugging_face": hugging_face, "hugging_face_yaml": hugging_face_yaml,
    "timm": timm, "optax": optax, "keras": keras, "fastai": fastai,
}


def kept(pair):
    """As many digits as are compared."""
    return [None if value is None else float(f"{value:.11g}") + 0.0 if abs(value) > 1e-14 else 0.0 for value in pair]


def main():
    exports = json.loads((HERE / "exports.json").read_text())
    wanted = sys.argv[1:]
    lines = []
    for what, text in exports.items():
        run, target = what.split(" / ")
        if wanted and target not in wanted:
            continue
        global freezes
        freezes = run == "groups"
        rows = FRAMEWORKS[target](text)
        assert len(rows) == UPDATES, (what, len(rows))
        by_name = {name: [row[name] for row in rows] for name in NAMES}
        print(what, {name: values[15] for name, values in by_name.items()})
        for name in NAMES:
            updates = [[update, *kept(by_name[name][update])] for update in KEPT]
            lines.append(json.dumps({"run": run, "target": target, "parameter": name, "updates": updates}))
    if wanted:
        return
    packages = ["torch", "lightning", "transformers", "timm", "optax", "keras", "fastai"]
    versions = json.dumps({name: version(name) for name in packages})
    (HERE / "rates.json").write_text(f'{{"versions": {versions},\n"measured": [\n' + ",\n".join(lines) + "\n]}\n")


main()
