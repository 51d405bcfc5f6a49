"""Makes schedule_free_sgd.json and schedule_free_adamw.json with their authors' package `schedulefree`.

Its reference classes, checked against the classes that its users run: `x`, the average to evaluate, are the
parameters; `z`, the plain iterate, and `y`, where gradients are taken, the buffers.
"""

import contextlib
import io

import torch
from common import GRADIENTS, RATES, START, UPDATES, Golden
from schedulefree import AdamWScheduleFree, AdamWScheduleFreeReference, SGDScheduleFree, SGDScheduleFreeReference


def schedule_free(golden: Golden, reference, product, rates: list[float], warmup: int, arguments, **numbers) -> None:
    after = {"y": [], "x": [], "z": []}
    weights = [torch.tensor(START, dtype=torch.float64) for _ in range(2)]
    arguments = arguments | {"weight_decay": numbers["weight_decay"], "warmup_steps": warmup}
    optimizers = [reference([weights[0]], **arguments), product([weights[1]], **arguments, foreach=False)]
    # The reference class announces each change of mode.
    with contextlib.redirect_stdout(io.StringIO()):
        for rate, row in zip(rates, GRADIENTS):
            for tensor, optimizer in zip(weights, optimizers):
                optimizer.train()
                tensor.grad = torch.tensor(row, dtype=torch.float64)
                optimizer.param_groups[0]["lr"] = rate
                optimizer.step()
            state = optimizers[0].state[weights[0]]
            torch.testing.assert_close(weights[1], state["y"], rtol=1e-12, atol=1e-13)
            for optimizer in optimizers:
                optimizer.eval()
            torch.testing.assert_close(weights[1], state["x"], rtol=1e-12, atol=1e-13)
            for name, values in after.items():
                values.append(state[name].tolist())
    # The package's own warmup, as the schedule of a run would write it.
    warmed = [rate * min(1.0, (update + 1) / max(warmup, 1)) for update, rate in enumerate(rates)]
    golden.cases.append(
        {
            "name": f"{golden.kind}, warmup {warmup}, weight decay {numbers['weight_decay']}",
            "numbers": numbers,
            "rates": warmed,
            "parameters": after["x"],
            "buffers": {"0": after["z"], "1": after["y"]},
        }
    )


sgd = Golden("schedule_free_sgd", packages=["schedulefree"])
adamw = Golden("schedule_free_adamw", packages=["schedulefree"])
for warmup in (0, 3):
    for weight_decay in (0.0, 0.01):
        for rates in ([0.05] * UPDATES, RATES):
            arguments = {"momentum": 0.9}
            numbers = {"momentum": 0.9, "weight_decay": weight_decay}
            schedule_free(sgd, SGDScheduleFreeReference, SGDScheduleFree, rates, warmup, arguments, **numbers)
            arguments = {"betas": (0.9, 0.999), "eps": 1e-8}
            numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": weight_decay}
            schedule_free(adamw, AdamWScheduleFreeReference, AdamWScheduleFree, rates, warmup, arguments, **numbers)
sgd.write()
adamw.write()
