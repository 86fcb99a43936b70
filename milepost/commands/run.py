"""`milepost run`: what is new in the input goes into the log, and the log becomes postings, statements and forecasts."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.files.output_lock import only_writer
from milepost import exit_codes
from milepost.console import say, write_json
from milepost.days import day
from milepost.stopping import stopping
from state.intake.clock import DATE_LAST

if TYPE_CHECKING:
    from milepost.summary import Summary

DATE_FIRST = date(1990, 1, 1)


def run(
    input_dir: Annotated[Path, typer.Option("--input", help="Folder with events: .jsonl and .avro files.")],
    output_dir: Annotated[Path, typer.Option("--output", help="Folder for all that comes of them; made if needed.")],
    until: Annotated[
        datetime | None,
        typer.Option(
            "--until", parser=day, metavar="DAY", help="Let the days up to this one end, so that periods close."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more input until SIGTERM or Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Turn the new events of a folder into postings, statements, forecasts and exceptions."""
    last_day = until.date() if until else None
    if last_day is not None and not DATE_FIRST <= last_day <= DATE_LAST:
        raise typer.BadParameter(
            f"expected a date from {DATE_FIRST} to {DATE_LAST}, got {last_day}", param_hint="--until"
        )
    check_folders(input_dir, output_dir)
    from milepost.rounds import run_rounds
    from milepost.summary import as_json, as_text

    with only_writer(output_dir), stopping() as stop:
        summary = run_rounds(input_dir, output_dir, last_day, stop, follow=follow)
    if json:
        write_json(as_json(summary))
    else:
        typer.echo(as_text(summary))
    if not summary.is_complete and not follow:
        say("Stopped half-way; the same command goes on from here")
        raise typer.Exit(exit_codes.TRY_AGAIN)
    if not json:
        say(f"\n{then(summary, input_dir)}")


def check_folders(input_dir: Path, output_dir: Path) -> None:
    if not input_dir.is_dir():
        found = "a file" if input_dir.exists() else "nothing"
        message = f"{input_dir}: expected a folder with .jsonl or .avro files, found {found}"
        raise typer.BadParameter(message, param_hint="--input")
    if output_dir.exists() and not output_dir.is_dir():
        raise typer.BadParameter(f"{output_dir}: expected a folder, found a file", param_hint="--output")
    if output_dir.resolve() == input_dir.resolve():
        message = f"{output_dir}: expected another folder than --input, or outputs would be read as input"
        raise typer.BadParameter(message, param_hint="--output")


def then(summary: Summary, input_dir: Path) -> str:
    if not summary.events and not summary.dead_letters:
        return f"No events yet: {input_dir} holds no .jsonl or .avro file with any"
    if not summary.log_records:
        return f"Nothing to account for: no event could be read and placed. Next: milepost dump dead-letters --output {summary.output}"
    return f"Next: milepost verify --output {summary.output}"
