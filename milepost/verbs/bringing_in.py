"""Verbs that bring events in and account for them."""

from __future__ import annotations

import typer

from milepost.mounting import group_of, mount


def mount_import(on: typer.Typer) -> None:
    from connectors.imports.products.product import CLOCKIFY, HARVEST, KIMAI, SOLIDTIME, TOGGL
    from milepost.commands import import_, import_balances, import_contracts, import_exports

    group = group_of(on, "import", "Turn files of other systems into events.")
    mount(
        group,
        "csv",
        import_.import_csv,
        "Time from any CSV export.",
        example="milepost import csv hours.csv --map docs/mappings/harvest.toml --out books/input",
        then="milepost run --input books/input --output books/output",
    )
    mount(
        group,
        "balances",
        import_balances.import_balances,
        "Where running projects stand, to begin while they run.",
        example="milepost import balances balances.csv --map docs/mappings/balances.toml --out books/input",
        then="milepost run, and milepost ledger --against the old ledger's balances",
    )
    mount(
        group,
        "contracts",
        import_contracts.import_contracts,
        "Contracts with their terms, customers, people and projects.",
        example="milepost import contracts contracts.csv --map docs/mappings/contracts.toml --since 2026-06-30 --out books/input",
        then="milepost import balances, where projects run already; milepost run",
    )
    mount(
        group,
        "ecb",
        import_.import_ecb,
        "Exchange rates of the European Central Bank.",
        example="milepost import ecb eurofxref-hist.zip --from 2026-01-01 --currencies USD,GBP --out books/input",
        then="milepost run --input books/input --output books/output",
    )
    for product in (HARVEST, TOGGL, CLOCKIFY, SOLIDTIME, KIMAI):
        mount(
            group,
            product.key,
            import_exports.verb(product),
            f"Time from the detailed export of {product.title}.",
            example=f"milepost import {product.key} {'export.zip' if product is SOLIDTIME else 'hours.csv'} --out books/input"
            " --bootstrap --entity studio --currency EUR --zone Europe/Berlin",
            then="milepost run --input books/input --output books/output",
        )
    mount(
        group,
        "auto",
        import_exports.verb(None),
        "Time from whichever of these the header names.",
        example="milepost import auto hours.csv --out books/input",
        then="milepost run --input books/input --output books/output",
    )


def mount_run(on: typer.Typer) -> None:
    from milepost.commands import run

    mount(
        on,
        "run",
        run.run,
        "Account for what is new in a folder of events.",
        example="milepost run --input build/try/input --output build/try/output --until 2026-04-30",
        then="milepost ledger --output build/try/output",
    )
