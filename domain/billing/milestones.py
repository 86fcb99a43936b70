"""Milestones: each has a price that is due once, when the customer accepts it (R27).

Work on the line costs and is not charged by itself. A milestone that is revoked is found no more, so that what was billed of it is
credited in full.

    50,000.00 in three milestones; before the first is accepted nothing is due, then 10,000.00
"""

from collections.abc import Iterable, Iterator
from datetime import date

from domain.billing.kind import WITH_CHARGE, WITH_INVOICE, Agreed, Fee, Kind, Known
from domain.events.commercial import ContractSigned
from domain.events.common import Milestones
from domain.policy_faults import Fault, price_faults


def fees(agreed: Agreed, known: Known, until: date) -> Iterator[Fee]:
    terms = agreed.line.terms
    assert isinstance(terms, Milestones), "the kind of the terms chose this module"
    for milestone in terms.milestones:
        accepted_on = known.accepted.get(milestone.milestone_id)
        if accepted_on is not None and accepted_on <= until:
            yield Fee(f"milestone/{milestone.milestone_id}", accepted_on, milestone.amount, milestone.name)


def faults(terms: Milestones, contract: ContractSigned) -> Iterable[Fault]:
    if not terms.milestones:
        yield "milestones", "expected at least one milestone"
    seen: set[str] = set()
    for place, milestone in enumerate(terms.milestones):
        where = f"milestones[{place}]"
        if milestone.milestone_id in seen:
            yield f"{where}.milestone_id", f"milestone {milestone.milestone_id} stands twice"
        seen.add(milestone.milestone_id)
        yield from price_faults(f"{where}.amount", milestone.amount, contract.currency)


KIND = Kind(
    takes=("time", "expense"),
    revenue={"milestone": WITH_CHARGE, "as_billed": WITH_INVOICE},
    fees=fees,
    faults=faults,
)
