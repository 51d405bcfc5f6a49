import torch
from torch.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR

optimizer = torch.optim.SGD(weights, lr=0.1)
first = SequentialLR(
    optimizer,
    schedulers=[ConstantLR(optimizer, factor=0.5, total_iters=2), ConstantLR(optimizer, factor=0.2, total_iters=10)],
    milestones=[2],
)
scheduler = SequentialLR(optimizer, schedulers=[first, ExponentialLR(optimizer, gamma=0.9)], milestones=[12])
