"""A Hugging Face Trainer with a small model of its own, bent while it trains."""

import tempfile
import time

import torch
import transformers
from transformers import Trainer, TrainingArguments

from common import Hand, Server, compare, record

from anneal_studio.hugging_face import AnnealCallback

TOTAL = 600


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 10))

    def forward(self, inputs, labels=None):
        time.sleep(0.004)
        logits = self.layers(inputs)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


class Recorded(Trainer):
    applied = []

    def create_optimizer(self, *arguments, **options):
        optimizer = super().create_optimizer(*arguments, **options)
        if not self.applied:
            optimizer.register_step_pre_hook(
                lambda *_: self.applied.append([group["lr"] for group in optimizer.param_groups]))
        return optimizer


def main():
    torch.set_num_threads(1)
    server = Server()
    inputs = torch.randn(640, 64)
    data = [{"inputs": row, "labels": label} for row, label in zip(inputs, inputs[:, :10].argmax(1))]
    try:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder, max_steps=TOTAL, per_device_train_batch_size=16, learning_rate=2e-3, warmup_steps=50,
                lr_scheduler_type="cosine", logging_steps=100, save_strategy="no", report_to=[], use_cpu=True,
                disable_tqdm=True, dataloader_num_workers=0, remove_unused_columns=False)
            callback = AnnealCallback(name="a Trainer")
            trainer = Recorded(model=Model(), args=arguments, train_dataset=data, callbacks=[callback])
            hand = Hand(server, 300, {"schedule": {"kind": "linear", "peak": 3e-3, "from": 1.0, "to": 0.0}})
            trainer.train()
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=2e-3)
        scheduler = transformers.get_cosine_schedule_with_warmup(optimizer, 50, TOTAL)
        own = []
        for _ in range(TOTAL):
            own.append([optimizer.param_groups[0]["lr"]] * len(trainer.applied[0]))
            optimizer.step()
            scheduler.step()
        groups = callback.live._groups.names
        result = compare(server, hand, groups, trainer.applied, own)
        record("hugging_face", {**result, "counts": callback.live.counts}, torch, transformers)
    finally:
        server.close()


if __name__ == "__main__":
    main()
