"""Verbs that work with an ERP."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs

VERBS: Final[Verbs] = {
    "accounts": VerbGroup(
        "Where journals and invoices go in the ERPs.",
        {
            "new": Verb(
                "accounts.new",
                "A beginning of accounts.toml, of what a run used.",
                "milepost accounts new --kind netsuite --output build/try/output > accounts.toml",
                "fill in the ERP's accounts; milepost accounts check --output build/try/output",
            ),
            "check": Verb(
                "accounts.check",
                "Whether accounts.toml has a place for all that was posted.",
                "milepost accounts check --accounts accounts.toml --output build/try/output",
                "write what is missing under the table that is named; then deliver",
                has_folders=False,
            ),
        },
    ),
    "deliver": Verb(
        "deliver.deliver",
        "Send journals and invoices to the ERPs, each once.",
        "milepost deliver --output build/try/output --accounts accounts.toml",
        "milepost run, which takes the answers in; milepost reconcile",
    ),
    "reconcile": Verb(
        "reconcile.reconcile",
        "Compare what was posted with the ERP's ledger.",
        "milepost reconcile --entity LE-DE --period 2026-02 --accounts accounts.toml --output build/try/output",
        "milepost run, which raises what differs as exceptions and closes those that are gone",
    ),
}
