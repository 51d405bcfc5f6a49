"""A perceptron in PyTorch with two parameter groups, bent twice while it trains."""

import time

import torch

from common import Hand, Server, compare, record

from anneal_studio import Live

TOTAL = 700


def make():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    groups = [{"params": model[0].parameters(), "lr": 1e-3}, {"params": model[2].parameters(), "lr": 3e-3}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 100)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, TOTAL - 100)
    return model, optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [100])


def own():
    _, optimizer, scheduler = make()
    rates = []
    for _ in range(TOTAL):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return rates


def main():
    torch.set_num_threads(1)
    server = Server()
    try:
        model, optimizer, scheduler = make()
        applied = []
        optimizer.register_step_pre_hook(lambda *_: applied.append([group["lr"] for group in optimizer.param_groups]))
        inputs = torch.randn(4096, 64)
        answers = inputs[:, :10].argmax(1)
        live = Live(optimizer, scheduler, TOTAL, "a perceptron in PyTorch", bounds=(0, 1e-2))
        hand = Hand(server, 300, {"schedule": {"kind": "cosine", "peak": 5e-3, "floor": 1e-5}},
                    {"group": "group 1", "factor": 0.5, "wait": 0.3})
        for update in range(TOTAL):
            batch = slice(update * 64 % 4096, update * 64 % 4096 + 64)
            loss = torch.nn.functional.cross_entropy(model(inputs[batch]), answers[batch])
            optimizer.zero_grad()
            loss.backward()
            live.step(loss=loss)
            optimizer.step()
            scheduler.step()
            time.sleep(0.004)
        live.close()
        result = compare(server, hand, ["group 0", "group 1"], applied, own())
        record("pytorch", {**result, "counts": live.counts}, torch)
    finally:
        server.close()


if __name__ == "__main__":
    main()
