"""A real run of transformers' Trainer on a model of two weights: its trainer_state.json and what it printed."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

HERE = Path(__file__).parent


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x, labels):
        return {"loss": ((self.layer(x) - labels) ** 2).mean()}


torch.manual_seed(0)
xs = torch.linspace(-1, 1, 64).unsqueeze(1)
data = [{"x": x, "labels": 3 * x + 1} for x in xs]
folder = HERE / "trainer"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
with tempfile.TemporaryDirectory() as out:
    arguments = TrainingArguments(
        output_dir=out, max_steps=60, per_device_train_batch_size=8, learning_rate=0.1, lr_scheduler_type="cosine",
        warmup_steps=10, logging_steps=5, eval_strategy="steps", eval_steps=20, save_steps=60, report_to=[],
        use_cpu=True, disable_tqdm=True, label_names=["labels"],
    )
    trainer = Trainer(model=Line(), args=arguments, train_dataset=data, eval_dataset=data[:16])
    trainer.remove_callback(ProgressCallback)
    with open(folder / "printed.txt", "w") as printed, contextlib.redirect_stdout(printed):
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(PrinterCallback)
        trainer.train()
    shutil.copy(Path(out) / "checkpoint-60" / "trainer_state.json", folder / "trainer_state.json")
