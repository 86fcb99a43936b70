#!/usr/bin/env bash
# A firm's quarter from first contract to closed books, in files under build/demo. Wants `milepost` on the path.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=build/demo
input=$demo/input
output=$demo/output

say() { printf '\n== %s\n' "$*"; }

# first TOPIC FIELD...: these fields of the first record of a topic, on one line.
first() {
    local topic=$1
    shift
    milepost dump "$topic" --output "$output" --json | python -c '
import json, sys

line = next(sys.stdin, None)
if line is None:
    sys.exit(f"the run wrote nothing to {sys.argv[1]}, so there is nothing to show")
record = json.loads(line)
sys.stdin.read()
print(*(record[field] for field in sys.argv[2:]))
' "$topic" "$@"
}

rm -rf "$demo"

say "A consulting firm: 60 people, 40 projects, three months"
milepost simulate --seed 7 --people 60 --projects 40 --months 3 --out "$input"

say "Its events, through to finance"
milepost run --input "$input" --output "$output"

statement=$(first billing.statements statement_id)
say "A billing statement: $statement"
milepost show "$statement" --output "$output"

project=$(first forecast.updates project_id)
say "The forecast of project $project"
milepost forecast "$project" --output "$output"

books=$(first erp.postings legal_entity_id period)
read -r entity period <<<"$books"
say "The trial balance of $entity in $period"
milepost ledger --entity "$entity" --period "$period" --output "$output"

say "Does it all add up?"
milepost verify --output "$output"
