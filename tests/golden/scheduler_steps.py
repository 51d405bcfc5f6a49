"""Writes scheduler_steps.json: the rates that four workers use whose schedulers everybody steps once an update.

The same training loop (a linear decay over 12 updates, `optimizer.step()`, then `scheduler.step()`) in PyTorch's
DistributedDataParallel, in accelerate with its defaults and with `split_batches`, and in DeepSpeed, which steps the
scheduler itself. Each is executed with the real packages, on the CPU; where one is not installed it is left out, and said.

    python scheduler_steps.py > scheduler_steps.json     # torch, accelerate, deepspeed
"""

import importlib.metadata
import json
import os
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.optim.lr_scheduler import LambdaLR

WORKERS, UPDATES, PEAK = 4, 12, 0.1


def parts():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK)
    return model, optimizer, LambdaLR(optimizer, lambda update: max(0.0, 1 - update / UPDATES))


def batch(rank, update):
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(WORKERS * update + rank))


def ddp(rank):
    dist.init_process_group("gloo", rank=rank, world_size=WORKERS)
    model, optimizer, scheduler = parts()
    model = torch.nn.parallel.DistributedDataParallel(model)
    for update in range(UPDATES):
        yield optimizer.param_groups[0]["lr"]
        optimizer.zero_grad()
        model(batch(rank, update)).square().mean().backward()
        optimizer.step()
        scheduler.step()


def accelerate(rank, split_batches):
    from accelerate import Accelerator, DataLoaderConfiguration

    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(split_batches=split_batches))
    assert accelerator.num_processes == WORKERS
    model, optimizer, scheduler = accelerator.prepare(*parts())
    for update in range(UPDATES):
        yield optimizer.param_groups[0]["lr"]
        optimizer.zero_grad()
        accelerator.backward(model(batch(rank, update)).square().mean())
        optimizer.step()
        scheduler.step()


def deepspeed(rank):
    import deepspeed as package

    model, optimizer, scheduler = parts()
    package.init_distributed("gloo")
    config = {"train_micro_batch_size_per_gpu": 8, "gradient_accumulation_steps": 1}
    engine, optimizer, _, _ = package.initialize(
        model=model, optimizer=optimizer, lr_scheduler=scheduler, config=config
    )
    for update in range(UPDATES):
        yield optimizer.param_groups[0]["lr"]
        engine.backward(engine(batch(rank, update)).square().mean())
        engine.step()


LOOPS = {
    "torch DistributedDataParallel": ("torch", ddp),
    "accelerate": ("accelerate", lambda rank: accelerate(rank, False)),
    "accelerate, split_batches": ("accelerate", lambda rank: accelerate(rank, True)),
    "deepspeed": ("deepspeed", deepspeed),
}


def worker(rank, name, port, out):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(WORKERS)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    os.environ |= {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    # What packages print is not the answer.
    os.dup2(2, 1)
    rates = list(LOOPS[name][1](rank))
    with open(os.path.join(out, str(rank)), "w") as file:
        json.dump(rates, file)


def main():
    cases = []
    for at, (name, (package, _)) in enumerate(LOOPS.items()):
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"{package} is not installed: left out", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as out:
            mp.start_processes(worker, (name, 29611 + at, out), nprocs=WORKERS, start_method="spawn")
            rates = [json.load(open(os.path.join(out, str(rank)))) for rank in range(WORKERS)]
        assert all(own == rates[0] for own in rates)
        cases.append({"framework": name, "version": version.split("+")[0], "rates": rates[0]})
    print(json.dumps({"workers": WORKERS, "updates": UPDATES, "peak": PEAK, "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
