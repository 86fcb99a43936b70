"""`milepost simulate` and `simulate-invoices`: a made-up firm as input to try Milepost with; `simulate-erp`: an ERP to deliver to, which
keeps books and behaves as badly as it is asked to."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from connectors.decode_error import DecodeError
from domain.counting import counted
from domain.delivery.chart import ENTITY_DAY, GRAINS
from milepost.console import echo, say, shell_word
from milepost.days import day_option, furthest_day
from milepost.exit_codes import USAGE
from milepost.operate.stopping import stopping
from milepost.options import Output, SummaryJson
from simulation.erp.troubles import TroubleShare, TroubleTurn, parsed
from simulation.plan import ALL, FORMATS, JSONL_EVENTS_MAX, PlanError, SimulationPlan, format_for, plan

if TYPE_CHECKING:
    from simulation.answers import Answered
    from simulation.write import SimulationSummary


FIRST_MONTH = "2026-01-01"
FOLLOWS = timedelta(days=62)


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
    start: Annotated[date, day_option("--start", "First day of the first month.")] = FIRST_MONTH,  # type: ignore[assignment]  # Typer parses the text
    deals: Annotated[str, typer.Option("--deals", help="What is sold: all kinds of terms, or time alone.")] = ALL,
    force: Annotated[bool, typer.Option("--force", help="Replace the events of an earlier simulation.")] = False,
    json: SummaryJson = False,
) -> None:
    """Make up a consulting firm and write its contracts, time and month ends as events."""
    from simulation.write import FolderInUse, as_json, write

    try:
        planned = plan(seed=seed, people=people, projects=projects, months=months, start=start, deals=deals)
        chosen = known(form) or format_for(planned)
        summary, files = write(planned, out, chosen, force=force)
    except (PlanError, FolderInUse, UnknownFormat) as fault:
        echo(str(fault), err=True)
        raise typer.Exit(USAGE) from fault
    except OSError as fault:
        echo(f"--out {out}: cannot be written: {fault.strerror or fault}", err=True)
        raise typer.Exit(USAGE) from fault
    echo(orjson.dumps(as_json(summary, files)).decode() if json else text(summary, files, out, form, chosen))


def simulate_invoices(
    output: Output,
    events: Annotated[Path, typer.Option("--input", help="Its input folder, which gets one more file.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same answers.")] = 7,
    json: SummaryJson = False,
) -> None:
    """Answer the statements of a run as ERP, bank and customers would: approvals, invoices, payments, credit memos."""
    from connectors.containers import ContainerDamaged
    from simulation.answers import NoStatements, answer

    if not events.is_dir():
        found = "a file" if events.exists() else "nothing"
        message = f"{events}: expected the folder that `milepost run` reads, found {found}"
        raise typer.BadParameter(message, param_hint="--input")
    try:
        answered = answer(output, events, seed)
    except (NoStatements, ContainerDamaged) as fault:
        echo(str(fault), err=True)
        raise typer.Exit(USAGE) from fault
    except DecodeError as fault:
        echo(f"--input {events}: expected answers as an earlier call wrote them: {fault}", err=True)
        raise typer.Exit(USAGE) from fault
    except OSError as fault:
        echo(f"--input {events}: cannot be written: {fault.strerror or fault}", err=True)
        raise typer.Exit(USAGE) from fault
    echo(orjson.dumps(answers_as_json(answered)).decode() if json else answers_text(answered, events, output))


def answers_as_json(answered: Answered) -> dict[str, object]:
    """Version 2 of the shape: every type of event, and every file."""
    return {
        "version": 2,
        "events": dict(sorted(answered.counts.items())),
        "files": [str(path) for path in answered.paths],
    }


def answers_text(answered: Answered, events: Path, output: Path) -> str:
    if not answered.paths:
        return "Every statement is answered already"
    width = max(len(name) for name in answered.counts)
    lines = [
        *(f"  {name:<{width}}  {count:>7,}" for name, count in sorted(answered.counts.items())),
        "",
        f"In {', '.join(path.name for path in answered.paths)} of {events}",
        "",
        f"Next: milepost run --input {shell_word(events)} --output {shell_word(output)}",
    ]
    return "\n".join(lines)


class UnknownFormat(ValueError):
    """A format that events are not written in."""


def known(form: str | None) -> str | None:
    if form is not None and form not in FORMATS:
        raise UnknownFormat(f"--format: expected one of {', '.join(FORMATS)}, got {form!r}")
    return form


def text(summary: SimulationSummary, files: dict[str, int], out: Path, asked: str | None, chosen: str) -> str:
    """The summary as a table, and what to do next."""
    from simulation.write import hours_text

    made = summary.plan
    why = "" if asked else f" ({why_format(made)})"
    width = max(len(name) for name in summary.events)
    # Month ends and approvals follow for some weeks after the last month.
    yes = " --yes" if made.ends_on + FOLLOWS > furthest_day() else ""
    lines = [
        f"A firm of {counted(made.people, 'person', 'people')} and {counted(made.projects, 'project')}, {made.start} to {made.ends_on}",
        "",
        *(f"  {name:<{width}}  {count:>11,}" for name, count in sorted(summary.events.items())),
        f"  {'all events':<{width}}  {summary.total:>11,}",
        f"  {'time entries':<{width}}  {summary.entries:>11,}",
        f"  {'hours approved':<{width}}  {hours_text(summary.hours):>11}",
        "",
        f"{counted(len(files), 'file')} of {sum(files.values()) / 1_000_000:,.1f} MB in {out}, as {chosen}{why}",
        "",
        f"Next: milepost run --input {shell_word(out)} --output {shell_word(out.parent / 'output')}{yes}",
    ]
    return "\n".join(lines)


def why_format(made: SimulationPlan) -> str:
    """Why this format, where nobody chose one."""
    if format_for(made) == "jsonl":
        return "a small firm; --format avro is smaller and faster"
    return "a large firm; --format jsonl can be read and edited"


# Those of `simulation.erp.simulated`, which is slow to load for all other commands.
KINDS: Final = ("netsuite", "dynamics365_finance", "business_central", "oracle_fusion")
# Of the folder: which it was last.
PORT = "port"
LOOK_SECONDS = 0.1
# A real ERP has minutes; so long a delivery waits before it believes that what it cannot find was not done.
CALL_SECONDS = 5


def simulate_erp(
    folder: Annotated[Path, typer.Option("--folder", help="Folder of its books; they stay when it ends.")],
    kind: Annotated[str, typer.Option("--kind", help=f"Whose interface: {', '.join(KINDS)}.")] = "netsuite",
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65_535, help="Of this machine; 0 takes that of the last start, or a free one."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same troubles.")] = 7,
    trouble: Annotated[
        list[str] | None,
        typer.Option("--trouble", help="Such as lost=30, throttled=10, down=20@3000 or close=2026-06@9000; repeat it."),
    ] = None,
    latency: Annotated[int, typer.Option("--latency", min=0, help="Milliseconds that every answer takes.")] = 0,
    grain: Annotated[
        str, typer.Option("--grain", help=f"How its accounts.toml puts journals together: {', '.join(GRAINS)}.")
    ] = ENTITY_DAY,
    posting: Annotated[
        int, typer.Option("--posting", min=0, help="Milliseconds from taken to posted, where these are two steps.")
    ] = 0,
    concurrent: Annotated[
        int, typer.Option("--concurrent", min=0, help="Calls that it takes at once; 0 for any number.")
    ] = 0,
) -> None:
    """Be an ERP on a port of this machine until SIGTERM or Ctrl-C, and write an accounts.toml to deliver to it with."""
    from simulation.erp.accounts import client_of, written
    from simulation.erp.serving import served
    from simulation.erp.simulated import SimulatedErp

    if kind not in KINDS:
        raise typer.BadParameter(f"expected one of {', '.join(KINDS)}, got {kind!r}", param_hint="--kind")
    if grain not in GRAINS:
        raise typer.BadParameter(f"expected one of {', '.join(GRAINS)}, got {grain!r}", param_hint="--grain")
    try:
        erp = SimulatedErp(
            kind,
            folder / "books",
            troubles=_troubles(trouble or []),
            seed=seed,
            latency_seconds=latency / 1_000,
            posting_seconds=posting / 1_000,
            concurrent=concurrent,
        )
        serving = served(erp, folder / PORT, port)
        accounts = written(
            folder, kind, serving.url, erp.token_path, concurrent, call_seconds=CALL_SECONDS, grain=grain
        )
        erp.client = client_of(folder)
    except OSError as fault:
        echo(f"--folder {folder} --port {port}: cannot be used: {fault.strerror or fault}", err=True)
        raise typer.Exit(USAGE) from fault
    with stopping() as stop:
        say(f"{kind} at {serving.url}, books in {folder}, accounts in {accounts}; Ctrl-C stops")
        while not stop.requested:
            time.sleep(LOOK_SECONDS)
    serving.close()
    erp.close()


def _troubles(given: list[str]) -> list[TroubleShare | TroubleTurn]:
    try:
        return [parsed(text) for text in given]
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--trouble") from fault
