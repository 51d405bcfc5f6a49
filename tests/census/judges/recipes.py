"""OpenMMLab, torchtune, DeepSpeed, kohya, LitGPT, mlx and nanoGPT: frameworks' own classes where they install."""

import math
from functools import lru_cache

import torch

from .hugging_face import scheduler
from .reading import Keys, inherited, number, of_any, of_config, of_json, of_yaml
from .speech_and_text import betas
from .want import Unjudged, Want, epochs, updates


def openmmlab(path, text, clock):
    keys = of_config(text)
    if "_base_" in keys.tree:
        keys = Keys(inherited(clock.file, 0))
    wrapper = keys.get("optim_wrapper")
    # Names outside the tables are the file's own variables, and so is an optimizer that a wrapper takes.
    keys.asked |= {(name,) for name, value in keys.tree.items() if not isinstance(value, (dict, list))}
    if isinstance(wrapper, dict):
        keys.asked.add(("optimizer",))
    optim = keys.sub("optim_wrapper").sub("optimizer") if isinstance(wrapper, dict) else keys.sub("optimizer")
    lr = optim.num("lr")
    if lr is None:
        raise Unjudged("its base configuration has the rate")
    numbers = {"kind": str(optim.get("type")).lower()}
    if numbers["kind"] not in ("sgd", "adam", "adamw", "lamb", "lars"):
        del numbers["kind"]
    for name in ("weight_decay", "momentum"):
        if optim.num(name) is not None:
            numbers[name] = optim.num(name)
    if optim.has("betas"):
        numbers |= betas(optim.get("betas"))
    length = None
    if keys.num("train_cfg.max_epochs", "runner.max_epochs", "total_epochs") is not None:
        length = epochs(keys.num("train_cfg.max_epochs", "runner.max_epochs", "total_epochs"))
    elif keys.num("train_cfg.max_iters", "runner.max_iters", "total_iters") is not None:
        length = updates(keys.num("train_cfg.max_iters", "runner.max_iters", "total_iters"))
    old = keys.get("lr_config")
    if isinstance(old, dict):
        return Want(mmcv(keys.sub("lr_config"), lr, clock), "mmcv's LrUpdaterHook, said again", numbers, keys=keys, length=length)
    listed = keys.get("param_scheduler")
    if listed is None:
        raise Unjudged("no schedule of its own")
    rates = mmengine(repr(listed if isinstance(listed, list) else [listed]), lr, clock.updates, clock.per_epoch)
    return Want(lambda i: rates[i], "mmengine.optim.scheduler", numbers, keys=keys, length=length)


@lru_cache(maxsize=None)
def mmengine(listed, lr, count, per_epoch):
    from mmengine.registry import PARAM_SCHEDULERS

    import mmengine.optim.scheduler  # noqa: F401, it registers the classes

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    made = []
    for one in eval(listed, {}):  # the repr of plain lists, tables and numbers
        kind = PARAM_SCHEDULERS.get(one["type"])
        if kind is None:
            raise Unjudged(f"mmengine has no {one['type']}")
        given = {name: value for name, value in one.items() if name not in ("type", "convert_to_iter_based")}
        # The runner's default: to the end of the run.
        given.setdefault("end", count // per_epoch if given.get("by_epoch", True) else count)
        if any(isinstance(value, str) and value.startswith("?") for value in given.values()):
            raise Unjudged("a value is worked out")
        if one.get("convert_to_iter_based"):
            made.append(kind.build_iter_from_epoch(optimizer=optimizer, epoch_length=per_epoch, **given))
        else:
            made.append(kind(optimizer=optimizer, **given))
    rates = []
    for i in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for one in made:
            if not one.by_epoch or (i + 1) % per_epoch == 0:
                one.step()
    return rates


def mmcv(config, lr, clock):
    policy = str(config.get("policy")).lower()
    if not config.has("policy"):
        raise Unjudged("its base configuration has the policy")
    by_epoch = config.get("by_epoch", otherwise=True)
    total = clock.updates // clock.per_epoch if by_epoch else clock.updates

    def regular(at):
        if policy == "step":
            step, gamma = config.get("step"), config.num("gamma", otherwise=0.1)
            count = sum(1 for one in step if at >= one) if isinstance(step, list) else at // step
            low = config.num("min_lr")
            return max(lr * gamma**count, low) if low is not None else lr * gamma**count
        if policy == "poly":
            low = config.num("min_lr", otherwise=0.0)
            return (lr - low) * (1 - at / total) ** config.num("power", otherwise=1.0) + low
        if policy == "cosineannealing":
            low = config.num("min_lr")
            low = lr * config.num("min_lr_ratio", otherwise=0.0) if low is None else low
            return low + 0.5 * (lr - low) * (math.cos(math.pi * at / total) + 1)
        if policy == "fixed":
            return lr
        raise Unjudged(f"mmcv's {policy}")

    kind = config.get("warmup")
    climb, start = config.num("warmup_iters", otherwise=0), config.num("warmup_ratio", otherwise=0.1)
    if config.get("warmup_by_epoch", otherwise=False):
        climb = climb * clock.per_epoch

    def rate(i):
        value = regular(i // clock.per_epoch if by_epoch else i)
        if kind is None or i >= climb:
            return value
        if kind == "constant":
            return value * start
        if kind == "linear":
            return value * (1 - (1 - i / climb) * (1 - start))
        return value * start ** (1 - i / climb)

    return rate


def torchtune(path, text, clock):
    keys = of_yaml(text)
    optim, sched = keys.sub("optimizer"), keys.sub("lr_scheduler")
    lr, kind = optim.num("lr"), str(sched.get("_component_", otherwise=""))
    if kind.endswith("get_cosine_schedule_with_warmup"):
        rate = scheduler("cosine", lr, int(sched.num("num_warmup_steps")), clock.updates)
    elif not kind:
        rate = lambda i: lr
    else:
        raise Unjudged(kind)
    whole, most = keys.num("epochs"), keys.num("max_steps_per_epoch")
    name = str(optim.get("_component_", otherwise="")).split(".")[-1].lower()
    numbers = {"kind": "adamw"} if name in ("adamw", "pagedadamw8bit", "pagedadamw", "adamw8bit") else {}
    if optim.has("weight_decay") and numbers:
        numbers["weight_decay"] = optim.num("weight_decay")
    elif numbers:
        numbers["weight_decay"] = 0.01
    clip = keys.num("clip_grad_norm")
    length = None if whole is None else (updates(whole * most) if most else epochs(whole))
    return Want(rate, "torchtune's cosine (transformers')", numbers, keys=keys, length=length, clip=clip,
                batch=keys.num("batch_size"), accumulate=keys.num("gradient_accumulation_steps"))


def deepspeed(path, text, clock):
    from deepspeed.runtime import lr_schedules

    if not path.endswith(".json"):
        raise Unjudged("its configuration stands in a test's source")
    keys = of_json(text)
    sched, optim = keys.sub("scheduler"), keys.sub("optimizer")
    given = dict(sched.sub("params").tree)
    lr = optim.num("params.lr", otherwise=1e-3)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    try:
        made = getattr(lr_schedules, sched.get("type"))(optimizer, **given)
    except (TypeError, AttributeError) as cause:
        raise Unjudged(f"DeepSpeed refuses it: {cause}") from cause
    rates = []
    for _ in range(clock.updates):
        rates.append(optimizer.param_groups[0]["lr"])
        made.step()
    for name in list(sched.sub("params").tree):
        sched.sub("params").get(name)
    numbers = {}
    if str(optim.get("type")).lower() in ("adam", "adamw"):
        kind = str(optim.get("type")).lower()
        numbers = {"kind": kind, **betas(optim.get("params.betas"))}
        if optim.num("params.weight_decay") is not None:
            numbers["weight_decay"] = optim.num("params.weight_decay")
    return Want(lambda i: rates[i], "deepspeed.runtime.lr_schedules", numbers, keys=keys,
                clip=keys.num("gradient_clipping"), accumulate=keys.num("gradient_accumulation_steps"),
                batch=keys.num("train_micro_batch_size_per_gpu"))


def kohya(path, text, clock):
    keys = of_any(path, text)
    lr, kind = keys.num("learning_rate"), keys.get("lr_scheduler", otherwise="constant")
    if lr is None:
        raise Unjudged("the script's default rate")
    steps, whole = keys.num("max_train_steps", otherwise=0), keys.num("max_train_epochs", "epoch", otherwise=0)
    warmup = keys.num("lr_warmup_steps", otherwise=0)
    if path.endswith(".json") and not warmup:
        # The interface's field is in percent.
        warmup = round(keys.num("lr_warmup", otherwise=0) / 100 * clock.updates)
    cycles = keys.num("lr_scheduler_num_cycles") or 1
    keys.num("lr_scheduler_power")
    kwargs = {}
    if kind == "cosine_with_restarts":
        kwargs["num_cycles"] = int(cycles)
    if kind == "polynomial":
        kwargs = {"power": keys.num("lr_scheduler_power") or 1}
        kwargs["lr_end"] = 1e-7
    if kind == "adafactor":
        raise Unjudged("adafactor's own rate")
    rate = scheduler("constant" if kind == "constant" else kind, lr, int(warmup) if kind != "constant" else 0,
                     clock.updates, kwargs)
    name = str(keys.get("optimizer_type", "optimizer", otherwise="AdamW")).lower()
    numbers = {"kind": "adamw"} if name in ("adamw", "adamw8bit", "pagedadamw8bit") else (
        {"kind": "adafactor"} if name == "adafactor" else {})
    return Want(rate, "transformers.get_scheduler, which kohya calls", numbers, keys=keys,
                length=updates(steps) if steps else (epochs(whole) if whole else None),
                batch=keys.num("train_batch_size"), accumulate=keys.num("gradient_accumulation_steps"),
                clip=keys.num("max_grad_norm", otherwise=1.0) or None)


def litgpt(path, text, clock):
    keys = of_yaml(text)
    optim, train = keys.sub("optimizer"), keys.sub("train")
    lr = optim.num("init_args.lr")
    most, whole = train.num("max_steps"), train.num("epochs")
    total, warmup = clock.updates, train.num("lr_warmup_steps", otherwise=100)
    if "pretrain" in path:
        raise Unjudged("its length is in tokens")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    climb = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / warmup)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - warmup)
    made = torch.optim.lr_scheduler.SequentialLR(optimizer, [climb, fall], milestones=[warmup])
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    numbers = {"kind": "adamw", **betas(optim.get("init_args.betas"))}
    if optim.has("init_args.weight_decay"):
        numbers["weight_decay"] = optim.num("init_args.weight_decay")
    batch, micro = train.num("global_batch_size"), train.num("micro_batch_size")
    return Want(lambda i: rates[i], "LitGPT's LambdaLR and CosineAnnealingLR in SequentialLR", numbers, keys=keys,
                length=updates(most) if most else epochs(whole), batch=micro)


def mlx(path, text, clock):
    keys = of_yaml(text)
    schedule = keys.sub("lr_schedule")
    if schedule.has("name"):
        kind, given = schedule.get("name"), [number(one) for one in schedule.get("arguments")]
        warmup, start = schedule.num("warmup", otherwise=0), schedule.num("warmup_init", otherwise=0.0)
        if kind != "cosine_decay":
            raise Unjudged(kind)
        lr, long, end = (*given, 0.0)[:3]
        body = lambda i: end + 0.5 * (1 + math.cos(math.pi * min(i, long) / long)) * (lr - end)

        def rate(i):
            return start + (lr - start) * i / warmup if i < warmup else body(i - warmup)
    else:
        lr = keys.num("learning_rate")
        rate = lambda i: lr
    return Want(rate, "mlx.optimizers.schedulers, said again", {}, keys=keys,
                length=updates(keys.num("iters")), batch=keys.num("batch_size"))


def nanogpt(path, text, clock):
    keys = of_config(text)
    lr, total = keys.num("learning_rate", otherwise=6e-4), keys.num("max_iters", otherwise=600000)
    warmup, end = keys.num("warmup_iters", otherwise=2000), keys.num("lr_decay_iters", otherwise=600000)
    low = keys.num("min_lr", otherwise=6e-5)
    falls = keys.get("decay_lr", otherwise=True)

    def rate(i):
        if not falls:
            return lr
        if i < warmup:
            return lr * (i + 1) / (warmup + 1)
        if i > end:
            return low
        return low + 0.5 * (1 + math.cos(math.pi * (i - warmup) / (end - warmup))) * (lr - low)

    numbers = {"kind": "adamw", "weight_decay": keys.num("weight_decay", otherwise=0.1),
               "beta2": keys.num("beta2", otherwise=0.95)}
    return Want(rate, "nanoGPT's get_lr, said again", numbers, keys=keys, length=updates(total),
                batch=keys.num("batch_size", otherwise=12),
                accumulate=keys.num("gradient_accumulation_steps", otherwise=40), clip=1.0)


def gpt_neox(path, text, clock):
    """AnnealingLR of GPT-NeoX's megatron/learning_rates.py, said again."""
    keys = Keys({name.replace("-", "_"): value for name, value in of_yaml(text).tree.items()})
    lr, total = keys.num("optimizer.params.lr", "lr"), keys.num("train_iters")
    if lr is None or total is None:
        raise Unjudged("the rate or the length is in another of the run's files")
    decay = max(1, keys.num("lr_decay_iters", otherwise=math.floor(total * keys.num("lr_decay_fraction", otherwise=1))))
    warm, floor = keys.num("warmup", otherwise=0.01) * decay, keys.num("min_lr", otherwise=0.0)
    style = keys.get("lr_decay_style", otherwise="linear")

    def rate(i):
        if warm > 0 and i <= warm:
            return lr * max(1, i) / warm
        at, over = i - warm, decay - warm
        if style == "linear":
            now = lr * (over - at) / over
        elif style == "cosine":
            now = floor + (lr - floor) / 2 * (math.cos(math.pi * at / over) + 1)
        elif style == "exponential":
            now = lr * math.exp(-0.693 * at / over)
        else:
            now = lr
        return max(now, floor)

    optim = keys.sub("optimizer")
    numbers = {}
    if str(optim.get("type", otherwise="Adam")).lower() == "adam":
        numbers = {"kind": "adamw", **betas(optim.get("params.betas"))}
        if keys.num("weight_decay") is not None:
            numbers["weight_decay"] = keys.num("weight_decay")
    return Want(rate, "GPT-NeoX's AnnealingLR, said again", numbers, keys=keys, length=updates(total),
                clip=keys.num("gradient_clipping"), batch=keys.num("train_micro_batch_size_per_gpu"),
                accumulate=keys.num("gradient_accumulation_steps"))


JUDGES = {"gpt-neox": gpt_neox, "openmmlab": openmmlab, "torchtune": torchtune, "deepspeed": deepspeed, "kohya": kohya, "litgpt": litgpt,
          "mlx": mlx, "nanogpt": nanogpt}
