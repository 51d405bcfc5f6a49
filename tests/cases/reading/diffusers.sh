accelerate launch train.py --learning_rate=1e-4 --lr_scheduler=cosine_with_restarts \
  --lr_scheduler_num_cycles=3 --lr_warmup_steps=100 --max_train_steps=1600
