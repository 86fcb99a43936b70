"""`milepost run`: what is new in the input goes into the log, and the log becomes postings, statements and forecasts."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.files.output_lock import NAME as LOCK
from connectors.files.output_lock import only_writer
from domain.counting import counted
from domain.reference.zones import universal_day
from milepost import exit_codes
from milepost.console import say, shell_word, tell, write_json
from milepost.days import DAYS_AHEAD_MAX, day_option, furthest_day
from milepost.operate.stopping import stopping
from milepost.options import SummaryJson
from state.guards import INPUT_UNREADABLE, GuardStop
from state.intake.clock import DATE_LAST, recording_time

if TYPE_CHECKING:
    from connectors.files.far_ahead import FarAhead
    from milepost.summary import RunSummary

DATE_FIRST = date(1990, 1, 1)


def run(
    input_dir: Annotated[
        Path, typer.Option("--input", readable=False, help="Folder with events: .jsonl and .avro files.")
    ],
    output_dir: Annotated[Path, typer.Option("--output", help="Folder for all that comes of them; made if needed.")],
    until: Annotated[
        date | None, day_option("--until", "Let the days up to this one end, so that periods close.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more input until SIGTERM or Ctrl-C.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help=f"Days more than {DAYS_AHEAD_MAX} days after today may end too.")
    ] = False,
    steps: Annotated[
        bool, typer.Option("--steps/--no-steps", help="Get long contract groups ready for `milepost explain`.")
    ] = True,
    json: SummaryJson = False,
) -> None:
    """Turn the new events of a folder into postings, statements, forecasts and exceptions."""
    if until is not None and not DATE_FIRST <= until <= DATE_LAST:
        raise typer.BadParameter(f"expected a date from {DATE_FIRST} to {DATE_LAST}, got {until}", param_hint="--until")
    if until is not None and not yes and until > furthest_day():
        raise typer.BadParameter(
            f"expected a day up to {furthest_day()}, {DAYS_AHEAD_MAX} days after today, got {until}; a day that has"
            " ended stays ended: correct it, or say --yes if it is meant",
            param_hint="--until",
        )
    check_folders(input_dir, output_dir)
    from connectors.files.far_ahead import FarAhead
    from milepost.rounds import run_rounds
    from milepost.summary import as_json, as_text

    def may_end() -> date | None:
        return until if until is not None or yes else furthest_day()

    try:
        with only_writer(output_dir), stopping() as stop:
            summary = run_rounds(input_dir, output_dir, until, stop, follow=follow, steps=steps, last_day=may_end)
    except FarAhead as fault:
        say(too_far_ahead(fault, input_dir, until))
        raise typer.Exit(exit_codes.USAGE) from fault
    if json:
        write_json(as_json(summary))
    else:
        tell(as_text(summary))
    if not summary.is_complete and not follow:
        say("Stopped half-way; the same command goes on from here")
        raise typer.Exit(exit_codes.TRY_AGAIN)
    if not json:
        say(f"\n{then(summary, input_dir)}")
    if steps and not follow:
        _keep_steps(output_dir)


def _keep_steps(output_dir: Path) -> None:
    """Outputs are complete, and others may write them: to be stopped here is no fault. Where they are not what the log makes, the process
    has said so."""
    from milepost.ahead import StepsAhead
    from milepost.rounds import has_long_groups

    if has_long_groups(output_dir):
        say(
            "Getting long contract groups ready for `milepost explain`; the outputs are complete, and Ctrl-C does no harm"
        )
        with stopping() as stop, closing(StepsAhead(output_dir)) as ahead:
            code = ahead.keep(stop)
        if code == exit_codes.VIOLATION:
            raise typer.Exit(code)


def too_far_ahead(fault: FarAhead, input_dir: Path, until: date | None) -> str:
    """Where the first of them stands, and what to do."""
    event = fault.first.event
    assert event is not None, "what would end days is an event"
    what = f"{type(event).__name__} {event.event_id} of {date.fromordinal(universal_day(recording_time(event)))}"
    events = counted(fault.count, "event would end days", "events would end days")
    after = f"--until {until}" if until else f"{fault.last_day}, {DAYS_AHEAD_MAX} days after today"
    way_out = "say a later --until" if until else "say --yes if the days are meant"
    return (
        f"{input_dir}: {events} after {after}; the first is {fault.first}: {what}. Nothing was taken in, for a day that"
        f" has ended stays ended. Correct the date if its year is mistyped, take the file out for now, or {way_out}"
    )


def check_folders(input_dir: Path, output_dir: Path) -> None:
    if not input_dir.is_dir():
        found = "a file" if input_dir.exists() else "nothing"
        message = f"{input_dir}: expected a folder with .jsonl or .avro files, found {found}"
        raise typer.BadParameter(message, param_hint="--input")
    if not os.access(input_dir, os.R_OK | os.X_OK):
        raise GuardStop(INPUT_UNREADABLE, f"{input_dir}: the input folder cannot be read; give access and run again")
    if (input_dir / LOCK).exists():
        message = f"{input_dir}: expected a folder with events, found the output folder of a run"
        raise typer.BadParameter(message, param_hint="--input")
    if output_dir.exists() and not output_dir.is_dir():
        raise typer.BadParameter(f"{output_dir}: expected a folder, found a file", param_hint="--output")
    if output_dir.resolve() == input_dir.resolve():
        message = f"{output_dir}: expected another folder than --input, or outputs would be read as input"
        raise typer.BadParameter(message, param_hint="--output")


def then(summary: RunSummary, input_dir: Path) -> str:
    if not summary.events and not summary.dead_letters:
        return f"No events yet: {input_dir} holds no .jsonl or .avro file with any"
    if not summary.log_records:
        dump = f"Next: milepost dump dead-letters --output {shell_word(summary.output)}"
        return f"Nothing to account for: no event could be read and placed. {dump}"
    return f"Next: milepost verify --output {shell_word(summary.output)}"
