"""Policy `overflow=next_rule`: what is over the cap of a line is work of the next, in a row of its own (`state/rerating/passed_on.py`).

The row follows what the caps leave: it is made, changed and withdrawn by what became of its entry in an event, also where that is
another's doing. What it takes from the caps of its line may send others on from there, so that an event is settled when no row changes
any more. Work only ever goes forward in the order of the lines: that ends it.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from domain.events.delivery import TimeApproved
from domain.overflow import passes_on
from domain.work.rows import OVERFLOW, named
from state.books import Contract, Entry, PartOf, Passing, Price, Work
from state.caps.claims import Consumption, consumption_of
from state.caps.notices import count_over
from state.draft import Draft
from state.ledger.posting import with_standing
from state.rerating.passed_on import lines_of_whole, next_line, part_row, with_passed
from state.rerating.rerate import line_ids
from state.rerating.versions import advance, withdraw
from state.terms.plan import LinePlan, plan_of, versions
from state.totals import issued_on, standing_price
from state.work import passed_record

# The kind of the parts of the books that name contracts of which something went on.
PASSING = "passing"


def settle(draft: Draft) -> None:
    """Bring the rows of what goes on to what the caps leave by now; at the end of an event, and before a statement is cut in it."""
    seen: dict[str, Entry] = {}
    has_parts = bool(draft.before.ids.get(PASSING)) or PASSING in draft.kinds
    if "contract" in draft.kinds:
        for row in _of_changed_contracts(draft, has_parts=has_parts):
            _settle_row(draft, row)
    if not has_parts and not draft.over_cap:
        return
    while changed := {row: entry for row, entry in draft.rows.items() if seen.get(row) is not entry}:
        seen |= changed
        for row in dict.fromkeys(each for one in changed for each in _concerned(draft, one, has_parts=has_parts)):
            _settle_row(draft, row)


def _concerned(draft: Draft, row: str, *, has_parts: bool) -> Iterable[str]:
    """The row itself, if anything of it is over a cap or has a part; and the one that it is a part of, since it may be issued by now."""
    if _is_over(draft.rows[row]) or (has_parts and _had_part(draft, row)):
        yield row
    kind, whole = named(row)
    if kind == OVERFLOW:
        yield whole


def _is_over(entry: Entry) -> bool:
    price = standing_price(entry)
    return price is not None and (price.binding is not None or price.passed != 0)


def _had_part(draft: Draft, row: str) -> bool:
    before = draft.entries.get(row)
    price = standing_price(before) if before is not None else None
    return price is not None and price.passed > 0


def _of_changed_contracts(draft: Draft, *, has_parts: bool) -> list[str]:
    """What is or was over caps of contracts whose terms this event changed, which may have another next line now."""
    found = []
    for (kind, part_id), contract in draft.parts.items():
        before: Contract | None = draft.before.get((kind, part_id)) if kind == "contract" else None
        if before is not None and (before.history, before.invalid) != (contract.history, contract.invalid):
            lines, history = line_ids(contract), versions(contract)
            if has_parts or any(passes_on(history, line_id) for line_id in lines):
                entries = (entry for line_id in lines for entry in draft.open_on(contract.contract_id, line_id))
                found += [entry.entry_id for entry in entries]
    return sorted(found)


def _settle_row(draft: Draft, row: str) -> None:
    entry = draft.entry(row)
    consumption = consumption_of(entry) if entry is not None else None
    work = entry.standing if entry is not None else None
    plan = plan_of(draft, consumption.price) if consumption is not None else None
    if entry is None or consumption is None or work is None or plan is None:
        _withdraw_part(draft, row)
        return
    onto = next_line(draft, plan, work, consumption.price)
    if onto is not None and onto.line.line_id in lines_of_whole(draft, row):
        onto = None
    if onto is not None or consumption.price.passed:
        price = _passed_on(draft, entry, consumption, plan, onto)
        _bring_part(draft, row, work, price, onto)
    else:
        _withdraw_part(draft, row)


def _passed_on(draft: Draft, entry: Entry, consumption: Consumption, plan: LinePlan, onto: LinePlan | None) -> Price:
    """What is not billable here is passed on."""
    passed = with_passed(consumption.price, onto)
    if draft.why is not None and passed.passed:
        passed_record.say(draft.why, entry.entry_id, passed)
    if passed != consumption.price:
        assert entry.standing is not None, "its work has a price"
        count_over(draft, plan, consumption.price, passed)
        draft.put_entry(entry, with_standing(entry, replace(entry.standing, price=passed)))
    return passed


def _bring_part(draft: Draft, row: str, work: Work, price: Price, onto: LinePlan | None) -> None:
    """The part reads as it should: made, or judged again where it is another."""
    if not price.passed_hours:
        _withdraw_part(draft, row)
        return
    part = draft.entry(part_row(row))
    line_id = _line_of(part) or (onto.line.line_id if onto is not None else "")
    event, part_of = _event(part_row(row), work, price, line_id), PartOf(row, price.contract_id)
    known = part.work if part is not None else None
    if known is not None and known.part_of == part_of and known.time == event._replace(version=known.subject.version):
        return
    version = part.version + 1 if part is not None else 1
    made = Work(event._replace(version=version), draft.cause.log_offset, part_of=part_of)
    entry = replace(part, version=version, waived=()) if part is not None else Entry(part_row(row), version)
    if draft.part(PASSING, price.contract_id) is None:
        draft.put(PASSING, price.contract_id, Passing(price.contract_id))
    advance(draft, part, entry, made, fresh=True)


def _line_of(part: Entry | None) -> str | None:
    """The line on which the part is issued: it stays there."""
    price = standing_price(part) if part is not None else None
    if part is None or price is None:
        return None
    issued = issued_on(part, price.contract_id, price.line_id)
    return price.line_id if issued is not None and issued.amount else None


def _event(row: str, work: Work, price: Price, line_id: str) -> TimeApproved:
    """What is approved, with the day, the place in consumption order and the hours of the part."""
    return work.event._replace(
        entry_id=row,
        line_id=line_id,
        worked_on=price.day,
        started_at=None,
        ended_at=None,
        hours=price.passed_hours,
        billable_hours=price.passed_hours,
        approved_at=price.approved_at,
    )


def _withdraw_part(draft: Draft, row: str) -> None:
    part = draft.entry(part_row(row))
    if part is not None and part.work is not None:
        withdraw(draft, part_row(row), part.version + 1)
