"""Verbs that work with an ERP."""

from __future__ import annotations

import typer

from milepost.mounting import group_of, mount


def mount_accounts(on: typer.Typer) -> None:
    from milepost.commands import accounts

    group = group_of(on, "accounts", "Where journals and invoices go in the ERPs.")
    mount(
        group,
        "new",
        accounts.new,
        "A beginning of accounts.toml, of what a run used.",
        example="milepost accounts new --kind netsuite --output build/try/output > accounts.toml",
        then="fill in the ERP's accounts; milepost accounts check --output build/try/output",
    )
    mount(
        group,
        "check",
        accounts.check,
        "Whether accounts.toml has a place for all that was posted.",
        example="milepost accounts check --accounts accounts.toml --output build/try/output",
        then="write what is missing under the table that is named; then deliver",
        has_folders=False,
    )


def mount_deliver(on: typer.Typer) -> None:
    from milepost.commands import deliver

    mount(
        on,
        "deliver",
        deliver.deliver,
        "Send journals and invoices to the ERPs, each once.",
        example="milepost deliver --output build/try/output --accounts accounts.toml",
        then="milepost run, which takes the answers in; milepost reconcile",
    )


def mount_reconcile(on: typer.Typer) -> None:
    from milepost.commands import reconcile

    mount(
        on,
        "reconcile",
        reconcile.reconcile,
        "Compare what was posted with the ERP's ledger.",
        example="milepost reconcile --entity LE-DE --period 2026-02 --accounts accounts.toml --output build/try/output",
        then="milepost run, which raises what differs as exceptions and closes those that are gone",
    )
