"""PyTorch with torch.compile: forward, loss, backward and update as one compiled graph."""

import shutil
from collections.abc import Callable

import torch

import workloads
from measure import serve
from torch_eager import rates
from torch_models import Problem, Weights
from workloads import Workload

Update = Callable[[], torch.Tensor]


def sgd(problem: Problem, weights: Weights) -> Update:
    momenta = {name: torch.zeros_like(value) for name, value in weights.items()}

    def update() -> torch.Tensor:
        gradients, loss = torch.func.grad_and_value(problem.loss)(weights)
        for name, gradient in gradients.items():
            momenta[name].mul_(workloads.MOMENTUM).add_(gradient)
            weights[name].sub_(momenta[name], alpha=workloads.SGD_RATE)
        return loss

    return update


def adamw(problem: Problem, weights: Weights) -> Update:
    beta1, beta2, eps = 0.9, 0.999, 1e-8
    means = {name: torch.zeros_like(value) for name, value in weights.items()}
    squares = {name: torch.zeros_like(value) for name, value in weights.items()}
    # A tensor, so that the compiled graph need not be made again for every count.
    count = torch.zeros(())

    def update() -> torch.Tensor:
        gradients, loss = torch.func.grad_and_value(problem.loss)(weights)
        count.add_(1)
        rate = workloads.ADAMW_RATE / (1 - beta1**count)
        spread = (1 - beta2**count).sqrt()
        for name, gradient in gradients.items():
            weights[name].mul_(1 - workloads.ADAMW_RATE * workloads.ADAMW_DECAY)
            means[name].lerp_(gradient, 1 - beta1)
            squares[name].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            weights[name].sub_(rate * means[name] / (squares[name].sqrt() / spread + eps))
        return loss

    return update


def trainer(problem: Problem) -> Update:
    """A function that makes one update, from fresh weights on, and returns the loss."""
    make = sgd if problem.workload.optimizer == "sgd" else adamw
    return torch.compile(make(problem, problem.weights()), fullgraph=True, dynamic=False)


TRAINERS: dict[tuple[str, int], Update] = {}


def compiled(workload: Workload, lanes: int, seconds: float) -> dict[str, float]:
    key = (workload.name, lanes)
    if key not in TRAINERS:
        TRAINERS[key] = trainer(Problem(workload, lanes))
    with torch.no_grad():
        return rates("PyTorch compiled", TRAINERS[key], lanes, seconds)


def nothing(_workload: Workload, _lanes: int, _seconds: float) -> dict[str, float]:
    """The answer where there is no C++ compiler, without which torch.compile cannot work."""
    return {}


def configure() -> None:
    """Lets one process compile every problem: they share one function's code, each for two thread counts."""
    torch._dynamo.config.recompile_limit = 4 * len(workloads.WORKLOADS) * len(workloads.LANES)


if __name__ == "__main__":
    torch.set_flush_denormal(True)
    configure()
    serve(compiled if shutil.which("g++") or shutil.which("clang++") else nothing)
