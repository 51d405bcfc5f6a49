optimizer = torch.optim.SGD([{"params": body, "lr": 1e-3}, {"params": head}], lr=1e-2)
scheduler = OneCycleLR(optimizer, max_lr=[1e-3, 1e-2], total_steps=1000)
