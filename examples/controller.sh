#!/bin/sh
# A controller with curl in 20 lines: halves a run's rate whenever its loss has not fallen for a while.
# Start `anneal serve examples/digits.toml`, or switch "Let my programs in" on in the studio, then run this.
set -eu
door=${XDG_RUNTIME_DIR:-$HOME/.local/state}/anneal-studio/api.json
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }
call() { path=$1; shift; curl -sS -H "Authorization: Bearer $(field token <"$door")" "$@" "$(field url <"$door")$path"; }
falls() { awk -v loss="$1" -v best="$2" 'BEGIN { exit !(loss ~ /^[0-9]/ && (best == "" || loss + 0 < 0.99 * best)) }'; }

run=/v1/runs/$(call /v1/runs | grep -o '"id":"[^"]*"' | head -n 1 | cut -d'"' -f4)
best='' patience=0
while now=$(call "$run"); echo "$now" | field state | grep -qx 'waiting\|training\|paused'; do
    loss=$(echo "$now" | field train_loss)
    if falls "$loss" "$best"; then best=$loss patience=0; else patience=$((patience + 1)); fi
    if [ $patience = 20 ]; then
        change="{\"factor\": 0.5, \"by\": \"controller.sh\", \"why\": \"no better than $best for 2 s\"}"
        echo "update $(echo "$now" | field update): $(call "$run/schedule" -X PUT -d "$change")"
        patience=0
    fi
    sleep 0.1
done
