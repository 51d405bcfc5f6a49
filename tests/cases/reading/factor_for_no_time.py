optimizer = torch.optim.SGD(weights, lr=0.3)
scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, total_iters=0)
