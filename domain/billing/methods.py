"""The kinds of terms, one screen: a line each, with the module that has its rules."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from domain.billing import fixed_price, milestones, time_and_materials
from domain.billing.kind import INCLUDED, NO_FEES, RATED, WITH_CHARGE, Agreed, Fee, Kind, Known, Store
from domain.events.commercial import ContractSigned
from domain.events.common import (
    ContractLine,
    FixedPrice,
    Milestones,
    Terms,
    TimeAndMaterials,
)
from domain.policies import Resolved
from domain.policy_faults import Fault
from domain.units import Hours, Rate

KINDS: Mapping[type[Terms], Kind] = {
    TimeAndMaterials: time_and_materials.KIND,
    FixedPrice: fixed_price.KIND,
    Milestones: milestones.KIND,
}


def kind_of(terms: Terms) -> Kind:
    return KINDS[type(terms)]


def unsupported(terms: Terms) -> str | None:
    """Why the rules in force refuse these terms; None where they handle them."""
    return None if type(terms) in KINDS else f"terms {type(terms).__name__} are not handled by the rules in force"


def revenue_method(line: ContractLine, policies: Resolved) -> str:
    """As the line says, else the policy, else what is usual for terms of this kind."""
    return line.revenue_policy or policies.revenue_method or next(iter(kind_of(line.terms).revenue))


def unsupported_line(line: ContractLine, policies: Resolved) -> str | None:
    """Why the rules in force refuse the line: its terms, or how it earns its revenue."""
    refused = unsupported(line.terms)
    if refused is None and (method := revenue_method(line, policies)) not in kind_of(line.terms).revenue:
        return f"revenue {method} of terms {type(line.terms).__name__} is not handled by the rules in force"
    return refused


def timing(line: ContractLine, policies: Resolved) -> str:
    """When the line's revenue is recognised; of a line that is refused as it is charged."""
    kind = KINDS.get(type(line.terms))
    return kind.revenue.get(revenue_method(line, policies), WITH_CHARGE) if kind is not None else WITH_CHARGE


def takes(line: ContractLine, what: str) -> bool:
    """Whether the line takes `time`, `expense`, `units` or `fee`: as it says, else by the kind of its terms."""
    if line.takes:
        return what in line.takes
    kind = KINDS.get(type(line.terms))
    return kind is not None and what in kind.takes


def charges(terms: Terms) -> bool:
    """Whether terms of this kind charge by themselves."""
    kind = KINDS.get(type(terms))
    return kind is not None and kind.fees is not NO_FEES


def fees(agreed: Agreed, known: Known, until: date) -> Iterable[Fee]:
    return kind_of(agreed.line.terms).fees(agreed, known, until)


def draws_in(terms: Terms) -> str | None:
    """Hours or money, where rows of the line share what its terms include; None where they share nothing."""
    drawing = kind_of(terms).drawing
    return drawing.unit(terms) if drawing is not None else None


def stores(terms: Terms, known: Known, day: date) -> Sequence[Store]:
    drawing = kind_of(terms).drawing
    assert drawing is not None, "only lines that share something are asked"
    return drawing.stores(known, day)


def hours_charged(terms: Terms) -> str:
    """How an hour is charged; one that may go beyond what its terms include is charged at a rate."""
    kind = kind_of(terms)
    return RATED if kind.drawing is not None and kind.drawing.unit(terms) is not None else kind.hours


def overage_rate(terms: Terms) -> Rate | None:
    """What terms that include something charge for an hour beyond that; None: as R5 rates it."""
    return getattr(terms, "overage_rate", None) if kind_of(terms).drawing is not None else None


def faults(line: ContractLine, contract: ContractSigned) -> Iterable[Fault]:
    """Fields of the line's terms that contradict; of terms that are refused as a whole nothing is said."""
    kind = KINDS.get(type(line.terms))
    return kind.faults(line.terms, contract) if kind is not None else ()


def billable_hours(terms: Terms, worked: Hours, stated: Hours | None, policies: Resolved) -> Hours:
    """Hours to price; none where the terms' own charges are for the work."""
    if hours_charged(terms) == INCLUDED:
        return 0
    return time_and_materials.billable_hours(worked, stated, policies)
