"""`milepost status`: everything that runs, on one screen."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings

Json = Annotated[bool, typer.Option("--json", help="As one JSON object, once.")]
Once = Annotated[bool, typer.Option("--once", help="Print it once and end.")]
Seconds = Annotated[
    float,
    typer.Option("--interval", help="Seconds between two looks, over which rates are counted.", min=0.2, max=86_400),
]


def status(given: GivenSettings = NONE_GIVEN, once: Once = False, seconds: Seconds = 2.0, json: Json = False) -> None:
    """Show shards, intake, delivery and view: place, lag, rate, age of the last commit, open exceptions, last guard stop.

    Asks the processes at `metrics.addresses` and the brokers; what does not answer is said, the rest is shown. Where
    there is no terminal it is printed once.
    """
    from milepost.operate import status_shown

    settings = given.settings
    if json or once or not sys.stdout.isatty():
        status_shown.tell_once(settings, seconds, json=json)
    else:
        status_shown.watch(settings, seconds)
