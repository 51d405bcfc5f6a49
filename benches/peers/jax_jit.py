"""JAX: one jitted update a call, and `lax.scan` over many updates a call; lanes by `vmap`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

import workloads
from measure import serve, updates_per_second
from workloads import Cnn, Mlp, Transformer, Workload

Weights = dict[str, jax.Array]

MOST_SCANNED = 100
"""Updates a scanned call makes; fewer, down to two, where one at a time they would take over a quarter second."""


def linear(weights: Weights, name: str, x: jax.Array) -> jax.Array:
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def mlp(model: Mlp, weights: Weights, x: jax.Array) -> jax.Array:
    last = len(model.sizes) - 2
    for layer in range(last):
        x = jnp.tanh(linear(weights, str(layer), x))
    return linear(weights, str(last), x)


def cnn(model: Cnn, weights: Weights, x: jax.Array) -> jax.Array:
    for layer in range(len(model.channels)):
        x = jax.lax.conv_general_dilated(x, weights[f"{layer}.weight"], (1, 1), "SAME")
        x = jax.nn.relu(x + weights[f"{layer}.bias"][:, None, None])
        batch, channels, height, width = x.shape
        x = x.reshape(batch, channels, height // 2, 2, width // 2, 2).mean((3, 5))
    return linear(weights, "head", x.reshape(x.shape[0], -1))


def transformer(model: Transformer, weights: Weights, tokens: jax.Array) -> jax.Array:
    causal = jnp.tril(jnp.ones((model.context, model.context), bool))

    def norm(name: str, x: jax.Array) -> jax.Array:
        centred = x - x.mean(-1, keepdims=True)
        scale = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
        return centred * scale * weights[f"{name}.gain"] + weights[f"{name}.bias"]

    def split(x: jax.Array) -> jax.Array:
        return x.reshape(*x.shape[:2], model.heads, -1).swapaxes(1, 2)

    x = weights["tokens"][tokens] + weights["positions"]
    for layer in range(model.layers):
        h = norm(f"{layer}.norm1", x)
        q, k, v = (split(linear(weights, f"{layer}.{matrix}", h)) for matrix in "qkv")
        scores = q @ k.swapaxes(-1, -2) * (model.width // model.heads) ** -0.5
        mixed = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf)) @ v
        x = x + linear(weights, f"{layer}.o", mixed.swapaxes(1, 2).reshape(x.shape))
        h = norm(f"{layer}.norm2", x)
        x = x + linear(weights, f"{layer}.down", jax.nn.relu(linear(weights, f"{layer}.up", h)))
    return linear(weights, "head", norm("norm", x))


MODELS = {Mlp: mlp, Cnn: cnn, Transformer: transformer}


def optimizer(workload: Workload) -> optax.GradientTransformation:
    if workload.optimizer == "sgd":
        return optax.sgd(workloads.SGD_RATE, momentum=workloads.MOMENTUM)
    return optax.adamw(workloads.ADAMW_RATE, weight_decay=workloads.ADAMW_DECAY)


class Trainer:
    """A workload on so many lanes, with its one-update and its scanned program, compiled when first used."""

    def __init__(self, workload: Workload, lanes: int) -> None:
        self.lanes = lanes
        rule = optimizer(workload)
        forward = MODELS[type(workload.model)]

        def loss(weights: Weights, inputs: jax.Array, targets: jax.Array) -> jax.Array:
            logits = forward(workload.model, weights, inputs)
            return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

        def update(state: tuple, batch: tuple) -> tuple[tuple, jax.Array]:
            weights, buffers = state
            value, gradients = jax.value_and_grad(loss)(weights, *batch)
            steps, buffers = rule.update(gradients, buffers, weights)
            return (optax.apply_updates(weights, steps), buffers), value

        weights = {name: jnp.asarray(value) for name, value in workloads.weights(workload, lanes).items()}
        inputs, targets = workloads.data(workload, lanes)
        # Integers as 32 bits, JAX's own width.
        self.batch = (jnp.asarray(inputs), jnp.asarray(targets, jnp.int32))
        initial = rule.init
        if lanes == 1:
            weights, self.batch = jax.tree.map(lambda array: array[0], (weights, self.batch))
        else:
            update, initial = jax.vmap(update), jax.vmap(initial)
        self.start = (weights, initial(weights))
        self.update = update
        self.one = jax.jit(update, donate_argnums=0)
        self.scanned = None
        self.length = 0

    def scan(self, length: int) -> None:
        """Makes the program of so many updates a call."""

        def updates(state: tuple, batch: tuple) -> tuple[tuple, jax.Array]:
            state, losses = jax.lax.scan(lambda state, _: self.update(state, batch), state, length=length)
            return state, losses[-1]

        self.length = length
        self.scanned = jax.jit(updates, donate_argnums=0)

    def rate(self, program: Callable, updates: int, seconds: float) -> float:
        """Updates a second of a program, from fresh weights on, after one call to compile it."""
        # A copy, since a program writes its results over the state it is given.
        state, loss = program(jax.tree.map(jnp.copy, self.start), self.batch)
        jax.block_until_ready(state)

        def call() -> None:
            nonlocal state, loss
            state, loss = program(state, self.batch)

        def finish() -> float:
            jax.block_until_ready(state)
            return float(jnp.sum(loss))

        return updates_per_second(call, finish, updates, seconds)


TRAINERS: dict[tuple[str, int], Trainer] = {}


def jitted(workload: Workload, lanes: int, seconds: float) -> dict[str, float]:
    key = (workload.name, lanes)
    if key not in TRAINERS:
        TRAINERS[key] = Trainer(workload, lanes)
    trainer = TRAINERS[key]
    one = trainer.rate(trainer.one, 1, seconds)
    if trainer.scanned is None:
        trainer.scan(max(2, min(MOST_SCANNED, int(0.25 * one))))
    scanned = trainer.rate(trainer.scanned, trainer.length, seconds)
    return {"JAX jit": lanes * one, "JAX scan": lanes * scanned}


if __name__ == "__main__":
    serve(jitted)
