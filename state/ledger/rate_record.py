"""What a recorder has of the rate of a journal (R51 to R53): quotes on the way, what an event states, or what another journal carries."""

from functools import partial
from typing import Final

from domain.explanation import Arithmetic, Node, Parameter, PolicyUse, evaluated, step_of
from domain.figure import Recorded, later
from domain.identity import composed
from domain.money import convert
from domain.reference.exchange import Exchange
from domain.units import EXCHANGE_RATE_ONE, Amount
from domain.why import Rates, Why, entity_policies, line_policies, quoted
from state.terms.known import Slot
from state.terms.plan import LinePlan

POLICIES: Final = ("exchange_rate_type", "fx_date", "rate_staleness_days", "money_mode")
# A rate is kept to twelve decimals.
STEP: Final = "0.000000000001"


def rate_at(journal_id: str) -> str:
    return f"{journal_id}#rate"


def say_rate(why: Why, journal_id: str, slot: Slot, plan: LinePlan | None, stated: Node | None = None) -> None:
    """By policies of the contract line, where it is of one; `stated` by an event."""
    exchange = slot.exchange
    if slot.currency == slot.entity.currency:
        return
    if stated is not None:
        why.record(rate_at(journal_id), exchange.rate, stated)
    elif exchange.path:
        why.later(rate_at(journal_id), exchange.rate, partial(_quoted, slot, plan))
    elif (carried := why.figure_at(rate_at(exchange.journal_id), why.now)) is not None:
        why.record(rate_at(journal_id), exchange.rate, _carried(exchange, carried))


def rate_of(why: Why | None, slot: Slot, stated: Node | None = None) -> Node | None:
    """The same before there is a journal, by policies of the legal entity; None of one currency."""
    exchange = slot.exchange
    if why is None or slot.currency == slot.entity.currency or stated is not None:
        return stated if slot.currency != slot.entity.currency else None
    if exchange.path:
        return _quoted(slot, None)
    carried = why.figure_at(rate_at(exchange.journal_id), why.now)
    return _carried(exchange, carried) if carried is not None else None


def converted(amount: Amount, slot: Slot, mode: str, rate: Node | None) -> Amount:
    """In ledger currency, recorded by the rate."""
    exchange, currency = slot.exchange, slot.entity.currency
    made = convert(amount, exchange.numerator, exchange.denominator, currency, mode)
    return later(made, in_ledger, amount.node, rate, currency, mode) if isinstance(amount, Recorded) else made


def in_ledger(amount: Node, rate: Node | None, currency: str, mode: str) -> Node:
    """Along the path of a rate, or at one that something states or carries; of one currency it is the same."""
    title = "in ledger currency"
    if rate is None or rate.arithmetic is None:
        return Node(title, amount.value, "amount", currency, Arithmetic("same", (amount,)))
    operation, quotes, parameters = rate.arithmetic
    rounding: dict[str, Parameter] = {"step": step_of(currency), "mode": mode}
    if operation != "exchange":
        legs: dict[str, Parameter] = {"legs": ("times",), **rounding}
        return evaluated(title, "convert", (amount, rate), legs, "amount", currency, rule="R52")
    along = {"legs": parameters["legs"], **rounding}
    made = evaluated(title, "convert", (amount, *quotes), along, "amount", currency, rule="R53")
    return made._replace(policies=rate.policies, facts=rate.facts)


def invoice_rate_of(invoice_id: str) -> str:
    """Where it is recorded at which rate an invoice was posted, for its credit memos."""
    return f"{composed('invoice', invoice_id)}#rate"


def say_invoice_rate(why: Why, invoice_id: str, slot: Slot, rates: Rates) -> None:
    if rates.nodes:
        why.record(invoice_rate_of(invoice_id), slot.exchange.rate, _along(slot, rates))


def _quoted(slot: Slot, plan: LinePlan | None) -> Node:
    exchange = slot.exchange
    rates = quoted(exchange, exchange.rate_type, exchange.day, slot.entity)
    return _along(slot, rates)._replace(policies=_policies(slot, plan))


def _along(slot: Slot, rates: Rates) -> Node:
    path = Arithmetic("exchange", rates.nodes, {"legs": rates.legs, "step": STEP})
    title = f"{slot.currency} to {slot.entity.currency}"
    return Node(title, slot.exchange.rate, "exchange_rate", "", path, "R53", rates.policies, rates.facts)


def _policies(slot: Slot, plan: LinePlan | None) -> tuple[PolicyUse, ...]:
    if plan is None:
        return entity_policies(slot.entity, *POLICIES)
    return line_policies(plan.terms, plan.line.line_id, plan.entity, *POLICIES)


def _carried(exchange: Exchange, carried: Node) -> Node:
    """To the twelve decimals that are kept; where a line goes over whole, as exactly as it was converted."""
    if exchange.denominator != EXCHANGE_RATE_ONE:
        return carried
    title = f"rate that journal {exchange.journal_id} carries"
    same = Arithmetic("same", (carried,))
    return Node(title, exchange.rate, "exchange_rate", "", same, "R52", id=exchange.journal_id)
