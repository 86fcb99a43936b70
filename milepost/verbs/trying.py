"""Verbs to try Milepost with a firm that is made up; images come without them."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, Verbs

VERBS: Final[Verbs] = {
    "simulate": Verb(
        "simulate.simulate",
        "Make up a consulting firm and write its events.",
        "milepost simulate --seed 7 --people 16 --projects 12 --months 3 --out build/try/input",
        "milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    ),
    "simulate-invoices": Verb(
        "simulate.simulate_invoices",
        "Answer the statements of a run as an ERP would.",
        "milepost simulate-invoices --output build/try/output --input build/try/input",
        "milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    ),
    "simulate-erp": Verb(
        "simulate_erp.simulate_erp",
        "Be an ERP that keeps books and behaves badly.",
        "milepost simulate-erp --kind netsuite --folder build/try/erp --trouble lost=30 --trouble throttled=10",
        "deliver to it with the accounts.toml that it writes; GET /simulated/ledger shows its books",
        has_folders=False,
    ),
}
