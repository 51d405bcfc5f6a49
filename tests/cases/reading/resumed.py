optimizer = torch.optim.SGD(weights, lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=100, last_epoch=45)
