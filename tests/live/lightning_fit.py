"""A Lightning fit with OneCycleLR, bent while it trains."""

import logging
import tempfile
import time
import warnings

import lightning
import torch

from common import Hand, Server, compare, record

from anneal_studio.lightning import AnnealCallback

TOTAL = 600


def scheduler_of(optimizer):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=TOTAL + 1)


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 10))
        self.applied = []

    def training_step(self, batch, _index):
        time.sleep(0.004)
        inputs, labels = batch
        return torch.nn.functional.cross_entropy(self.layers(inputs), labels)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
        optimizer.register_step_post_hook(self.see)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler_of(optimizer), "interval": "step"}}

    def see(self, optimizer, *_):
        # Hooks are called in the order they were made: this one before the client's, which puts the rate back.
        self.applied.append([group["lr"] for group in optimizer.param_groups])


def main():
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    server = Server()
    try:
        inputs = torch.randn(640, 64)
        data = torch.utils.data.TensorDataset(inputs, inputs[:, :10].argmax(1))
        module, callback = Module(), AnnealCallback(name="a Lightning fit")
        with tempfile.TemporaryDirectory() as folder:
            trainer = lightning.Trainer(
                max_steps=TOTAL, accelerator="cpu", logger=False, enable_checkpointing=False, default_root_dir=folder,
                enable_progress_bar=False, enable_model_summary=False, callbacks=[callback])
            hand = Hand(server, 300, {"schedule": {"kind": "wsd", "peak": 2e-3, "decay": "20%"}})
            trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=16, shuffle=True))
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
        scheduler = scheduler_of(optimizer)
        own = []
        for _ in range(TOTAL):
            own.append([optimizer.param_groups[0]["lr"]])
            optimizer.step()
            scheduler.step()
        result = compare(server, hand, ["all"], module.applied, own)
        record("lightning", {**result, "counts": callback.live.counts}, torch, lightning)
    finally:
        server.close()


if __name__ == "__main__":
    main()
