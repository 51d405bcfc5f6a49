"""Shows that the peers do the same work: from the same weights, the same loss at every update.

    python check.py

Fails where a peer's loss strays from PyTorch eager's by more than f32's rounding explains.
"""

import shutil
import sys

import jax
import jax.numpy as jnp
import torch

import jax_jit
import torch_compiled
import torch_eager
from torch_models import Problem
from workloads import WORKLOADS, Workload

UPDATES = 10
TOLERANCE = 1e-4


def eager(workload: Workload, lanes: int) -> list[float]:
    update = torch_eager.trainer(Problem(workload, lanes))
    return [update().item() for _ in range(UPDATES)]


def compiled(workload: Workload, lanes: int) -> list[float]:
    update = torch_compiled.trainer(Problem(workload, lanes))
    with torch.no_grad():
        return [update().item() for _ in range(UPDATES)]


def jitted(workload: Workload, lanes: int) -> list[float]:
    trainer = jax_jit.Trainer(workload, lanes)
    state, losses = jax.tree.map(jnp.copy, trainer.start), []
    for _ in range(UPDATES):
        state, loss = trainer.one(state, trainer.batch)
        losses.append(float(jnp.sum(loss)))
    return losses


def main() -> int:
    strays = 0
    torch_compiled.configure()
    peers = {"JAX": jitted}
    if shutil.which("g++") or shutil.which("clang++"):
        peers["PyTorch compiled"] = compiled
    for workload in WORKLOADS.values():
        for lanes in (1, 3):
            expected = eager(workload, lanes)
            print(f"{workload.name}, {lanes} lanes: loss {expected[0]:.6f} to {expected[-1]:.6f}", flush=True)
            for name, losses in ((name, peer(workload, lanes)) for name, peer in peers.items()):
                apart = max(abs(a - b) / abs(a) for a, b in zip(expected, losses))
                print(f"  {name}: at most {apart:.1e} apart", flush=True)
                strays += apart > TOLERANCE
    return 1 if strays else 0


if __name__ == "__main__":
    sys.exit(main())
