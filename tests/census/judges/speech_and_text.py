"""fairseq, NeMo, wenet's and ESPnet's YAML, Megatron-LM, composer: their schedulers' arithmetic, said again from their sources."""

import math
import re

from .reading import Keys, number, of_any, of_flags, of_yaml
from .want import Unjudged, Want, epochs, updates


def betas(text):
    """`(0.9, 0.98)` as a text, or a list."""
    found = text if isinstance(text, list) else re.findall(r"[-+.\deE]+", str(text))
    found = [number(one) for one in found]
    return {} if len(found) < 2 or None in found else {"beta1": found[0], "beta2": found[1]}


def first(value):
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str) and value.startswith("["):
        value = value.strip("[]").split(",")[0]
    return number(value)


def fairseq(path, text, clock):
    if path.endswith((".yaml", ".yml")):
        keys = of_yaml(text)
        tables = [keys.sub("lr_scheduler"), keys.sub("optimization"), keys.sub("optimizer")]

        def get(name):
            return next((table.get(name) for table in tables if table.has(name)), None)

        def named(table, key):
            value = keys.get(key)
            return value if isinstance(value, str) else table.get("_name")

        kind, optimizer = named(tables[0], "lr_scheduler"), named(tables[2], "optimizer")
    else:
        keys = of_flags(text)
        get, kind, optimizer = keys.get, keys.get("lr_scheduler"), keys.get("optimizer")
    num = lambda name, otherwise=None: otherwise if first(get(name)) is None else first(get(name))
    lr, kind = num("lr"), kind or "fixed"
    if lr is None:
        raise Unjudged("no rate")
    most = num("max_update", 0)
    warmup, start = num("warmup_updates", 0), num("warmup_init_lr", -1)

    if kind == "inverse_sqrt":
        warmup = num("warmup_updates", 4000)
        start = start if start >= 0 else (0 if warmup > 0 else lr)
        rate = lambda i: start + i * (lr - start) / warmup if i < warmup else lr * math.sqrt(warmup) / math.sqrt(i)
    elif kind == "polynomial_decay":
        total, end, power = num("total_num_update", most), num("end_learning_rate", 0), num("power", 1)

        def rate(i):
            if warmup > 0 and i <= warmup:
                return i / warmup * lr
            if i >= total:
                return end
            return (lr - end) * (1 - (i - warmup) / (total - warmup)) ** power + end
    elif kind == "cosine":
        floor, period, grow = num("min_lr", 0), num("lr_period_updates", -1), num("t_mult", 1)
        shrink = num("lr_shrink", 0.1)
        floor = 0 if floor < 0 else floor
        if period <= 0:
            period = (most or clock.updates) - warmup
        start = start if start >= 0 else floor

        def rate(i):
            if i < warmup:
                return start + i * (lr - start) / warmup
            at, cycle, long = i - warmup, 0, period
            while at >= long:
                at, cycle, long = at - long, cycle + 1, long * grow
            low, high = floor * shrink**cycle, lr * shrink**cycle
            return low + 0.5 * (high - low) * (1 + math.cos(math.pi * at / long))
    elif kind == "tri_stage":
        low, last = num("init_lr_scale", 0.01), num("final_lr_scale", 0.01)
        ratio = get("phase_ratio")
        if ratio is not None:
            shares = ratio if isinstance(ratio, list) else re.findall(r"[.\d]+", str(ratio))
            climb, hold, fall = (int(most * float(share)) for share in shares)
        else:
            climb, hold, fall = num("warmup_steps", 0), num("hold_steps", 0), num("decay_steps", 0)

        def rate(i):
            if i < climb:
                return low * lr + (lr - low * lr) / climb * i
            if i < climb + hold:
                return lr
            if i <= climb + hold + fall:
                return lr * math.exp(math.log(last) / fall * (i - climb - hold))
            return last * lr
    elif kind == "fixed":
        rate = lambda i: lr * (min(1.0, (i + 1) / warmup) if warmup > 0 else 1.0)
    else:
        raise Unjudged(f"fairseq's {kind}")
    numbers = {}
    if optimizer in ("adam", "adamw"):
        numbers = {"kind": "adamw", "weight_decay": num("weight_decay", 0.0)}
        numbers |= betas(get("adam_betas") or "(0.9, 0.999)")
        numbers["eps"] = num("adam_eps", 1e-8)
    elif optimizer in ("sgd", "nag", "adagrad"):
        numbers = {"weight_decay": num("weight_decay", 0.0)}
    clip, every = num("clip_norm", 0), num("update_freq", 1)
    most_epochs = num("max_epoch", 0)
    return Want(rate, "fairseq's schedulers, said again", numbers, keys=keys,
                length=updates(most) if most > 0 else (epochs(most_epochs) if most_epochs > 0 else None),
                batch=num("batch_size"), accumulate=every, clip=clip if clip > 0 else None)


def nemo(path, text, clock):
    keys = of_yaml(text)
    optim = keys.sub("model").sub("optim") if keys.has("model.optim") else keys.sub("optim")
    sched, trainer = optim.sub("sched"), keys.sub("trainer")
    lr, kind = optim.num("lr"), sched.get("name")
    most = sched.num("max_steps", otherwise=trainer.num("max_steps", otherwise=-1))
    total = int(most) if most and most > 0 else clock.updates
    warmup = sched.num("warmup_steps")
    if warmup is None:
        warmup = int((sched.num("warmup_ratio", otherwise=0)) * total)
    floor, power = sched.num("min_lr", otherwise=0.0), sched.num("power", otherwise=1.0)
    if sched.num("constant_steps", otherwise=0):
        raise Unjudged("a cosine with a constant end")

    def climbing(after):
        return lambda i: lr * (i + 1) / (warmup + 1) if warmup > 0 and i <= warmup and i < warmup else after(i)

    if kind == "CosineAnnealing":
        rate = climbing(lambda i: floor if i > total else (lr - floor) * 0.5 * (
            1 + math.cos(math.pi * (i - warmup) / (total - warmup))) + floor)
    elif kind == "NoamAnnealing":
        width = sched.num("d_model")
        if width is None:
            raise Unjudged("d_model is worked out by NeMo")

        def rate(i):
            step = max(1, i)
            if warmup > 0:
                factor = width**-0.5 * min(step**-0.5, step * warmup**-1.5)
            else:
                factor = width**-0.5 * step**-0.5
            value = lr * factor
            return max(value, floor) if i > warmup else value
    elif kind == "PolynomialDecayAnnealing":
        rate = climbing(lambda i: floor if i > total else (lr - floor) * (1 - min(i - warmup, total - warmup) / (
            total - warmup)) ** power + floor)
    else:
        raise Unjudged(f"NeMo's {kind}")
    numbers = {}
    if optim.get("name") in ("adam", "adamw", "sgd"):
        numbers = {"kind": optim.get("name"), **betas(optim.get("betas"))}
        if optim.num("weight_decay") is not None:
            numbers["weight_decay"] = optim.num("weight_decay")
    whole = trainer.num("max_epochs", otherwise=-1)
    clip = trainer.num("gradient_clip_val", otherwise=0)
    return Want(rate, "NeMo's policies, said again", numbers, keys=keys,
                length=updates(most) if most and most > 0 else (epochs(whole) if whole and whole > 0 else None),
                accumulate=trainer.num("accumulate_grad_batches"), clip=clip or None)


def espnet(path, text, clock):
    keys = of_yaml(text)
    lr = keys.num("optim_conf.lr")
    kind = keys.get("scheduler")
    if kind == "warmuplr":
        warmup = keys.num("scheduler_conf.warmup_steps", otherwise=25000)
        rate = lambda i: lr * warmup**0.5 * min((i + 1) ** -0.5, (i + 1) * warmup**-1.5)
    elif kind is None:
        rate = lambda i: lr
    else:
        raise Unjudged(f"{kind}")
    numbers = {"kind": keys.get("optim")}
    if keys.has("optim_conf.betas"):
        numbers |= betas(keys.get("optim_conf.betas"))
    if keys.has("optim_conf.weight_decay"):
        numbers["weight_decay"] = keys.num("optim_conf.weight_decay")
    if keys.has("optim_conf.eps"):
        numbers["eps"] = keys.num("optim_conf.eps")
    clip = keys.num("grad_clip", otherwise=0)
    return Want(rate, "WarmupLR, said again", numbers, keys=keys, length=epochs(keys.num("max_epoch")) if keys.has(
        "max_epoch") else None, accumulate=keys.num("accum_grad"), clip=clip or None)


def megatron(path, text, clock):
    keys = of_any(path, text)
    if path.endswith((".yaml", ".yml")):
        # A test's flags, as the keys of a table.
        held = [keys.tree, *(value for value in keys.tree.values() if isinstance(value, dict))]
        keys = Keys({name[2:].replace("-", "_"): value for table in held for name, value in table.items() if str(name).startswith("--")})
    lr, low = keys.num("lr"), keys.num("min_lr", otherwise=0.0)
    total = keys.num("train_iters")
    if lr is None or total is None:
        raise Unjudged("its length is in samples or worked out by the shell")
    decay = keys.num("lr_decay_iters", otherwise=total)
    warmup = keys.num("lr_warmup_iters", otherwise=0)
    if keys.has("lr_warmup_fraction"):
        warmup = keys.num("lr_warmup_fraction") * decay
    start, style = keys.num("lr_warmup_init", otherwise=0.0), keys.get("lr_decay_style", otherwise="linear")

    def rate(i):
        if warmup > 0 and i <= warmup:
            return start + (lr - start) * i / warmup
        if style == "constant":
            return lr
        if i > decay:
            return low
        if style == "inverse-square-root":
            return max(low, lr * math.sqrt(max(warmup, 1)) / math.sqrt(max(i, 1)))
        share = (i - warmup) / (decay - warmup)
        if style == "WSD":
            raise Unjudged("WSD")
        factor = 1 - share if style == "linear" else 0.5 * (math.cos(math.pi * share) + 1)
        return low + factor * (lr - low)

    numbers = {"kind": "adamw", "weight_decay": keys.num("weight_decay", otherwise=0.01),
               "beta1": keys.num("adam_beta1", otherwise=0.9), "beta2": keys.num("adam_beta2", otherwise=0.999)}
    return Want(rate, "OptimizerParamScheduler, said again", numbers, keys=keys, length=updates(total),
                batch=keys.num("micro_batch_size"))


def composer(path, text, clock):
    keys = of_yaml(text)
    if keys.has("parameters.scheduler"):
        keys = keys.sub("parameters")
    optim, sched = keys.sub("optimizer"), keys.sub("scheduler")
    lr, kind = optim.num("lr"), sched.get("name")

    def span(value, otherwise):
        found = re.fullmatch(r"\s*([.\deE+-]+)\s*(ba|ep|dur|tok|sp)?\s*", str(value)) if value is not None else None
        if not found:
            return otherwise
        count, unit = float(found[1]), found[2] or "ba"
        if unit in ("tok", "sp"):
            raise Unjudged("tokens or samples are counted")
        return {"ba": count, "ep": count * clock.per_epoch, "dur": count * clock.updates}[unit]

    total = clock.updates
    warmup, end, low = span(sched.get("t_warmup"), 0), span(sched.get("t_max"), total), sched.num("alpha_f", otherwise=0)

    def rate(i):
        if i < warmup:
            return lr * i / warmup
        share = min(1.0, (i - warmup) / (end - warmup)) if end > warmup else 0.0
        if kind == "cosine_with_warmup":
            return lr * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * share)))
        if kind in ("linear_decay_with_warmup", "linear_with_warmup"):
            start = sched.num("alpha_i", otherwise=1.0)
            return lr * (start + (low - start) * share)
        if kind == "constant_with_warmup":
            return lr
        raise Unjudged(f"composer's {kind}")

    name = str(optim.get("name"))
    decoupled = name.startswith("decoupled_")
    numbers = {"kind": next((kind for kind in ("adamw", "lion", "sgd") if kind in name), name)}
    if optim.has("betas") or name == "decoupled_adamw":
        numbers |= betas(optim.get("betas") or [0.9, 0.95])
    # Decoupled, it is a share of the weights, times the rate over the peak.
    decay = optim.num("weight_decay", otherwise=1e-5 if name == "decoupled_adamw" else None)
    if decay is not None and not (decoupled and numbers["kind"] == "sgd"):
        numbers["weight_decay"] = decay / lr if decoupled else decay
    if optim.has("eps"):
        numbers["eps"] = optim.num("eps")
    run = re.fullmatch(r"([.\d]+)(ba|ep)", str(keys.get("max_duration")))
    clip = keys.num("algorithms.gradient_clipping.clipping_threshold")
    return Want(rate, "composer's schedulers, said again", numbers, keys=keys,
                length=None if not run else (updates(float(run[1])) if run[2] == "ba" else epochs(float(run[1]))),
                clip=clip)


JUDGES = {"fairseq": fairseq, "nemo": nemo, "espnet": espnet, "megatron": megatron, "composer": composer}
