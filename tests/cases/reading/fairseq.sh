fairseq-train data-bin/wmt --optimizer adam --lr 5e-4 --lr-scheduler inverse_sqrt \
  --warmup-updates 4000 --max-update 50000
