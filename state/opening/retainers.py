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
from domain.explanation import Node, Parameter, evaluated, in_proportion, least, less, total
from domain.figure import as_recorded
from domain.identity import composed
from domain.money import format_decimal
from domain.terms import retainer
from domain.terms.kind import IN_MONEY, Draws, LineHistory
from domain.terms.retainer import Lot
from domain.units import AMOUNT_SCALE, QUANTITY_SCALE, Amount
from domain.why import Why, elsewhere, in_event
from state.charges.terms_known import known_of
from state.draft import Draft
from state.opening.stated import DIFFERS, OpeningFault, Stated, row_of, stated_lines
from state.terms.opening import expired_of


def draws_of(draft: Draft, stated: Stated, event: BalancesBroughtForward) -> dict[str, tuple[int, Amount]] | None:
    """By what fees bought: how much of it is used, and what that earned; None for other terms."""
    if not isinstance(stated.plan.line.terms, Retainer):
        return None
    known, left = _known(draft, stated), {each.starts_on: each.left for each in stated.balance.retainer}
    drawn = retainer.used_before(known, event.as_of, left)
    if draft.why is None:
        return drawn
    say = _DrawnRecord(draft.why, stated, event, retainer.over_by(known, event.as_of))
    return {store: say.figures(store, *of_it) for store, of_it in drawn.items()}


class _DrawnRecord:
    """What fees bought, and what of it is used, with their nodes."""

    def __init__(self, why: Why, stated: Stated, event: BalancesBroughtForward, known: LineHistory) -> None:
        self.why, self.stated, self.event, self.known = why, stated, event, known
        self.lots = {lot.name: lot for lot in retainer.lots(known, event.as_of)}
        in_money = stated.plan.draws == IN_MONEY
        self.unit, self.currency = ("amount", stated.plan.currency) if in_money else ("hours", "")

    def figures(self, store: str, quantity: int, earned: Amount) -> tuple[int, Amount]:
        """Used is all of it, less what is left and what had expired; what expired has earned what no work can."""
        lot = self.lots[store.removeprefix(retainer.EXPIRED)]
        if store != lot.name:
            title = f"of {lot.name} nobody can earn"
            return quantity, as_recorded(earned, less(title, self._fee(lot), self._earned(lot, self._usable(lot))))
        used = self._without(lot, "left", "expired")
        return as_recorded(quantity, used), as_recorded(earned, self._earned(lot, used)) if earned else 0

    def _earned(self, lot: Lot, used: Node) -> Node:
        """In proportion to what is expected to be drawn, no more than the fee (R28)."""
        if used.value == lot.quantity:
            return self._fee(lot)
        mode = lot.agreed.policies.money_mode
        made = in_proportion("earned", self._fee(lot), used, self._expected(lot), mode)
        return least("no more than the fee", [made, self._fee(lot)]) if (made.value or 0) > lot.fee else made

    def _expected(self, lot: Lot) -> Node:
        bought, over = self._bought(lot), retainer.expected_by(self.known, lot)
        drawn = total("used of those before", [self._usable(one) for one in over], self.unit, self.currency)
        if not drawn.value:
            return bought
        had = total("bought before", [self._bought(one) for one in over], self.unit, self.currency)
        parameters: dict[str, Parameter] = {"step": "0.0001" if self.currency else "0.000001", "mode": "down"}
        title, operands = f"of {lot.name} expected to be drawn", (bought, drawn, had)
        return evaluated(title, "proportion", operands, parameters, self.unit, self.currency)

    def _usable(self, lot: Lot) -> Node:
        return self._without(lot, "expired")

    def _without(self, lot: Lot, *names: str) -> Node:
        gone = self._stated(lot, *names)
        return less(f"of {lot.name}", self._bought(lot), *gone) if gone else self._bought(lot)

    def _fee(self, lot: Lot) -> Node:
        return self._of_lot(lot, "fee", lot.fee, "amount", self.stated.plan.currency)

    def _bought(self, lot: Lot) -> Node:
        return self._of_lot(lot, "bought", lot.quantity, self.unit, self.currency)

    def _of_lot(self, lot: Lot, what: str, value: int, unit: str, currency: str) -> Node:
        place = self.stated.contract.contract_id, self.stated.balance.line_id
        address = composed("lot", what, *place, lot.name, str(self.why.now))
        return elsewhere(f"{what} of {lot.name}", value, address, currency, unit)

    def _stated(self, lot: Lot, *names: str) -> list[Node]:
        balance, found = self.stated.balance, []
        for number, each in enumerate(balance.retainer):
            for name in names if each.starts_on.isoformat() == lot.name else ():
                rest = retainer.in_unit(lot.terms, getattr(each, name))
                title = f"line {balance.line_id}: {name} of {lot.name}{row_of(each.source_row)}"
                at = f"lines[{self.stated.place}].retainer[{number}].{name}"
                found += [in_event(title, rest, self.unit, self.event, at, self.currency)] if rest else []
        return found


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
    terms, balance = stated.plan.line.terms, stated.balance

    def fault(field: str, message: str) -> OpeningFault:
        of = f"line {balance.line_id}{row_of(balance.source_row)}"
        at = f"lines[{stated.place}].{field}"
        return OpeningFault(DIFFERS, f"{of}: {message}", at, stated.contract.contract_id)

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
