"""Tax basis of a statement: what of it is taxed at which rate, so that the ERP's invoice can be checked (R11, R35).

Tax is the ERP's to charge. A statement says what its region's policy makes of it: amounts of one category that are taxed alike are one
group, and tax is on the group's sum, rounded once, half up. Corrections and deposits that are set against the statement reduce the base;
what is retained does not, since it is billed like the rest and only paid later (R32).

    8.00 and 0.93 of services at 20 %: base 8.93, tax 1.79

What a rate depends on comes in with each amount (`Taxable`), so a rule is a function of lines and table alone. A deployment that
determines tax otherwise gives another `Rule` to `state/billing/statement_tax.py`; it must answer from what is in the log, at once and
always alike. An engine outside cannot be asked there: its answer is the tax of the invoice.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from domain.events.common import TaxRule
from domain.events.reference import TaxPolicyDefined
from domain.money import HALF_UP, format_decimal, percent_of
from domain.outputs import BillingStatement, StatementTax, UndeterminedTax
from domain.policy_faults import Fault
from domain.sums import summed
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount, Percent

INVOICE: Final = "invoice"
PAYMENT: Final = "payment"
SERVICE: Final = "service"
OUTPUT: Final = "output"
EXEMPT: Final = "exempt"
# Shown as exempt, and marked besides: the kinds of outputs are closed.
OUTSIDE_SCOPE: Final = "outside_scope"
# The category of a rule for all that no other rule names.
REST: Final = "*"


class Taxable(NamedTuple):
    """An amount of a statement: its category, what fixes its tax point (policy `tax_point`), and the day whose rate holds."""

    category: str
    point: str
    day: date
    amount: Amount


class TaxGroups(NamedTuple):
    """What is taxed alike; what no rule covers has neither a rate nor an amount, which is not 0."""

    known: tuple[StatementTax, ...]
    undetermined: tuple[UndeterminedTax, ...]

    @property
    def all(self) -> tuple[StatementTax | UndeterminedTax, ...]:
        return (*self.known, *self.undetermined)

    @property
    def total(self) -> Amount | None:
        """Of a whole statement; None where nobody says what it is of a part."""
        return None if self.undetermined else sum(group.amount for group in self.known)


class Rule(Protocol):
    """Groups what is taxed alike; `policy` is the region's, None where nobody defined one."""

    def __call__(self, taxables: Sequence[Taxable], policy: TaxPolicyDefined | None, currency: str) -> TaxGroups: ...


class _Rate(NamedTuple):
    """What a group has in common; `kind` is empty where no rule covers it."""

    category: str
    kind: str
    percent: Percent
    is_open: bool


def by_table(taxables: Sequence[Taxable], policy: TaxPolicyDefined | None, currency: str) -> TaxGroups:
    """The built-in rule: kinds and rates as the region's policy lists them."""
    groups: dict[_Rate, list[Taxable]] = {}
    for one in taxables:
        groups.setdefault(_rate(one, policy), []).append(one)
    ordered = [(rate, groups[rate]) for rate in sorted(groups, key=lambda rate: (rate, _last(groups[rate])))]
    return TaxGroups(
        tuple(_group(rate, of_rate, currency, policy) for rate, of_rate in ordered if rate.kind),
        tuple(_undetermined(rate, of_rate) for rate, of_rate in ordered if not rate.kind),
    )


def rule_on(policy: TaxPolicyDefined | None, category: str, day: date) -> TaxRule | None:
    """Of the rules in force on the day the category's own before that for the rest, the latest first."""
    if policy is None:
        return None
    for named in (category, REST):
        stated = [(rule.effective_from or date.min, rule) for rule in policy.rules if rule.category == named]
        begun = [one for one in stated if one[0] <= day]
        if begun:
            return max(begun, key=itemgetter(0))[1]
    return None


def shown_kind(kind: str) -> str:
    """As a statement has it."""
    return EXEMPT if kind == OUTSIDE_SCOPE else kind


def tax_of(base: Amount, percent: Percent, currency: str) -> Amount:
    """Once a group, whatever else policy says of rounding."""
    return percent_of(base, percent, currency, HALF_UP)


def groups_of(statement: BillingStatement) -> TaxGroups:
    """Statements of before 2026-11 have what no rule covers among the rest, without a kind and with a tax of 0."""
    without_rule = [one for one in statement.tax if one.kind is None]
    known = tuple(one for one in statement.tax if one.kind is not None)
    undetermined = (UndeterminedTax(one.category, one.base, one.tax_point_date) for one in without_rule)
    return TaxGroups(known, (*undetermined, *statement.undetermined_tax))


def faults(policy: TaxPolicyDefined) -> Iterator[Fault]:
    """Rates that are none, and two rules for the same."""
    seen: dict[tuple[str, date | None], int] = {}
    for place, rule in enumerate(policy.rules):
        if not 0 <= rule.percent <= HUNDRED_PERCENT:
            yield f"rules[{place}].percent", f"expected 0 to 100, got {format_decimal(rule.percent, PERCENT_SCALE)}"
        elif rule.percent and rule.kind != OUTPUT:
            got = format_decimal(rule.percent, PERCENT_SCALE)
            yield f"rules[{place}].percent", f"expected 0, since {rule.kind} charges no tax, got {got}"
        first = seen.setdefault((rule.category, rule.effective_from), place)
        if first != place:
            since = f"from {rule.effective_from}" if rule.effective_from is not None else "from the beginning"
            yield f"rules[{place}].category", f"{rule.category} {since} is rules[{first}] already"


def by_category(groups: TaxGroups) -> Mapping[str, Amount]:
    """Bases whatever the rate."""
    return summed((group.category, group.base) for group in groups.all)


def _rate(one: Taxable, policy: TaxPolicyDefined | None) -> _Rate:
    rule, is_open = rule_on(policy, one.category, one.day), one.point == PAYMENT
    if rule is None:
        return _Rate(one.category, "", 0, is_open)
    return _Rate(one.category, rule.kind, rule.percent if rule.kind == OUTPUT else 0, is_open)


def _last(taxables: Sequence[Taxable]) -> date:
    return max(one.day for one in taxables)


def _group(rate: _Rate, taxables: Sequence[Taxable], currency: str, policy: TaxPolicyDefined | None) -> StatementTax:
    base = sum(one.amount for one in taxables)
    rule = rule_on(policy, rate.category, _last(taxables))
    return StatementTax(
        rate.category,
        base,
        rate.percent,
        tax_of(base, rate.percent, currency),
        shown_kind(rate.kind),
        None if rate.is_open else _last(taxables),
        rule.reason if rule is not None else None,
        rate.kind == OUTSIDE_SCOPE,
    )


def _undetermined(rate: _Rate, taxables: Sequence[Taxable]) -> UndeterminedTax:
    base = sum(one.amount for one in taxables)
    return UndeterminedTax(rate.category, base, None if rate.is_open else _last(taxables))
