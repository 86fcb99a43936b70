"""`milepost status`, `lag`, `topics` and `view`: what stands on the brokers, how far the processes are, and what Redis holds."""

import sys
from typing import Annotated

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, say, shape, write_json
from milepost.options import Json

JsonOnce = Annotated[bool, typer.Option("--json", help="As one JSON object, once.")]
Once = Annotated[bool, typer.Option("--once", help="Print it once and end.")]
Seconds = Annotated[
    float,
    typer.Option("--interval", help="Seconds between two looks, over which rates are counted.", min=0.2, max=86_400),
]


def status(
    given: GivenSettings = NONE_GIVEN, once: Once = False, seconds: Seconds = 2.0, json: JsonOnce = False
) -> None:
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


def lag(
    given: GivenSettings = NONE_GIVEN,
    every: Annotated[bool, typer.Option("--all", help="Also what is at its end.")] = False,
    json: Json = False,
) -> None:
    """Show what waits on each topic and shard: where it ends, the place that is next, records and seconds behind.

    Asks the brokers alone, so it works while all processes are down. Changes nothing. Ends with 21 where a topic that
    they have read was deleted, or made again.
    """
    from milepost.operate import topics_shown

    topics_shown.tell_lags(given.settings, every=every, json=json)


def create_topics(
    given: GivenSettings = NONE_GIVEN,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    json: Json = False,
) -> None:
    """Make the topics that are missing. What exists is never changed, whatever its settings."""
    from milepost.operate import topics_shown

    topics_shown.make(given.settings.kafka, dry_run=dry_run, json=json)


def check_topics(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
    """Compare every topic with what Milepost needs: setting, value found, value needed. Changes nothing."""
    from milepost.operate import topics_shown

    topics_shown.compare(given.settings.kafka, json=json)


def list_topics(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
    """List the topics with what they carry, who writes and who reads them. Needs no broker."""
    from milepost.operate import topics_shown

    topics_shown.table(given.settings.kafka, json=json)


def rebuild_view(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
    """Empty the keys in Redis that begin with the prefix, and fill them again from the topic.

    Meanwhile readers find some projects and not others. `milepost serve view` may go on: it notices, and goes on from
    where Redis is. Nothing is written to the brokers.
    """
    from milepost import exit_codes
    from milepost.operate import serving

    settings = given.settings
    done = serving.rebuild_views(settings)
    if done is None:
        say("stopped before all views were taken in; milepost serve view, or the same again, goes on from there")
        raise typer.Exit(exit_codes.TRY_AGAIN)
    gone, projects = done
    if json:
        write_json(shape(1, keys_removed=gone, projects=projects))
    else:
        echo(f"{gone:,} keys were removed; {projects:,} projects are in Redis again")
