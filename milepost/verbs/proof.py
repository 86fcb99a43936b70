"""Verbs that show why, what if, and proof."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, Verbs

VERBS: Final[Verbs] = {
    "explain": Verb(
        "explain.explain",
        "Show why a figure is what it is, down to the events.",
        "milepost explain PRJ-00004#accrued --output build/try/output",
        "milepost explain on any id that it shows; --html FILE for a page to click through",
    ),
    "between": Verb(
        "between.between",
        "Show what came between two moments, and what it moved.",
        "milepost between 2026-02-28 2026-03-31 --output build/try/output",
        "milepost explain on any id that it shows, or milepost ledger --as-of either day",
    ),
    "whatif": Verb(
        "whatif.whatif",
        "Show what events would do if they came next.",
        "milepost whatif --output build/try/output --change change.jsonl --on 2026-03-31",
        "send the event, if it is what was wanted, and milepost run; or change it and ask again",
    ),
    "verify": Verb(
        "verify.verify",
        "Audit an output folder.",
        "milepost verify --output build/try/output",
        "deliver; or, where something does not hold, keep the folder as it is and look at what is named",
    ),
    "dump": Verb(
        "dump.dump",
        "Print any output as lines, for people or as JSON.",
        "milepost dump exceptions --json --output build/try/output",
        "milepost show on what it names; jq, or any tool that reads JSON lines",
        has_folders=False,
    ),
}
