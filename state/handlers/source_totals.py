"""What a source says it has approved beside what is here: number, hours and amount of one kind, project and period.

Facts of a day may come in any order, so both are compared when the day ends, and again at each day's end until they agree. What is here
counts whether it is posted or waits: what waits has exceptions of its own.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.counting import counted
from domain.events.finance import ControlTotal
from domain.figure import Recorded, called
from domain.happened import day_of
from domain.identity import composed
from domain.money import format_amount, format_decimal
from domain.months import months_after
from domain.reference.fiscal import period_named
from domain.refusals import UNSUPPORTED, words_of
from domain.units import HOURS_SCALE, Amount, Hours
from domain.why import in_event
from domain.work.hours import worked_hours
from domain.work.rows import DELIVERY, EXPENSE
from state.books import Charge, SourceTotal, Work
from state.draft import Draft
from state.work.charge_record import field

DIFFERS: Final = "source_differs"
KIND = "control_total"
CHARGES = {"expense": EXPENSE, "units": DELIVERY}


def on_control_total(draft: Draft, event: ControlTotal) -> None:
    """The newest of its source, kind, project and period counts."""
    subject = _subject(event)
    known: SourceTotal | None = draft.part(KIND, subject)
    if known is not None and event.occurred_at <= known.event.occurred_at:
        return
    if event.project_id is None or event.kind not in ("time", *CHARGES):
        message = words_of("control_total", kind=event.kind, period=event.period)
        draft.raise_exception(UNSUPPORTED, KIND, subject, message, project_id=event.project_id)
        return
    draft.put(KIND, subject, SourceTotal(event))
    if (zone := _zone(draft, event.project_id)) is not None:
        draft.due.add((zone, ""))


def _subject(event: ControlTotal) -> str:
    where = event.project_id or event.legal_entity_id or ""
    return composed(event.source, event.kind, where, event.period)


def _zone(draft: Draft, project_id: str) -> str | None:
    """The project's, else that of the first company."""
    entities = draft.reference.entities
    return draft.project(project_id).zone or (entities[min(entities)].zone if entities else None)


def compare(draft: Draft, zone: str) -> None:
    """At a day's end."""
    for subject in draft.ids(KIND):
        stated: SourceTotal = draft.part(KIND, subject)
        project_id = stated.event.project_id or ""
        if stated.agrees or _zone(draft, project_id) != zone:
            continue
        differences, at_stake = _differences(draft, stated.event)
        if not differences:
            draft.put(KIND, subject, replace(stated, agrees=True))
            draft.resolve_exception(DIFFERS, KIND, subject)
            continue
        draft.due.add((zone, ""))
        message = (
            f"{stated.event.kind} of {stated.event.period} as {stated.event.source} has it: {'; '.join(differences)}"
        )
        draft.raise_exception(
            DIFFERS,
            KIND,
            subject,
            message,
            project_id=project_id,
            amount=at_stake,
            currency=stated.event.currency,
            revises=True,
        )


def _differences(draft: Draft, event: ControlTotal) -> tuple[list[str], Amount]:
    """What differs, in words, and the difference of the amounts."""
    period = _period(draft, event)
    if period is None:
        return [f"expected a period of {event.legal_entity_id or 'the calendar'}, got {event.period}"], 0
    count, hours, amount = _held(draft, event, period)
    found = [] if count == event.entry_count else [f"expected {counted(event.entry_count, 'entry')}, got {count:,}"]
    if event.hours is not None and event.kind == "time" and hours != event.hours:
        stated, here = format_decimal(event.hours, HOURS_SCALE), format_decimal(hours, HOURS_SCALE)
        found.append(f"expected {stated} h, got {here}")
    rest = 0
    if event.amount is not None and event.kind == "expense" and amount != event.amount:
        currency, said = event.currency or "", event.amount
        if draft.why is not None:
            said = Recorded(in_event("what the source has", said, "amount", event, "amount", currency))
            amount = called(sum(map(_recorded, charges(draft, event))), "what is here")
        rest = said - amount if said > amount else amount - said
        found.append(f"expected {format_amount(event.amount)} {currency}, got {format_amount(amount)}")
    return found, rest


def _recorded(charge: Charge) -> Amount:
    return Recorded(field(charge, f"expense {charge.charge_id}", charge.amount, "amount", "amount"))


def _period(draft: Draft, event: ControlTotal) -> tuple[date, date] | None:
    """Of the company's calendar where it names one, else a calendar month; the end is excluded."""
    if event.legal_entity_id is not None:
        entity = draft.reference.entity(event.legal_entity_id)
        found = period_named(entity.fiscal_calendar, event.period) if entity is not None else None
        return (found.start, found.to) if found is not None else None
    try:
        start = date.fromisoformat(f"{event.period}-01")
    except ValueError:
        return None
    return start, months_after(start, 1)


def _held(draft: Draft, event: ControlTotal, period: tuple[date, date]) -> tuple[int, Hours, Amount]:
    """Entries that are not withdrawn, each in its newest version; of time those of the source alone."""
    if event.kind == "time":
        times = [work.event for work in _works(draft, event) if work.time is not None]
        own = [each for each in times if each.source == event.source and period[0] <= day_of(each) < period[1]]
        return len(own), sum(map(worked_hours, own)), 0
    found = _charges(draft, event, period)
    return len(found), 0, sum(each.amount for each in charges(draft, event))


def charges(draft: Draft, event: ControlTotal) -> list[Charge]:
    """Those whose amounts are compared with the source's."""
    period = _period(draft, event)
    found = _charges(draft, event, period) if period is not None else []
    return [each for each in found if event.currency in (None, each.currency)]


def _charges(draft: Draft, event: ControlTotal, period: tuple[date, date]) -> list[Charge]:
    found = [work.charge for work in _works(draft, event) if work.charge is not None]
    kind = CHARGES[event.kind]
    return [each for each in found if each.kind == kind and period[0] <= each.day < period[1]]


def _works(draft: Draft, event: ControlTotal) -> Iterator[Work]:
    for entry in draft.everything():
        work = entry.work
        if work is not None and work.part_of is None and work.project_id == event.project_id:
            yield work
