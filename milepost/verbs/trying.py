"""Verbs to try Milepost with a firm that is made up; images come without them."""

from __future__ import annotations

from typing import Final

import typer

from milepost.mounting import mount


def mount_simulate(on: typer.Typer) -> None:
    from milepost.commands import simulate

    mount(
        on,
        "simulate",
        simulate.simulate,
        "Make up a consulting firm and write its events.",
        example="milepost simulate --seed 7 --people 60 --projects 40 --months 3 --out build/try/input",
        then="milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    )


def mount_simulate_invoices(on: typer.Typer) -> None:
    from milepost.commands import simulate

    mount(
        on,
        "simulate-invoices",
        simulate.simulate_invoices,
        "Answer the statements of a run as an ERP would.",
        example="milepost simulate-invoices --output build/try/output --input build/try/input",
        then="milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    )


def mount_simulate_erp(on: typer.Typer) -> None:
    from milepost.commands import simulate_erp

    mount(
        on,
        "simulate-erp",
        simulate_erp.simulate_erp,
        "Be an ERP that keeps books and behaves badly.",
        example="milepost simulate-erp --kind netsuite --folder build/try/erp --trouble lost=30 --trouble throttled=10",
        then="deliver to it with the accounts.toml that it writes; GET /simulated/ledger shows its books",
        has_folders=False,
    )


VERBS: Final = {
    "simulate": mount_simulate,
    "simulate-invoices": mount_simulate_invoices,
    "simulate-erp": mount_simulate_erp,
}
