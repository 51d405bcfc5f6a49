optimizer = torch.optim.SGD(weights, 1e-4)
steps = StepLR(optimizer, step_size=10, gamma=0.1)
scheduler = GradualWarmupScheduler(optimizer, multiplier=10, total_epoch=5, after_scheduler=steps)
