"""`milepost topics`: what stands on the brokers, what is missing, and what is not as it must be."""

from __future__ import annotations

from typing import Annotated

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.options import Json


def create(
    given: GivenSettings = NONE_GIVEN,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    json: Json = False,
) -> None:
    """Make the topics that are missing. What exists is never changed, whatever its settings."""
    from milepost.operate import topics_shown

    topics_shown.make(given.settings.kafka, dry_run=dry_run, json=json)


def check(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
    """Compare every topic with what Milepost needs: setting, value found, value needed. Changes nothing."""
    from milepost.operate import topics_shown

    topics_shown.compare(given.settings.kafka, json=json)


def list_(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
    """List the topics with what they carry, who writes and who reads them. Needs no broker."""
    from milepost.operate import topics_shown

    topics_shown.table(given.settings.kafka, json=json)
