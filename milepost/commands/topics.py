"""`milepost topics`: what stands on the brokers, what is missing, and what is not as it must be."""

from __future__ import annotations

from typing import Annotated

import typer

from milepost.commands.given_settings import File, Set, given

Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


def create(
    file: File = None,
    options: Set = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    json: Json = False,
) -> None:
    """Make the topics that are missing. What exists is never changed, whatever its settings."""
    from milepost.operate import topics_shown

    topics_shown.make(given(file, options).settings.kafka, dry_run=dry_run, json=json)


def check(file: File = None, options: Set = None, json: Json = False) -> None:
    """Compare every topic with what Milepost needs: setting, value found, value needed. Changes nothing."""
    from milepost.operate import topics_shown

    topics_shown.compare(given(file, options).settings.kafka, json=json)


def list_(file: File = None, options: Set = None, json: Json = False) -> None:
    """List the topics with what they carry, who writes and who reads them. Needs no broker."""
    from milepost.operate import topics_shown

    topics_shown.table(given(file, options).settings.kafka, json=json)
