"""The PyTorch training of the README's first picture: a perceptron on spirals under warmup and cosine, some 8 ms an
update. It trains until it is asked to stop."""

import math
import time

import torch

from anneal_studio import Live

TOTAL = 4000


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    angle = torch.rand(2048) * 3 * math.pi
    side = torch.randint(0, 2, (2048,))
    points = torch.stack([angle.cos(), angle.sin()], 1) * (angle / 6)[:, None] * (1 - 2 * side)[:, None] + 0.03 * torch.randn(2048, 2)
    model = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.02, 1.0, 300)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, TOTAL - 300)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [300])
    live = Live(optimizer, scheduler, TOTAL, "my PyTorch model", bounds=(0, 1e-2), on_snapshot=lambda _: None)
    while live.next_update < TOTAL and not live.stop_requested:
        start = time.perf_counter()
        batch = torch.randint(0, 2048, (32,))
        loss = torch.nn.functional.cross_entropy(model(points[batch]), side[batch])
        optimizer.zero_grad()
        loss.backward()
        live.step(loss=loss)
        optimizer.step()
        scheduler.step()
        time.sleep(max(0.0, 0.008 - (time.perf_counter() - start)))
    live.close()


main()
