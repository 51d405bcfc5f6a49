"""Makes gi_adam.json: GI-Adam (arXiv 2406.09405) by its formula in float64, since no package of ours has it.

    python tests/golden/optimizers/gi_adam.py

The second moment begins at the square of the first gradient, v_0 = g_1 ** 2; all else is Adam's, both bias corrections
included. Gradients and rates are those of adam.json.
"""

import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from golden_json import write  # noqa: E402

ADAM = json.loads((HERE / "adam.json").read_text())


def case(name, options=(), **numbers):
    numbers = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0} | numbers
    beta1, beta2 = numbers["beta1"], numbers["beta2"]
    weights = list(ADAM["start"])
    m, v, most, after = [0.0] * len(weights), None, [0.0] * len(weights), []
    for t, (row, rate) in enumerate(zip(ADAM["gradients"], ADAM["rates"]), 1):
        g = [g + numbers["weight_decay"] * w for g, w in zip(row, weights)]
        v = v or [g * g for g in g]
        m = [beta1 * m + (1 - beta1) * g for m, g in zip(m, g)]
        v = [beta2 * v + (1 - beta2) * g * g for v, g in zip(v, g)]
        most = [max(most, v) for most, v in zip(most, v)]
        seconds = most if "amsgrad" in options else v
        for i, (m_i, v_i) in enumerate(zip(m, seconds)):
            mean, square = m_i / (1 - beta1**t), v_i / (1 - beta2**t)
            weights[i] -= rate * mean / (math.sqrt(square) + numbers["eps"])
        after.append(list(weights))
    return {"name": name, "numbers": numbers, "options": ["gradient_start", *options], "parameters": after}


cases = [
    case("gi-adam"),
    case("gi-adam with weight decay", weight_decay=0.1),
    case("gi-adam that forgets soon, with amsgrad", options=["amsgrad"], beta2=0.5),
]
about = ADAM["about"] | {
    "program": "tests/golden/optimizers/gi_adam.py",
    "versions": {"python": sys.version.split()[0]},
}
inputs = {key: ADAM[key] for key in ("shapes", "start", "gradients", "rates")}
write(HERE / "gi_adam.json", {"about": about, **inputs, "cases": cases})
