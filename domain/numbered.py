"""Events as an explanation asks rules with them again: each number says in which field of its event it stands (`domain.figure`).

planned[0].hours of an assignment: "planned in 2026-03", 160 h
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, TypeVar, cast

from domain.caps.consume import CapLimit, CapRule
from domain.caps.recorded import limit_node
from domain.events.commercial import BalancesBroughtForward, ContractSigned, VariableConsiderationRevised
from domain.events.common import CostPlus, Expenses, TimeAndMaterials
from domain.events.delivery import EstimateRevised, ProjectActivated, ResourceAssigned
from domain.explanation import Node
from domain.figure import Recorded
from domain.terms.kind import TermsInForce
from domain.tuples import new_tuple
from domain.why import in_event, in_terms

T = TypeVar("T")
E = TypeVar(
    "E", BalancesBroughtForward, EstimateRevised, ProjectActivated, ResourceAssigned, VariableConsiderationRevised
)
UNITS = {"Amount": "amount", "Quantity": "quantity", "Hours": "hours", "Percent": "percent", "Rate": "rate"}
# What a number is called, by what holds it, and its field where several have other names; all others as their field is.
TITLES = {
    "RemainingWork": "{field} of {month}",
    "PlannedHours": "planned in {month}",
    "ProjectBudget": "budget, {field}",
    "BillTo": "share of {customer_id}",
    "FundingSource": "{source_id}: limit",
    "FundingShare": "percent of {source_id}",
    "ScheduledAmount": "instalment of {on}",
    "Milestone": "milestone {name}",
    "Milestone.included_hours": "included by {name}",
    "Retainer": "{field} for a {per}",
    "Retainer.quantity": "bought for the fee",
    "Retainer.rollover": "goes over at most",
    "Subscription": "{field} for a {per}",
    "TopUp": "fee of a top-up",
    "Deposit": "Deposit",
    "Deposit.percent": "of each statement",
    "CategoryBudget": "{category}: cost budget",
    "CategoryBudget.revenue": "{category}: price",
    "ConsiderationOutcome.amount": "outcome",
    "BalanceForward": "{field}, brought forward",
    "BalanceForward.percent": "progress",
    "RetainerForward": "{field} of {starts_on}",
    "Cap.amount": "cap",
    "UnitPrice": "price of a unit",
    "UnitPrice.units": "units agreed",
    "PriceTier": "price of a unit",
    "VariableConsiderationRevised": "{item_id}: settled",
}
RULES = {"Milestone.amount": "R27", "Retainer.fee": "R30", "TopUp.amount": "R30"}
# These price rows, and charge nothing by themselves.
OF_ROWS = (TimeAndMaterials, CostPlus, Expenses)
# These say nothing that is counted.
LEFT_OUT = frozenset({"policies", "forecast_threshold"})
# Of a number its title, value, unit and path.
Number = Callable[[str, int, str, str], Node]


def in_an_event(event: E, currency: str) -> E:
    """`currency` is that of its amounts and rates."""

    def number(title: str, value: int, unit: str, path: str) -> Node:
        return in_event(title, value, unit, event, path, currency if unit in ("amount", "rate") else "")

    return numbered(event, number)


def in_a_contract(terms: ContractSigned) -> ContractSigned:
    """Each line may have them from a version before."""

    def number(title: str, value: int, unit: str, path: str) -> Node:
        if not path.startswith("lines["):
            return in_terms(title, value, unit, terms, path)
        place, _, rest = path.removeprefix("lines[").partition("].")
        return in_terms(title, value, unit, terms, rest, terms.lines[int(place)].line_id)

    return numbered(terms, number)


def in_force(agreed: TermsInForce) -> TermsInForce:
    """What a line charges by itself, its budgets, and variable parts of its price."""
    line = agreed.line

    def number(title: str, value: int, unit: str, path: str) -> Node:
        return in_terms(title, value, unit, agreed.contract, path, line.line_id)

    terms = line.terms if isinstance(line.terms, OF_ROWS) else numbered(line.terms, number, "terms")
    budgets = numbered(line.budgets, number, "budgets")
    varies = numbered(line.variable_consideration, number, "variable_consideration")
    cost = line.cost_budget and Recorded(number("cost budget", line.cost_budget, "amount", "cost_budget"))
    made = line._replace(terms=terms, budgets=budgets, variable_consideration=varies, cost_budget=cost)
    if line.standalone_price:
        alone = number("stand-alone price", line.standalone_price, "amount", "standalone_price")
        made = made._replace(standalone_price=Recorded(alone))
    return agreed._replace(line=made)


def limits_numbered(contract_id: str, currency: str, rule: CapRule) -> CapRule:
    """A cap whose limits say which version of the contract states them."""

    def number(limit: CapLimit, value: int | None, *, by_hours: bool) -> int | None:
        return Recorded(limit_node(contract_id, currency, rule, limit, by_hours=by_hours)) if value else value

    limits = (
        one._replace(amount=number(one, one.amount, by_hours=False), hours=number(one, one.hours, by_hours=True))
        for one in rule.limits
    )
    return rule._replace(limits=tuple(limits))


def numbered(stated: T, number: Number, path: str = "") -> T:
    if not isinstance(stated, tuple):
        return stated
    if not hasattr(stated, "_fields"):
        return cast("T", tuple(numbered(one, number, f"{path}[{at}]") for at, one in enumerate(stated)))
    holder = cast("NamedTuple", stated)
    units, made = units_of(type(holder)), list[object]()
    for name, value in holder._asdict().items():
        where = f"{path}.{name}" if path else name
        if name in LEFT_OUT or value is None:
            made.append(value)
        elif name in units and isinstance(value, int):
            node, rule = number(_title(holder, name), value, units[name], where), RULES.get(_place(holder, name), "")
            made.append(Recorded(node._replace(rule=rule) if rule else node))
        else:
            made.append(numbered(value, number, where))
    return cast("T", new_tuple(type(stated), made))


def _title(holder: NamedTuple, field: str) -> str:
    title = TITLES.get(_place(holder, field)) or TITLES.get(type(holder).__name__, "{field}")
    return title.format_map({**holder._asdict(), "field": field.replace("_", " ")})


def _place(holder: NamedTuple, field: str) -> str:
    return f"{type(holder).__name__}.{field}"


@cache
def units_of(kind: type) -> Mapping[str, str]:
    """Of fields that are numbers; all of these are `int` but by the name of their type."""
    named = ((name, getattr(of, "__forward_arg__", "")) for name, of in kind.__annotations__.items())
    return {name: UNITS[of.partition(" ")[0]] for name, of in named if of.partition(" ")[0] in UNITS}
