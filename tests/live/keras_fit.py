"""Keras fits, bent while they train: with a rate that is a number, and with a LearningRateSchedule."""

import os
import time

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import numpy

from common import Hand, Rounded, Server, compare, record

from anneal_studio.keras import AnnealCallback

EPOCHS, STEPS = 6, 100


class Seen(keras.optimizers.Adam):
    """Adam that tells which rate its updates used."""

    def update_step(self, gradient, variable, learning_rate):
        if variable is self._trainable_variables[0]:
            self.applied.append([float(learning_rate)])
            time.sleep(0.004)
        return super().update_step(gradient, variable, learning_rate)


def fit(server, rate, name):
    keras.utils.set_random_seed(0)
    inputs = numpy.random.default_rng(0).normal(size=(STEPS * 16, 64)).astype("float32")
    labels = inputs[:, :10].argmax(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, "tanh"), keras.layers.Dense(10)])
    optimizer = Seen(rate)
    optimizer.applied = []
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    callback = AnnealCallback(name=name)
    hand = Hand(server, 300, {"schedule": {"kind": "cosine", "peak": 4e-3}})
    model.fit(inputs, labels, batch_size=16, epochs=EPOCHS, verbose=0, callbacks=[callback])
    # Keras computes in 32 bits: what is applied is the nearest of those.
    rates = [rate if isinstance(rate, float) else float(rate(update)) for update in range(EPOCHS * STEPS)]
    own = [[float(numpy.float32(value))] for value in rates]
    result = compare(Rounded(server), hand, ["all"], optimizer.applied, own)
    return {**result, "counts": callback.live.counts}


def main():
    server = Server()
    try:
        number = fit(server, 1e-3, "a Keras fit")
        result = {"backend": keras.backend.backend(), "rate is a number": number}
        if keras.backend.backend() == "torch":
            # On other backends a schedule is compiled into the training, which then is shown and not bent.
            cosine = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * STEPS)
            result["rate is a schedule"] = fit(server, cosine, "a Keras fit with a schedule")
        record(f"keras_{keras.backend.backend()}", result, keras)
    finally:
        server.close()


if __name__ == "__main__":
    main()
