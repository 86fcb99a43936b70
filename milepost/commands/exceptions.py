"""`milepost exceptions`: what waits for somebody, by cause and one by one, and the decisions about it."""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from domain.counting import counted
from milepost.as_of import looking_back
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import echo, is_known_as, say, shell_word, tell, write_json
from milepost.days import moment
from milepost.options import Input, Json, MayApprove, Output, Reason, checked_name
from milepost.tables import show as show_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.files.found_exceptions import KnownException
    from domain.events.catalogue import Event
    from domain.outputs import ExceptionRaised
    from domain.units import Instant
    from milepost.exceptions.of_run import ExceptionsOfRun
    from milepost.exceptions.port import ExceptionsPort

Folder = Annotated[Path | None, typer.Option("--output", help="Output folder of a run; else --kafka.")]
Kafka = Annotated[
    bool,
    typer.Option("--kafka", help="Instead of a folder: the topics that the settings name; decisions are sent there."),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Exceptions by id.")]
Kind = Annotated[list[str] | None, typer.Option("--kind", help="Only this category, such as no_rate; may be repeated.")]
Project = Annotated[
    str | None, typer.Option("--project", help="Only those of this project, and of its contracts as a whole.")
]
Contract = Annotated[
    str | None, typer.Option("--contract", help="Only those of this contract as a whole, such as its caps.")
]
Owner = Annotated[str | None, typer.Option("--owner", help="Only those of this role, or with this person.")]
Asker = Annotated[str | None, typer.Option("--as", help="Who asks; without it, your login.")]
At = Annotated[str | None, typer.Option("--at", help="When it was decided, such as 2026-04-30T17:00:00Z; else now.")]
Yes = Annotated[bool, typer.Option("--yes", help="Decide about several without asking.")]
Plan = Annotated[bool, typer.Option("--plan", help="Show what would be decided, and write nothing.")]
All = Annotated[bool, typer.Option("--all", help="Show everything, however long.")]
Future = Annotated[
    bool, typer.Option("--allow-future", help="Days that the correction states may be after today: planned work.")
]

GROUPS_SHOWN: Final = 40


class Filters(NamedTuple):
    """Which exceptions, by what they are about."""

    kind: Kind = None
    project: Project = None
    contract: Contract = None
    owner: Owner = None


class NamedExceptions(NamedTuple):
    """Which exceptions of which place are decided about."""

    ids: Ids = None
    output: Folder = None
    input_: Input = None
    filters: Filters = Filters()


class DecisionOptions(NamedTuple):
    """What all decisions take besides who makes them."""

    at: At = None
    yes: Yes = False
    plan: Plan = False
    kafka: Kafka = False
    given: GivenSettings = NONE_GIVEN
    json: Json = False


EVERY: Final = Filters()
NONE_NAMED: Final = NamedExceptions()
AS_USUAL: Final = DecisionOptions()


class State(Enum):
    open = "open"
    closed = "closed"
    decided = "decided"
    all = "all"


class Sort(Enum):
    raised = "raised"
    age = "age"
    amount = "amount"


# Long by its options: each is a parameter.
@looking_back
def list_(
    output: Folder = None,
    filters: Filters = EVERY,
    state: Annotated[
        State, typer.Option("--state", help="Whether they wait, are over, or were ended by a person.")
    ] = State.open,
    sort: Annotated[
        Sort, typer.Option("--sort", help="One by one: as raised, longest open first, or most money first by currency.")
    ] = Sort.raised,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many to list one by one.")] = 20,
    all_: All = False,
    kafka: Kafka = False,
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """List exceptions by cause, with the money at risk and whose matter it is, what people closed, and then one by one."""
    from milepost.exceptions.as_json import list_json
    from milepost.exceptions.decided import ExceptionSelection, fitting, nobody_with, nothing_about, wanted_of
    from milepost.exceptions.shown import decided_table, group_table, held_table, single_table

    port = _port(output, None, given, kafka=kafka)
    known = fitting(port.known.values(), wanted_of(port, (), filters))
    found = _sorted([each for each in known if _is_in(each, state)], sort, port.as_of)
    decided, held = port.decided(known), port.held(found)
    if json:
        write_json(list_json(found, port.as_of, decided, held))
        return
    shown = None if all_ else limit
    single = [single_table(found, port.as_of, shown, port.closings(found[:shown]))] if shown != 0 else []
    show_tables(
        group_table(found, port.as_of, None if all_ else GROUPS_SHOWN),
        *([held_table(of for each in held.values() for of in each)] if held else []),
        *([decided_table(decided)] if decided.known else []),
        *single,
    )
    if filters.owner is not None and not fitting(port.known.values(), ExceptionSelection(owner=filters.owner)):
        say(f"\n{nobody_with(filters.owner)}")
    contract_id = filters.contract
    if contract_id is not None and all(each.raised.contract_id != contract_id for each in port.known.values()):
        say(f"\n{nothing_about(contract_id, port.known.values())}")
    if found and output is not None and not is_known_as(output):
        say(
            f"\nNext: milepost exceptions show {shell_word(found[0].raised.exception_id)} --output {shell_word(output)}"
        )


def _is_in(known: KnownException, state: State) -> bool:
    match state:
        case State.all:
            return True
        case State.decided:
            return known.is_decided
        case _:
            return known.is_open == (state is State.open)


def _sorted(known: list[KnownException], sort: Sort, as_of: Instant) -> list[KnownException]:
    """Amounts of different currencies stand apart, and so do values and costs."""
    from milepost.exceptions.shown import days_open, is_at_cost

    match sort:
        case Sort.age:
            return sorted(known, key=lambda each: -days_open(each, as_of))
        case Sort.amount:
            return sorted(
                known,
                key=lambda each: (
                    each.raised.blocks_currency or "~",
                    is_at_cost(each.raised),
                    -abs(each.raised.blocks_amount),
                ),
            )
        case _:
            return known


@looking_back
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An exception.")],
    output: Output,
    all_: All = False,
    json: Json = False,
) -> None:
    """Show an exception: the fact that it is about, its history, and what would close it."""
    from connectors.files.found_exceptions import history_of
    from dataflows.books_read import reading_books
    from milepost.exceptions.as_json import show_json
    from milepost.exceptions.decided import fact_of, find
    from milepost.exceptions.of_run import ExceptionsOfRun
    from milepost.exceptions.shown import fact_table, head, history_table
    from milepost.exceptions.waiting import conflict_of, conflict_table, waiting_of, waiting_table, way_out

    port = ExceptionsOfRun(output)
    known = find(port, id_)
    as_of, steps = port.as_of, history_of(output, id_)
    ended = port.closings((known,)).get(id_)
    with reading_books(output) as reader:
        fact = fact_of(output, reader, known.raised)
    waiting, conflict = waiting_of(output, known), conflict_of(output, known, steps)
    held, near = port.held((known,)).get(id_, ()), port.nearest(known.raised)
    if json:
        write_json(show_json(known, as_of, ended, fact, steps, held, near, waiting, conflict))
        return
    tell("\n".join(head(known, as_of, ended, held, near, whole=all_)))
    echo()
    several = [waiting_table(waiting)] if len(waiting) > 1 else []
    single = [fact] if fact is not None else [] if several else waiting
    facts = [conflict_table(conflict)] if conflict is not None else [*map(fact_table, single)]
    show_tables(*facts, *several, history_table(steps))
    if known.is_open and not is_known_as(output):
        say(f"\nNext: {way_out(known, waiting, near, output) or _way_out(known.raised, fact, near, port)}")


def _way_out(raised: ExceptionRaised, fact: Event | None, near: Sequence[str], port: ExceptionsOfRun) -> str:
    """What settles it; where only a record does that nobody has sent, who sees to it."""
    from domain.reference.exchange import MISSING_RATE
    from milepost.exceptions.effects import CORRECTED, Effect, effect_of, refusal_to_waive

    output = port.output
    if raised.category in MISSING_RATE:  # the rates of the European Central Bank resolve it
        return _import_of_rates(raised.category, port)
    named = shell_word(raised.exception_id)
    if fact is not None and (near or (raised.category in CORRECTED and refusal_to_waive(raised) is not None)):
        setting = shell_word(f"{raised.field or 'FIELD'}={near[0] if len(near) == 1 else 'VALUE'}")
        return f"milepost exceptions resend {named} --set {setting} --approved-by NAME --output {shell_word(output)}"
    effect = effect_of(raised, "ExceptionWaived")
    if effect in (Effect.POSTS_WORK, Effect.POSTS_INVOICE) and refusal_to_waive(raised) is None:
        return f"milepost exceptions waive {named} --reason '...' --approved-by NAME --output {shell_word(output)}\nThat {effect}."
    other = f"\nOr milepost exceptions waive, which {effect}." if effect is Effect.NOT_BILLED else ""
    return f"milepost exceptions assign {named} --to NAME --output {shell_word(output)}{other}"


def _import_of_rates(category: str, port: ExceptionsOfRun) -> str:
    """From the month before the first day that open exceptions of the kind ask for: a rate holds for some days after its own."""
    from connectors.json_values import instant_text
    from domain.reference.exchange import day_asked
    from milepost.deciding import beside
    from milepost.next_run import a_day_later, run_text

    found = [each.raised for each in port.known.values() if each.is_open and each.raised.category == category]
    first = min(
        day_asked(raised.message) or date.fromisoformat(instant_text(raised.raised_at)[:10]) for raised in found
    )
    month_before = (first.replace(day=1) - timedelta(days=1)).replace(day=1)
    output = port.output
    folder = beside(None, output)
    named = folder if folder.is_dir() else Path("INPUT")
    return (
        f"milepost import ecb eurofxref-hist.zip --from {month_before} --out {shell_word(named)}\n"
        f"      {run_text(named, output, a_day_later(output))}\n"
        "The file is that of the European Central Bank. Work of a day without a rate, such as a Saturday, goes on when one more day ends."
    )


def assign(
    to: Annotated[str, typer.Option("--to", help="Who takes care of it.")],
    named: NamedExceptions = NONE_NAMED,
    as_: Asker = None,
    asked: DecisionOptions = AS_USUAL,
) -> None:
    """Say who takes care of exceptions; nothing else changes."""
    from milepost.deciding import PERSON

    _decide("ExceptionAssigned", named, {"assignee": checked_name(to, PERSON, "--to")}, as_, None, asked)


def ending(type_name: str, what: str) -> Callable[..., None]:
    """The command of a decision that ends exceptions, with a reason and perhaps a second person."""

    def end(
        reason: Reason,
        named: NamedExceptions = NONE_NAMED,
        as_: Asker = None,
        approved_by: MayApprove = None,
        asked: DecisionOptions = AS_USUAL,
    ) -> None:
        from milepost.recording import stated_reason

        _decide(type_name, named, {"reason": stated_reason(reason)}, as_, approved_by, asked)

    end.__doc__ = what
    return end


resolve = ending(
    "ExceptionResolved", "Say that exceptions are settled outside; what is still missing raises them again at once."
)
waive = ending("ExceptionWaived", "Let faults pass, such as too many hours; a waiver cannot replace what is missing.")


def _decide(
    type_name: str,
    named: NamedExceptions,
    fields: dict[str, Any],
    asker: str | None,
    approved_by: str | None,
    asked: DecisionOptions,
) -> None:
    """Several are shown as a plan first, and written or sent with a yes."""
    from milepost.deciding import confirmed, decided_at, other_person, person
    from milepost.exceptions.decided import check_moment, chosen, decisions, wanted_of
    from milepost.exceptions.plan import show_plan, tell_plan

    port = _port(named.output, named.input_, asked.given, kafka=asked.kafka)
    wanted = wanted_of(port, named.ids, named.filters)
    found = chosen(port, wanted)
    outcome, who, latest = port.outcome, person(asker), port.as_of
    when, approver = decided_at(asked.at, latest), other_person(approved_by, who)
    plan = port.plan(type_name, found, who, approver)
    if not plan.taken:
        raise typer.BadParameter(plan.left_out_text or "no open exception fits", param_hint="ID")
    check_moment(plan.taken, when)
    if asked.plan:
        show_plan(plan, latest, json=asked.json)
        return
    are_several = wanted.is_filter or len(found) > 1
    if are_several:
        tell_plan(plan, latest, json=asked.json)
        confirmed(f"{outcome.verb} {counted(len(plan.taken), 'decision')}?", yes=asked.yes)
    fields = {**fields, "approved_by": approver}
    events = decisions(port.versions(plan.taken), plan.taken, type_name, fields, who, when)
    outcome.tell(events, port.add(events), json=asked.json)
    if not are_several:
        for line in (*plan.effect_lines, *plan.warnings):
            say(line)


def _port(output: Path | None, input_dir: Path | None, given: GivenSettings, *, kafka: bool) -> ExceptionsPort:
    """Raises BadParameter unless exactly one of folder and topics is named."""
    if not is_of_topics(output, kafka=kafka):
        from milepost.exceptions.of_run import ExceptionsOfRun

        assert output is not None, "a folder is named where the topics are not"
        return ExceptionsOfRun(output, input_dir)
    from milepost.exceptions.on_kafka import ExceptionTopics

    if input_dir is not None:
        raise typer.BadParameter("expected it or --kafka, got both", param_hint="--input")
    return ExceptionTopics(given.settings)


def is_of_topics(output: Path | None, *, kafka: bool) -> bool:
    """Raises BadParameter unless exactly one of them is named."""
    if kafka and output is not None:
        raise typer.BadParameter("expected it or --kafka, got both", param_hint="--output")
    if not kafka and output is None:
        raise typer.BadParameter("expected the output folder of a run, or --kafka", param_hint="--output")
    return kafka


def resend(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An exception about one fact.")],
    output: Output,
    set_: Annotated[
        list[str], typer.Option("--set", help="What is right: field=value, lines[0].terms.price=120; may be repeated.")
    ],
    input_: Input = None,
    as_: Asker = None,
    approved_by: MayApprove = None,
    at: At = None,
    allow_future: Future = False,
    json: Json = False,
) -> None:
    """Send the fact that an exception is about again, corrected, as its next version; nothing is edited.

    Where several events wait for one unknown id, all are sent with the right one.
    """
    from connectors.decode_error import DecodeError
    from connectors.files.added_events import RESENT, add_events
    from dataflows.books_read import reading_books
    from milepost.corrected import HINT, ahead_text, fields_of
    from milepost.deciding import decided_at, other_person, person
    from milepost.exceptions.decided import (
        FactLookup,
        check_moment,
        corrected,
        find,
        not_sent_yet,
        pending,
        pending_text,
    )
    from milepost.exceptions.of_run import ExceptionsOfRun
    from milepost.exceptions.waiting import facts_to_send, left_waiting

    port = ExceptionsOfRun(output, input_)
    folder, who, latest = port.folder, person(as_), port.as_of
    when, approver = decided_at(at, latest), other_person(approved_by, who)
    known = find(port, id_)
    check_moment((known,), when)
    with reading_books(output) as reader:
        books = FactLookup(output, folder, reader)
        if (decided := pending(books).get(id_)) is not None:
            why = f"{id_} is {pending_text(decided)}; run first, and send what is still wrong then"
            raise typer.BadParameter(why, param_hint="ID")
        facts = facts_to_send(output, reader, known, set_)
        events = [corrected(books, known.raised, fact, set_, approver, who, when) for fact in facts]
    for event in events:
        if ahead := ahead_text(event, fields_of(set_), max(latest, when), allow_future=allow_future):
            raise typer.BadParameter(ahead, param_hint=HINT)
    try:
        events = not_sent_yet(books, events, fields_of(set_))
        if not events:
            why = "this correction is written already, and waits for the next run (milepost run)"
            raise typer.BadParameter(why, param_hint="ID")
        path = add_events(folder, RESENT, events, moment())
    except DecodeError as fault:
        raise typer.BadParameter(str(fault), param_hint="--set") from fault
    if left := left_waiting(output, known):
        say(left)
    port.outcome.tell(events, str(path), json=json)
