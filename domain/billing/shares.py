"""Who pays what of a contract that is billed to several: each a share of every line, in smallest units and with the exact sum (R12).

Units that are left over go to the largest remainders, among equals to the rounding party. Over the pieces of a statement line shares are
cumulative: a piece has the shares of all up to it less those of all before it, so that the line is shared as one amount.

    100.01 by 50, 30 and 20 %: 50.01, 30.00, 20.00
    33.33 and 33.33 by halves: 16.67 and 16.66, then 16.66 and 16.67; the line's 66.66 are 33.33 each
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.events.commercial import ContractSigned
from domain.figure import allocated, called, titled
from domain.money import format_decimal
from domain.policies import Resolved
from domain.refusals import words_of
from domain.sums import summed
from domain.tuples import new_tuple
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount, Percent

FIELD = "bill_to"
RULE = "R12"


class Party(NamedTuple):
    customer_id: str
    share: Percent
    rounding: bool


def parties_of(terms: ContractSigned) -> tuple[Party, ...]:
    """The customer, where nobody else is named. Anyone who is billed for sources that fund the contract has no share of its own."""
    if terms.funding is not None:
        customers = dict.fromkeys(source.bill_to for source in terms.funding.sources)
        return tuple(Party(customer_id, 0, False) for customer_id in customers)
    if not terms.bill_to:
        return (new_tuple(Party, (terms.customer_id, HUNDRED_PERCENT, True)),)
    alone = len(terms.bill_to) == 1
    return tuple(Party(party.customer_id, party.share, alone or party.rounding_party) for party in terms.bill_to)


def expected_parties(terms: ContractSigned) -> tuple[Party, ...]:
    """Who will pay, as far as it is known ahead: of a contract that sources fund by its first rule, whatever these have left."""
    if terms.funding is None:
        return parties_of(terms)
    customers = {source.source_id: source.bill_to for source in terms.funding.sources}
    first = min(terms.funding.rules, key=lambda rule: rule.priority)
    percents = summed((customers[share.source_id], share.percent) for share in first.shares)
    return tuple(
        Party(customer_id, percent, not place) for place, (customer_id, percent) in enumerate(percents.items())
    )


def shared(total: Amount, parties: Sequence[Party], currency: str) -> tuple[Amount, ...]:
    """In the order of the parties."""
    return tuple(allocated(total, [party.share for party in parties], currency, rounding_place(parties)))


def rounding_place(parties: Sequence[Party]) -> int:
    return next((place for place, party in enumerate(parties) if party.rounding), 0)


def shared_quantity(total: int, parties: Sequence[Party]) -> tuple[int, ...]:
    """Hours and quantities, to the last of their decimals: by cumulative rounding down, what is left over to the rounding party."""
    if total < 0:
        return tuple(-part for part in shared_quantity(-total, parties))
    parts = [total * party.share // HUNDRED_PERCENT for party in parties]
    parts[rounding_place(parties)] += total - sum(parts)
    return tuple(parts)


def shared_in_turn(amounts: Iterable[Amount], parties: Sequence[Party], currency: str) -> list[tuple[Amount, ...]]:
    """Of each amount the shares, so that those of any first amounts together are the shares of their sum."""
    found = []
    reached = 0
    before: tuple[Amount, ...] = (0,) * len(parties)
    for amount in amounts:
        reached += amount
        upto = shared(called(reached, "up to it on the line"), parties, currency)
        found.append(tuple(_added(now, had) for now, had in zip(upto, before, strict=True)))
        before = upto
    return found


def _added(now: Amount, had: Amount) -> Amount:
    added = titled(now, "share of all up to it") - titled(had, "share of all before it")
    return titled(added, "share", RULE)


def party_faults(terms: ContractSigned) -> list[tuple[str, str]]:
    """Anyone who is billed pays a share; together they pay all, and one of several takes the cents."""
    if not terms.bill_to:
        return []
    shares = [party.share for party in terms.bill_to]
    if min(shares) <= 0 or sum(shares) != HUNDRED_PERCENT:
        got = ", ".join(format_decimal(share, PERCENT_SCALE) for share in shares)
        return [(FIELD, f"expected shares above zero that sum to 100, got {got}")]
    if len({party.customer_id for party in terms.bill_to}) < len(shares):
        return [(FIELD, "a customer is billed twice")]
    rounding = [party.customer_id for party in terms.bill_to if party.rounding_party]
    if len(shares) > 1 and len(rounding) != 1:
        got = ", ".join(rounding) or "none"
        return [(f"{FIELD}.rounding_party", f"expected one rounding party among several bill-tos, got {got}")]
    return []


def several_pay(terms: ContractSigned) -> bool:
    """Whether statements have parts of entries: of several bill-tos, or of what sources fund."""
    return len(terms.bill_to) > 1 or terms.funding is not None


def refused_with_shares(terms: ContractSigned, policies: Resolved) -> list[str]:
    """Policies that several bill-tos do not go with, nor funding: what rounds a line as a whole rather than its entries."""
    if not several_pay(terms):
        return []
    whom = "several bill-tos" if terms.funding is None else "funding"
    found = (
        []
        if policies.rounding_scope != "line"
        else [words_of("rounding_by_line", policy="rounding_scope=line", whom=whom)]
    )
    by_line = policies.increment_scope == "statement_line" and (policies.increment_minutes or policies.minimum_minutes)
    return (
        [*found, words_of("rounding_by_line", policy="increment_scope=statement_line", whom=whom)] if by_line else found
    )
