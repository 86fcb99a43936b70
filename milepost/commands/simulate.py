"""`milepost simulate`: a believable consulting firm, from a seed, as events that Milepost reads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from connectors.containers import ContainerDamaged
from connectors.decode_error import DecodeError
from milepost.console import shell_word
from milepost.days import day
from simulation.invoices import NoStatements, invoice
from simulation.plan import TIME_ALONE, Plan, PlanError, plan
from simulation.summary import Summary, as_json, hours_text
from simulation.write import FORMATS, JSONL_EVENTS_MAX, FolderInUse, format_for, write

WRONG_USAGE = 2
FIRST_MONTH = "2026-01-01"


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder for the events; made if it is not there.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed and sizes give the same bytes.")] = 7,
    people: Annotated[int, typer.Option("--people", help="People of both companies together.")] = 60,
    projects: Annotated[int, typer.Option("--projects", help="Projects for customers.")] = 40,
    months: Annotated[int, typer.Option("--months", help="Calendar months of work.")] = 3,
    form: Annotated[
        str | None,
        typer.Option("--format", help=f"jsonl or avro; without it jsonl up to about {JSONL_EVENTS_MAX:,} events."),
    ] = None,
    start: Annotated[
        datetime, typer.Option("--start", parser=day, metavar="DAY", help="First day of the first month.")
    ] = FIRST_MONTH,  # type: ignore[assignment]  # Typer parses the text
    deals: Annotated[
        str,
        typer.Option("--deals", help="What is sold: time alone, or all kinds of terms, with expenses and deposits."),
    ] = TIME_ALONE,
    force: Annotated[bool, typer.Option("--force", help="Replace the events of an earlier simulation.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Make up a consulting firm and write its contracts, time and month ends as events."""
    try:
        planned = plan(seed=seed, people=people, projects=projects, months=months, start=start.date(), deals=deals)
        chosen = known(form) or format_for(planned)
        summary, files = write(planned, out, chosen, force=force)
    except (PlanError, FolderInUse, UnknownFormat) as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(WRONG_USAGE) from fault
    except OSError as fault:
        typer.echo(f"--out {out}: cannot be written: {fault.strerror or fault}", err=True)
        raise typer.Exit(WRONG_USAGE) from fault
    typer.echo(orjson.dumps(as_json(summary, files)).decode() if json else text(summary, files, out, form, chosen))


def simulate_invoices(
    output: Annotated[Path, typer.Option("--output", help="Output folder of a run.")],
    events: Annotated[Path, typer.Option("--input", help="Its input folder, which gets one more file.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same invoices.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Answer the statements of a run as an ERP would: invoices, a few of them refused or wrong at first."""
    if not events.is_dir():
        found = "a file" if events.exists() else "nothing"
        message = f"{events}: expected the folder that `milepost run` reads, found {found}"
        raise typer.BadParameter(message, param_hint="--input")
    try:
        invoiced = invoice(output, events, seed)
    except (NoStatements, ContainerDamaged) as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(WRONG_USAGE) from fault
    except DecodeError as fault:
        typer.echo(f"--input {events}: expected invoices as an earlier call wrote them: {fault}", err=True)
        raise typer.Exit(WRONG_USAGE) from fault
    except OSError as fault:
        typer.echo(f"--input {events}: cannot be written: {fault.strerror or fault}", err=True)
        raise typer.Exit(WRONG_USAGE) from fault
    if json:
        shape = {"version": 1, "posted": invoiced.posted, "rejected": invoiced.rejected}
        typer.echo(orjson.dumps({**shape, "file": str(invoiced.path) if invoiced.path else None}).decode())
    elif invoiced.path is None:
        typer.echo("Every statement is invoiced already")
    else:
        typer.echo(f"{invoiced.posted:,} invoices posted and {invoiced.rejected:,} rejected, in {invoiced.path}")
        typer.echo(f"\nNext: milepost run --input {shell_word(events)} --output {shell_word(output)}")


class UnknownFormat(ValueError):
    """A format that events are not written in."""


def known(form: str | None) -> str | None:
    if form is not None and form not in FORMATS:
        raise UnknownFormat(f"--format: expected one of {', '.join(FORMATS)}, got {form!r}")
    return form


def text(summary: Summary, files: dict[str, int], out: Path, asked: str | None, chosen: str) -> str:
    """The summary as a table, and what to do next."""
    made = summary.plan
    why = "" if asked else f" ({why_format(made)})"
    width = max(len(name) for name in summary.events)
    lines = [
        f"A firm of {made.people:,} people and {made.projects:,} projects, {made.start} to {made.ends_on}",
        "",
        *(f"  {name:<{width}}  {count:>11,}" for name, count in sorted(summary.events.items())),
        f"  {'all events':<{width}}  {summary.total:>11,}",
        f"  {'time entries':<{width}}  {summary.entries:>11,}",
        f"  {'hours approved':<{width}}  {hours_text(summary.hours):>11}",
        "",
        f"{len(files)} files of {sum(files.values()) / 1_000_000:,.1f} MB in {out}, as {chosen}{why}",
        "",
        f"Next: milepost run --input {shell_word(out)} --output {shell_word(out.parent / 'output')}",
    ]
    return "\n".join(lines)


def why_format(made: Plan) -> str:
    """Why this format, where nobody chose one."""
    if format_for(made) == "jsonl":
        return "a small firm; --format avro is smaller and faster"
    return "a large firm; --format jsonl can be read and edited"
