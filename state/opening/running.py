"""What runs when the books begin: retainers of which a part was used, and prices by progress of cost.

Milepost charges the fees of a retainer's periods by the terms. The row of the line draws what is not left of what they bought; so it is
used as if entries had, and what is left can be drawn, goes over and expires as the terms say. Where something is left of a period that has
ended, it went over.

    1,000.00 a month for 10 h; of June 4 h are left: 6 h are drawn and have earned 600.00, 400.00 stand on 2300 where June is billed

What was spent of each budget by then is what progress is measured by. The day of the balances closes the line as the end of a billing
period does, so that what is not billed yet of that progress is on the next statement.

    budget of 5,000.00 cost for 10,000.00; 2,000.00 are spent: 4,000.00 may be billed, of which 3,000.00 are
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import FixedPrice, Retainer
from domain.figure import Recorded, node_of
from domain.identity import composed
from domain.money import format_amount, format_decimal
from domain.numbered import in_force
from domain.terms import methods, retainer
from domain.terms.kind import Draws, LineHistory
from domain.units import AMOUNT_SCALE, QUANTITY_SCALE, Amount, Quantity
from domain.why import in_event
from state.books import ClosedPeriod, Contract
from state.charges.spent_record import spent_by
from state.charges.terms_known import known_of, line_fees
from state.draft import Draft
from state.opening.stated import OpeningFault, Stated, row_of, stated_lines
from state.terms.opening import expired_of
from state.value import plain

DAY = timedelta(days=1)


def draws_of(draft: Draft, stated: Stated, event: BalancesBroughtForward) -> dict[str, tuple[int, Amount]] | None:
    """By what fees bought: how much of it is used, and what that earned; None for other terms."""
    if not isinstance(stated.plan.line.terms, Retainer):
        return None
    known, left = _known(draft, stated), {each.starts_on: each.left for each in stated.balance.retainer}
    if draft.why is not None:
        known, left = _in_force(stated, event, known)
    return retainer.used_before(known, event.as_of, left)


def _in_force(
    stated: Stated, event: BalancesBroughtForward, known: LineHistory
) -> tuple[LineHistory, dict[date, Quantity]]:
    """The same, of which each number says where it is stated."""
    left: dict[date, Quantity] = {}
    expired: dict[str, Quantity] = {}
    for number, each in enumerate(stated.balance.retainer):
        of, row = f"line {stated.balance.line_id}", row_of(each.source_row)
        at = f"lines[{stated.place}].retainer[{number}]"
        for name, value in (("left", each.left), ("expired", each.expired)):
            title = f"{of}: {name} of {each.starts_on}{row}"
            made = Recorded(in_event(title, value, "quantity", event, f"{at}.{name}")) if value else 0
            if name == "left":
                left[each.starts_on] = made
            elif made:
                expired[f"{each.starts_on}"] = made
    return known._replace(held=[in_force(agreed) for agreed in known.held], expired=expired), left


def beyond(stated: Stated, drawn: Draws) -> Amount:
    """What work was charged beyond what fees had bought, and what top-ups cost: all that was earned otherwise."""
    terms, balance = stated.plan.line.terms, stated.balance
    assert isinstance(terms, Retainer), "it draws"
    if not balance.billable_hours and terms.top_up is None:
        return 0
    return max(balance.revenue + balance.conceded - sum(earned for _, earned in drawn.values()), 0)


def retainer_faults(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    """Of periods that the terms do not have, that are over, or have more left than was bought; the running one has to be stated."""
    for stated in stated_lines(draft, event):
        yield from _of_line(draft, stated, event.as_of)


def _of_line(draft: Draft, stated: Stated, as_of: date) -> Iterator[OpeningFault]:
    terms, balance, fault = stated.plan.line.terms, stated.balance, stated.differs
    if not isinstance(terms, Retainer):
        if balance.retainer:
            yield fault("retainer", "it is no retainer: expected no periods of one")
        return
    bought = {lot.period.start: lot for lot in retainer.lots(_known(draft, stated), as_of)}
    names = ", ".join(day.isoformat() for day in sorted(bought)) or "none"
    for each in balance.retainer:
        at, lot = f"period from {each.starts_on}", bought.get(each.starts_on)
        if lot is None:
            yield fault("retainer.starts_on", f"{at} is unknown, by its terms it has {names} until {as_of}")
            continue
        scale = AMOUNT_SCALE if terms.unit == "money" else QUANTITY_SCALE
        most, got = format_decimal(lot.quantity, scale), format_decimal(each.left, QUANTITY_SCALE)
        if each.left < 0 or (retainer.in_unit(terms, each.left) > lot.quantity and terms.top_up is None):
            yield fault("retainer.left", f"{at}: expected 0 to {most}, as it bought, got {got}")
        if not 0 <= retainer.in_unit(terms, each.expired) <= lot.quantity:
            gone = format_decimal(each.expired, QUANTITY_SCALE)
            yield fault("retainer.expired", f"{at}: expected 0 to {most}, as it bought, got {gone}")
        if each.left and lot.until < as_of:
            yield fault("retainer.left", f"{at}: it could be used until {lot.until}: expected 0 left, got {got}")
        if each.expires_on not in (None, lot.until):
            when = "never" if lot.until == date.max else f"after {lot.until}"
            yield fault("retainer.expires_on", f"{at}: by its terms it expires {when}, got {each.expires_on}")
    stated_periods = {each.starts_on for each in balance.retainer}
    for start, lot in bought.items():
        if start not in stated_periods and start <= as_of < lot.period.last:
            yield fault("retainer", f"expected what is left of the period from {start}, which runs; 0 where nothing is")


def _known(draft: Draft, stated: Stated) -> LineHistory:
    """Without what it drew or filled up by what is known here."""
    known = known_of(draft, stated.contract, stated.balance.line_id)
    return known._replace(ended=(), topped_up=(), drawn={}, expired=expired_of(stated.balance))


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
