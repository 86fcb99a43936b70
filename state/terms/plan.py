"""What a contract line means for one version of its terms, worked out once and remembered.

A plan is a pure function of the contract and the reference book; the fold keeps it in a memo that is emptied when either changes.
"""

from datetime import date
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, REVENUE, UNBILLED_RECEIVABLE
from domain.billing.shares import parties_of
from domain.caps.consume import CapRule, for_billing, for_revenue, splits_billing
from domain.contract import (
    Version,
    bind_billing_alone,
    cap_group,
    cap_rules,
    in_force,
    line_for,
    line_named,
    line_policies,
)
from domain.events.commercial import ContractSigned
from domain.events.common import BillingCycle, ContractLine, CostPlus, Expenses, TimeAndMaterials, UnitPrice
from domain.events.reference import LegalEntityDefined
from domain.figure import as_rounded
from domain.identity import composed
from domain.money import round_ratio, smallest_unit
from domain.policies import NEXT_RULE, Resolved, bookkeeping, resolve
from domain.policy_faults import Fault
from domain.terms import methods
from domain.terms.kind import OVER_TIME, RATED, WITH_CHARGE, WITH_INVOICE
from domain.tuples import new_tuple
from domain.units import Amount
from domain.work.rows import COUNTED_FEE, COUNTED_TIME
from state.books import Contract, Issued, LineFees, Price, TermsVersion
from state.draft import Draft

# What is charged under these is due to be paid, and nothing else has to happen first (R45).
RECEIVABLE_TERMS = (TimeAndMaterials, CostPlus, Expenses, UnitPrice)
MONTHLY = BillingCycle(kind="monthly")


class LinePlan(NamedTuple):
    """`rules` are the caps that count the plan's `content`, `every_rule` those that count anything of the line.

    Revenue and billing are allotted `apart` where caps are split otherwise for billing, or where `some_bind_billing_alone`; with the
    same splits what is issued is settled for revenue, too (`settles_alike`). Of a line that passes on what is over its caps nothing is
    settled: work has its room `by_day`.

    `charged` says how hours are: at a rate, at cost, or not by themselves. Entries may `share` their price with others of the line.
    `earned` is what a new price recognises whatever it may bill; None: what it may bill.
    """

    contract_id: str
    customer_id: str
    line: ContractLine
    terms: ContractSigned
    version: int
    policies: Resolved
    entity: LegalEntityDefined
    rules: tuple[CapRule, ...]
    billing_rules: tuple[CapRule, ...]
    apart: bool
    group: frozenset[str]
    step: Amount
    account: str
    rate_days: tuple[date, ...]
    refused: Fault | None
    currency: str
    key: tuple[Any, ...]
    timing: str = WITH_CHARGE
    content: str = COUNTED_TIME
    every_rule: tuple[CapRule, ...] = ()
    draws: str | None = None
    revenue_rules: tuple[CapRule, ...] = ()
    some_bind_billing_alone: bool = False
    settles_alike: bool = False
    by_day: bool = False
    charged: str = RATED
    shares_price: bool = False
    earned: Amount | None = None

    def account_for(self, revenue: str) -> str:
        """Where what may be billed stands until it is invoiced; what is revenue only then goes there at once, what is earned over time
        to the position of the contract."""
        if self.timing == OVER_TIME:
            return CONTRACT_LIABILITY
        return revenue if self.timing == WITH_INVOICE else self.account

    def as_issued(self, price: Price, issued: Issued) -> Price:
        """The price of work that is issued goes on as it was issued, by whatever method its line earns since: invoices relieve the account
        that it stands on, so it is revenue with them where that is revenue, with the work where it is unbilled.

            10 h at 100.00 accrued and billed, then as billed, then 12 h: Dr 1150 1,200.00 Cr 4000, of which 200.00 are to be billed
        """
        if not issued.account or not (issued.amount or issued.invoiced):
            return price
        return replace(price, account=issued.account, earned=self.earned_on(issued.account, price.earned))

    def earned_on(self, account: str, earned: Amount | None) -> Amount | None:
        """What a row on the account recognises whatever it may bill, None: what it may bill; `earned` is that by the plan's method."""
        if account in REVENUE:
            return 0
        if self.timing not in (WITH_CHARGE, WITH_INVOICE):
            return earned
        # What a price charges goes over with its line (`state/revenue/method_change.py`), other work does not.
        return 0 if account == CONTRACT_LIABILITY and self.content == COUNTED_FEE else None

    def part_of(self, whole: Amount, part: int, of: int, title: str) -> Amount:
        """`part` of `of` of an amount of the line."""
        mode = self.policies.money_mode
        return as_rounded(round_ratio(whole * part, of, self.step, mode), whole, part, of, title, mode)


def version_of(stored: TermsVersion) -> Version:
    version = stored.version, stored.effective_on, stored.retroactive, stored.terms, stored.defaults
    return new_tuple(Version, version)


def versions(contract: Contract) -> tuple[Version, ...]:
    return tuple(version_of(stored) for stored in contract.history)


def version_on(contract: Contract, day: date) -> int:
    """Number of the version whose terms hold on a service date."""
    history = contract.history
    return history[0].version if len(history) == 1 else in_force(versions(contract), day).number


def line_plan(
    draft: Draft, contract: Contract, number: int, line_id: str, content: str = COUNTED_TIME
) -> LinePlan | None:
    """The plan of a line under the contract version `number`, for what caps count as `content`; None where that version has no such
    line."""
    key = ("plan", contract.contract_id, contract.version, len(contract.history), number, line_id, content)
    found = draft.memo.lines.get(key)
    if found is None and key not in draft.memo.lines:
        found = draft.memo.lines[key] = _line_plan(draft, contract, number, line_id, content, key)
    return found if isinstance(found, LinePlan) else None


def plan_for(
    draft: Draft,
    contract: Contract,
    number: int,
    project_id: str,
    task: str | None,
    what: str = "time",
    content: str = COUNTED_TIME,
) -> LinePlan | None:
    """The plan of the line that takes this project's task, or what else it takes."""
    version = contract.version, len(contract.history)
    key = ("taker", contract.contract_id, *version, number, project_id, task, what, content)
    found = draft.memo.lines.get(key)
    if found is None and key not in draft.memo.lines:
        terms = next(stored.terms for stored in contract.history if stored.version == number)
        line = line_for(terms.lines, project_id, task, what)
        found = draft.memo.lines[key] = line_plan(draft, contract, number, line.line_id, content) if line else None
    return found if isinstance(found, LinePlan) else None


def plan_of(draft: Draft, price: Price) -> LinePlan | None:
    """The plan of a price's line for its service date, in the newest reading of the contract."""
    contract = draft.contract(price.contract_id)
    if contract is None or not contract.history:
        return None
    return plan_on(draft, contract, price.day, price.line_id, price.content)


def plan_on(draft: Draft, contract: Contract, day: date, line_id: str, content: str = COUNTED_TIME) -> LinePlan | None:
    """The plan of a line for a service date, as its revenue is earned by now; of one that the terms of that day do not have the newest that
    there was."""
    found = line_plan(draft, contract, version_on(contract, day), line_id, content)
    return as_earned(draft, contract, found) if found else newest_plan(draft, contract, line_id, content)


def as_earned(draft: Draft, contract: Contract, plan: LinePlan) -> LinePlan:
    """The plan with the method that all rows of the line have gone over to, from or to one that earns over time."""
    if len(contract.history) == 1:
        return plan
    fees: LineFees | None = draft.part("fees", composed(contract.contract_id, plan.line.line_id))
    if fees is None or fees.earns_by <= plan.version:
        return plan
    key = (*plan.key, "earned by", fees.earns_by)
    found = draft.memo.lines.get(key)
    if not isinstance(found, LinePlan):
        found = plan
        for stored in contract.history:
            if plan.version < stored.version <= fees.earns_by:
                other = line_plan(draft, contract, stored.version, plan.line.line_id, plan.content)
                if other is not None and goes_over(found, other) and methods.go_on(found.line, other.line):
                    found = found._replace(timing=other.timing, earned=None if other.timing == WITH_CHARGE else 0)
        draft.memo.lines[key] = found
    return found


def goes_over(went: LinePlan, goes: LinePlan) -> bool:
    """Whether revenue goes over from what is billed to a method over time, or back, should the line go on."""
    return (went.timing == OVER_TIME) != (goes.timing == OVER_TIME)


def newest_plan(draft: Draft, contract: Contract, line_id: str, content: str = COUNTED_TIME) -> LinePlan | None:
    """The plan of a line under the newest terms that have it."""
    stored = reversed((*contract.former, *contract.history))
    plans = (line_plan(draft, contract, one.version, line_id, content) for one in stored)
    return next((plan for plan in plans if plan is not None), None)


def _line_plan(
    draft: Draft, contract: Contract, number: int, line_id: str, content: str, key: tuple[Any, ...]
) -> LinePlan | None:
    history = versions(contract)
    if all(version.number != number for version in history):
        history = tuple(version_of(stored) for stored in contract.former)
    if content != COUNTED_TIME:
        of_time = line_plan(draft, contract, number, line_id)
        return _counted_as(of_time, content, key, history) if of_time is not None else None
    version = next(version for version in history if version.number == number)
    terms, line = version.terms, line_named(version.terms, line_id)
    entity = draft.reference.entity(terms.legal_entity_id)
    if line is None or entity is None:
        return None
    policies = line_policies(terms, line, version.defaults, bookkeeping(entity.policies))
    rules, group = cap_rules(history, line_id, content), cap_group(history, line_id)
    every_rule = cap_rules(history, line_id)
    refused = methods.refused_line(line, policies, terms.lines)
    splits_apart, mixed = _billed_apart(draft, contract, history, group, every_rule)
    timing, draws = methods.timing(line, policies), methods.draws_in(line.terms) if refused is None else None
    return LinePlan(
        contract.contract_id,
        terms.customer_id,
        line,
        terms,
        number,
        policies,
        entity,
        rules,
        tuple(for_billing(rule) for rule in rules),
        splits_apart or mixed,
        group,
        smallest_unit(terms.currency),
        methods.account(line.terms) or unbilled_account(policies, line),
        tuple(
            sorted(
                {rate.effective_from for rate in getattr(line.terms, "rates", ()) if rate.effective_from is not None}
            )
        ),
        refused,
        terms.currency,
        key,
        timing,
        content,
        every_rule,
        draws,
        for_revenue(rules) if mixed else rules,
        mixed,
        mixed and not splits_apart,
        bool(rules) and policies.overflow == NEXT_RULE,
        methods.kind_of(line.terms).hours if draws is None else RATED,
        draws is not None or by_persons_day(policies) or methods.units(line.terms) is not None,
        None if timing == WITH_CHARGE else 0,
    )


def _counted_as(of_time: LinePlan, content: str, key: tuple[Any, ...], history: tuple[Version, ...]) -> LinePlan:
    """The same line for what caps count otherwise than time: other caps may bind it, and it has no room by day."""
    rules = cap_rules(history, of_time.line.line_id, content) if of_time.every_rule else ()
    return of_time._replace(
        rules=rules,
        billing_rules=tuple(for_billing(rule) for rule in rules),
        revenue_rules=for_revenue(rules) if of_time.some_bind_billing_alone else rules,
        key=key,
        content=content,
        by_day=False,
    )


def by_persons_day(policies: Resolved) -> bool:
    """Whether increments are over all that a person works in a day (R9, scope `person_day`)."""
    return policies.increment_scope == "person_day" and bool(policies.increment_minutes or policies.minimum_minutes)


def _billed_apart(
    draft: Draft, contract: Contract, history: tuple[Version, ...], group: frozenset[str], rules: tuple[CapRule, ...]
) -> tuple[bool, bool]:
    """Whether the lines that share caps allot billing apart from revenue, by another split and because some caps bind billing alone: one
    for all, since they share buckets."""
    if len(group) == 1:
        return any(splits_billing(rule) for rule in rules), bool(rules) and bind_billing_alone(history, group)
    key = ("billed apart", contract.contract_id, contract.version, history[-1].number, group)
    if key not in draft.memo.lines:
        draft.memo.lines[key] = (
            any(splits_billing(rule) for line_id in group for rule in cap_rules(history, line_id)),
            bind_billing_alone(history, group),
        )
    found: tuple[bool, bool] = draft.memo.lines[key]
    return found


def terms_on(contract: Contract, day: date) -> ContractSigned:
    """The terms in force on a day; before the first, the first."""
    return stored_on(contract, day).terms


def stored_on(contract: Contract, day: date) -> TermsVersion:
    history = contract.history
    if len(history) == 1:
        return history[0]
    return next((stored for stored in reversed(history) if stored.effective_on <= day), history[0])


def contract_policies(draft: Draft, contract: Contract, day: date | None = None) -> Resolved:
    """Of the contract as a whole on a day, or in its newest version."""
    stored = contract.history[-1] if day is None else stored_on(contract, day)
    key = ("contract policies", contract.contract_id, contract.version, len(contract.history), stored.version)
    found: Resolved | None = draft.memo.lines.get(key)
    if found is None:
        entity = draft.reference.entity(stored.terms.legal_entity_id)
        own = bookkeeping(entity.policies if entity is not None else None)
        found = draft.memo.lines[key] = resolve(stored.terms.policies, stored.defaults, own)
    return found


def unbilled_account(policies: Resolved, line: ContractLine) -> str:
    if policies.unbilled_account is None:
        return UNBILLED_RECEIVABLE if isinstance(line.terms, RECEIVABLE_TERMS) else CONTRACT_ASSET
    return UNBILLED_RECEIVABLE if policies.unbilled_account == "receivable" else CONTRACT_ASSET


def bill_tos(contract: Contract) -> frozenset[str]:
    """Who is billed by any version of the terms."""
    return frozenset(
        party.customer_id for stored in (*contract.former, *contract.history) for party in parties_of(stored.terms)
    )


def customer_of(contract: Contract, bill_to: str) -> str:
    """Who is named in journals of a statement: its payer where versions of the terms have several, or sources, else the customer."""
    versions = (*contract.former, *contract.history)
    several = len(bill_tos(contract)) > 1 or any(stored.terms.funding is not None for stored in versions)
    return bill_to if several else contract.terms.customer_id


def billing_zone(terms: ContractSigned, entity: LegalEntityDefined | None, policies: Resolved) -> str:
    return terms.billing_zone or policies.billing_zone or (entity.zone if entity else "UTC")


def billing_cycle(terms: ContractSigned, policies: Resolved) -> BillingCycle:
    cycle = terms.billing_cycle or policies.billing_cycle or MONTHLY
    if cycle.cut_off_day is None and policies.cut_off_day is not None:
        return cycle._replace(cut_off_day=policies.cut_off_day)
    return cycle


def grace_days(terms: ContractSigned, policies: Resolved) -> int:
    return terms.grace_days if terms.grace_days is not None else policies.grace_days
