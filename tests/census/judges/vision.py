"""timm, MAE, ConvNeXt, detectron2, PaddleClas, YOLO: frameworks' own code where it can be called, else said again."""

import math

import torch

from .reading import Keys, inherited_yaml, number, of_any, of_flags, of_yaml
from .speech_and_text import betas
from .want import Unjudged, Want, epochs, updates


def sgd(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def timm(path, text, clock):
    from timm.scheduler import create_scheduler_v2

    keys = of_any(path, text)
    lr = keys.num("lr")
    if lr is None:
        raise Unjudged("the rate follows from the whole batch")
    def pick(name, otherwise=None, make=float):
        value = keys.get(name)
        return otherwise if value is None else make(value)
    total = int(pick("epochs", 300))
    milestones = keys.get("decay_milestones")
    milestones = [90, 180, 270] if milestones is None else [
        int(one) for one in (milestones if isinstance(milestones, list) else [milestones])]
    made, whole = create_scheduler_v2(
        sgd(lr), sched=keys.get("sched", otherwise="cosine"), num_epochs=total,
        decay_epochs=pick("decay_epochs", 90), decay_milestones=milestones,
        cooldown_epochs=int(pick("cooldown_epochs", 0)), patience_epochs=int(pick("patience_epochs", 10)),
        decay_rate=pick("decay_rate", pick("dr", 0.1)), min_lr=pick("min_lr", 0.0), warmup_lr=pick("warmup_lr", 1e-5),
        warmup_epochs=int(pick("warmup_epochs", 5)), warmup_prefix=bool(keys.get("warmup_prefix", otherwise=False)),
        k_decay=pick("lr_k_decay", 1.0), cycle_mul=pick("lr_cycle_mul", 1.0), cycle_decay=pick("lr_cycle_decay", 0.5),
        cycle_limit=int(pick("lr_cycle_limit", 1)),
        step_on_epochs=not keys.get("sched_on_updates", otherwise=False), updates_per_epoch=clock.per_epoch,
    )
    if keys.get("sched") == "plateau":
        raise Unjudged("a plateau follows a metric")
    by_update = bool(keys.get("sched_on_updates", otherwise=False))
    rate = lambda i: made._get_values(i if by_update else i // clock.per_epoch, on_epoch=not by_update)
    first = made.optimizer.param_groups[0]["lr"]

    def at(i):
        values = rate(i)
        return first if values is None else values[0]

    numbers = {"weight_decay": pick("weight_decay", 2e-5)}
    name = str(keys.get("opt", otherwise="sgd"))
    if name in ("adamw", "lamb", "sgd", "rmsproptf"):
        numbers["kind"] = {"rmsproptf": "rmsprop"}.get(name, name)
    clip = pick("clip_grad")
    return Want(at, "timm.scheduler.create_scheduler_v2", numbers, keys=keys, length=epochs(whole), clip=clip,
                batch=keys.num("batch_size", "b"))


def half_cosine(lr, low, warmup, total):
    """MAE's adjust_learning_rate, by the epoch with its fraction."""
    def rate(epoch):
        if epoch < warmup:
            return lr * epoch / warmup
        return low + (lr - low) * 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (total - warmup)))
    return rate


# The scripts' own defaults: epochs, warmup, floor, weight decay, optimizer.
MAE = {"pretrain": (400, 40, 0.0, 0.05, "adamw"), "finetune": (50, 5, 1e-6, 0.05, "adamw"),
       "linprobe": (90, 10, 0.0, 0.0, "lars")}


def mae(path, text, clock):
    keys = of_flags(text, needed=("blr", "lr"))
    script = next((name for name in MAE if f"_{name}.py" in text), None)
    if script is None:
        raise Unjudged("the script is not named")
    whole, warm, low, decay, optimizer = MAE[script]
    lr = keys.num("lr", "blr")
    whole, warm = keys.num("epochs", otherwise=whole), keys.num("warmup_epochs", otherwise=warm)
    act = half_cosine(lr, keys.num("min_lr", otherwise=low), warm, whole)
    numbers = {"kind": optimizer, "weight_decay": keys.num("weight_decay", otherwise=decay)}
    return Want(lambda i: act(i / clock.per_epoch), "MAE's lr_sched.py, said again", numbers, keys=keys,
                length=epochs(whole), batch=keys.num("batch_size"), accumulate=keys.num("accum_iter"),
                layer_decay=keys.num("layer_decay"))


def convnext(path, text, clock):
    import numpy as np

    keys = of_flags(text)
    lr, low = keys.num("lr", otherwise=4e-3), keys.num("min_lr", otherwise=1e-6)
    total, warm = keys.num("epochs", otherwise=300), keys.num("warmup_epochs", otherwise=20)
    start = keys.num("warmup_start_value", "start_warmup_value", otherwise=0.0)
    climb = int(warm * clock.per_epoch)
    rest = int(total * clock.per_epoch) - climb
    warmup = np.linspace(start, lr, climb) if warm > 0 else []
    rate = lambda i: warmup[i] if i < climb else low + 0.5 * (lr - low) * (1 + math.cos(math.pi * (i - climb) / rest))
    numbers = {"kind": "adamw", "weight_decay": keys.num("weight_decay", otherwise=0.05)}
    clip = keys.num("clip_grad")
    return Want(rate, "ConvNeXt's cosine_scheduler, said again", numbers, keys=keys, length=epochs(total),
                batch=keys.num("batch_size"), accumulate=keys.num("update_freq"), clip=clip,
                layer_decay=keys.num("layer_decay"))


def detectron2(path, text, clock):
    whole = Keys(inherited_yaml(clock.file, 0)) if "_BASE_" in text else of_yaml(text)
    solver = whole.sub("SOLVER")
    lr, most = solver.num("BASE_LR"), solver.num("MAX_ITER")
    if lr is None or most is None:
        raise Unjudged("its base configuration has the rest")
    steps = solver.get("STEPS", otherwise=[30000])
    steps = [number(one) for one in (steps if isinstance(steps, list) else str(steps).strip("()").split(",")) if
             number(one) is not None]
    gamma, warmup = solver.num("GAMMA", otherwise=0.1), solver.num("WARMUP_ITERS", otherwise=1000)
    warmup = min(warmup, most)
    factor, kind = solver.num("WARMUP_FACTOR", otherwise=1e-3), solver.get("LR_SCHEDULER_NAME", otherwise="WarmupMultiStepLR")

    def rate(i):
        # fvcore's WarmupParamScheduler: linear from factor·value(0) to the value where the climb ends, then the rest.
        if kind == "WarmupMultiStepLR":
            at = lambda j: lr * gamma ** sum(1 for step in steps if step <= j)
        elif kind == "WarmupCosineLR":
            low = solver.num("BASE_LR_END", otherwise=0.0)
            at = lambda j: low + (lr - low) * 0.5 * (1 + math.cos(math.pi * j / most))
        else:
            raise Unjudged(kind)
        if i < warmup:
            return factor * at(0) + (at(warmup) - factor * at(0)) * i / warmup
        return at(i)

    numbers = {"kind": "sgd", "momentum": solver.num("MOMENTUM", otherwise=0.9),
               "weight_decay": solver.num("WEIGHT_DECAY", otherwise=1e-4)}
    return Want(rate, "fvcore's WarmupParamScheduler, said again", numbers, keys=solver, length=updates(most),
                batch=solver.num("IMS_PER_BATCH"))


def paddle(path, text, clock):
    keys = of_yaml(text)
    rates, optim = keys.sub("Optimizer").sub("lr"), keys.sub("Optimizer")
    total, per_epoch = keys.num("Global.epochs"), clock.per_epoch
    kind, lr = rates.get("name"), rates.num("learning_rate")
    warm, start = rates.num("warmup_epoch", otherwise=0), rates.num("warmup_start_lr", otherwise=0.0)
    by_epoch = bool(rates.get("by_epoch", otherwise=False))
    scale = 1 if by_epoch else per_epoch
    if kind == "Cosine":
        low, long = rates.num("eta_min", otherwise=0.0), (total - warm) * scale
        body = lambda i: low + (lr - low) * 0.5 * (1 + math.cos(math.pi * i / long))
    elif kind == "Piecewise":
        edges, values = rates.get("decay_epochs"), rates.get("values")
        if values is None:
            gamma = rates.num("gamma", otherwise=0.1)
            values = [lr * gamma**i for i in range(len(edges) + 1)]
        values = [number(value) for value in values]
        lr = values[0] if lr is None else lr
        body = lambda i: values[sum(1 for edge in edges if i >= edge * scale)]
    elif kind == "Constant":
        body = lambda i: lr
    elif kind in ("Linear", "Step", "MultiStepDecay"):
        if kind == "Linear":
            low, power = rates.num("end_lr", otherwise=0.0), rates.num("power", otherwise=1.0)
            long = (total - warm) * scale
            body = lambda i: (lr - low) * (1 - min(i, long) / long) ** power + low
        elif kind == "Step":
            every, gamma = rates.num("step_size") * scale, rates.num("gamma")
            body = lambda i: lr * gamma ** (i // every)
        else:
            edges, gamma = rates.get("milestones"), rates.num("gamma", otherwise=0.1)
            body = lambda i: lr * gamma ** sum(1 for edge in edges if i >= edge * scale)
    else:
        raise Unjudged(f"Paddle's {kind}")
    climb = round(warm * scale)

    def rate(i):
        at = i // per_epoch if by_epoch else i
        if at < climb:
            return start + (lr - start) * at / climb
        return body(at - climb)

    name = optim.get("name")
    decay = optim.num("weight_decay", otherwise=optim.num("regularizer.coeff", otherwise=0.0))
    numbers = {"weight_decay": decay}
    if name == "AdamW":
        numbers |= {"kind": "adamw", "beta1": optim.num("beta1", otherwise=0.9), "beta2": optim.num("beta2", otherwise=0.999)}
    elif name == "Momentum":
        numbers |= {"kind": "sgd", "momentum": optim.num("momentum", otherwise=0.9)}
    return Want(rate, "PaddleClas' learning_rate.py, said again", numbers, keys=keys, length=epochs(total),
                batch=None, clip=optim.num("clip_norm"))


def yolo(path, text, clock):
    keys = of_yaml(text)
    lr, last = keys.num("lr0"), keys.num("lrf", otherwise=0.01)
    total = keys.num("epochs", otherwise=100)
    warm = keys.num("warmup_epochs", otherwise=3.0)
    linear = not keys.get("cos_lr", otherwise=False)

    def of_epoch(epoch):
        if linear:
            return (1 - epoch / total) * (1 - last) + last
        return (1 - math.cos(epoch * math.pi / total)) / 2 * (last - 1) + 1

    climb = max(round(warm * clock.per_epoch), 100)

    def rate(i):
        value = lr * of_epoch(i // clock.per_epoch)
        return value * i / climb if i < climb else value

    numbers = {"momentum": keys.num("momentum", otherwise=0.937), "weight_decay": keys.num("weight_decay", otherwise=5e-4)}
    if keys.get("optimizer", otherwise="SGD") == "SGD":
        numbers["kind"] = "sgd"
    return Want(rate, "YOLO's train.py, said again", numbers, keys=keys)


JUDGES = {"timm": timm, "mae": mae, "convnext": convnext, "detectron2": detectron2, "paddle": paddle, "yolo": yolo}
