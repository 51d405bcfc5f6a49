"""Writes early_stopping.json: where Keras' own EarlyStopping (3.15.1) ends runs whose metric is a given list.

An entry has the metric after each epoch, the callback's settings, and what it did: the epoch it stopped at (-1 where
it never did), counted from 0, and the best epoch.

    KERAS_BACKEND=jax python early_stopping.py > early_stopping.json
"""

import json
import math
import random

from keras.callbacks import EarlyStopping


class Model:
    """What the callback asks of a model: weights that are the number of the epoch."""

    stop_training = False

    def __init__(self):
        self.weights = 0

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def curve(kind, seed):
    rng = random.Random(seed)
    if kind == "valley":
        return [0.3 + (i - 20) ** 2 / 400 + 0.02 * rng.gauss(0, 1) for i in range(60)]
    if kind == "noisy":
        return [1 / (1 + 0.1 * i) + 0.03 * rng.gauss(0, 1) for i in range(60)]
    if kind == "rising":
        return [1 - math.exp(-i / 9) + 0.01 * rng.gauss(0, 1) for i in range(60)]
    return [1.0] * 20


def run(kind, seed, mode, patience, min_delta, restore):
    metrics = curve(kind, seed)
    callback = EarlyStopping(
        monitor="m", mode=mode, patience=patience, min_delta=min_delta, restore_best_weights=restore
    )
    model = Model()
    callback.set_model(model)
    callback.on_train_begin()
    stopped = -1
    for epoch, metric in enumerate(metrics):
        model.weights = epoch
        callback.on_epoch_end(epoch, {"m": metric})
        if model.stop_training:
            stopped = epoch
            break
    callback.on_train_end()
    result = model.weights if stopped >= 0 else None
    return {
        "metrics": metrics, "mode": mode, "patience": patience, "min_delta": min_delta, "restore": restore,
        "stopped": stopped, "best_epoch": callback.best_epoch, "weights": result,
    }


cases = [
    ("valley", 1, "min", 3, 0.0, True),
    ("valley", 2, "min", 1, 0.0, False),
    ("valley", 3, "min", 8, 0.01, True),
    ("noisy", 4, "min", 2, 0.0, True),
    ("noisy", 5, "min", 10, 0.02, False),
    ("noisy", 6, "min", 59, 0.0, True),
    ("rising", 7, "max", 4, 0.0, True),
    ("rising", 8, "max", 2, 0.05, True),
    ("flat", 9, "min", 5, 0.0, True),
    ("flat", 9, "max", 5, 0.0, False),
]
print(json.dumps([run(*case) for case in cases]))
