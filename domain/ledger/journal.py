"""Journals: balanced in transaction and in ledger currency, one for each entity, currency, date and kind (R50, R51).

Ledger amounts are derived line by line; the cents that this leaves go to 7190 and are limited by policy `rounding_limit`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, Protocol

from domain.accounts import CURRENCY_ROUNDING, EXCHANGE_DIFFERENCE
from domain.identity import derived_id
from domain.money import convert, smallest_unit
from domain.outputs import JournalEntry, JournalLine
from domain.reference.exchange import Exchange
from domain.units import Amount, ExchangeRate

# Purposes of lines of cost, which may have dimensions of their own; "tax" is what of an expense is recovered.
COST_PURPOSES = frozenset({"cost", "tax"})
# A named tuple's own constructor is a Python function; on the path of every event its parent's is three times as fast.
_new = tuple.__new__


# The kind of an invoice's journal, and its rule.
BILLING: Final = "billing"
# Rules of journals that follow from where another one stands in the ERP (`state/ledger/standings.py`).
NEVER_ACCEPTED: Final = "never_accepted"
ACCEPTED_AFTER_ALL: Final = "accepted_after_all"


class Line(Protocol):
    """Debit positive, credit negative."""

    @property
    def amount(self) -> Amount: ...


def debits(lines: Iterable[Line]) -> Amount:
    """What is debited, which is as much as is credited: how much money a journal moves."""
    total = 0
    for line in lines:
        if line.amount > 0:
            total += line.amount
    return total


class Leg(NamedTuple):
    """One line before it stands in a journal: debit positive, credit negative."""

    account: str
    purpose: str
    amount: Amount
    ledger_amount: Amount


def rest_leg(rest: Amount, same_rate: bool) -> Leg:
    """What is left in ledger currency alone: cents of rounding where all is of one rate, else an exchange difference."""
    account, purpose = (CURRENCY_ROUNDING, "rounding") if same_rate else (EXCHANGE_DIFFERENCE, "exchange_difference")
    return Leg(account, purpose, 0, -rest)


class Booking(NamedTuple):
    """Where and when legs are booked; legs of equal bookings of one event share a journal."""

    legal_entity_id: str
    currency: str
    ledger_currency: str
    exchange_rate: ExchangeRate
    accounting_date: date
    period: str
    kind: str


class About(NamedTuple):
    """What a journal is about and what caused it, each by kind, id and version."""

    engagement_id: str
    kind: str
    id: str
    version: int
    rule: str
    cause_kind: str
    cause_id: str
    cause_version: int


class Unbalanced(AssertionError):
    """Our own bug: wrong money must not leave."""


def legs(
    pairs: Iterable[tuple[str, str, Amount]], exchange: Exchange, ledger_currency: str, mode: str
) -> tuple[Leg, ...]:
    """Convert each line by the exact exchange rate; the ledger residual goes to 7190."""
    numerator, denominator = exchange.numerator, exchange.denominator
    if numerator == denominator:
        return tuple([_new(Leg, (account, purpose, amount, amount)) for account, purpose, amount in pairs])
    made = [
        Leg(account, purpose, amount, convert(amount, numerator, denominator, ledger_currency, mode))
        for account, purpose, amount in pairs
    ]
    if rest := sum(leg.ledger_amount for leg in made):
        made.append(rest_leg(rest, same_rate=True))
    return tuple(made)


def merge(all_legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """One line an account and purpose, in the order they first appear; lines at zero are left out."""
    sums: dict[tuple[str, str], Leg] = {}
    for leg in all_legs:
        account, purpose, amount, ledger = leg
        had = sums.get((account, purpose))
        if had is None:
            sums[account, purpose] = leg
        else:
            sums[account, purpose] = _new(Leg, (account, purpose, had[2] + amount, had[3] + ledger))
    return tuple([leg for leg in sums.values() if leg[2] or leg[3]])


def negated(all_legs: Iterable[Leg]) -> tuple[Leg, ...]:
    return tuple(Leg(leg.account, leg.purpose, -leg.amount, -leg.ledger_amount) for leg in all_legs)


def check_balance(journal_id: str, all_legs: Sequence[Leg]) -> None:
    total = ledger = 0
    for leg in all_legs:
        total += leg.amount
        ledger += leg.ledger_amount
    if total or ledger:
        raise Unbalanced(
            f"journal {journal_id}: lines sum to {total} and {ledger} in ledger currency (10^-4), expected zero"
        )


def rounding_beyond(all_legs: Iterable[Leg], ledger_currency: str, limit: Amount) -> Amount:
    """The ledger residual of a journal where it is beyond the limit, which is at least one smallest unit; else zero."""
    rest = 0
    for leg in all_legs:
        if leg.account == CURRENCY_ROUNDING:
            rest += leg.ledger_amount
    return rest if rest and abs(rest) > max(limit, smallest_unit(ledger_currency)) else 0


def journal_entry(
    about: About,
    booking: Booking,
    all_legs: Sequence[Leg],
    *,
    project_id: str,
    dimensions: Mapping[str, str],
    of_cost: Mapping[str, str] | None = None,
    service_date: date | None,
    contract_id: str | None,
    customer_id: str | None,
    deliver: bool = True,
    reverses: str | None = None,
) -> JournalEntry:
    """`of_cost` are the dimensions of lines of cost, where these have others."""
    journal_id = _journal_id(about, booking, reverses)
    check_balance(journal_id, all_legs)
    cost = dimensions if of_cost is None else of_cost
    return JournalEntry(
        journal_id,
        booking.kind,
        booking.legal_entity_id,
        booking.currency,
        booking.ledger_currency,
        booking.exchange_rate,
        booking.accounting_date,
        booking.period,
        about.rule,
        about.kind,
        about.id,
        about.version,
        about.cause_kind,
        about.cause_id,
        about.cause_version,
        deliver,
        tuple(
            [
                _new(JournalLine, (*leg, project_id, None, cost if leg[1] in COST_PURPOSES else dimensions))
                for leg in all_legs
            ]
        ),
        service_date,
        reverses,
        None,
        contract_id,
        customer_id,
    )


def _journal_id(about: About, booking: Booking, reverses: str | None) -> str:
    """A reversal is named after what it reverses, any other journal after what is affected, by which rule, caused by what (R50)."""
    if reverses:
        return reversal_id(about.engagement_id, reverses, about.cause_kind, about.cause_id, about.cause_version)
    return derived_id(
        about.engagement_id,
        booking.legal_entity_id,
        booking.currency,
        booking.accounting_date,
        about.kind,
        about.id,
        about.version,
        about.rule,
        booking.kind,
        about.cause_kind,
        about.cause_id,
        about.cause_version,
    )


def reversal_id(engagement_id: str, reverses: str, cause_kind: str, cause_id: str, cause_version: int) -> str:
    return derived_id(engagement_id, reverses, cause_kind, cause_id, cause_version)


def moves_nothing(journal: JournalEntry) -> bool:
    """Whether it only says again, or takes out, what another journal says, because of where that stands in the ERP."""
    return journal.replaces is not None or journal.rule in (NEVER_ACCEPTED, ACCEPTED_AFTER_ALL)
