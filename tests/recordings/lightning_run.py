"""A real Lightning run: metrics.csv by CSVLogger, with the rate by LearningRateMonitor."""

import shutil
import tempfile
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger

HERE = Path(__file__).parent


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def step(self, batch):
        x, y = batch
        return ((self.layer(x) - y) ** 2).mean()

    def training_step(self, batch, _):
        loss = self.step(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.step(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=80)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


lightning.seed_everything(0)
xs = torch.linspace(-1, 1, 160).unsqueeze(1)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(xs, 3 * xs + 1), batch_size=8)
folder = HERE / "lightning"
shutil.rmtree(folder, ignore_errors=True)
with tempfile.TemporaryDirectory() as out:
    trainer = lightning.Trainer(
        max_epochs=4, logger=CSVLogger(out), callbacks=[LearningRateMonitor("step")], log_every_n_steps=5,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False, accelerator="cpu",
    )
    trainer.fit(Line(), loader, loader)
    folder.mkdir()
    shutil.copy(Path(trainer.logger.log_dir) / "metrics.csv", folder / "metrics.csv")
