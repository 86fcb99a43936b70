"""Prices that several rows of a line share, in consumption order: the day of a person, or what the terms include.

A row that comes is priced beside those that are there; these are settled once it stands.
"""

from datetime import date
from operator import itemgetter

from state import drawing, person_day
from state.books import Entry, Price, Work
from state.draft import Draft
from state.plan import LinePlan, plan_of
from state.totals import standing_price


def shared_price(draft: Draft, entry: Entry, work: Work, price: Price, plan: LinePlan) -> Price:
    """The row's share, where its line has any."""
    if work.time is None:
        return price
    if plan.draws is not None:
        return drawing.drawn_price(draft, entry, work, price, plan)
    return person_day.stepped_price(draft, entry, work, price, plan)


def is_shared(entry: Entry | None) -> bool:
    price = standing_price(entry) if entry is not None else None
    return price is not None and price.stepped


def settle_others(draft: Draft, before: Entry | None, after: Entry) -> None:
    """Of what the row left or came to."""
    days: dict[tuple[str, str, str, date], LinePlan] = {}
    lines: set[tuple[str, str]] = set()
    for entry in (before, after):
        price = standing_price(entry) if entry is not None else None
        work = entry.standing if entry is not None else None
        if work is None or price is None or not price.stepped:
            continue
        if price.drawn is not None:
            lines.add((price.contract_id, price.line_id))
        elif (plan := plan_of(draft, price)) is not None:
            days[plan.contract_id, plan.line.line_id, work.person_id, price.day] = plan
    for (_, _, person_id, day), plan in sorted(days.items(), key=itemgetter(0)):
        person_day.settle(draft, plan, person_id, day)
    for contract_id, line_id in sorted(lines):
        contract = draft.contract(contract_id)
        assert contract is not None, "a price is of a contract in the books"
        drawing.settle(draft, contract, line_id)
