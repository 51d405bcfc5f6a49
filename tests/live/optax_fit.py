"""A training with optax, bent while it trains."""

import time

import jax
import jax.numpy as jnp
import numpy
import optax

from common import Hand, Rounded, Server, compare, record

from anneal_studio.optax import Live

TOTAL = 600


def main():
    server = Server()
    try:
        schedule = optax.warmup_cosine_decay_schedule(0.0, 2e-3, 50, TOTAL)
        tx = optax.chain(optax.clip_by_global_norm(1.0), optax.inject_hyperparams(optax.adamw)(learning_rate=1e-3))
        inputs = numpy.random.default_rng(0).normal(size=(640, 64)).astype("float32")
        targets = inputs[:, :1] * 2
        params = {"w": jnp.zeros((64, 1)), "b": jnp.zeros(1)}
        state = tx.init(params)
        live = Live(state, schedule, TOTAL, name="an optax training")

        @jax.jit
        def gradient(params, x, y):
            return jax.value_and_grad(lambda p: jnp.mean((x @ p["w"] + p["b"] - y) ** 2))(params)

        update_of = jax.jit(tx.update)
        hand = Hand(server, 300, {"schedule": {"kind": "linear", "peak": 3e-3, "from": 1.0, "to": 0.1}})
        applied = []
        for update in range(TOTAL):
            batch = slice(update * 16 % 640, update * 16 % 640 + 16)
            loss, gradients = gradient(params, inputs[batch], targets[batch])
            state = live.step(state, loss=loss)
            updates, state = update_of(gradients, state, params)
            applied.append([float(state[1].hyperparams["learning_rate"])])
            params = optax.apply_updates(params, updates)
            time.sleep(0.004)
        live.close()
        own = [[float(numpy.float32(schedule(update)))] for update in range(TOTAL)]
        result = compare(Rounded(server), hand, ["all"], applied, own)
        record("optax", {**result, "counts": live.run.counts}, jax, optax)
    finally:
        server.close()


if __name__ == "__main__":
    main()
