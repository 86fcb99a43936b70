"""The kinds of terms, one screen: a line each, with the module that has its rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from domain import refusals
from domain.events.commercial import ContractSigned
from domain.events.common import (
    ContractLine,
    CostPlus,
    Deposit,
    Expenses,
    FixedPrice,
    Milestones,
    Retainer,
    Subscription,
    Terms,
    TimeAndMaterials,
    UnitPrice,
)
from domain.policies import Resolved
from domain.policy_faults import Fault
from domain.revenue import variable_price
from domain.revenue.method import COST, HOURS, REPORTS, Output
from domain.revenue.methods import BY_DAYS, METHODS, OF_A_PRICE
from domain.terms import (
    cost_plus,
    deposit,
    expenses,
    fixed_price,
    milestones,
    retainer,
    subscription,
    time_and_materials,
    unit_price,
)
from domain.terms.kind import (
    AT_COST,
    INCLUDED,
    NO_FEES,
    NO_REVENUE,
    OVER_TIME,
    RATED,
    WITH_CHARGE,
    ExpectedHistory,
    Fee,
    Kind,
    LineHistory,
    Passed,
    PeriodLeft,
    PrepaidBalance,
    Spread,
    TermsInForce,
    obliged_with,
    to_the_end,
    up_to,
)
from domain.units import Amount, Hours, Percent, Quantity, Rate

KINDS: Mapping[type[Terms], Kind] = {
    TimeAndMaterials: time_and_materials.KIND,
    FixedPrice: fixed_price.KIND,
    Milestones: milestones.KIND,
    CostPlus: cost_plus.KIND,
    UnitPrice: unit_price.KIND,
    Expenses: expenses.KIND,
    Subscription: subscription.KIND,
    Retainer: retainer.KIND,
    Deposit: deposit.KIND,
}


def kind_of(terms: Terms) -> Kind:
    return KINDS[type(terms)]


def are_of_a_kind(one: Terms, other: Terms) -> bool:
    """Whether the terms are of one kind, and what both include is drawn in the same unit."""
    if type(one) is not type(other):
        return False
    drawn_in = draws_in(one), draws_in(other)
    return drawn_in[0] == drawn_in[1] or None in drawn_in


def revenue_method(line: ContractLine, policies: Resolved) -> str:
    """As the line says, else the policy, else what is usual for terms of this kind; of terms that have revenue."""
    return line.revenue_policy or policies.revenue_method or next(iter(kind_of(line.terms).revenue))


def is_shared(line: ContractLine) -> bool:
    """Whether the line earns its share of a price that its contract has for several."""
    return line.standalone_price is not None or line.standalone_residual


def earns_apart(line: ContractLine) -> bool:
    """Whether the line earns otherwise than it charges: a share of a price, or a price with variable parts."""
    return is_shared(line) or bool(line.variable_consideration)


def may_earn_apart(line: ContractLine) -> bool:
    """Whether the line has a price for all that it is for, whatever is worked or used."""
    has_one = kind_of(line.terms).comes_to is not None
    return has_one and draws_in(line.terms) is None and not has_minimum(line.terms)


def comes_to(held: Sequence[TermsInForce], known: LineHistory) -> Amount:
    """All that a line charges to its contract's end, by the versions of its terms, of a line that may earn apart. What terms of other kinds
    charged of its price stays charged beside that of the last."""
    by_kind: dict[type[Terms], list[TermsInForce]] = {}
    for agreed in held:
        by_kind.setdefault(type(agreed.line.terms), []).append(agreed)
    own = by_kind.pop(type(held[-1].line.terms))
    of_kind = kind_of(own[-1].line.terms).comes_to
    assert of_kind is not None, "other lines that state it are refused"
    beside = [
        of for of in by_kind.values() if any(go_on(one.line, own[-1].line) or earns_apart(one.line) for one in of)
    ]
    return of_kind(own, known) + sum(kind_of(of[-1].line.terms).charged(of, known) for of in beside)


def go_on(line: ContractLine, other: ContractLine) -> bool:
    """Whether two versions of a line are of one thing: both of one kind, or a fixed price and milestones that include no hours."""
    prices = [earns_to_the_end(one) and draws_in(one.terms) is None for one in (line, other)]
    return are_of_a_kind(line.terms, other.terms) or all(prices)


def outputs(agreed: TermsInForce, known: LineHistory) -> tuple[Sequence[Output], int]:
    """What the customer has of the line by days, and of how much, where its terms say so."""
    return kind_of(agreed.line.terms).outputs(agreed, known)


def refused_line(line: ContractLine, policies: Resolved, lines: Sequence[ContractLine]) -> Fault | None:
    """The field for which the rules in force refuse the line, one of these of its contract, and why."""
    if not has_its_method(line, policies):
        method = revenue_method(line, policies)
        field = "policies.revenue_method" if line.revenue_policy is None else "revenue_policy"
        return field, refusals.words_of("revenue_method", method=method, terms=type(line.terms).__name__)
    if earns_apart(line) and (refused := _refused_apart(line, policies)) is not None:
        return refused
    if policies.expenses_revenue == "net" and charges_expenses(line):
        return "policies.expenses_revenue", refusals.words_of("expenses_net")
    if (refused := _refused_together(line, policies, lines)) is not None:
        return refused
    return next(refusals.refused_parts(line), None)


def may_go_by(terms: Terms, method: str) -> bool:
    """Whether terms of the kind may earn by a method. Hours beyond those that milestones include earn as they come, beside no price that
    earns over time."""
    draws_beside = method in OF_A_PRICE and draws_in(terms) is not None
    return method in kind_of(terms).revenue and not draws_beside


def has_its_method(line: ContractLine, policies: Resolved) -> bool:
    """Whether the line earns by a method of its kind, or has no revenue."""
    return account(line.terms) is not None or may_go_by(line.terms, revenue_method(line, policies))


def _refused_together(line: ContractLine, policies: Resolved, lines: Sequence[ContractLine]) -> Fault | None:
    """Of a line that is of one performance obligation with others: nothing measures its work."""
    others = obliged_with(line, lines)
    if not others or by_spending(line, policies):
        return None
    name, method = line.performance_obligation, revenue_method(line, policies)
    return "performance_obligation", refusals.words_of(
        "performance_obligation", name=name, other=others[0], method=method
    )


def _refused_apart(line: ContractLine, policies: Resolved) -> Fault | None:
    """Of a line that states what is earned apart from what is charged: its kind or its method has no price for that."""
    field = "standalone_price" if is_shared(line) else "variable_consideration"
    if is_shared(line) and line.standalone_price is None:
        field = "standalone_residual"
    if not may_earn_apart(line):
        return field, refusals.words_of("standalone_price", field=field, terms=type(line.terms).__name__)
    method = revenue_method(line, policies)
    if method not in METHODS:
        return field, refusals.words_of("earned_as_billed", field=field, method=method)
    return None


def by_budgets(line: ContractLine) -> bool:
    """Whether the line's price is billed as its budgets are spent, so that what its work costs is needed in contract currency."""
    return fixed_price.by_period(line)


def needs_cost(line: ContractLine, policies: Resolved) -> bool:
    """Whether what is charged or earned follows what the line's work costs, which is needed in contract currency then."""
    return by_budgets(line) or measure(line, policies) == COST


def by_reports(line: ContractLine, policies: Resolved) -> bool:
    """Whether the line's price is billed or earned by the progress that somebody reports."""
    return fixed_price.by_reports(line) or measure(line, policies) == REPORTS


def measure(line: ContractLine, policies: Resolved) -> str | None:
    """What the work is measured by of a line that earns its price over time; None where it earns by days, or otherwise."""
    method = METHODS.get(revenue_method(line, policies)) if timing(line, policies) == OVER_TIME else None
    return method.measure if method is not None else None


def by_spending(line: ContractLine, policies: Resolved) -> bool:
    """Whether the line earns by what is spent of what it takes in all."""
    return measure(line, policies) in (HOURS, COST)


def charges_expenses(line: ContractLine) -> bool:
    """Whether the line takes expenses and charges them."""
    return takes(line, "expense") and expense(line.terms, "") is not None


def timing(line: ContractLine, policies: Resolved) -> str:
    """When the line's revenue is recognised; of a line that is refused as it is charged."""
    kind = kind_of(line.terms)
    if kind.account is not None:
        return NO_REVENUE
    method = revenue_method(line, policies)
    if earns_apart(line) and may_earn_apart(line) and method in METHODS and method in kind.revenue:
        return OVER_TIME
    return kind.revenue[method] if may_go_by(line.terms, method) else WITH_CHARGE


def is_accrued(line: ContractLine, policies: Resolved) -> bool:
    """Whether what the line charges stands on an account until its invoice."""
    return timing(line, policies) == WITH_CHARGE


def taken(line: ContractLine) -> tuple[str, ...]:
    """What the line takes of `time`, `expense`, `units` and `fee`: as it says, else by the kind of its terms."""
    return line.takes or kind_of(line.terms).takes


def takes(line: ContractLine, what: str) -> bool:
    return what in taken(line)


def charges(terms: Terms) -> bool:
    """Whether terms of this kind charge by themselves."""
    return kind_of(terms).fees is not NO_FEES


def stays(terms: Terms) -> bool:
    """Whether a termination leaves what is charged already."""
    return kind_of(terms).stays


def has_minimum(terms: Terms) -> bool:
    """Whether the terms charge what the contract's other lines lack of a minimum."""
    return subscription.has_minimum(terms)


def account(terms: Terms) -> str | None:
    """Where what is charged stands, of terms that have no revenue by themselves; None of all others."""
    stands_on = kind_of(terms).account
    return stands_on(terms) if stands_on is not None else None


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    """What the terms of the kind charge by themselves, and what is settled of variable parts of the price."""
    yield from kind_of(agreed.line.terms).fees(agreed, known, until)
    yield from variable_price.fees(agreed, known, until)


def spreads(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Spread]:
    if not earns_to_the_end(agreed.line):
        yield from kind_of(agreed.line.terms).spreads(agreed, known, until)
    elif agreed.starts_on <= until:
        last, price = agreed.contract.ends_on or date.max, comes_to(up_to(agreed, known), known)
        yield Spread("price", price, agreed.starts_on, last, agreed.before)


def foresees(agreed: TermsInForce, known: LineHistory, day: date) -> ExpectedHistory:
    """What will be known of the line once its terms have charged all that they let expect after a day."""
    kind = kind_of(agreed.line.terms)
    return variable_price.foreseen(agreed, kind.foresees(agreed, known, day), day)


def goes_on(terms: Terms) -> bool:
    """Whether terms of this kind charge by periods, as long as the contract lasts."""
    return charges(terms) and kind_of(terms).foresees is to_the_end


def agreed_worth(agreed: TermsInForce) -> Amount | None:
    """What is agreed of rows that the terms price, such as a number of units; None where any number is, or there are none."""
    return kind_of(agreed.line.terms).agreed(agreed)


def earns_by_hours(terms: Terms) -> bool:
    """Whether every hour on a line earns: at a rate, or at what it costs."""
    return kind_of(terms).hours != INCLUDED


def earns_by_hours_alone(line: ContractLine) -> bool:
    return earns_by_hours(line.terms) and not any(takes(line, what) for what in ("expense", "units", "fee"))


def earns_to_the_end(line: ContractLine) -> bool:
    """Whether the line has one price, which it earns over all of its days, or all of its work, where it earns over time."""
    return kind_of(line.terms).earns_to_the_end


def earns_its_price(line: ContractLine, policies: Resolved) -> bool:
    """Whether the line earns its one price over its days or its work."""
    return timing(line, policies) == OVER_TIME and earns_to_the_end(line)


def needs_an_end(line: ContractLine, policies: Resolved) -> bool:
    """Whether the line earns its revenue over the days to the contract's last one."""
    is_one_price = earns_its_price(line, policies) or (earns_apart(line) and timing(line, policies) == OVER_TIME)
    return is_one_price and revenue_method(line, policies) in BY_DAYS


def price(terms: Terms) -> Amount | None:
    """What the line is worth in all, where its terms have one price for it."""
    return kind_of(terms).price(terms)


def is_by_progress(line: ContractLine) -> bool:
    """Whether it charges its price as the work goes on, not by a schedule or by milestones."""
    return kind_of(line.terms).by_progress(line.terms)


def is_accepted(line: ContractLine) -> bool:
    """Whether the customer accepts what the line charges, and owes it for good."""
    return kind_of(line.terms).is_accepted


def draws_in(terms: Terms) -> str | None:
    """Hours or money, where rows of the line share what its terms include; None where they share nothing."""
    drawing = kind_of(terms).drawing
    return drawing.unit(terms) if drawing is not None else None


def stores(terms: Terms, known: LineHistory, day: date) -> Sequence[PrepaidBalance]:
    """What a row of a day may draw on, the first first; nothing of terms that include nothing."""
    drawing = kind_of(terms).drawing
    return drawing.stores(known, day) if drawing is not None else ()


def fills_up(terms: Terms) -> bool:
    """Whether the terms buy more of what they include when little is left."""
    drawing = kind_of(terms).drawing
    return drawing is not None and drawing.fills_up(terms)


def is_below_top_up(terms: Terms, known: LineHistory, day: date) -> bool:
    """Whether so little is left at the end of a day of what the terms include that they fill up."""
    drawing = kind_of(terms).drawing
    return drawing is not None and drawing.is_below_top_up(known, day)


def periods(terms: Terms, known: LineHistory, until: date) -> Iterable[tuple[date, date]]:
    """Periods of the terms' own that begin up to a day; with the end of each some of what the terms include expires."""
    return kind_of(terms).periods(known, until)


def ends(terms: Terms, known: LineHistory, start: date, to: date) -> PeriodLeft:
    """What is left for good when one of the terms' own periods ends."""
    return kind_of(terms).ends(known, start, to)


def hours_charged(terms: Terms) -> str:
    """How an hour is charged; one that may go beyond what its terms include is charged at a rate."""
    kind = kind_of(terms)
    return RATED if kind.drawing is not None and kind.drawing.unit(terms) is not None else kind.hours


def overage_rate(terms: Terms) -> Rate | None:
    """What terms that include something charge for an hour beyond that; None: as R5 rates it."""
    return getattr(terms, "overage_rate", None) if kind_of(terms).drawing is not None else None


def faults(line: ContractLine, contract: ContractSigned) -> Iterable[Fault]:
    """Fields of the line's terms that contradict."""
    return kind_of(line.terms).faults(line.terms, contract)


def expense(terms: Terms, category: str) -> Passed | None:
    """How an expense is charged; None where the terms' own charges are for it."""
    return kind_of(terms).expense(terms, category)


def units(terms: Terms) -> UnitPrice | None:
    """What delivered units are priced by; None where the terms have no price for a unit."""
    return kind_of(terms).units(terms)


def agreed_units(terms: Terms) -> Quantity | None:
    """How many units are agreed; None where any number is, or there are none."""
    found = units(terms)
    return found.units if found is not None else None


def cost_markup(terms: Terms) -> Percent | None:
    """What is added to the cost of an hour; None where hours are not charged at cost."""
    kind = kind_of(terms)
    return kind.markup(terms) if kind.hours == AT_COST else None


def limits(terms: Terms) -> Mapping[str, Amount]:
    """The most that is charged of each category of expenses."""
    return kind_of(terms).limits(terms)


def counted(terms: Terms) -> tuple[str, ...]:
    """What a cap of the terms counts whatever policy says."""
    return kind_of(terms).counts


def billable_hours(terms: Terms, worked: Hours, stated: Hours | None, policies: Resolved) -> Hours:
    """Hours to price; none where the terms' own charges are for the work."""
    if hours_charged(terms) == INCLUDED:
        return 0
    return time_and_materials.billable_hours(worked, stated, policies)
