"""`milepost run`: what is new in the input goes into the log, and the log becomes postings, statements and forecasts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from connectors.files.output_lock import only_writer
from milepost import exit_codes
from milepost.console import say, write_json
from milepost.stopping import stopping
from state.intake.clock import DATE_LAST


def run(
    input_dir: Annotated[Path, typer.Option("--input", help="Folder with events: .jsonl and .avro files.")],
    output_dir: Annotated[Path, typer.Option("--output", help="Folder for all that comes of them; made if needed.")],
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d"], help="Let the days up to this one end, so that periods close."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more input until SIGTERM or Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Turn the new events of a folder into postings, statements, forecasts and exceptions."""
    last_day = until.date() if until else None
    if last_day is not None and last_day > DATE_LAST:
        raise typer.BadParameter(f"expected a date up to {DATE_LAST}, got {last_day}", param_hint="--until")
    if not input_dir.is_dir():
        raise typer.BadParameter(f"{input_dir}: expected a folder with .jsonl or .avro files", param_hint="--input")
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
        say(f"\nNext: milepost verify --output {output_dir}")
