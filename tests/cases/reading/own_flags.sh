torchrun --standalone train_gpt.py --num_iterations 24576 --learning_rate 0.0015 --warmup_iters 256 --min_lr 1e-4
