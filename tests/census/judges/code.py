"""Schedules that stand in code: the calls are found with `ast`, and made with the real classes of PyTorch, Keras and optax."""

import ast

import torch

from .reading import of_yaml, python_source
from .want import Unjudged, Want

TORCH = {"StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "LinearLR",
         "ConstantLR", "PolynomialLR", "OneCycleLR", "CyclicLR"}
OPTIMIZERS = {"SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax"}


class Script:
    """A module with what its names are given: literals, argparse's defaults, parameters' defaults."""

    def __init__(self, source):
        self.tree = ast.parse(source)
        self.names, self.fields = {}, {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                child.parent = node
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("add_argument"):
                flags = [one.value for one in node.args if isinstance(one, ast.Constant)]
                default = next((word.value for word in node.keywords if word.arg == "default"), None)
                if flags and default is not None:
                    name = next((flag for flag in flags if flag.startswith("--")), flags[0])
                    self.fields[name.lstrip("-").replace("-", "_")] = default
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name):
                    self.names[target.id] = node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts):
                        if isinstance(one, ast.Name):
                            self.names[one.id] = value
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                given = node.args
                for name, value in zip(given.args[len(given.args) - len(given.defaults):], given.defaults):
                    self.names.setdefault(name.arg, value)

    def value(self, node, level=0):
        if level > 12 or node is None:
            raise Unjudged("a value is worked out")
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value(one, level + 1) for one in node.elts]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self.value(node.operand, level + 1)
        if isinstance(node, ast.BinOp):
            left, right = self.value(node.left, level + 1), self.value(node.right, level + 1)
            act = {ast.Add: lambda: left + right, ast.Sub: lambda: left - right, ast.Mult: lambda: left * right,
                   ast.Div: lambda: left / right, ast.FloorDiv: lambda: left // right, ast.Pow: lambda: left**right}
            if type(node.op) in act and all(isinstance(one, (int, float)) for one in (left, right)):
                return act[type(node.op)]()
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.value(self.names[node.id], level + 1)
        if isinstance(node, ast.Attribute):
            if node.attr in self.fields:
                return self.value(self.fields[node.attr], level + 1)
            if node.attr in self.names:
                return self.value(self.names[node.attr], level + 1)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("int", "float") and len(node.args) == 1:
            return {"int": int, "float": float}[ast.unparse(node.func)](self.value(node.args[0], level + 1))
        raise Unjudged(f"{ast.unparse(node)[:40]} is worked out")

    def calls(self, names):
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)
                 and ast.unparse(node.func).split(".")[-1] in names]
        return sorted(found, key=lambda node: node.lineno)

    def given(self, call, skip=0):
        return ([self.value(one) for one in call.args[skip:]],
                {word.arg: self.value(word.value) for word in call.keywords if word.arg and word.arg not in
                 ("optimizer", "params", "parameters", "verbose", "last_epoch", "fused", "foreach")})

    def steps_by_epoch(self, call):
        """Whether `.step()` of what the call is assigned to stands in a loop over epochs, and not in one within."""
        parent = call.parent
        name = ast.unparse(parent.targets[0]) if isinstance(parent, ast.Assign) else None
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step" \
                    and name and ast.unparse(node.func.value).split(".")[-1] == name.split(".")[-1]:
                up = node
                while up is not None:
                    if isinstance(up, (ast.For, ast.While)):
                        text = ast.unparse(up.target) + ast.unparse(up.iter) if isinstance(up, ast.For) else ""
                        return "epoch" in text.lower()
                    up = getattr(up, "parent", None)
        raise Unjudged("its loop is in another file")


def torch_rates(script, clock):
    made = script.calls(TORCH)
    if len(made) != 1:
        raise Unjudged(f"{len(made)} schedulers")
    call, optimizers = made[0], script.calls(OPTIMIZERS)
    if not optimizers:
        raise Unjudged("no optimizer")
    optimizer_call = optimizers[0]
    kind = ast.unparse(optimizer_call.func).split(".")[-1]
    _, words = script.given(optimizer_call, skip=len(optimizer_call.args))
    if len(optimizer_call.args) > 1:
        words.setdefault("lr", script.value(optimizer_call.args[1]))
    lr = words.get("lr", 1e-3)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    args, named = script.given(call, skip=1)
    made = getattr(torch.optim.lr_scheduler, ast.unparse(call.func).split(".")[-1])(optimizer, *args, **named)
    by_epoch, rates = script.steps_by_epoch(call), []
    for i in range(clock.updates):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if not by_epoch or (i + 1) % clock.per_epoch == 0:
            made.step()
    numbers = {name: float(words[name]) for name in ("weight_decay", "momentum") if name in words}
    if kind in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam"):
        numbers["kind"] = kind.lower()
    return rates, numbers


def pytorch(path, text, clock):
    script = Script(python_source(path, text))
    rates, numbers = torch_rates(script, clock)
    return Want(lambda i: rates[i], "torch.optim.lr_scheduler", numbers)


def keras(path, text, clock):
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    from keras.optimizers import schedules

    names = ("ExponentialDecay", "CosineDecay", "InverseTimeDecay", "PiecewiseConstantDecay", "PolynomialDecay",
             "CosineDecayRestarts")
    script = Script(python_source(path, text))
    calls = script.calls(names)
    if len(calls) != 1:
        raise Unjudged(f"{len(calls)} schedules of Keras' own")
    args, named = script.given(calls[0])
    named.pop("name", None)
    made = getattr(schedules, ast.unparse(calls[0].func).split(".")[-1])(*args, **named)
    # In 32 bits; the comparison is as fine as they are.
    return Want(lambda i: float(made(i)), "keras.optimizers.schedules", {})


def optax(path, text, clock):
    import optax as library

    names = ("cosine_decay_schedule", "warmup_cosine_decay_schedule", "exponential_decay", "polynomial_schedule",
             "linear_schedule", "warmup_exponential_decay_schedule", "cosine_onecycle_schedule",
             "piecewise_constant_schedule", "sgdr_schedule")
    script = Script(python_source(path, text))
    calls = script.calls(names)
    makers = [call for call in script.calls(("sgd", "adam", "adamw", "rmsprop", "lamb", "adafactor"))
              if "optax" in ast.unparse(call.func) or "optim" in ast.unparse(call.func)]
    if not calls and makers:
        call = makers[-1]
        args, named = script.given(call)
        lr = named.get("learning_rate", args[0] if args else None)
        if not isinstance(lr, (int, float)):
            raise Unjudged("the rate is worked out")
        others = {script_value for script_value in [_rate(script, one) for one in makers] if script_value is not None}
        if len(others) > 1:
            raise Unjudged("several optimizers")
        kind = ast.unparse(call.func).split(".")[-1]
        return Want(lambda i: lr, "the rate of optax." + kind, {"kind": kind})
    if len(calls) != 1:
        raise Unjudged(f"{len(calls)} schedules of optax' own")
    args, named = script.given(calls[0])
    made = getattr(library, ast.unparse(calls[0].func).split(".")[-1])(*args, **named)
    return Want(lambda i: float(made(i)), "optax", {})


def _rate(script, call):
    try:
        args, named = script.given(call)
    except Unjudged:
        return None
    lr = named.get("learning_rate", args[0] if args else None)
    return lr if isinstance(lr, (int, float)) else None


def hydra(path, text, clock):
    keys = of_yaml(text)
    optim = keys.sub("optimizer") if keys.has("optimizer") else keys.sub("model").sub("optimizer")
    sched = keys.sub("scheduler") if keys.has("scheduler") else keys.sub("model").sub("lr_scheduler")
    if sched.has("_target_"):
        name = str(sched.get("_target_")).split(".")[-1]
        if name != "ReduceLROnPlateau":
            raise Unjudged(name)
    lr = optim.num("lr")
    return Want(lambda i: lr, "the rate under ReduceLROnPlateau", {"kind": str(optim.get("_target_")).split(".")[-1].lower()})


JUDGES = {"pytorch": pytorch, "keras": keras, "optax": optax, "hydra": hydra}
