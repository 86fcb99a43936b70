"""Verbs that bring events in and account for them."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs

# By key of the product: its name.
EXPORTS: Final = {
    "harvest": "Harvest",
    "toggl": "Toggl",
    "clockify": "Clockify",
    "solidtime": "solidtime",
    "kimai": "Kimai",
}
VERBS: Final[Verbs] = {
    "import": VerbGroup(
        "Turn files of other systems into events.",
        {
            "csv": Verb(
                "import_.import_csv",
                "Time from any CSV export.",
                "milepost import csv hours.csv --map docs/mappings/harvest.toml --out books/input",
                "milepost run --input books/input --output books/output",
            ),
            "balances": Verb(
                "import_balances.import_balances",
                "Where running projects stand, to begin while they run.",
                "milepost import balances balances.csv --map docs/mappings/balances.toml --out books/input",
                "milepost run, and milepost ledger --against the old ledger's balances",
            ),
            "contracts": Verb(
                "import_contracts.import_contracts",
                "Contracts with their terms, customers, people and projects.",
                "milepost import contracts contracts.csv --map docs/mappings/contracts.toml --since 2026-06-30 --out books/input",
                "milepost import balances, where projects run already; milepost run",
            ),
            "ecb": Verb(
                "import_.import_ecb",
                "Exchange rates of the European Central Bank.",
                "milepost import ecb eurofxref-hist.zip --from 2026-01-01 --currencies USD,GBP --out books/input",
                "milepost run --input books/input --output books/output",
            ),
            **{
                key: Verb(
                    f"import_exports.{key}",
                    f"Time from the detailed export of {name}.",
                    f"milepost import {key} {'export.zip' if key == 'solidtime' else 'hours.csv'} --out books/input --bootstrap"
                    " --entity studio --currency EUR --zone Europe/Berlin",
                    "milepost run --input books/input --output books/output",
                )
                for key, name in EXPORTS.items()
            },
            "auto": Verb(
                "import_exports.auto",
                "Time from whichever of these the header names.",
                "milepost import auto hours.csv --out books/input",
                "milepost run --input books/input --output books/output",
            ),
        },
    ),
    "run": Verb(
        "run.run",
        "Account for what is new in a folder of events.",
        "milepost run --input build/try/input --output build/try/output --until 2026-04-30",
        "milepost ledger --output build/try/output",
    ),
}
