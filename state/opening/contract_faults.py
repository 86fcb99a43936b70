"""What is wrong with the balances of a contract: its period, its exchange rate, and what its lines and invoices sum to."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from domain.billing.shares import parties_of, shared
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, ReceivableForward
from domain.money import format_amount
from domain.receivables.opening import owed_and_settled, parts_of_payers
from domain.reference.exchange import MISSING_RATE, NO_RATE, STALE_RATE, MissingRate
from domain.reference.zones import midnight
from domain.terms.kind import NO_REVENUE
from domain.waiting import waits_for_exchange_rate
from state.books import BroughtForward, Contract
from state.draft import Draft
from state.opening.stated import DIFFERS, OpeningFault, Stated, row_of, stated_lines
from state.terms.known import exchange_on, period
from state.terms.periods import zone_of
from state.terms.plan import contract_policies
from state.work.exchange_waits import is_of_day, may_come_nearer, only_older

CLOSED: Final = "period_closed_no_open_period"
DAY = timedelta(days=1)


def faults_of_contract(draft: Draft, known: BroughtForward, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    event, contract = known.event, stated[0].contract
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    if entity is None:
        return
    own = period(draft, entity, event.as_of)
    if own.name in draft.reference.closed_periods(entity.legal_entity_id):
        message = (
            f"accounting period {own.name} of {entity.legal_entity_id} is closed, expected an open one on {event.as_of}"
        )
        reopened = (("period", entity.legal_entity_id),)
        yield OpeningFault(CLOSED, message, "as_of", contract.contract_id, waits=reopened)
    policies = contract_policies(draft, contract)
    exchange = exchange_on(draft, policies, terms.currency, entity.currency, event.as_of, event.as_of)
    staleness = policies.rate_staleness_days
    waits = waits_for_exchange_rate(terms.currency, entity.currency, entity.legal_entity_id, {event.as_of}, staleness)
    if isinstance(exchange, MissingRate):
        yield OpeningFault(exchange.category, exchange.message, "as_of", contract.contract_id, waits=waits)
    else:
        zone = _ends_first(draft, event, entity.zone)
        is_running = draft.cause.recorded_at < midnight(event.as_of + DAY, zone)
        has_waited = known.category in MISSING_RATE
        if not is_of_day(exchange, event.as_of) and (is_running or (has_waited and may_come_nearer(draft, zone))):
            message = only_older(terms.currency, entity.currency, event.as_of)
            yield OpeningFault(
                STALE_RATE if known.category == STALE_RATE else NO_RATE,
                message,
                "as_of",
                contract.contract_id,
                waits,
                zone,
            )
    yield from _sums(event, contract, stated)


def _ends_first(draft: Draft, event: BalancesBroughtForward, zone: str) -> str:
    """The company's zone, or that of a contract whose day ends earlier, so that none is billed without its balances."""
    zones = {zone, *(zone_of(draft, one.contract) for one in stated_lines(draft, event))}
    return min(zones, key=lambda one: (midnight(event.as_of + DAY, one), one))


def _sums(event: BalancesBroughtForward, contract: Contract, stated: Sequence[Stated]) -> Iterator[OpeningFault]:
    """Billed and tax, less what was kept back or set against it, is paid, given up or open: of all bill-tos, and of each."""
    lines = [one.balance for one in stated]
    own = [one for one in event.receivables if one.contract_id in (None, contract.contract_id)]
    whole = list(_sum(contract, stated, lines, own, ""))
    yield from whole
    parties = parties_of(contract.terms)
    if len(parties) == 1 or whole:
        return
    share = partial(shared, parties=parties, currency=contract.terms.currency)
    parts = [parts_of_payers(one, parties, share) for one in lines]
    for place, party in enumerate(parties):
        of_payer = [one for one in own if one.bill_to == party.customer_id]
        yield from _sum(contract, stated, [part[place] for part in parts], of_payer, party.customer_id)


def _sum(
    contract: Contract,
    stated: Sequence[Stated],
    lines: Sequence[BalanceForward],
    own: Sequence[ReceivableForward],
    bill_to: str,
) -> Iterator[OpeningFault]:
    """`lines` are what the bill-to has of them, where one is named; what it paid has to be stated where its parts are."""
    currency, contract_id = contract.terms.currency, contract.contract_id
    of = f"{contract_id}, bill-to {bill_to}" if bill_to else contract_id
    deposits = {one.balance.line_id for one in stated if one.plan.timing == NO_REVENUE}
    found = owed_and_settled(lines, deposits, own)
    net = found.billed - found.deposits_used
    beyond = sum(one.net + one.retention for one in own) - net, sum(one.tax for one in own) - found.tax
    retained, kept = sum(one.retention for one in own), sum(one.retention for one in lines)
    if retained > kept:
        most, got = format_amount(kept, currency), format_amount(retained, currency)
        message = f"contract {of}: retention of its open invoices: expected at most {most}, as its lines have it, got {got} {currency}"
        yield OpeningFault(DIFFERS, message, "receivables", contract_id)
    if max(beyond) > 0:
        what, whole = ("net", net) if beyond[0] > 0 else ("tax", found.tax)
        most, got = format_amount(whole, currency), format_amount(whole + max(beyond), currency)
        message = (
            f"contract {of}: {what} of its open invoices: expected at most {most}, as billed, got {got} {currency}"
        )
        yield OpeningFault(DIFFERS, message, "receivables", contract_id)
    is_stated_by_payer = any(one.balance.payers for one in stated)
    if found.difference if not bill_to or is_stated_by_payer else found.open > found.unpaid_most:
        rows = "".join(row_of(one.source_row) for one in lines)
        yield OpeningFault(DIFFERS, f"{found.sentence(of, currency)}{rows}", "lines", contract_id)
