"""`milepost lag`: how far behind intake, the shards and delivery are, as the brokers have it."""

from __future__ import annotations

from typing import Annotated

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.options import Json


def lag(
    given: GivenSettings = NONE_GIVEN,
    every: Annotated[bool, typer.Option("--all", help="Also what is at its end.")] = False,
    json: Json = False,
) -> None:
    """Show what waits on each topic and shard: where it ends, the place that is next, records and seconds behind.

    Asks the brokers alone, so it works while all processes are down. Changes nothing. Ends with 21 where a topic that
    they have read was deleted, or made again.
    """
    from milepost.operate import lags_shown

    lags_shown.tell(given.settings, every=every, json=json)
