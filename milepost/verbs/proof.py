"""Verbs that show why, what if, and proof."""

from __future__ import annotations

import typer

from milepost.mounting import mount


def mount_explain(on: typer.Typer) -> None:
    from milepost.commands import explain

    mount(
        on,
        "explain",
        explain.explain,
        "Show why a figure is what it is, down to the events.",
        example="milepost explain PRJ-00004#accrued --output build/try/output",
        then="milepost explain on any id that it shows; --html FILE for a page to click through",
    )


def mount_between(on: typer.Typer) -> None:
    from milepost.commands import between

    mount(
        on,
        "between",
        between.between,
        "Show what came between two moments, and what it moved.",
        example="milepost between 2026-02-28 2026-03-31 --output build/try/output",
        then="milepost explain on any id that it shows, or milepost ledger --as-of either day",
    )


def mount_whatif(on: typer.Typer) -> None:
    from milepost.commands import whatif

    mount(
        on,
        "whatif",
        whatif.whatif,
        "Show what events would do if they came next.",
        example="milepost whatif --output build/try/output --change change.jsonl --on 2026-03-31",
        then="send the event, if it is what was wanted, and milepost run; or change it and ask again",
    )


def mount_verify(on: typer.Typer) -> None:
    from milepost.commands import verify

    mount(
        on,
        "verify",
        verify.verify,
        "Audit an output folder.",
        example="milepost verify --output build/try/output",
        then="deliver; or, where something does not hold, keep the folder as it is and look at what is named",
    )


def mount_dump(on: typer.Typer) -> None:
    from milepost.commands import dump

    mount(
        on,
        "dump",
        dump.dump,
        "Print any output as lines, for people or as JSON.",
        example="milepost dump exceptions --json --output build/try/output",
        then="milepost show on what it names; jq, or any tool that reads JSON lines",
        has_folders=False,
    )
