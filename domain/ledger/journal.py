"""Journals: balanced in transaction and in ledger currency, one for each entity, currency, date and kind (R50, R51).

Ledger amounts are derived line by line; the cents that this leaves go to 7190 and are limited by policy `rounding_limit`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from domain.accounts import CURRENCY_ROUNDING, EXCHANGE_DIFFERENCE
from domain.figure import called, titled
from domain.identity import derived_id
from domain.money import convert, smallest_unit
from domain.outputs import JournalEntry, JournalLine
from domain.reference.exchange import Exchange
from domain.tuples import new_tuple
from domain.units import Amount, ExchangeRate

# Purposes of lines of cost, which may have dimensions of their own; "tax" is what of an expense is recovered.
COST_PURPOSES = frozenset({"cost", "tax"})


# The kind of an invoice's journal, and its rule.
BILLING: Final = "billing"
# Purpose of what is adjusted by hand.
ADJUSTED: Final = "adjustment"
# Rules of journals that follow from where another one stands in the ERP (`state/ledger/standings.py`).
NEVER_ACCEPTED: Final = "never_accepted"
ACCEPTED_AFTER_ALL: Final = "accepted_after_all"
_AMOUNT, _LEDGER_AMOUNT = attrgetter("amount"), attrgetter("ledger_amount")


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
    return Leg(account, purpose, 0, titled(-called(rest, "sum of the other lines"), "what conversion leaves", "R51"))


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
        return tuple([new_tuple(Leg, (account, purpose, amount, amount)) for account, purpose, amount in pairs])
    made = [
        Leg(account, purpose, amount, convert(amount, numerator, denominator, ledger_currency, mode))
        for account, purpose, amount in pairs
    ]
    if rest := sum(leg.ledger_amount for leg in made):
        made.append(rest_leg(rest, same_rate=True))
    return tuple(made)


def merge(all_legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """One line an account and purpose, in the order they first appear; lines at zero are left out."""
    if len({(account, purpose) for account, purpose, amount, ledger in all_legs if amount or ledger}) == len(all_legs):
        return tuple(all_legs)
    sums: dict[tuple[str, str], Leg] = {}
    for leg in all_legs:
        account, purpose, amount, ledger = leg
        had = sums.get((account, purpose))
        sums[account, purpose] = leg if had is None else Leg(account, purpose, had[2] + amount, had[3] + ledger)
    return tuple([leg for leg in sums.values() if leg[2] or leg[3]])


def negated(all_legs: Iterable[Leg]) -> tuple[Leg, ...]:
    return tuple(Leg(leg.account, leg.purpose, -leg.amount, -leg.ledger_amount) for leg in all_legs)


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
    all_legs: Iterable[Leg],
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
    """`of_cost` are the dimensions of lines of cost, where these have others. Raises Unbalanced where the lines do not sum to zero in both
    currencies."""
    journal_id = journal_id_of(about, booking, reverses)
    if of_cost is None:
        of_cost = dimensions
    lines = [
        new_tuple(
            JournalLine,
            (account, purpose, amount, ledger, project_id, None, of_cost if purpose in COST_PURPOSES else dimensions),
        )
        for account, purpose, amount, ledger in all_legs
    ]
    total, ledger_total = sum(map(_AMOUNT, lines)), sum(map(_LEDGER_AMOUNT, lines))
    if total or ledger_total:
        raise Unbalanced(
            f"journal {journal_id}: lines sum to {total} and {ledger_total} in ledger currency (10^-4), expected zero"
        )
    _, kind, affected_id, version, rule, cause_kind, cause_id, cause_version = about
    entity_id, currency, ledger_currency, rate, day, period, booked_as = booking
    return new_tuple(
        JournalEntry,
        (
            journal_id,
            booked_as,
            entity_id,
            currency,
            ledger_currency,
            rate,
            day,
            period,
            rule,
            kind,
            affected_id,
            version,
            cause_kind,
            cause_id,
            cause_version,
            deliver,
            tuple(lines),
            service_date,
            reverses,
            None,
            contract_id,
            customer_id,
            None,
        ),
    )


def journal_by_project(
    about: About,
    booking: Booking,
    placed: Sequence[tuple[str | None, Leg]],
    *,
    contract_id: str | None,
    customer_id: str | None,
    deliver: bool = True,
    reverses: str | None = None,
) -> JournalEntry:
    """One whose lines are of several projects, or of none."""
    made = journal_entry(
        about,
        booking,
        [leg for _, leg in placed],
        project_id="",
        dimensions={},
        service_date=None,
        contract_id=contract_id,
        customer_id=customer_id,
        deliver=deliver,
        reverses=reverses,
    )
    by_line = zip((project_id for project_id, _ in placed), made.lines, strict=True)
    return made._replace(lines=tuple(line._replace(project_id=project_id or None) for project_id, line in by_line))


def journal_id_of(about: About, booking: Booking, reverses: str | None = None) -> str:
    """A reversal is named after what it reverses, any other journal after what is affected, by which rule, caused by what (R50)."""
    if reverses:
        return reversal_id(about.engagement_id, reverses, about.cause_kind, about.cause_id, about.cause_version)
    engagement_id, kind, affected_id, version, rule, *cause = about
    entity_id, currency, _, _, day, _, booked_as = booking
    return derived_id(engagement_id, entity_id, currency, day, kind, affected_id, version, rule, booked_as, *cause)


def reversal_id(engagement_id: str, reverses: str, cause_kind: str, cause_id: str, cause_version: int) -> str:
    return derived_id(engagement_id, reverses, cause_kind, cause_id, cause_version)


def moves_nothing(journal: JournalEntry) -> bool:
    """Whether it only says again, or takes out, what another journal says, because of where that stands in the ERP."""
    return journal.replaces is not None or journal.rule in (NEVER_ACCEPTED, ACCEPTED_AFTER_ALL)
