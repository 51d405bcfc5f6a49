"""Trains exported texts in the frameworks they are for, saves, and goes on: the rate that each update uses.

A class a framework. `begin` trains the plan's text until update `at` and saves into `folder` as the framework's
own users do; `resume` begins from what a new process finds there, with the changed text, and returns the rates
from update `at` on, `right` those under the code that `anneal export --resume-at` gives. `kept` says what is taken from the checkpoint: `all` that the framework saves, `optimizer` for
all but the scheduler, or the `weights` alone.
"""

import argparse
import json
import logging
import os
import shlex
import sys
import types
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TQDM_DISABLE"] = "1"
warnings.filterwarnings("ignore")
for name in ("lightning", "lightning.pytorch", "lightning.fabric", "DeepSpeed", "deepspeed"):
    logging.getLogger(name).setLevel(logging.ERROR)


def execute(text):
    """The names a Python text defines, as a module that pickle finds."""
    module = types.ModuleType("exported")
    sys.modules["exported"] = module
    exec(compile(text, "exported.py", "exec"), module.__dict__)
    return module


def network():
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))


def update(model, optimizer):
    import torch

    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    optimizer.step()


def rate(optimizer):
    return float(optimizer.param_groups[-1]["lr"])


class pytorch:
    def train(self, model, optimizer, scheduler, count):
        rates = []
        for _ in range(count):
            rates.append(rate(optimizer))
            update(model, optimizer)
            scheduler.step()
        return rates

    def begin(self, entry, folder, at):
        import torch

        model = network()
        optimizer, scheduler = execute(entry["text"]).build(model)
        self.train(model, optimizer, scheduler, at)
        parts = dict(model=model.state_dict(), optimizer=optimizer.state_dict(), scheduler=scheduler.state_dict())
        torch.save(parts, folder / "checkpoint.pt")

    def resume(self, entry, folder, at, kept):
        import torch

        saved = torch.load(folder / "checkpoint.pt", weights_only=False)
        model = network()
        model.load_state_dict(saved["model"])
        optimizer, scheduler = execute(entry["text"]).build(model)
        if kept != "weights":
            optimizer.load_state_dict(saved["optimizer"])
        if kept == "all":
            scheduler.load_state_dict(saved["scheduler"])
        return self.train(model, optimizer, scheduler, entry["updates"] - at)

    def right(self, entry, folder, at, code):
        import torch

        os.chdir(folder)
        names = dict(build=execute(entry["text"]).build, model=network(), torch=torch)
        exec(code, names)
        return self.train(names["model"], names["optimizer"], names["scheduler"], entry["updates"] - at)


class lightning:
    def fit(self, entry, most, checkpoint, folder, weights=None, hook=None):
        import lightning
        import torch

        module, rates = execute(entry["text"]), []

        class Model(module.Optimization, lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.network = network()

            def training_step(self, batch):
                return self.network(batch).square().mean()

            def on_before_optimizer_step(self, optimizer):
                rates.append(rate(optimizer))

        if hook:
            names = dict(build=module.build)
            exec(hook, names)
            Model.on_train_start = names["on_train_start"]
        batches = torch.utils.data.DataLoader(torch.ones(4 * entry["updates_per_epoch"], 2), batch_size=4)
        quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
        trainer = lightning.Trainer(accelerator="cpu", devices=1, max_steps=most, default_root_dir=folder, **quiet)
        model = Model()
        if weights:
            model.load_state_dict(torch.load(weights, weights_only=False)["state_dict"])
        trainer.fit(model, batches, ckpt_path=checkpoint, weights_only=False)
        return trainer, rates

    def begin(self, entry, folder, at):
        trainer, _ = self.fit(entry, at, None, folder)
        trainer.save_checkpoint(folder / "checkpoint.ckpt")

    def resume(self, entry, folder, at, kept):
        import torch

        path = folder / "checkpoint.ckpt"
        if kept == "weights":
            # Its own count of steps begins at 0 too.
            return self.fit(entry, entry["updates"], None, folder, weights=path)[1]
        if kept == "optimizer":
            saved = torch.load(path, weights_only=False)
            saved["lr_schedulers"] = []
            path = folder / "without.ckpt"
            torch.save(saved, path)
        return self.fit(entry, entry["updates"], str(path), folder)[1]

    def right(self, entry, folder, at, code):
        return self.fit(entry, entry["updates"], str(folder / "checkpoint.ckpt"), folder, hook=code)[1]


class hugging_face:
    def train(self, entry, folder, most, checkpoint, weights=None, code=None):
        import torch
        from transformers import Trainer, TrainerCallback

        module, rates = execute(entry["text"]), []
        arguments = module.ARGUMENTS
        arguments.output_dir = str(folder)
        arguments.save_strategy, arguments.save_steps = "steps", most
        arguments.report_to, arguments.disable_tqdm, arguments.logging_strategy = [], True, "no"
        arguments.use_cpu = True

        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.network = network()

            def forward(self, x=None, labels=None):
                return {"loss": self.network(x).square().mean()}

        class Watch(TrainerCallback):
            def on_pre_optimizer_step(self, args, state, control, optimizer=None, **_):
                rates.append(rate(optimizer))

            def on_step_end(self, args, state, control, **_):
                control.should_training_stop = control.should_training_stop or state.global_step >= most

        samples = [{"x": torch.ones(2), "labels": torch.ones(1)} for _ in range(
            entry["updates_per_epoch"] * arguments.per_device_train_batch_size)]
        model = Model()
        if weights:
            from safetensors.torch import load_file

            model.load_state_dict(load_file(weights))
        if code:
            class Watched(Trainer):
                def __init__(self, *given, callbacks=(), **named):
                    super().__init__(*given, callbacks=[*callbacks, Watch()], **named)

            exec(code, dict(Trainer=Watched, TrainerCallback=TrainerCallback, model=model, arguments=arguments, data=samples))
            return rates
        built = module.build(model) if hasattr(module, "build") else (None, None)
        trainer = Trainer(model=model, args=arguments, train_dataset=samples, callbacks=[Watch()], optimizers=built)
        trainer.train(resume_from_checkpoint=checkpoint)
        return rates

    def begin(self, entry, folder, at):
        self.train(entry, folder, at, None)

    def resume(self, entry, folder, at, kept):
        import shutil

        source, path = folder / f"checkpoint-{at}", folder / kept / f"checkpoint-{at}"
        shutil.rmtree(folder / kept, ignore_errors=True)
        shutil.copytree(source, path)
        if kept == "weights":
            return self.train(entry, folder / "scratch", entry["updates"], None, weights=path / "model.safetensors")
        if kept == "optimizer":
            (path / "scheduler.pt").unlink()
        return self.train(entry, folder / "again", entry["updates"], str(path))

    def right(self, entry, folder, at, code):
        import shutil

        os.chdir(folder)
        shutil.copytree(folder / f"checkpoint-{at}", folder / "output" / f"checkpoint-{at}", dirs_exist_ok=True)
        return self.train(entry, folder / "output", entry["updates"], None, code=code)


class timm:
    def build(self, entry):
        import torch
        import timm.optim

        words = shlex.split(entry["text"].split("DATA", 1)[1].replace("\\\n", " "), comments=True)
        parser = argparse.ArgumentParser()
        for name in ("sched", "opt", "clip-mode", "lr-decay-fn"):
            parser.add_argument(f"--{name}")
        for name in ("epochs", "warmup-epochs", "cooldown-epochs", "batch-size", "grad-accum-steps", "lr-cycle-limit"):
            parser.add_argument(f"--{name}", type=int)
        for name in ("lr", "warmup-lr", "min-lr", "decay-rate", "decay-epochs", "lr-k-decay", "lr-cycle-mul",
                     "lr-cycle-decay", "momentum", "weight-decay", "clip-grad"):
            parser.add_argument(f"--{name}", type=float)
        parser.add_argument("--decay-milestones", type=int, nargs="+")
        for name in ("sched-on-updates", "warmup-prefix"):
            parser.add_argument(f"--{name}", action="store_true")
        given = {name: value for name, value in vars(parser.parse_args(words)).items() if value is not None}
        arguments = argparse.Namespace(**{"min_lr": 0.0, "decay_epochs": None, "lr_cycle_decay": 0.5, **given})
        model = network()
        optimizer = timm.optim.create_optimizer_v2(
            model, opt=arguments.opt, lr=arguments.lr, momentum=arguments.momentum, weight_decay=arguments.weight_decay)
        return torch, arguments, model, optimizer

    def scheduler(self, entry, arguments, optimizer, start_epoch):
        """As timm's train.py makes it, and moves it to where a resumed training begins."""
        from timm.scheduler import create_scheduler_v2
        from timm.scheduler.scheduler_factory import scheduler_kwargs

        made, _ = create_scheduler_v2(
            optimizer, **scheduler_kwargs(arguments), updates_per_epoch=entry["updates_per_epoch"])
        if start_epoch > 0:
            if arguments.sched_on_updates:
                made.step_update(start_epoch * entry["updates_per_epoch"])
            else:
                made.step(start_epoch)
        return made

    def train(self, entry, model, optimizer, made, start, end):
        rates, per_epoch = [], entry["updates_per_epoch"]
        for at in range(start, end):
            rates.append(rate(optimizer))
            update(model, optimizer)
            made.step_update(num_updates=at + 1)
            if (at + 1) % per_epoch == 0:
                made.step((at + 1) // per_epoch)
        return rates

    def begin(self, entry, folder, at):
        torch, arguments, model, optimizer = self.build(entry)
        made = self.scheduler(entry, arguments, optimizer, 0)
        self.train(entry, model, optimizer, made, 0, at)
        epoch = at // entry["updates_per_epoch"] - 1
        saved = dict(epoch=epoch, arch="mlp", state_dict=model.state_dict(), optimizer=optimizer.state_dict(), version=2)
        torch.save(saved, folder / "checkpoint.pth.tar")

    def resume(self, entry, folder, at, kept, name="checkpoint.pth.tar"):
        from timm.models import load_checkpoint, resume_checkpoint

        _, arguments, model, optimizer = self.build(entry)
        path = str(folder / name)
        if kept == "weights":
            # --initial-checkpoint
            load_checkpoint(model, path, weights_only=False)
            made = self.scheduler(entry, arguments, optimizer, 0)
            return self.train(entry, model, optimizer, made, 0, entry["updates"])
        # --resume, and --resume with --no-resume-opt.
        epoch = resume_checkpoint(model, path, optimizer=optimizer if kept == "all" else None)
        made = self.scheduler(entry, arguments, optimizer, epoch)
        return self.train(entry, model, optimizer, made, epoch * entry["updates_per_epoch"], entry["updates"])

    def right(self, entry, folder, at, code):
        os.chdir(folder)
        (folder / "last.pth.tar").write_bytes((folder / "checkpoint.pth.tar").read_bytes())
        exec(code, dict(LR=self.build(entry)[1].lr))
        return self.resume(entry, folder, at, "all", "changed.pth.tar")


class fastai:
    def learner(self, entry, folder, stop=None):
        import torch
        from fastai.callback.core import Callback, CancelFitException
        from fastai.data.core import DataLoaders
        from fastai.data.load import DataLoader
        from fastai.learner import Learner

        module, rates = execute(entry["text"]), []

        class Record(Callback):
            order = 70

            def before_batch(self):
                if self.training:
                    if stop is not None and len(rates) >= stop:
                        raise CancelFitException()
                    rates.append(float(self.opt.hypers[-1]["lr"]))

        samples = [(torch.ones(2), torch.ones(1)) for _ in range(4 * entry["updates_per_epoch"])]
        batches = DataLoader(samples, bs=4)
        learn = Learner(DataLoaders(batches, batches), network(), loss_func=torch.nn.MSELoss(),
                        opt_func=module.OPTIMIZER, cbs=[Record()], path=folder, model_dir=".")
        return module, learn, rates

    def begin(self, entry, folder, at):
        module, learn, _ = self.learner(entry, folder, at)
        with learn.no_bar(), learn.no_logging():
            module.fit(learn)
        learn.save("checkpoint", with_opt=True)

    def resume(self, entry, folder, at, kept):
        module, learn, rates = self.learner(entry, folder)
        learn.load("checkpoint", with_opt=kept != "weights", weights_only=False)
        with learn.no_bar(), learn.no_logging():
            if kept == "all":
                # What fastai has for it: the epochs before are skipped, under the same schedule.
                from functools import partial

                learn.fit = partial(learn.fit, start_epoch=at // entry["updates_per_epoch"])
            module.fit(learn)
        return rates

    def right(self, entry, folder, at, code):
        module, learn, rates = self.learner(entry, folder)
        with learn.no_bar(), learn.no_logging():
            exec(code, dict(learn=learn, fit=module.fit))
        return rates


class deepspeed:
    def engine(self, entry):
        os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1",
                          MASTER_PORT=str(29000 + os.getpid() % 20000))
        import deepspeed

        settings = json.loads(entry["text"])
        settings.pop("anneal_studio", None)
        model = network()
        return deepspeed.initialize(model=model, model_parameters=model.parameters(), config=settings)[0]

    def train(self, engine, count):
        import torch

        rates = []
        for _ in range(count):
            rates.append(rate(engine.optimizer))
            engine.backward(engine(torch.ones(4, 2)).square().mean())
            engine.step()
        return rates

    def begin(self, entry, folder, at):
        engine = self.engine(entry)
        self.train(engine, at)
        engine.save_checkpoint(str(folder), tag="checkpoint")

    def resume(self, entry, folder, at, kept):
        engine = self.engine(entry)
        engine.load_checkpoint(str(folder), tag="checkpoint", load_module_only=kept == "weights",
                               load_lr_scheduler_states=kept == "all")
        return self.train(engine, entry["updates"] - at)

    def right(self, entry, folder, at, code):
        engine = self.engine(entry)
        tag = folder / "latest"
        tag.write_text("checkpoint")
        exec(code, dict(engine=engine, FOLDER=str(folder)))
        return self.train(engine, entry["updates"] - at)


class keras:
    def model(self, entry):
        import keras

        module = execute(entry["text"])
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(optimizer=module.optimizer, loss="mse")
        return keras, model

    def fit(self, keras, model, count):
        import numpy

        rates = []

        class Record(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                rates.append(float(self.model.optimizer.learning_rate))

        model.fit(numpy.ones((4 * count, 2)), numpy.ones((4 * count, 1)), batch_size=4, verbose=0, callbacks=[Record()])
        return rates

    def begin(self, entry, folder, at):
        keras, model = self.model(entry)
        self.fit(keras, model, at)
        model.save(folder / "whole.keras")
        model.save_weights(folder / "checkpoint.weights.h5")

    def resume(self, entry, folder, at, kept):
        keras, model = self.model(entry)
        if kept == "all":
            # The optimizer comes from the file, with its schedule.
            model = keras.models.load_model(folder / "whole.keras")
        elif kept == "optimizer":
            # A model compiled anew, whose weights file holds the optimizer's variables: its count among them.
            model.optimizer.build(model.trainable_variables)
            model.load_weights(folder / "checkpoint.weights.h5")
        else:
            model.set_weights(keras.models.load_model(folder / "whole.keras").get_weights())
        return self.fit(keras, model, entry["updates"] - at)

    def right(self, entry, folder, at, code):
        import numpy

        os.chdir(folder)
        keras, model = self.model(entry)
        per_epoch, rates = entry["updates_per_epoch"], []

        class Data(keras.utils.PyDataset):
            def __len__(self):
                return per_epoch

            def __getitem__(self, index):
                return numpy.ones((4, 2)), numpy.ones((4, 1))

        class Record(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                rates.append(float(self.model.optimizer.learning_rate))

        fit = model.fit
        model.fit = lambda *given, **named: fit(*given, **named, verbose=0, callbacks=[Record()])
        names = dict(model=model, optimizer=execute(entry["text"]).optimizer, LOSS="mse", DATA=Data())
        exec(code, names | dict(EPOCHS=entry["updates"] // per_epoch))
        return rates


class optax:
    def begin(self, entry, folder, at):
        import pickle

        import jax.numpy as jnp

        module = execute(entry["text"])
        parameters = {"w": jnp.ones(2)}
        state = module.optimizer.init(parameters)
        for _ in range(at):
            _, state = module.optimizer.update({"w": jnp.ones(2)}, state, parameters)
        import jax

        leaves = [leaf.tolist() for leaf in jax.tree.leaves(state)]
        (folder / "state.pickle").write_bytes(pickle.dumps(leaves))

    def resume(self, entry, folder, at, kept):
        import pickle

        import jax
        import jax.numpy as jnp

        module = execute(entry["text"])
        state = module.optimizer.init({"w": jnp.ones(2)})
        leaves, structure = jax.tree.flatten(state)
        if kept == "all":
            saved = pickle.loads((folder / "state.pickle").read_bytes())
            leaves = [jnp.asarray(value, leaf.dtype) for value, leaf in zip(saved, leaves)]
        elif kept == "optimizer":
            # The moments without the count, as after a change of the chain's shape.
            saved = pickle.loads((folder / "state.pickle").read_bytes())
            leaves = [jnp.asarray(value, leaf.dtype) if leaf.ndim else leaf for value, leaf in zip(saved, leaves)]
        return self.rates(module, jax.tree.unflatten(structure, leaves), entry["updates"] - at)

    def rates(self, module, state, updates):
        import jax
        import jax.numpy as jnp

        parameters, rates = {"w": jnp.ones(2)}, []
        for _ in range(updates):
            count = next(int(leaf) for leaf in jax.tree.leaves(state) if leaf.ndim == 0)
            rates.append(float(module.schedule(count)))
            _, state = module.optimizer.update({"w": jnp.ones(2)}, state, parameters)
        return rates

    def right(self, entry, folder, at, code):
        import pickle

        import jax
        import jax.numpy as jnp

        module = execute(entry["text"])
        saved = [jnp.asarray(leaf) for leaf in pickle.loads((folder / "state.pickle").read_bytes())]
        names = dict(optimizer=module.optimizer, parameters={"w": jnp.ones(2)}, saved_leaves=saved, jax=jax)
        exec(code, names)
        return self.rates(module, names["state"], entry["updates"] - at)


FRAMEWORKS = {one.__name__: one for one in (pytorch, hugging_face, lightning, timm, fastai, deepspeed, keras, optax)}
KEPT = ("all", "optimizer", "weights")


def main(target, phase, request):
    """One process: `begin`, or `resume` in every way; the answer goes to the request's `answer` file."""
    asked = json.loads(Path(request).read_text())
    framework, folder = FRAMEWORKS[target](), Path(asked["folder"])
    if phase == "begin":
        framework.begin(asked["plan"], folder, asked["at"])
        return
    answers = []
    for change, entry in asked["changed"].items():
        for kept in KEPT:
            rates = framework.resume(entry, folder, asked["at"], kept)
            answers.append({"change": change, "kept": kept, "rates": rates})
        rates = framework.right(entry, folder, asked["at"], asked["code"][change])
        answers.append({"change": change, "kept": "code", "rates": rates})
    Path(asked["answer"]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:4])
