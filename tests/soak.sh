#!/bin/bash
# A long training, watched: 64 lanes of 200,000 updates, whose memory must be flat; and then, from the metrics that it
# wrote (over a gigabyte), a resume in bounded memory. Minutes of all cores.
#   tests/soak.sh [ANNEAL] [UPDATES] [FOLDER]
set -eu
anneal=${1:-target/release/anneal}
updates=${2:-200000}
folder=${3:-$(mktemp -d)}
mkdir -p "$folder"
cat > "$folder/soak.toml" <<TOML
anneal = 1
name = "soak"
data = { name = "spirals", batch_size = 32 }
model = { kind = "mlp", hidden = [32, 32] }
train = { updates = "$updates", replicas = 16 }
TOML
for peak in 0.03 0.05 0.1 0.2; do
    cat >> "$folder/soak.toml" <<TOML
[[run]]
name = "peak $peak"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = $peak }
TOML
done

# Runs a command, prints its resident memory in kB once a second, and leaves the numbers in a file.
watched() {
    : > "$folder/memory"
    "$@" > "$folder/said" 2>&1 &
    local pid=$!
    while kill -0 $pid 2> /dev/null; do
        awk '/VmRSS/ { print $2 }' /proc/$pid/status >> "$folder/memory" 2> /dev/null || true
        sleep 1
    done
    wait $pid
    sort -n "$folder/memory" | awk '{ all[NR] = $1 } END { printf "least %d kB, median %d kB, most %d kB, in %d looks\n", all[1], all[int((NR + 1) / 2)], all[NR], NR }'
}

echo "training $updates updates of 64 lanes:"
watched "$anneal" train "$folder/soak.toml" --out "$folder/out" --no-baseline
# From the second tenth of the looks on the memory stays within a tenth of where it was.
awk '{ all[NR] = $1 }
     END { from = int(NR / 10) + 2; for (at = from; at <= NR; at++) if (all[at] > most) most = all[at];
           printf "memory at %d of %d looks: %d kB; most after it: %d kB\n", from, NR, all[from], most;
           if (most > 1.1 * all[from] + 4096) { print "the memory grows"; exit 1 } }' "$folder/memory"

ls -l "$folder/out/metrics.csv" | awk '{ printf "metrics.csv: %.2f GB\n", $5 / 1e9 }'
ls "$folder/out/checkpoints" | sort | tail -1 | xargs -I{} rm "$folder/out/checkpoints/{}"
echo "resuming from the checkpoint before the last:"
watched "$anneal" train "$folder/soak.toml" --resume "$folder/out" --no-baseline
