"""Policy `overflow=next_rule`: which part of an entry goes on from its line, to which line, and what of it stays there.

A line is capped at 1,000 at 200 an hour, the next takes the same work at 150. Of an entry of 8 hours, 1,600, the line keeps 1,000;
600 of 1,600 are 3 of 8 hours, and these are worth 450 on the next line. They are a row of their own (`state/rerating/overflow.py`).

Work has its room on such a line by service date, approval and id, issued or not (`Price.by_day`), so that the order of arrival does not
decide at which line's rates an hour is billed. What is on statements otherwise is put right by the next ones: the 3 hours go back as soon
as the first line has room, and the 5 go on when earlier work comes late and takes it.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from domain.events.common import ContractLine
from domain.money import round_ratio
from domain.overflow import lines_after
from domain.policies import NEXT_RULE
from domain.units import Amount, Hours
from domain.work.rows import OVERFLOW, named, row_id
from state.books import Contract, Price, Work
from state.draft import Draft
from state.terms.plan import LinePlan, line_plan, version_on
from state.totals import standing_price


def part_row(row: str) -> str:
    """The row of what goes on from the line of a row."""
    return row_id(OVERFLOW, row)


def with_parts(draft: Draft, row: str) -> Iterator[str]:
    """The row and those of its parts, from line to line."""
    while draft.entry(row) is not None:
        yield row
        row = part_row(row)


def lines_of_whole(draft: Draft, row: str) -> Iterator[str]:
    """The lines that a part has come from: where an amendment put one of them after its own, it does not go back."""
    kind, row = named(row)
    while kind == OVERFLOW:
        whole = draft.entry(row)
        price = standing_price(whole) if whole is not None else None
        yield price.line_id if price is not None else ""
        kind, row = named(row)


def next_line(draft: Draft, plan: LinePlan, work: Work, price: Price) -> LinePlan | None:
    """The line that what is over the plan's cap goes on to: the first after it that takes the work, at hourly rates."""
    if plan.policies.overflow != NEXT_RULE or work.time is None:
        return None
    contract = draft.contract(plan.contract_id)
    if contract is None or contract.invalid is not None:
        return None
    task = work.time.task
    number = version_on(contract, price.day)
    key = ("next line", plan.contract_id, contract.version, len(contract.history), number, plan.line.line_id, task)
    if key not in draft.memo.lines:
        draft.memo.lines[key] = _next_line(draft, contract, number, plan.line, task)
    found: LinePlan | None = draft.memo.lines[key]
    return found


def _next_line(draft: Draft, contract: Contract, number: int, first: ContractLine, task: str | None) -> LinePlan | None:
    terms = next(stored.terms for stored in contract.history if stored.version == number)
    behind = lines_after(terms.lines, first.line_id, task)
    plans = (line_plan(draft, contract, number, line.line_id) for line in behind)
    return next((plan for plan in plans if plan is not None and plan.refused is None), None)


# What is over, in amount and hours


def with_passed(price: Price, onto: LinePlan | None) -> Price:
    """The price with what of it is on the next line, if there is one: all that is not billable on its own."""
    passed = price.chargeable - price.billable if onto is not None and not price.final else 0
    hours = hours_of(price, passed) if passed else 0
    return replace(price, passed=passed if hours else 0, passed_hours=hours)


def hours_of(price: Price, value: Amount) -> Hours:
    """What of the hours the value pays for, in the unit of hours."""
    return price.hours if value == price.value else round_ratio(price.hours * value, price.value, 1, "half_up")


def is_issued_after(draft: Draft, row: str) -> bool:
    """Whether a part of the row is on statements of lines after its own."""
    parts = (draft.entry(part) for part in with_parts(draft, part_row(row)))
    return any(one.amount for part in parts if part is not None for one in part.issued)
