#!/bin/sh
# Holds the served API against its own description with schemathesis, which makes requests of every kind up from it.
# Needs `schemathesis` (pip) and the built program; streams are left out, since they do not end. What is valid by the
# schema and yet refused with a reason (two futures at once, a file without an `update` column) is no failure.
set -eu
anneal=$(realpath "${1:-target/release/anneal}")
folder=$(mktemp -d)
# What schemathesis keeps of its runs stays out of the checkout.
cd "$folder"
trap 'kill $served 2>/dev/null; rm -rf "$folder"' EXIT
XDG_RUNTIME_DIR=$folder "$anneal" serve 2>"$folder/words" &
served=$!
door=$folder/anneal-studio/api.json
until [ -s "$door" ]; do sleep 0.1; done
field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" "$door"; }
schemathesis run "$(field url)/v1/openapi.json" -H "Authorization: Bearer $(field token)" \
    --exclude-path-regex 'events|control' --exclude-checks positive_data_acceptance \
    --phases coverage,fuzzing -n 50 --rate-limit 300/s
