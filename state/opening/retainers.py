"""Retainers that run when the books begin: what of each period's quantity was used, and what that earned.

Milepost charges the fees of these periods by the terms. The row of the line draws what is not left of what they bought; so it is used as
if entries had, and what is left can be drawn, goes over and expires as the terms say. Where something is left of a period that has ended,
it went over.

    1,000.00 a month for 10 h; of June 4 h are left: 6 h are drawn and have earned 600.00, 400.00 stand on 2300 where June is billed
"""

from collections.abc import Iterator
from datetime import date

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import Retainer
from domain.figure import Recorded
from domain.money import format_decimal
from domain.numbered import in_force
from domain.terms import retainer
from domain.terms.kind import Draws, LineHistory
from domain.units import AMOUNT_SCALE, QUANTITY_SCALE, Amount, Quantity
from domain.why import in_event
from state.charges.terms_known import known_of
from state.draft import Draft
from state.opening.stated import OpeningFault, Stated, row_of, stated_lines
from state.terms.opening import expired_of


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
