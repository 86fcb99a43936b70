"""Exceptions about several events: what an `unrouted` says of, which is in no engagement, and how it is sent to the right one; and what a
`conflicting_version` says of, one fact that came twice, and what the two say differently."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import typer

from connectors.files.found_exceptions import ExceptionStep, KnownException, events_of
from connectors.files.waiting_events import UNROUTED, waiting_for
from connectors.json_records import record_to_json
from connectors.json_values import instant_text
from domain.counting import counted
from domain.events.catalogue import Event
from domain.happened import day_of
from domain.identity import parts_of
from domain.outputs import ExceptionRaised
from domain.reference.book import owner_key
from domain.work.rows import OVERFLOW, named, origin, row_id
from milepost.console import shell_word
from milepost.corrected import HINT, fields_of
from milepost.exceptions.decided import fact_of, is_about, version_of
from milepost.exceptions.shown import rows_of
from milepost.exceptions.words import subject_text
from milepost.tables import Table
from milepost.words import event_name, label_words
from state.facts import TRACE
from state.intake.directory import fact_without_day, named_fact
from state.intake.intake import REPLACING
from state.store.reader import StoreReader

NAMED: Final = 5


def waiting_of(output: Path, known: KnownException) -> list[Event]:
    """Each fact in its newest version; none of an exception that is over or of another category."""
    if known.raised.category != UNROUTED or not known.is_open:
        return []
    newest: dict[tuple[str, str], Event] = {}
    for event in waiting_for(output, known.raised.subject_kind, known.raised.subject_id):
        had = newest.get(owner_key(event))
        if had is None or version_of(event) >= version_of(had):
            newest[owner_key(event)] = event
    return list(newest.values())


def facts_to_send(output: Path, reader: StoreReader, known: KnownException, settings: Sequence[str]) -> list[Event]:
    """Those that `settings` correct: the one fact that the exception is about, or all that wait for one id. Raises BadParameter."""
    waiting = waiting_of(output, known)
    return _all_replaceable(known.raised, waiting, settings) if waiting else [_single_fact(output, reader, known)]


def _single_fact(output: Path, reader: StoreReader, known: KnownException) -> Event:
    raised = known.raised
    fact = fact_of(output, reader, raised)
    if fact is not None:
        return fact
    why = f"it is about {subject_text(raised)} and no single fact. {raised.resolution}"
    if raised.category == UNROUTED and not known.is_open:
        why = f"{raised.exception_id} is over: nothing waits for {subject_text(raised)}"
    raise typer.BadParameter(why, param_hint="ID")


def _all_replaceable(raised: ExceptionRaised, waiting: Sequence[Event], settings: Sequence[str]) -> list[Event]:
    found = _replaceable(waiting)
    if not found:
        what = f"{_named(waiting)} would still wait for {subject_text(raised)} if it were sent again"
        raise typer.BadParameter(f"{what}. {raised.resolution}", param_hint="ID")
    field = field_of(found[0], raised)
    if len(found) > 1 and fields_of(settings) != {field}:
        raise typer.BadParameter(
            f"{len(found):,} events wait for {subject_text(raised)} ({_named(found)}); expected {field}=VALUE alone, which is set in each",
            param_hint=HINT,
        )
    return found


def left_waiting(output: Path, known: KnownException) -> str | None:
    """What `facts_to_send` does not send, in words."""
    waiting = waiting_of(output, known)
    left = [each for each in waiting if each not in _replaceable(waiting)]
    return f"{_named(left)} would still wait if sent again. {known.raised.resolution}" if left else None


def correction_text(output: Path, known: KnownException, sent: Sequence[Event]) -> str | None:
    """Of the fact that the exception is about, where it is sent again and not taken in yet."""
    raised = known.raised
    about = {owner_key(each) for each in waiting_of(output, known)}
    if raised.subject_kind == OVERFLOW:
        about.add(named(origin(row_id(OVERFLOW, raised.subject_id))))
    found = next((each for each in reversed(sent) if owner_key(each) in about or is_about(each, raised)), None)
    if found is None:
        return None
    when = instant_text(found.occurred_at)
    return (
        f"{label_words(fact_without_day(found))} was sent again on {when} and waits for the next run (milepost run);"
        " run first, and decide what is still open then"
    )


def way_out(known: KnownException, waiting: Sequence[Event], nearest: Sequence[str], output: Path) -> str | None:
    """The command that sends them with the right id."""
    found = _replaceable(waiting)
    if not found:
        return None
    right = nearest[0] if len(nearest) == 1 else "VALUE"
    setting = shell_word(f"{field_of(found[0], known.raised)}={right}")
    command = f"milepost exceptions resend {shell_word(known.raised.exception_id)} --set {setting}"
    approved = " --approved-by NAME" if any("approved_by" in each._fields for each in found) else ""
    return f"{command}{approved} --output {shell_word(output)}"


def field_of(event: Event, raised: ExceptionRaised) -> str:
    """Which field names what is not known, most often that of its kind; a source's own id may stand in it."""
    kind, unknown = raised.subject_kind, raised.subject_id
    if kind == "contract_line":
        kind, unknown = "contract", parts_of(unknown)[0]
    own, ids = f"{kind}_id", (name for name in event._fields if name.endswith("_id"))
    found = [name for name in ids if getattr(event, name) == unknown]
    return own if own in found else next(iter(found), own)


def waiting_table(waiting: Sequence[Event]) -> Table:
    rows = []
    for event in waiting:
        said = record_to_json(event)
        what, day = label_words(fact_without_day(event)), f"{day_of(event)}"
        rows.append((what, str(said.get("person_id") or ""), day, _how_much(said), str(said.get("version") or "")))
    columns = ("event", "person", "day", "hours, units or money", "version")
    return Table("What waits", columns, rows, frozenset({3, 4}))


def _how_much(said: Mapping[str, object]) -> str:
    if said.get("amount") and said.get("currency"):
        return f"{said['amount']} {said['currency']}"
    return str(said.get("hours") or said.get("units") or "")


def _replaceable(waiting: Sequence[Event]) -> list[Event]:
    """Of which a higher version takes the place of the one that waits."""
    return [each for each in waiting if isinstance(each, REPLACING)]


def _named(waiting: Sequence[Event]) -> str:
    said = ", ".join(label_words(named_fact(each)) for each in waiting[:NAMED])
    return said if len(waiting) <= NAMED else f"{said} and {counted(len(waiting) - NAMED, 'other')}"


class Conflict(NamedTuple):
    """The content that counts, and the one that came after it and does not."""

    stands: Event
    came: Event

    @property
    def differs(self) -> list[str]:
        """Fields, in the order of the event."""
        one, other = (record_to_json(each) for each in self)
        return [name for name in {**one, **other} if name not in TRACE and one.get(name) != other.get(name)]


def conflict_of(output: Path, known: KnownException, steps: Sequence[ExceptionStep]) -> Conflict | None:
    """None of another category, and where the log has not both."""
    raised = known.raised
    if raised.category != "conflicting_version":
        return None
    came = next(
        (step.cause for step in reversed(steps) if isinstance(step.said, ExceptionRaised) and step.at == known.since),
        None,
    )
    if came is None or not is_about(came, raised):
        return None
    stands: Event | None = None
    for event in events_of(output):
        if event.event_id == came.event_id:
            break
        if is_about(event, raised) and version_of(event) == version_of(came):
            stands = event
    return None if stands is None else Conflict(stands, came)


def conflict_table(conflict: Conflict) -> Table:
    one, other = (dict(rows_of(each)) for each in conflict)
    differs = conflict.differs
    rows = []
    for name in {**one, **other}:
        is_other = one.get(name) != other.get(name) and name.partition(" ")[0] in differs
        rows.append((name, one.get(name, ""), other.get(name, ""), "differs" if is_other else ""))
    kinds = dict.fromkeys(event_name(type(each).__name__) for each in conflict)
    return Table(f"What came twice: {', then '.join(kinds)}", ("field", "stands", "came after it", ""), rows)


def conflict_json(conflict: Conflict | None) -> dict[str, object] | None:
    if conflict is None:
        return None
    return {
        "stands": record_to_json(conflict.stands),
        "came": record_to_json(conflict.came),
        "differs": conflict.differs,
    }
