"""Terms of a line as an explanation asks their rules again: each number says where the terms state it (`domain.figure`).

What the rules make of such numbers says how: of 100,000.00 in `lines[0].terms.price` 15 % in `percent` of a report are 15,000.00.
"""

from collections.abc import Mapping

from domain.events.common import (
    CostPlus,
    Deposit,
    Expenses,
    FixedPrice,
    Milestone,
    Milestones,
    Retainer,
    Terms,
    TimeAndMaterials,
    UnitPrice,
)
from domain.figure import Recorded
from domain.terms.kind import TermsInForce
from domain.tuples import new_tuple
from domain.units import Amount
from domain.why import in_terms

UNITS = {"Amount": "amount", "Quantity": "quantity", "Hours": "hours", "Percent": "percent", "Rate": "rate"}


def _units(kind: type[Terms]) -> Mapping[str, str]:
    """Of fields that are numbers; all of these are `int` but by the name of their type."""
    named = ((name, getattr(of, "__forward_arg__", "")) for name, of in kind.__annotations__.items())
    return {name: UNITS[of.partition(" ")[0]] for name, of in named if of.partition(" ")[0] in UNITS}


def recorded(agreed: TermsInForce) -> TermsInForce:
    def number(title: str, value: int, unit: str, path: str, rule: str = "") -> Recorded:
        return Recorded(in_terms(title, value, unit, agreed.contract, path, agreed.line.line_id)._replace(rule=rule))

    def amount(title: str, value: Amount, path: str, rule: str = "") -> Recorded:
        return number(title, value, "amount", path, rule)

    def milestone(at: int, one: Milestone) -> Milestone:
        path, hours = f"terms.milestones[{at}]", one.included_hours
        if hours is not None:
            hours = number(f"included by {one.name}", hours, "hours", f"{path}.included_hours")
        return one._replace(
            amount=amount(f"milestone {one.name}", one.amount, f"{path}.amount", rule="R27"), included_hours=hours
        )

    def of(terms: Terms) -> Terms:
        match terms:
            case FixedPrice():
                schedule = tuple(
                    one._replace(amount=amount(f"instalment of {one.on}", one.amount, f"terms.schedule[{at}].amount"))
                    for at, one in enumerate(terms.schedule)
                )
                return terms._replace(price=amount("price", terms.price, "terms.price"), schedule=schedule)
            case Milestones():
                return terms._replace(milestones=tuple(map(milestone, range(len(terms.milestones)), terms.milestones)))
            case Retainer():
                fee = amount(f"fee for a {terms.per}", terms.fee, "terms.fee", rule="R30")
                top_up = terms.top_up
                if top_up is not None:
                    top_up = top_up._replace(
                        amount=amount("fee of a top-up", top_up.amount, "terms.top_up.amount", rule="R30")
                    )
                bought = number("bought for the fee", terms.quantity, "quantity", "terms.quantity")
                over = number("goes over at most", terms.rollover, "quantity", "terms.rollover")
                return terms._replace(fee=fee, quantity=bought, rollover=over, top_up=top_up)
            case Deposit():
                return terms._replace(amount=amount("Deposit", terms.amount, "terms.amount"))
            # They price rows, and charge nothing by themselves.
            case TimeAndMaterials() | CostPlus() | Expenses() | UnitPrice():
                return terms
            case _:
                units, fields = _units(type(terms)), terms._asdict().items()
                return new_tuple(type(terms), (stated(terms, name, of, units.get(name)) for name, of in fields))

    def stated(terms: Terms, name: str, value: object, unit: str | None) -> object:
        """A number under the name of its field."""
        if unit is None or not isinstance(value, int):
            return value
        per = getattr(terms, "per", None)
        title = name.replace("_", " ")
        return number(f"{title} for a {per}" if per else title, value, unit, f"terms.{name}")

    budgets = tuple(
        one._replace(
            revenue=amount(f"{one.category}: price", one.revenue, f"budgets[{at}].revenue"),
            cost=amount(f"{one.category}: cost budget", one.cost, f"budgets[{at}].cost"),
        )
        for at, one in enumerate(agreed.line.budgets)
    )
    return agreed._replace(line=agreed.line._replace(terms=of(agreed.line.terms), budgets=budgets))
