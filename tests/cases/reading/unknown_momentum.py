optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=args.momentum,
                            weight_decay=args.weight_decay)
scheduler = StepLR(optimizer, step_size=30, gamma=0.1)
