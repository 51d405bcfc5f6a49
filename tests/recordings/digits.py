"""The digits in PyTorch, logged by torch.utils.tensorboard every fourth update: a training that was stopped after update 1,040 and resumed
with the model's and the optimizer's state, but with a fresh scheduler."""

import gzip
import shutil
from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "datasets"
UPDATES, STOPPED, BATCH = 1720, 1040, 32


def idx(name, header):
    return torch.frombuffer(bytearray(gzip.decompress((DATA / name).read_bytes())[header:]), dtype=torch.uint8)


labels = idx("digits8x8-labels.idx1.gz", 8).long()
images = idx("digits8x8-images.idx3.gz", 16).reshape(len(labels), 64).float() / 16
torch.manual_seed(0)
order = torch.randperm(len(labels))
images, labels = images[order], labels[order]
held_out = len(labels) // 5
images = images - images[held_out:].mean(0)
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
folder = HERE / "digits"
shutil.rmtree(folder, ignore_errors=True)


def scheduler():
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = 0.1
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, total_iters=86)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=UPDATES - 86)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[86])


def train(updates, writer):
    schedule = scheduler()
    for update in range(*updates):
        rows = held_out + torch.randint(len(labels) - held_out, (BATCH,))
        loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), float("inf"))
        if update % 4 == 0:
            writer.add_scalar("train/loss", loss.item(), update)
            writer.add_scalar("train/grad_norm", norm.item(), update)
            writer.add_scalar("train/learning_rate", schedule.get_last_lr()[0], update)
        optimizer.step()
        schedule.step()
        if (update + 1) % 86 == 0:
            with torch.no_grad():
                scores = model(images[:held_out])
            writer.add_scalar("val/loss", torch.nn.functional.cross_entropy(scores, labels[:held_out]).item(), update)
            writer.add_scalar("val/accuracy", (scores.argmax(1) == labels[:held_out]).float().mean().item(), update)


with SummaryWriter(folder, filename_suffix=".1") as writer:
    train((0, STOPPED), writer)
with SummaryWriter(folder, filename_suffix=".2") as writer:
    train((STOPPED, UPDATES), writer)
for number, file in enumerate(sorted(folder.glob("events.out.tfevents.*")), start=1):
    file.rename(folder / f"events.out.tfevents.{number}")
