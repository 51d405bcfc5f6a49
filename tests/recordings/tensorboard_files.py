"""Event files by the writers that people use. The same numbers everywhere: the rate of update i is a cosine, the loss 2 / (i + 1)."""

import math
import shutil
from pathlib import Path

import torch
from tensorboard.summary import Writer
from tensorboard.summary._output import DirectoryOutput
from tensorboardX import SummaryWriter as WriterX
from torch.utils.tensorboard import SummaryWriter

HERE = Path(__file__).parent
UPDATES = 100


def rate(update):
    return 0.05 * (1 + math.cos(math.pi * update / UPDATES))


def scalars(writer, updates, step=10):
    for update in range(*updates, step):
        writer.add_scalar("train/loss", 2 / (update + 1), update)
        writer.add_scalar("lr", rate(update), update)


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


folder = fresh("tensorboard")
with SummaryWriter(folder / "plain") as writer:
    scalars(writer, (0, UPDATES))
    writer.add_histogram("weights", torch.tensor([0.0, 1.0, 2.0]), 0)
    writer.add_text("note", "a text", 0)
    writer.add_scalar("val/loss", float("nan"), 90)
# A training that was stopped after update 60 and resumed from a checkpoint of update 40, with a fresh schedule.
with SummaryWriter(folder / "resumed", filename_suffix=".1") as writer:
    scalars(writer, (0, 70))
with SummaryWriter(folder / "resumed", filename_suffix=".2") as writer:
    for update in range(40, UPDATES, 10):
        writer.add_scalar("train/loss", 2 / (update + 1), update)
        writer.add_scalar("lr", rate(update - 40), update)

with WriterX(str(fresh("tensorboardx"))) as writer:
    scalars(writer, (0, UPDATES))

writer = Writer(DirectoryOutput(str(fresh("tensors"))))
for update in range(0, UPDATES, 10):
    writer.add_scalar("epoch_loss", 2 / (update + 1), update)
    writer.add_scalar("learning_rate", rate(update), update)
writer.close()

# Names without the time and the machine.
for folder in ["tensorboard/plain", "tensorboard/resumed", "tensorboardx", "tensors"]:
    for number, file in enumerate(sorted((HERE / folder).glob("events.out.tfevents.*")), start=1):
        file.rename(HERE / folder / f"events.out.tfevents.{number}")
