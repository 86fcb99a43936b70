"""Prices by progress of cost that run when the books begin: what was spent of each budget by then is what progress is measured by.

The day of the balances closes the line as the end of a billing period does, so that what is not billed yet of that progress is on the next
statement.

    budget of 5,000.00 cost for 10,000.00; 2,000.00 are spent: 4,000.00 may be billed, of which 3,000.00 are
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import FixedPrice
from domain.figure import node_of
from domain.identity import composed
from domain.money import format_amount
from domain.terms import methods
from state.books import ClosedPeriod, Contract
from state.charges.spent_record import spent_by
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.opening.stated import OpeningFault, Stated, row_of, stated_lines
from state.value import plain

DAY = timedelta(days=1)


def close_day(draft: Draft, contract: Contract, stated: Stated, as_of: date) -> None:
    """With what the balances state of each category."""
    if methods.by_budgets(stated.plan.line):
        line_id, cost = stated.balance.line_id, {each.category: each.spent for each in stated.balance.spent}
        if draft.why is not None:
            for category, spent in cost.items():
                address = spent_by(contract.contract_id, line_id, as_of, category)
                draft.why.record(address, spent, node_of(spent, f"{category}: spent before"))
        _put_closed(draft, contract.contract_id, line_id, as_of, ClosedPeriod(as_of, as_of + DAY, plain(cost)))


def open_day(draft: Draft, before: BalancesBroughtForward) -> None:
    """A corrected version takes the day of the one before it back."""
    for stated in stated_lines(draft, before):
        if stated.balance.spent:
            _put_closed(draft, stated.contract.contract_id, stated.balance.line_id, before.as_of, None)


def _put_closed(draft: Draft, contract_id: str, line_id: str, as_of: date, closed: ClosedPeriod | None) -> None:
    part_id = composed(contract_id, line_id)
    contract = draft.contract_in_books(contract_id)
    known = line_fees(draft, contract, line_id)
    own = [one for one in known.closed if (one.start, one.to) != (as_of, as_of + DAY)]
    kept = sorted([*own, closed] if closed is not None else own, key=lambda one: one.to)
    draft.put("fees", part_id, replace(known, closed=tuple(kept)))


def progress_faults(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    """Of budgets that the line does not have, stated twice, below zero, or not at all; of billed progress, that nobody says how much it is:
    the next report would bill it once more."""
    for stated in stated_lines(draft, event):
        balance, line = stated.balance, stated.plan.line
        has = sorted(budget.category for budget in line.budgets) if methods.by_budgets(line) else []
        if has and not balance.spent:
            message = f"it is billed as its budgets are spent: expected what is spent of {', '.join(has)}, got nothing"
            yield stated.differs("spent", message)
        terms, currency = line.terms, stated.plan.currency
        by_reports = isinstance(terms, FixedPrice) and terms.by_progress and not line.budgets
        if by_reports and balance.billed and not balance.percent:
            billed = f"{format_amount(balance.billed, currency)} {currency}"
            message = (
                f"it is billed as progress is reported: expected the percent for which {billed} were billed, got none"
            )
            yield stated.differs("percent", message)
        for category, number in Counter(each.category for each in balance.spent).items():
            if number > 1:
                yield stated.differs("spent", f"category {category}: expected once, stated {number} times")
            if category not in has:
                billed_by = ", ".join(has) or "none"
                yield stated.differs("spent", f"category {category} is unknown, the line is billed by {billed_by}")
        for each in balance.spent:
            if each.spent < 0:
                got = format_amount(each.spent, currency)
                of = f"spent of {each.category}{row_of(each.source_row)}"
                yield stated.differs("spent", f"{of}: expected 0 or more, got {got}")
