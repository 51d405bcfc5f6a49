"""Writes fit.json: the multi-power law fitted to three runs by scipy, and its forecasts of three others.

The formula is that of arXiv 2503.12811, summed over every update as printed there (no falls are taken together as
in the program), and the optimizer is scipy's trust-region reflective least squares with bounds and a robust loss
("soft_l1", as wide as a thousandth of the mean loss), from 16 starts drawn by numpy. Neither shares code with the program. The runs are made from a law of known numbers with noise
added, so the golden needs no training:

    python3 fit.py > fit.json       (numpy, scipy)
"""

import json

import numpy as np
from scipy.optimize import least_squares

T = 600
TRUE = dict(L0=1.9, A=3.2, alpha=0.45, B=4.0, C=9.0, beta=0.55, gamma=0.35)
PEAK = 0.08
u = np.arange(T)


def warm(rate):
    """A warmup over 30 updates, then the body from its own beginning."""
    body = np.array([rate(e) for e in range(T - 30)])
    return np.concatenate([body[0] * np.arange(30) / 30, body])


N = T - 30
SCHEDULES = {
    "constant": warm(lambda e: PEAK),
    "cosine": warm(lambda e: PEAK * 0.5 * (1 + np.cos(np.pi * e / N))),
    "step": warm(lambda e: PEAK if e < 330 else 0.1 * PEAK),
    "linear": warm(lambda e: PEAK * (1 - e / N)),
    "wsd": warm(lambda e: PEAK * min(1.0, (N - e) / 114)),
    "restarts": warm(lambda e: PEAK * 0.5 * (1 + np.cos(np.pi * (e % 190) / 190))),
}


def losses(rates, updates, p):
    """The loss after so many updates each, every update's fall by itself."""
    L0, A, alpha, B, C, beta, gamma = p
    sums = np.concatenate([[0.0], np.cumsum(rates)])
    length = len(rates)
    first = next((k for k in range(1, length) if rates[k] < rates[k - 1]), length)
    k = np.arange(first, length)
    drop, floor = rates[k - 1] - rates[k], np.maximum(rates[k], 1e-6 * rates.max())
    out = []
    for t in updates:
        use = k < t
        since = sums[t] - sums[k[use]]
        x = floor[use] ** -gamma * since
        out.append(L0 + A * sums[t] ** -alpha - B * np.sum(drop[use] * (1 - (C * x + 1) ** -beta)))
    return np.array(out)


def fit(runs, peak=PEAK):
    scale = peak * len(runs[0][0])
    every = np.concatenate([y for _, _, y in runs])
    reach = every.max() - every.min()
    low = np.array([every.min() - 4 * reach, np.log(1e-3 * reach), 0.02, np.log(1e-3 * reach), np.log(1e-2), 0.02, 0.0])
    high = np.array([every.min() + reach, np.log(1e2 * reach), 2.0, np.log(1e2 * reach), np.log(1e5), 2.0, 1.5])

    def plain(q):
        L0, A, alpha, B, C, beta, gamma = q
        A, B, C = np.exp([A, B, C])
        return L0, A * scale**alpha, alpha, B / peak, C * peak**gamma / scale, beta, gamma

    def residuals(q):
        return np.concatenate([losses(rates, updates, plain(q)) - y for rates, updates, y in runs])

    rng = np.random.default_rng(0)
    best = None
    for _ in range(16):
        start = low + (high - low) * rng.uniform(0.1, 0.9, 7)
        found = least_squares(residuals, start, bounds=(low, high), xtol=1e-12, ftol=1e-12, max_nfev=2000,
                              loss="soft_l1", f_scale=1e-3 * float(np.mean(np.abs(every))))
        if best is None or found.cost < best.cost:
            best = found
    return plain(best.x), float(np.sqrt(np.mean(residuals(best.x) ** 2)))


def main():
    rng = np.random.default_rng(1)
    updates = np.arange(30, T + 1, 15)
    runs = {}
    for name, rates in SCHEDULES.items():
        y = losses(rates, updates, TRUE.values()) + rng.normal(0, 0.004, len(updates))
        runs[name] = [float(v) for v in np.round(y, 6)]
    trio = [(SCHEDULES[n], updates, np.array(runs[n])) for n in ("constant", "cosine", "step")]
    law, error = fit(trio)
    unseen = ("linear", "wsd", "restarts")
    print(json.dumps({
        "updates": [int(v) for v in updates],
        "rates": {n: [float(v) for v in r] for n, r in SCHEDULES.items()},
        "losses": runs,
        "law": dict(zip(TRUE, [float(v) for v in law])),
        "error": error,
        "forecasts": {n: [float(v) for v in losses(SCHEDULES[n], updates, law)] for n in unseen},
    }))


if __name__ == "__main__":
    main()
