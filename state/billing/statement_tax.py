"""Tax of a statement: what of it is taxable, by which region's policy, and what is reported where that says nothing of a category.

The region is that of the customer who is billed, else that of the legal entity. The rate is that of the statement's last day (policy
`tax_point` invoice, and payment, whose day nobody knows yet), or of each service date (service): that day is the same whenever the
statement is cut, approved or issued again. An amount that a deposit covers is taken off under the deposit's line, with service at the rate
of the day on which it was due.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.tax import OUTPUT, SERVICE, Rule, Taxable, TaxGroups, by_table, rule_on
from domain.events.finance import InvoicePosted
from domain.events.reference import TaxPolicyDefined
from domain.explanation import Node, evaluated, total
from domain.figure import Recorded, as_kept, later
from domain.identity import composed, parts_of
from domain.money import HALF_UP, format_amount
from domain.outputs import StatementTax, UndeterminedTax
from domain.sums import summed
from domain.units import Amount, Percent
from domain.why import Why, elsewhere, in_event, line_policies, rounding
from state.billing.issued_record import piece_at
from state.books import Contract, StatementEntry, StatementState
from state.draft import Draft, blocked_at
from state.terms.plan import plan_on, version_on

# What decides about tax; another function here is another rule for all.
RULE: Final[Rule] = by_table
UNDETERMINED: Final = "tax_undetermined"
DIFFERS: Final = "tax_differs"
REGION = "tax_region"
DAY = timedelta(days=1)


class Taxed(NamedTuple):
    """`policy` is the region's, None where there is none."""

    region: str | None
    policy: TaxPolicyDefined | None
    taxables: tuple[Taxable, ...]
    groups: TaxGroups

    @property
    def total(self) -> Amount | None:
        """What an invoice should have; None where nobody says."""
        return self.groups.total if self.policy is not None else None


def taxed(
    draft: Draft, contract: Contract, bill_to: str, period: BillingPeriod, listed: Sequence[StatementEntry]
) -> Taxed:
    """Of what a statement lists, once that is issued."""
    region = region_of(draft, contract, bill_to)
    policy = draft.reference.tax_policy(region) if region is not None else None
    found = taxables(draft, contract, period.to - DAY, listed)
    return Taxed(region, policy, found, RULE(found, policy, contract.terms.currency))


def region_of(draft: Draft, contract: Contract, bill_to: str) -> str | None:
    customer = draft.reference.customer(bill_to)
    if customer is not None and customer.tax_region is not None:
        return customer.tax_region
    entity = draft.reference.entity(contract.terms.legal_entity_id)
    return entity.tax_region if entity is not None else None


def taxables(draft: Draft, contract: Contract, day: date, listed: Iterable[StatementEntry]) -> tuple[Taxable, ...]:
    """By contract line and service date; `day` is the statement's last one."""
    sums = summed(((one.line_id, _service_day(draft, contract, one)), one.amount) for one in listed)
    return tuple(taxable(draft, contract, *place, day, amount) for place, amount in sorted(sums.items()))


def taxable(
    draft: Draft, contract: Contract, line_id: str, service_date: date, statement_day: date, amount: Amount
) -> Taxable:
    """By the terms of the service date."""
    plan = plan_on(draft, contract, service_date, line_id)
    assert plan is not None, "a line that has issued work stays known"
    point = plan.policies.tax_point
    return Taxable(plan.line.tax_category, point, service_date if point == SERVICE else statement_day, amount)


def say_groups(
    draft: Draft, why: Why, of: str, contract: Contract, listed: Sequence[StatementEntry], billed: int, found: Taxed
) -> None:
    """The base of each group and its tax; the first `billed` of what is `listed` are lines, the others deposits set against them. Which
    group a row is in, the rule says of it alone."""
    currency, days = contract.terms.currency, [_service_day(draft, contract, one) for one in listed]
    rows = [(one.line_id, day) for one, day in zip(listed, days, strict=True)]
    of_place = dict(zip(sorted(set(rows)), found.taxables, strict=True))
    alike = {place: _alike(RULE((one,), found.policy, currency).all[0]) for place, one in of_place.items()}
    for number, group in enumerate(found.groups.all, 1):
        own = [place for place, row in enumerate(rows) if alike[row] == _alike(group)]
        nodes = []
        for line_id in dict.fromkeys(listed[place].line_id for place in own if place < billed):
            of_line = [place for place in range(billed) if listed[place].line_id == line_id]
            if set(of_line) <= set(own):
                amount = sum(listed[place].amount for place in of_line)
                billed_line = composed("statement_line", of, line_id, str(why.now))
                nodes.append(elsewhere(f"line {line_id}", amount, billed_line, currency))
            else:
                nodes += [why.figure(piece_at(of, place)) for place in of_line if place in own]
        nodes += [why.figure(piece_at(of, place)) for place in own if place >= billed]
        base = why.record(
            f"{of}#tax_base/{number}", group.base, total(f"tax base of {group.category}", nodes, "amount", currency)
        )
        if isinstance(group, StatementTax) and found.policy is not None:
            first, address = rows[own[0]], f"{of}#tax/{number}"
            _say_tax(draft, why, address, contract, group, base, first, found.policy, of_place[first])
    if found.total:
        own = [number for number, group in enumerate(found.groups.known, 1) if group.kind == OUTPUT and group.amount]
        parts = [why.figure(f"{of}#tax/{number}") for number in own]
        why.record(f"{of}#tax", found.total, total("tax of the statement", parts, "amount", currency))


def _service_day(draft: Draft, contract: Contract, listed: StatementEntry) -> date:
    return draft.issued_in_books(listed.entry_id, contract.contract_id, listed.line_id)[1].day


def _alike(group: StatementTax | UndeterminedTax) -> tuple[str, str | None, Percent, bool, bool]:
    """What is taxed alike has this in common."""
    known = (group.kind, group.percent, group.outside_scope) if isinstance(group, StatementTax) else (None, 0, False)
    return (group.category, *known, group.tax_point_date is None)


def _say_tax(
    draft: Draft,
    why: Why,
    address: str,
    contract: Contract,
    group: StatementTax,
    base: Node,
    first: tuple[str, date],
    policy: TaxPolicyDefined,
    one: Taxable,
) -> None:
    """The tax, or of what bears none the base with the rate that says so."""
    rule = rule_on(policy, one.category, one.day)
    assert rule is not None, "a known group has a rule"
    since = f"from {rule.effective_from}" if rule.effective_from is not None else "from the beginning"
    path = f"rules[{policy.rules.index(rule)}].percent"
    percent = in_event("rate of tax", rule.percent, "percent", policy, path)
    percent = percent._replace(facts=(("rule", f"{rule.category}, {rule.kind.replace('_', ' ')}, {since}"),))
    if group.kind != OUTPUT:
        why.record(address, group.base, base._replace(why=(percent,)))
        return
    line_id, day = first
    version = version_on(contract, day)
    terms = next(stored.terms for stored in (*contract.history, *contract.former) if stored.version == version)
    entity = draft.reference.known_entity(terms.legal_entity_id)
    title, parameters = f"tax on {group.category}", rounding(base.currency, HALF_UP)
    made = evaluated(title, "percent_of", (base, percent), parameters, "amount", base.currency, rule="R11")
    why.record(address, group.amount, made._replace(policies=line_policies(terms, line_id, entity, "tax_point")))


# What no policy covers


def note_undetermined(draft: Draft, statement_id: str, contract: Contract, found: Taxed) -> None:
    """One exception a region and category; every further statement is counted in it. Without a region nobody asks for tax."""
    if found.region is None:
        return
    policy = f"none in version {found.policy.version} of its policy" if found.policy is not None else "no policy of it"
    groups = enumerate(found.groups.undetermined, len(found.groups.known) + 1)
    missing = {group.category: (number, group.base) for number, group in groups if group.base}
    for category, (number, base) in missing.items():
        day = min(one.day for one in found.taxables if one.category == category)
        name = composed(found.region, category, contract.terms.currency, day.isoformat())
        draft.waits_added.add((REGION, found.region, f"tax:{name}"))
        message = (
            f"statement {statement_id} has {format_amount(base, contract.terms.currency)} {contract.terms.currency} of tax category "
            f"{category}: expected a rule of tax region {found.region} for {category} or * that is in force on {day}, found {policy}; "
            "the statement is issued without a rate and without an amount of tax for it"
        )
        blocked = base if draft.why is None else Recorded(draft.why.figure(f"{statement_id}#tax_base/{number}"))
        _count(draft, composed(found.region, category), message, contract, blocked)


def _count(draft: Draft, subject: str, message: str, contract: Contract, base: Amount) -> None:
    currency = contract.terms.currency
    noted = draft.open_exception(UNDETERMINED, REGION, subject)
    if noted is None:
        draft.raise_exception(
            UNDETERMINED,
            REGION,
            subject,
            message,
            contract_id=contract.contract_id,
            field="tax_category",
            amount=base,
            currency=currency,
        )
        return
    had = noted.amounts.get(currency, 0)
    if draft.why is not None:
        had = as_kept(draft.why, had, blocked_at(noted.exception_id))
    amounts = {**noted.amounts, currency: had + base}
    counted = replace(noted, message=message, count=noted.count + 1, amounts=amounts)
    draft.revise_exception(replace(counted, amounts={key: amount for key, amount in amounts.items() if amount}))


def retry_undetermined(draft: Draft, waiting: Sequence[str]) -> None:
    """A policy has come: an exception closes when it covers its category on all days for which that was missing."""
    still = set()
    settled: dict[str, None] = {}
    for name in waiting:
        region, category, currency, day = parts_of(name)
        subject = composed(region, category)
        probe = (Taxable(category, SERVICE, date.fromisoformat(day), 0),)
        if RULE(probe, draft.reference.tax_policy(region), currency).undetermined:
            still.add(subject)
            continue
        draft.waits_removed.add((REGION, region, f"tax:{name}"))
        settled[subject] = None
    for subject in settled:
        if subject not in still:
            draft.resolve_exception(UNDETERMINED, REGION, subject)


# An invoice with another tax


def invoiced_tax_of(statement_id: str) -> str:
    """Where a recorder has the tax that the invoice states."""
    return f"{statement_id}#invoiced_tax"


def note_difference(draft: Draft, statement: StatementState, event: InvoicePosted) -> None:
    """The invoice is posted with its own tax all the same: only the net amount must agree."""
    if statement.tax is None or statement.tax == event.tax_amount:
        return
    currency, why = statement.currency, draft.why
    tax, expected = event.tax_amount, statement.tax
    if why is not None:
        tax = later(tax, why.known, invoiced_tax_of(statement.statement_id), why.now)
        expected = later(expected, why.known, f"{statement.statement_id}#tax", why.now)
    draft.raise_exception(
        DIFFERS,
        "statement",
        statement.statement_id,
        f"expected {format_amount(statement.tax, currency)} {currency} of tax by the statement's groups, invoice {event.invoice_id} has "
        f"{format_amount(event.tax_amount, currency)}; it is posted as it came",
        contract_id=statement.contract_id,
        field="tax_amount",
        amount=tax - expected,
        currency=currency,
    )
