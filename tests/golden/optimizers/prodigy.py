"""Makes prodigy.json with its authors' package `prodigyopt`."""

import contextlib
import io

from common import RATES, Golden
from prodigyopt import Prodigy

golden = Golden("prodigy", packages=["prodigyopt"], rates=[20 * rate for rate in RATES])


def prodigy(name: str, options=(), **numbers) -> None:
    numbers = {"beta1": 0.9, "beta2": 0.999, "d0": 1e-6, "d_coef": 1.0, "eps": 1e-8, "weight_decay": 0.0} | numbers
    effective = []

    def make(tensors):
        arguments = {option: True for option in options}
        with contextlib.redirect_stdout(io.StringIO()):
            optimizer = Prodigy(
                tensors,
                lr=1.0,
                betas=(numbers["beta1"], numbers["beta2"]),
                **{key: value for key, value in numbers.items() if not key.startswith("beta")},
                **arguments,
            )
        step = optimizer.step

        def measured():
            group = optimizer.param_groups[0]
            beta1, beta2, k = *group["betas"], group["k"]
            correction = (1 - beta2 ** (k + 1)) ** 0.5 / (1 - beta1 ** (k + 1)) if group["use_bias_correction"] else 1
            effective.append(group["d"] * group["lr"] * correction)
            step()

        optimizer.step = measured
        return optimizer

    golden.case(name, make, options=options, **numbers)
    golden.cases[-1]["effective_lr"] = effective


prodigy("prodigy", d0=1e-3)
prodigy("prodigy with weight decay and a greater estimate", d0=1e-2, d_coef=3.0, weight_decay=0.1)
prodigy("prodigy from a great distance", d0=0.5)
prodigy("prodigy with bias correction", d0=1e-3, options=["use_bias_correction"])
prodigy("prodigy that is careful in a warmup", d0=1e-3, d_coef=2.0, beta2=0.9, options=["safeguard_warmup"])
golden.write()
