"""Expenses passed on: at cost with a markup, or at fixed prices for a day or a distance (R34).

The markup is on what the expense cost: recoverable tax is left out, other tax is in. A category with a table is charged by its quantity,
whatever was spent. What a category may come to over the whole term is limited like a cap.

    1,000.00 and 5 % of tax, markup 5 %: 1,050.00 where the tax is recovered, 1,102.50 where it is not
    1,500 miles at 0.45 up to 1,000 and 0.25 from there: 575.00
"""

from collections.abc import Iterable, Mapping

from domain.events.commercial import ContractSigned
from domain.events.common import Expenses, PriceTier
from domain.policy_faults import Fault, markup_faults, price_faults, rate_faults
from domain.terms.kind import WITH_CHARGE, WITH_INVOICE, Kind, Passed
from domain.terms.tiers import tier_faults
from domain.units import Amount

DAY, EACH = "day", "each"


def expense(terms: Expenses, category: str) -> Passed:
    for per_diem in terms.per_diems:
        if per_diem.category == category:
            return Passed(0, (PriceTier(per_diem.unit_price),), DAY)
    for mileage in terms.mileage:
        if mileage.category == category:
            return Passed(0, mileage.tiers, EACH)
    return Passed(terms.markup)


def limits(terms: Expenses) -> Mapping[str, Amount]:
    return {limit.category: limit.amount for limit in terms.limits}


def faults(terms: Expenses, contract: ContractSigned) -> Iterable[Fault]:
    yield from markup_faults("markup", terms.markup)
    for place, limit in enumerate(terms.limits):
        yield from price_faults(f"limits[{place}].amount", limit.amount, contract.currency)
        if any(other.category == limit.category for other in terms.limits[:place]):
            yield f"limits[{place}].category", f"category {limit.category} has two limits"
    priced: set[str] = set()
    for place, per_diem in enumerate(terms.per_diems):
        yield from rate_faults(f"per_diems[{place}].unit_price", per_diem.unit_price)
        yield from _priced_once(f"per_diems[{place}].category", per_diem.category, priced)
    for place, mileage in enumerate(terms.mileage):
        yield from tier_faults(f"mileage[{place}].tiers", mileage.tiers)
        yield from _priced_once(f"mileage[{place}].category", mileage.category, priced)
    if terms.cap is not None and terms.cap.hours is not None:
        yield "cap.hours", "expenses have no hours: a cap on them is an amount"


def _priced_once(path: str, category: str, priced: set[str]) -> Iterable[Fault]:
    if category in priced:
        yield path, f"category {category} has two prices"
    priced.add(category)


KIND = Kind(
    takes=("expense",),
    revenue={"right_to_invoice": WITH_CHARGE, "as_billed": WITH_INVOICE},
    faults=faults,
    expense=expense,
    counts=("expense",),
    limits=limits,
)
