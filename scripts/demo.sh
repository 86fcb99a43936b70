#!/usr/bin/env bash
# A firm's quarter from first contract to audited books, in files under build/demo, and into a simulated ERP. Wants `milepost` on the path.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=build/demo
input=$demo/input
output=$demo/output
accounts=$demo/erp/accounts.toml

say() { printf '\n== %s\n\n' "$*"; }

# pick FILE: of the statements in it one with much to see: its id, its project and its company.
pick() {
    python - "$@" <<'PYTHON'
import json
import sys
from pathlib import Path

statements = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
if not statements:
    sys.exit("the run made no statement, so there is nothing to show")
shown = [each for each in statements if len(each["lines"]) <= 12] or statements
chosen = max(shown, key=lambda each: (len({flag for line in each["lines"] for flag in line["flags"]}), len(each["lines"])))
print(chosen["statement_id"], chosen["lines"][0]["project_id"], chosen["legal_entity_id"])
PYTHON
}

# start_erp TROUBLE...: returns when accounts.toml says where it is; it ends with this script.
start_erp() {
    milepost simulate-erp --kind netsuite --folder "$demo/erp" --concurrent 8 "${@/#/--trouble=}" 2>"$demo/erp.log" &
    erp=$!
    trap 'kill "$erp" 2>/dev/null || true; wait "$erp" 2>/dev/null || true' EXIT
    until [[ -e $accounts ]]; do
        kill -0 "$erp" 2>/dev/null || { cat "$demo/erp.log" >&2; exit 1; }
        sleep 0.1
    done
}

latest_period() {
    milepost ledger --entity "$1" --output "$output" --json |
        python -c 'import json, sys; print(json.load(sys.stdin)["periods"][-1]["period"])'
}

rm -rf "$demo"
mkdir -p "$demo"

say "A consulting firm: 30 people, 40 projects, three months"
milepost simulate --seed 7 --people 30 --projects 40 --months 3 --out "$input"

say "Its events, through to finance"
milepost run --input "$input" --output "$output"

say "Finance, ERP and bank answer the statements, and that comes back as events; approved drafts are answered in turn"
for _ in 1 2; do
    milepost simulate-invoices --output "$output" --input "$input"
    milepost run --input "$input" --output "$output"
done

say "Its journals go into the ERP, a simulated NetSuite that loses a fifth of its answers after it has posted, and refuses calls"
start_erp lost=20 throttled=1
milepost deliver --until-done --accounts "$accounts" --output "$output"

say "Its answers come back into the books"
milepost run --input "$input" --output "$output"

say "Do both ledgers agree?"
milepost reconcile --accounts "$accounts" --output "$output"

milepost dump billing.statements --output "$output" --json >"$demo/statements.jsonl"
read -r statement project entity <<<"$(pick "$demo/statements.jsonl")"
period=$(latest_period "$entity")

say "A billing statement: $statement"
milepost show "$statement" --output "$output"

say "Its project: $project"
milepost show "$project" --output "$output"

say "Where the project is heading, and why that changed"
milepost forecast "$project" --output "$output"

say "The trial balance of $entity in $period, a period of its fiscal year"
milepost ledger --entity "$entity" --period "$period" --output "$output"

say "Does it all hold?"
milepost verify --output "$output"

milepost statement "$statement" --html "$demo/statement.html" --output "$output" 2>/dev/null
milepost forecast "$project" --html "$demo/forecast.html" --output "$output" 2>/dev/null
printf '\nPages to look at: %s and %s\n' "$demo/statement.html" "$demo/forecast.html"
printf 'All of it is in %s. docs/quick-start.md goes the same way step by step.\n' "$demo"
