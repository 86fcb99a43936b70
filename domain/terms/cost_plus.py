"""Cost plus: hours at what they cost and expenses at what was spent, each with a fee in per cent of it.

200 h at a cost of 100.00 are 20,000.00, the fee of 10 % 2,000.00: together 22,000.00
"""

from collections.abc import Iterable

from domain.events.commercial import ContractSigned
from domain.events.common import CostPlus
from domain.policy_faults import Fault, markup_faults
from domain.terms.kind import AT_COST, WITH_CHARGE, WITH_INVOICE, Kind, Passed
from domain.units import Percent


def fee_percent(terms: CostPlus) -> Percent:
    return terms.fee_percent


def expense(terms: CostPlus, _category: str) -> Passed:
    return Passed(terms.fee_percent)


def faults(terms: CostPlus, _contract: ContractSigned) -> Iterable[Fault]:
    return markup_faults("fee_percent", terms.fee_percent)


KIND = Kind(
    takes=("time",),
    hours=AT_COST,
    revenue={"right_to_invoice": WITH_CHARGE, "as_billed": WITH_INVOICE},
    faults=faults,
    expense=expense,
    markup=fee_percent,
    counts=("time", "expense"),
)
