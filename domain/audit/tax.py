"""The tax that a statement shows is what the table of its region gives of its bases, and these sum to what is billed (R11, R35)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from domain.audit.findings import TAX, SeenOutput, Violation, violation
from domain.audit.reference import ReferenceSoFar
from domain.billing.statement import SUPERSEDED
from domain.billing.tax import OUTPUT, OUTSIDE_SCOPE, by_category, groups_of, rule_on, shown_kind, tax_of
from domain.events.reference import TaxPolicyDefined
from domain.money import format_amount, format_decimal
from domain.outputs import BillingStatement, StatementTax, UndeterminedTax
from domain.units import PERCENT_SCALE

# Of a statement.
Group = StatementTax | UndeterminedTax


class TaxTables:
    """Regions and their policies as the log has them. A statement that was superseded says what held when it was drafted."""

    def __init__(self, reference: ReferenceSoFar) -> None:
        self.count = 0
        self._reference = reference

    def see(self, seen: SeenOutput, statement: BillingStatement) -> Iterator[Violation]:
        if statement.part < statement.parts or statement.status == SUPERSEDED:
            return
        self.count += 1
        region = self._region(statement)
        if statement.tax_region != region:
            yield violation(TAX, seen, statement.statement_id, f"tax region {region}", statement.tax_region)
        bases = sum(by_category(groups_of(statement)).values())
        if bases != statement.total - statement.deposits_applied:
            billed = format_amount(statement.total - statement.deposits_applied)
            expected = f"bases that sum to {billed} {statement.currency}, total less deposits applied"
            yield violation(TAX, seen, statement.statement_id, expected, format_amount(bases))
        policy = self._reference.book.tax_policy(region) if region is not None else None
        for group in groups_of(statement).all:
            wanted = _wanted(statement, group, policy)
            if wanted != group:
                yield violation(TAX, seen, statement.statement_id, _shown(wanted), _shown(group))

    def _region(self, statement: BillingStatement) -> str | None:
        book = self._reference.book
        customer, entity = book.customer(statement.bill_to), book.entity(statement.legal_entity_id)
        if customer is not None and customer.tax_region is not None:
            return customer.tax_region
        return entity.tax_region if entity is not None else None


def _wanted(statement: BillingStatement, group: Group, policy: TaxPolicyDefined | None) -> Group:
    """By the rule of its tax point, of what is paid later by that of the statement's last day."""
    day = group.tax_point_date if group.tax_point_date is not None else statement.to - timedelta(days=1)
    rule = rule_on(policy, group.category, day)
    if rule is None:
        return UndeterminedTax(group.category, group.base, group.tax_point_date)
    percent = rule.percent if rule.kind == OUTPUT else 0
    tax = tax_of(group.base, percent, statement.currency)
    kind, is_outside = shown_kind(rule.kind), rule.kind == OUTSIDE_SCOPE
    return StatementTax(group.category, group.base, percent, tax, kind, group.tax_point_date, rule.reason, is_outside)


def _shown(group: Group) -> str:
    if isinstance(group, UndeterminedTax):
        return f"{group.category}: undetermined on {format_amount(group.base)}, no rule"
    rate = f"{group.kind} {format_decimal(group.percent, PERCENT_SCALE)} %"
    return f"{group.category}: {format_amount(group.amount)} on {format_amount(group.base)}, {rate}"
