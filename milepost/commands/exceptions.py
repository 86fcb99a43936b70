"""`milepost exceptions`: what waits for somebody, by cause and one by one, and the decisions about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from milepost.console import say, shape, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.files.found_exceptions import Known
    from domain.outputs import ExceptionRaised
    from milepost.exceptions_decided import Wanted

Output = Annotated[Path, typer.Option("--output", help="Output folder of a run.", show_default=False)]
Input = Annotated[
    Path | None,
    typer.Option("--input", help="Its input folder, which gets one more file; without it `input` beside the output."),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Exceptions by id.", show_default=False)]
Kind = Annotated[list[str] | None, typer.Option("--kind", help="Only this category, such as no_rate; may be repeated.")]
Project = Annotated[str | None, typer.Option("--project", help="Only those of this project.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Only those of this role, or with this person.")]
Asker = Annotated[str | None, typer.Option("--as", help="Who asks; without it whoever has logged in.")]
Approver = Annotated[str | None, typer.Option("--approved-by", help="Who approves; not the one who asks.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.", show_default=False)]
At = Annotated[str | None, typer.Option("--at", help="When it was decided, such as 2026-04-30T17:00:00Z; else now.")]
Yes = Annotated[bool, typer.Option("--yes", help="Decide about several without asking.")]
Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]

# What the rates of the European Central Bank resolve.
EXCHANGE_RATES = frozenset({"no_exchange_rate", "stale_exchange_rate"})


class Asked(NamedTuple):
    """How a decision is made: options that the verbs have in common."""

    output: Path
    input_dir: Path | None
    who: str | None
    approved_by: str | None
    at: str | None
    yes: bool
    json: bool


class State(Enum):
    open = "open"
    closed = "closed"
    all = "all"


def list_(
    output: Output,
    kind: Kind = None,
    project: Project = None,
    owner: Owner = None,
    state: Annotated[State, typer.Option("--state", help="Whether they wait or are over.")] = State.open,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to list one by one.")] = 20,
    json: Json = False,
) -> None:
    """List exceptions by cause, with the money at risk and whose matter it is, and then one by one."""
    from connectors.files.found_exceptions import latest_of
    from milepost.exceptions_decided import Wanted, fitting
    from milepost.exceptions_shown import group_table, list_json, single_table
    from milepost.tables import show as show_tables

    known = _known(output)
    found = [
        each
        for each in fitting(known.values(), Wanted((), kind or (), project, owner))
        if state is State.all or each.is_open == (state is State.open)
    ]
    as_of = latest_of(output)
    if json:
        write_json(list_json(found, as_of))
        return
    show_tables(group_table(found, as_of), *([single_table(found, as_of, limit)] if limit else []))
    if found:
        say(f"\nNext: milepost exceptions show '{found[0].raised.exception_id}' --output {output}")


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An exception.", show_default=False)],
    output: Output,
    json: Json = False,
) -> None:
    """Show an exception: the fact behind it, its history, and what would close it."""
    from connectors.files.found_exceptions import history_of, latest_of
    from dataflows.embedded import store_path
    from milepost.exceptions_decided import fact_of, find
    from milepost.exceptions_shown import fact_table, head, history_table, show_json
    from milepost.tables import show as show_tables
    from state.store_reader import reading_store

    known = find(_known(output), id_)
    as_of, steps = latest_of(output), history_of(output, id_)
    with reading_store(store_path(output, 0)) as reader:
        fact = fact_of(output, reader, known.raised)
    if json:
        write_json(show_json(known, as_of, fact, steps))
        return
    typer.echo("\n".join(head(known, as_of)))
    typer.echo()
    show_tables(*([fact_table(fact)] if fact is not None else []), history_table(steps))
    if known.is_open:
        say(f"\nNext: {_way_out(known.raised, output)}")


def _way_out(raised: ExceptionRaised, output: Path) -> str:
    from milepost.exceptions_decided import refusal_to_waive

    if raised.category in EXCHANGE_RATES:
        return _import_of_rates(raised.category, output)

    if refusal_to_waive(raised) is None:
        return f"milepost exceptions waive '{raised.exception_id}' --reason '...' --approved-by NAME --output {output}"
    return f"milepost exceptions assign '{raised.exception_id}' --to NAME --output {output}"


def _import_of_rates(category: str, output: Path) -> str:
    """From the month before the first exception of the kind that is open, for a rate holds for some days after its own."""
    from connectors.json_values import instant_text
    from milepost.deciding import beside

    first = min(
        each.raised.raised_at for each in _known(output).values() if each.is_open and each.raised.category == category
    )
    month_before = (date.fromisoformat(instant_text(first)[:10]).replace(day=1) - timedelta(days=1)).replace(day=1)
    folder = beside(None, output)
    return (
        f"milepost import ecb eurofxref-hist.zip --from {month_before} --out {folder}, with the file of the European Central"
        f" Bank; then milepost run --input {folder} --output {output}"
    )


def assign(
    output: Output,
    to: Annotated[str, typer.Option("--to", help="Who takes care of it.", show_default=False)],
    ids: Ids = None,
    input_: Input = None,
    kind: Kind = None,
    project: Project = None,
    owner: Owner = None,
    as_: Asker = None,
    at: At = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Say who takes care of exceptions; nothing else changes."""
    from milepost.exceptions_decided import Wanted, refusal_to_decide

    wanted = Wanted(ids or (), kind or (), project, owner)
    asked = Asked(output, input_, as_, None, at, yes, json)
    _decide("ExceptionAssigned", wanted, {"assignee": to}, refusal_to_decide, asked)


def resolve(
    output: Output,
    reason: Reason,
    ids: Ids = None,
    input_: Input = None,
    kind: Kind = None,
    project: Project = None,
    owner: Owner = None,
    as_: Asker = None,
    approved_by: Approver = None,
    at: At = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Say that exceptions are settled outside; what is still missing raises them again at once."""
    from milepost.exceptions_decided import Wanted, refusal_to_decide

    wanted = Wanted(ids or (), kind or (), project, owner)
    asked = Asked(output, input_, as_, approved_by, at, yes, json)
    _decide("ExceptionResolved", wanted, {"reason": reason}, refusal_to_decide, asked)


def waive(
    output: Output,
    reason: Reason,
    ids: Ids = None,
    input_: Input = None,
    kind: Kind = None,
    project: Project = None,
    owner: Owner = None,
    as_: Asker = None,
    approved_by: Approver = None,
    at: At = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let faults pass, such as too many hours; a waiver cannot replace what is missing."""
    from milepost.exceptions_decided import Wanted, refusal_to_waive

    wanted = Wanted(ids or (), kind or (), project, owner)
    asked = Asked(output, input_, as_, approved_by, at, yes, json)
    _decide("ExceptionWaived", wanted, {"reason": reason}, refusal_to_waive, asked)


def _decide(
    type_name: str,
    wanted: Wanted,
    fields: dict[str, Any],
    refusal: Callable[[ExceptionRaised], str | None],
    asked: Asked,
) -> None:
    """Several are shown as a plan first, and written with a yes."""
    from connectors.files.added_events import DECISIONS, add_events
    from connectors.files.found_exceptions import latest_of
    from dataflows.embedded import store_path
    from milepost.deciding import confirmed, decided_at, input_folder, other_person, person
    from milepost.exceptions_decided import Books, chosen, comes_back, decisions
    from state.store_reader import reading_store

    output = asked.output
    found = chosen(_known(output), wanted)
    folder, who, latest = input_folder(asked.input_dir, output), person(asked.who), latest_of(output)
    when, approver = decided_at(asked.at, latest), other_person(asked.approved_by, who)
    left_out = [(each, why) for each in found if (why := refusal(each.raised)) is not None]
    taken = [each for each in found if refusal(each.raised) is None]
    if not taken:
        raise typer.BadParameter(_nothing_to_decide(left_out), param_hint="ID")
    if wanted.is_filter or len(found) > 1:
        _show_plan(type_name, taken, left_out, latest, json=asked.json)
        confirmed(f"Write {len(taken):,} decisions?", yes=asked.yes)
    with reading_store(store_path(output, 0)) as reader:
        books = Books(output, folder, reader)
        events = decisions(books, taken, type_name, {**fields, "approved_by": approver}, who, when)
    path = add_events(folder, DECISIONS, events, datetime.now(UTC))
    again = sum(comes_back(each.raised) for each in taken) if type_name == "ExceptionResolved" else 0
    if again:
        say(f"{again:,} of them will be raised again at once, because what they miss is still missing")
    _written(path, events, folder, output, json=asked.json)


def _nothing_to_decide(left_out: Sequence[tuple[Known, str]]) -> str:
    if left_out:
        each, why = left_out[0]
        return f"{each.raised.category} of {each.raised.subject_kind} {each.raised.subject_id}: {why}"
    return "no open exception fits"


def _show_plan(
    type_name: str, taken: Sequence[Known], left_out: Sequence[tuple[Known, str]], latest: int, *, json: bool
) -> None:
    """On stderr where stdout is for a machine."""
    from milepost.exceptions_shown import group_table
    from milepost.tables import plain
    from milepost.tables import show as show_tables

    table = group_table(taken, latest)._replace(title=f"Plan: {type_name} for {len(taken):,} exceptions")
    if json:
        say("\n".join(plain(table)))
    else:
        show_tables(table)
    if left_out:
        say(f"{len(left_out):,} are left out: {_nothing_to_decide(left_out)}")


def _written(path: Path, events: Sequence[dict[str, Any]], folder: Path, output: Path, *, json: bool) -> None:
    if json:
        write_json(shape(1, file=str(path), events=list(events)))
        return
    typer.echo(f"{len(events):,} event{'s' * (len(events) != 1)} written to {path}")
    say(f"\nNext: milepost run --input {folder} --output {output}")


def resend(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An exception about one fact.", show_default=False)],
    output: Output,
    set_: Annotated[
        list[str], typer.Option("--set", help="What is right: field=value, lines[0].terms.price=120; may be repeated.")
    ],
    input_: Input = None,
    as_: Asker = None,
    approved_by: Approver = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Send the fact behind an exception again, corrected, as its next version; nothing is edited."""
    from connectors.decode_error import DecodeError
    from connectors.files.added_events import RESENT, add_events
    from connectors.files.found_exceptions import latest_of
    from dataflows.embedded import store_path
    from milepost.deciding import decided_at, input_folder, other_person, person
    from milepost.exceptions_decided import Books, corrected, fact_of, find
    from state.store_reader import reading_store

    folder, who = input_folder(input_, output), person(as_)
    when, approver = decided_at(at, latest_of(output)), other_person(approved_by, who)
    raised = find(_known(output), id_).raised
    with reading_store(store_path(output, 0)) as reader:
        fact = fact_of(output, reader, raised)
        if fact is None:
            raise typer.BadParameter(
                f"it is about {raised.subject_kind} {raised.subject_id} and no single fact. {raised.resolution}",
                param_hint="ID",
            )
        event = corrected(Books(output, folder, reader), fact, set_, approver, who, when)
    try:
        path = add_events(folder, RESENT, [event], datetime.now(UTC))
    except DecodeError as fault:
        raise typer.BadParameter(str(fault), param_hint="--set") from fault
    _written(path, [event], folder, output, json=json)


def _known(output: Path) -> dict[str, Known]:
    from connectors.files.found_exceptions import exceptions_of
    from connectors.files.written import NoOutputs

    try:
        return exceptions_of(output)
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
