"""`milepost view`: what Redis holds of the projects."""

from __future__ import annotations

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, say, shape, write_json
from milepost.options import Json


def rebuild(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
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
