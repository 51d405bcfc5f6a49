"""PyTorch as most people run it: eager autograd and the fused optimizer."""

from collections.abc import Callable

import torch

import workloads
from measure import serve, updates_per_second
from torch_models import Problem
from workloads import Workload

DEFAULT_THREADS = torch.get_num_threads()


def trainer(problem: Problem) -> Callable[[], torch.Tensor]:
    """A function that makes one update, from fresh weights on, and returns the loss."""
    weights = {name: value.requires_grad_() for name, value in problem.weights().items()}
    if problem.workload.optimizer == "sgd":
        optimizer = torch.optim.SGD(weights.values(), workloads.SGD_RATE, workloads.MOMENTUM, fused=True)
    else:
        optimizer = torch.optim.AdamW(
            weights.values(), workloads.ADAMW_RATE, weight_decay=workloads.ADAMW_DECAY, fused=True
        )

    def update() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = problem.loss(weights)
        loss.backward()
        optimizer.step()
        return loss

    return update


def rates(system: str, update: Callable[[], torch.Tensor], lanes: int, seconds: float) -> dict[str, float]:
    """Lane-updates a second of `update` with PyTorch's own number of threads, and with one.

    Small matrices are often faster on one thread, which most users never find out.
    """
    measured = {}
    for name, threads in ((system, DEFAULT_THREADS), (f"{system}, 1 thread", 1)):
        torch.set_num_threads(threads)
        for _ in range(3):
            update()
        # On a CPU everything is done when `update` returns.
        measured[name] = lanes * updates_per_second(update, lambda: update().item(), 1, seconds)
    return measured


def eager(workload: Workload, lanes: int, seconds: float) -> dict[str, float]:
    return rates("PyTorch eager", trainer(Problem(workload, lanes)), lanes, seconds)


if __name__ == "__main__":
    # Dead units' momentum fades into denormal numbers, which CPUs compute very slowly.
    torch.set_flush_denormal(True)
    serve(eager)
