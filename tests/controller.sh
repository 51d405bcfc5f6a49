#!/usr/bin/env bash
# The controllers of the examples, in Python and with curl, and the README's requests, as they are written, against a
# served training. The program is the first argument.
set -euo pipefail
cd "$(dirname "$0")/.."
anneal=$(realpath "${1:-target/release/anneal}")
folder=$(mktemp -d)
served=
end() { [ -z "$served" ] || { kill "$served" && wait "$served"; } 2>/dev/null || true; served=; }
trap 'end; rm -rf "$folder"' EXIT
export XDG_RUNTIME_DIR=$folder
fail() { echo "FAILED: $1" >&2; exit 1; }

# Long enough that the loss stops falling; it stands still under its constant rate.
cat >"$folder/long.toml" <<'TOML'
anneal = 1
name = "steered"
[data]
name = "moons"
batch_size = 64
[model]
kind = "mlp"
hidden = [256, 256]
[train]
updates = "10000000"
[[run]]
name = "constant"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.05 }
TOML
serve() {
    "$anneal" serve "$folder/long.toml" --threads 1 2>"$folder/words" &
    served=$!
    for _ in $(seq 300); do
        ! grep -q "serving at" "$folder/words" || return 0
        sleep 0.1
    done
    fail "the program does not serve: $(cat "$folder/words")"
}
# A controller steers until it has halved the rate twice; then the training is asked to end, and it ends by itself.
steered_by() {
    local name=$1 changes=$folder/changes token url; shift
    serve
    token=$(sed 's/.*"token":"\([^"]*\)".*/\1/' "$folder/anneal-studio/api.json")
    url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$folder/anneal-studio/api.json")
    "$@" >"$folder/said" 2>"$folder/errors" &
    local controller=$!
    for _ in $(seq 600); do
        curl -s -H "Authorization: Bearer $token" "$url/v1/runs/r1/schedule" >"$changes"
        [ "$(grep -o "\"by\":\"$name\"" "$changes" | wc -l)" -lt 2 ] || break
        kill -0 $controller 2>/dev/null || fail "$name ended: $(cat "$folder/errors")"
        sleep 0.1
    done
    [ "$(grep -c update "$folder/said")" -ge 2 ] || fail "$name changed nothing: $(cat "$folder/said" "$folder/errors" "$changes")"
    curl -s -o "$folder/stopped" -X POST -H "Authorization: Bearer $token" "$url/v1/runs/r1/stop"
    for _ in $(seq 300); do
        kill -0 $controller 2>/dev/null || break
        sleep 0.1
    done
    kill -0 $controller 2>/dev/null && { kill $controller; fail "$name goes on after the training's end"; }
    wait $controller || fail "$name: $(cat "$folder/errors")"
    echo "$name: $(head -n 1 "$folder/said")"
    end
}

command -v curl >"$folder/which" || { echo "SKIPPED: there is no curl here"; exit 0; }
if command -v python3 >"$folder/which"; then
    PYTHONUNBUFFERED=1 steered_by controller.py python3 examples/controller.py
else
    echo "SKIPPED: there is no Python here"
fi
steered_by controller.sh sh examples/controller.sh

# The README's requests; the last one, which listens, is ended after a while.
serve
sed -n '/^door=/,/^```/p' README.md | grep -v '^```' >"$folder/readme.sh"
grep -q 'v1/events' "$folder/readme.sh" || fail "the README has no such requests any more"
timeout 3 bash -euo pipefail "$folder/readme.sh" >"$folder/answers" 2>"$folder/errors" || [ $? = 124 ] || fail "README: $(cat "$folder/errors")"
for wanted in '"name":"constant"' '"train_loss"' '"revision"' 'event: row'; do
    tr -d ' \n' <"$folder/answers" | grep -q "$(tr -d ' ' <<<"$wanted")" || fail "README: no $wanted in $(head -c 2000 "$folder/answers")"
done
echo "README: $(wc -l <"$folder/answers") lines of answers"
