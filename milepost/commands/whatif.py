"""`milepost whatif`: what a change would do, before anyone signs."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from milepost.as_of import indexing
from milepost.console import say, shell_word, tell, write_json
from milepost.days import day_option, today
from milepost.options import Json
from milepost.tables import show


def whatif(
    output: Annotated[Path, typer.Option("--output", help="Output folder of a run; nothing in it is changed.")],
    change: Annotated[Path, typer.Option("--change", help="Events, one a line of JSON, as a run would read them.")],
    on: Annotated[
        date | None,
        day_option("--on", "Let days end up to this one first, so that statements are made.", metavar="DATE"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Days however far ahead may end.")] = False,
    json: Json = False,
) -> None:
    """Show what events would do to postings, statements and forecasts if they came next; nothing is kept of it."""
    from dataflows.whatif import NoChange, NoSuchDay, TooFarAhead, UnreadableChange, what_if
    from dataflows.whatif_intake import ShardMissing
    from milepost.whatif_shown import as_json, head, tables

    if not change.is_file():
        found = "a folder" if change.is_dir() else "nothing"
        raise typer.BadParameter(f"expected a file with events, found {found} at {change}", param_hint="--change")
    try:
        with indexing() as progress:
            found_out = what_if(output, change, on, progress, None if yes else today())
    except NoSuchDay as fault:
        raise typer.BadParameter(str(fault), param_hint="--on") from fault
    except (NoChange, UnreadableChange, ShardMissing, TooFarAhead) as fault:
        raise typer.BadParameter(str(fault), param_hint="--change") from fault
    if json:
        write_json(as_json(found_out))
        return
    tell("\n".join(head(found_out)) + "\n")
    show(*tables(found_out))
    if on is None:
        where = f"--output {shell_word(output)} --change {shell_word(change)}"
        say(f"\nNext: milepost whatif {where} --on DATE, for the statements of the days up to then")
