torchrun --nproc_per_node=8 train.py --model resnet50 --lr 0.5 --lr-scheduler cosineannealinglr \
  --lr-warmup-epochs 5 --lr-warmup-method linear --epochs 600
