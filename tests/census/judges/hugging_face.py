"""TrainingArguments and what has their keys, with transformers' own `get_scheduler`."""

import ast
import json
import math

import torch
from transformers import get_scheduler

from .reading import number, of_any, python_source
from .want import Unjudged, Want, epochs, updates

ADAMW = {"adamw_torch", "adamw_hf", "adamw_torch_fused", "adamw_apex_fused", "adamw_bnb_8bit", "adamw_8bit",
         "paged_adamw_8bit", "paged_adamw_32bit", "paged_adamw", "adamw_torch_8bit", "adamw_torch_4bit",
         "adamw_anyprecision"}


def scheduler(name, lr, warmup, total, kwargs=None):
    """The rate of update i: the scheduler's own lambda, which LambdaLR multiplies the rate with."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=lr)
    made = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total,
                         scheduler_specific_kwargs=kwargs or None)
    if hasattr(made, "lr_lambdas"):
        act = made.lr_lambdas[0]
        return lambda i: lr * act(i)
    raise Unjudged(f"transformers' {name} is no function of the update")


def optimizer(keys, name, decay):
    if name in ADAMW:
        return {"kind": "adamw", "weight_decay": decay, "beta1": keys.num("adam_beta1", otherwise=0.9),
                "beta2": keys.num("adam_beta2", otherwise=0.999),
                "eps": keys.num("adam_epsilon", otherwise=1e-8)}
    if name in ("sgd", "adafactor"):
        return {"kind": name, "weight_decay": decay}
    return {}


def length_of(keys, clock):
    steps = keys.num("max_steps", otherwise=-1)
    if steps > 0:
        return updates(steps)
    count = keys.num("num_train_epochs", "num_epochs")
    return None if count is None else epochs(count)


def table_of(value):
    """`lr_scheduler_kwargs`, which a command line gives as JSON."""
    return json.loads(value) if isinstance(value, str) and value.strip() else (value or {})


def training_arguments(keys, clock, usual_kind="linear", usual_optimizer="adamw_torch_fused", usual_clip=1.0):
    lr = keys.num("learning_rate", otherwise=5e-5)
    total = clock.updates
    steps = keys.num("warmup_steps", "num_warmup_steps", otherwise=0)
    ratio = keys.num("warmup_ratio", otherwise=0)
    in_epochs = keys.num("num_warmup_epochs", otherwise=0)
    if in_epochs:
        warmup = in_epochs * clock.per_epoch
    elif steps >= 1:
        warmup = steps
    else:
        warmup = math.ceil(total * (steps or ratio))
    kind = keys.get("lr_scheduler_type", otherwise=usual_kind)
    kwargs = dict(table_of(keys.get("lr_scheduler_kwargs")))
    clip = keys.num("max_grad_norm", otherwise=usual_clip)
    return Want(
        rate=scheduler(kind, lr, int(warmup), total, kwargs),
        how="transformers.get_scheduler",
        optimizer=optimizer(keys, keys.get("optim", otherwise=usual_optimizer), keys.num("weight_decay", otherwise=0.0)),
        length=length_of(keys, clock) or epochs(3),
        batch=keys.num("per_device_train_batch_size", "per_gpu_train_batch_size", otherwise=None),
        accumulate=keys.num("gradient_accumulation_steps", otherwise=1),
        clip=clip if clip else None,
        keys=keys,
    )


def huggingface(path, text, clock):
    if path.endswith((".py", ".ipynb")):
        return call(python_source(path, text), clock)
    keys = of_any(path, text)
    if not keys.has("learning_rate"):
        others = [".".join(name) for name, _ in keys.leaves() if name[-1].endswith("_learning_rate")]
        if others:
            raise Unjudged("several rates, none of them the trainer's")
    return training_arguments(keys, clock)


def call(source, clock):
    """The last call of TrainingArguments whose arguments are literals; names are looked up among plain assignments."""
    tree = ast.parse(source)
    if "setfit" in source.lower():
        raise Unjudged("SetFit's arguments are not the trainer's")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in
             ("TrainingArguments", "Seq2SeqTrainingArguments", "SFTConfig", "DPOConfig", "GRPOConfig", "ORPOConfig",
              "KTOConfig", "RewardConfig")]
    if not calls:
        raise Unjudged("no call of TrainingArguments")
    calls.sort(key=lambda node: node.lineno)
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets = node.targets
            values = [node.value]
            if isinstance(targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                targets, values = targets[0].elts, node.value.elts
            for target, value in zip(targets, values):
                if isinstance(target, ast.Name):
                    names[target.id] = value
    read = {}
    for word in calls[-1].keywords:
        value = names.get(word.value.id) if isinstance(word.value, ast.Name) else word.value
        if word.arg and value is not None:
            try:
                read[word.arg] = ast.literal_eval(value)
            except ValueError:
                continue
    from .reading import Keys

    if number(read.get("learning_rate")) is None and any(word.arg == "learning_rate" for word in calls[-1].keywords):
        raise Unjudged("the rate is worked out by the script")
    return training_arguments(Keys(read), clock)


def axolotl(path, text, clock):
    keys = of_any(path, text)
    total = clock.updates
    steps, ratio = keys.num("warmup_steps"), keys.num("warmup_ratio")
    warmup = steps if steps is not None else int((ratio if ratio is not None else 0.03) * total)
    if steps is None and ratio is None:
        warmup = min(warmup, 100)
    warmup = 2 if warmup == 1 else int(warmup)
    lr = keys.num("learning_rate")
    kind = keys.get("lr_scheduler", otherwise="cosine")
    floor, hold = keys.num("cosine_min_lr_ratio"), keys.num("cosine_constant_lr_ratio")
    if kind == "cosine" and floor:
        if hold:
            raise Unjudged("a cosine that ends before the run")

        def rate(i):
            if i < warmup:
                return lr * i / max(1, warmup)
            share = (i - warmup) / max(1, total - warmup)
            return lr * (max(0.0, 0.5 * (1 + math.cos(math.pi * share))) * (1 - floor) + floor)
    elif kind in ("rex", "one_cycle"):
        raise Unjudged(f"axolotl's own {kind}")
    else:
        rate = scheduler(kind, lr, warmup, total, table_of(keys.get("lr_scheduler_kwargs")))
    clip = keys.num("max_grad_norm", otherwise=1.0)
    return Want(
        rate=rate, how="axolotl's warmup, transformers.get_scheduler", keys=keys,
        optimizer=optimizer(keys, str(keys.get("optimizer", otherwise="adamw_torch_fused")),
                            keys.num("weight_decay", otherwise=0.0)),
        length=length_of(keys, clock), batch=keys.num("micro_batch_size"),
        accumulate=keys.num("gradient_accumulation_steps", otherwise=1), clip=clip or None,
    )


def llama_factory(path, text, clock):
    return training_arguments(of_any(path, text), clock)


# The first 17 rates of every schedule that diffusers' training scripts know are transformers' too, but the scripts
# count micro-steps times processes; without accelerate's division they are the updates'.
def diffusers(path, text, clock):
    from diffusers.optimization import get_scheduler as diffusers_scheduler

    keys = of_any(path, text)
    lr = keys.num("learning_rate")
    if lr is None:
        raise Unjudged("the script's default rate")
    kind = keys.get("lr_scheduler", otherwise="constant")
    warmup = keys.num("lr_warmup_steps", otherwise=500)
    parameter = torch.nn.Parameter(torch.zeros(1))
    made = diffusers_scheduler(kind, torch.optim.SGD([parameter], lr=lr), num_warmup_steps=int(warmup),
                               num_training_steps=clock.updates,
                               num_cycles=int(keys.num("lr_num_cycles", otherwise=1)),
                               power=keys.num("lr_power", otherwise=1.0))
    act = made.lr_lambdas[0]
    steps, count = keys.num("max_train_steps"), keys.num("num_train_epochs")
    return Want(
        rate=lambda i: lr * act(i), how="diffusers.optimization.get_scheduler", keys=keys,
        optimizer={"kind": "adamw", "weight_decay": keys.num("adam_weight_decay", otherwise=1e-2),
                   "beta1": keys.num("adam_beta1", otherwise=0.9), "beta2": keys.num("adam_beta2", otherwise=0.999)},
        length=updates(steps) if steps else (epochs(count) if count else None),
        batch=keys.num("train_batch_size"), accumulate=keys.num("gradient_accumulation_steps", otherwise=1),
        clip=keys.num("max_grad_norm", otherwise=1.0),
    )


JUDGES = {"huggingface": huggingface, "axolotl": axolotl, "llama-factory": llama_factory, "diffusers": diffusers}
