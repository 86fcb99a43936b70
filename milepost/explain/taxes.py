"""Tax of a statement: a base is the sum of lines and applied deposits that are taxed alike, its tax a percentage that a policy states."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from domain.billing.statement import ISSUED
from domain.billing.tax import OUTPUT, PAYMENT, Taxable, rule_on
from domain.events.common import TaxRule
from domain.events.finance import InvoicePosted
from domain.events.reference import TaxPolicyDefined
from domain.explanation import Node, PolicyUse, agreeing, evaluated, less, stated, step_of, total
from domain.identity import parts_of
from domain.money import HALF_UP, round_amount
from domain.outputs import BillingStatement, ExceptionRaised, StatementTax, UndeterminedTax
from milepost.explain.arithmetic import in_units
from milepost.explain.sources import Sources
from state.billing.statement_tax import DAY, taxable
from state.draft import Draft
from state.terms.plan import version_on
from state.totals import issued_on, standing_price
from state.trace import TracedOutput

if TYPE_CHECKING:
    from milepost.explain.statements import Listed, StatementNodes

# Of a statement.
Group = StatementTax | UndeterminedTax


class _Taxed(NamedTuple):
    """What one entry brings to a base, and the contract line's policies that decided."""

    listed: Listed
    taxable: Taxable
    version: int


class TaxNodes:
    def __init__(self, sources: Sources, statements: StatementNodes) -> None:
        self.sources = sources
        self.statements = statements

    def of_statement(self, statement_id: str) -> tuple[Node, ...]:
        """Every group; nothing where no region is known."""
        record = self._record(statement_id)
        if record.tax_region is None:
            return ()
        known = (self.group(statement_id, number) for number in range(1, len(record.tax) + 1))
        missing = (self.open_group(statement_id, number) for number in range(1, len(record.undetermined_tax) + 1))
        return (*known, *missing)

    def open_group(self, statement_id: str, number: int) -> Node:
        """`number` counts from 1: the base, of which nobody says what the tax is."""
        record = self._record(statement_id)
        group = record.undetermined_tax[number - 1]
        made = self.base(statement_id, group)
        return made._replace(facts=self._facts(record, group), id=f"{statement_id}#undetermined_tax/{number}")

    def _facts(self, record: BillingStatement, group: Group) -> tuple[tuple[str, str], ...]:
        kind = (group.kind or "").replace("_", " ") if isinstance(group, StatementTax) else "undetermined"
        point = f"{group.tax_point_date}" if group.tax_point_date is not None else "when it is paid"
        return ("tax region", record.tax_region or "none"), ("kind", kind), ("tax point", point)

    def group(self, statement_id: str, number: int) -> Node:
        """`number` counts from 1: the tax, or the base where none is charged."""
        record = self._record(statement_id)
        group = record.tax[number - 1]
        base = self.base(statement_id, group)
        facts = self._facts(record, group)
        wanted = f"{statement_id}#tax/{number}"
        policy = self._draft(statement_id).reference.tax_policy(record.tax_region or "")
        rule = rule_on(policy, group.category, self._day(record, group))
        if rule is None or policy is None:
            return base._replace(facts=facts, id=wanted)
        percent = self._percent(policy, rule)
        if group.kind != OUTPUT:
            return base._replace(
                title=f"tax base of {group.category}", facts=facts, why=(*base.why, percent), id=wanted
            )
        title = f"tax on {group.category}"
        parameters = {"step": step_of(record.currency), "mode": HALF_UP}
        made = evaluated(title, "percent_of", (base, percent), parameters, "amount", record.currency, rule="R11")
        told = stated(title, group.amount, "amount", record.currency)
        return agreeing(made, told)._replace(facts=facts, policies=self._policies(statement_id, group), id=wanted)

    def base(self, statement_id: str, group: Group) -> Node:
        record = self._record(statement_id)
        title = f"tax base of {group.category}"
        nodes = list(self._parts(statement_id, group))
        made = total(title, nodes, "amount", record.currency)
        return agreeing(made, stated(title, group.base, "amount", record.currency))

    def total(self, statement_id: str) -> Node:
        """Of a statement whose groups are all determined."""
        record = self._record(statement_id)
        nodes = [
            self.group(statement_id, number)
            for number, group in enumerate(record.tax, 1)
            if group.kind == OUTPUT and group.amount
        ]
        return total("tax of the statement", nodes, "amount", record.currency)

    def _parts(self, statement_id: str, group: Group) -> Iterator[Node]:
        """Whole lines where all of their entries are taxed alike, else the entries; then deposits."""
        for number, line in enumerate(self.statements.lines(statement_id), 1):
            listed = self.statements.listed_on(statement_id, line)
            own = [one for one in listed if self._belongs(statement_id, one, group)]
            if own and len(own) == len(listed):
                yield self.statements.line(statement_id, number)
            else:
                yield from (self.statements.piece(one) for one in own)
        for one in self.statements.applied_on(statement_id):
            if self._belongs(statement_id, one, group):
                yield self.statements.applied(one)

    def _belongs(self, statement_id: str, listed: Listed, group: Group) -> bool:
        record, found = self._record(statement_id), self._taxed(statement_id, listed)
        if found is None or found.taxable.category != group.category:
            return False
        rule = rule_on(
            self._draft(statement_id).reference.tax_policy(record.tax_region or ""), group.category, found.taxable.day
        )
        has = (rule.kind, rule.percent if rule.kind == OUTPUT else 0) if rule is not None else (None, 0)
        is_open = found.taxable.point == PAYMENT
        wanted = (group.kind, group.percent) if isinstance(group, StatementTax) else (None, 0)
        return (*has, is_open) == (*wanted, group.tax_point_date is None)

    def _taxed(self, statement_id: str, listed: Listed) -> _Taxed | None:
        record, draft = self._record(statement_id), self._draft(statement_id)
        contract, service_date = draft.contract(record.contract_id), self._service_date(draft, record, listed)
        if contract is None or service_date is None:
            return None
        found = taxable(draft, contract, listed.entry.line_id, service_date, record.to - DAY, listed.entry.amount)
        return _Taxed(listed, found, version_on(contract, service_date))

    def _service_date(self, draft: Draft, record: BillingStatement, listed: Listed) -> date | None:
        """As it was issued; of a draft, of which nothing is, as the work stands."""
        entry = draft.entry(listed.entry.entry_id)
        if entry is None:
            return None
        price, line_id = standing_price(entry), listed.entry.line_id
        issued = issued_on(entry, record.contract_id, line_id)
        own = price is not None and (price.contract_id, price.line_id) == (record.contract_id, line_id)
        if listed.line is not None and price is not None and own:
            return price.day
        return issued.day if issued is not None else None

    def _day(self, record: BillingStatement, group: StatementTax) -> date:
        return group.tax_point_date if group.tax_point_date is not None else record.to - DAY

    def _percent(self, policy: TaxPolicyDefined, rule: TaxRule) -> Node:
        since = f"from {rule.effective_from}" if rule.effective_from is not None else "from the beginning"
        facts = (("rule", f"{rule.category}, {rule.kind.replace('_', ' ')}, {since}"),)
        path = f"rules[{policy.rules.index(rule)}].percent"
        return self.sources.field("rate of tax", rule.percent, "percent", policy, path, facts=facts)

    def _policies(self, statement_id: str, group: StatementTax) -> tuple[PolicyUse, ...]:
        """As the first line of the group has them."""
        listed = [
            *(
                one
                for line in self.statements.lines(statement_id)
                for one in self.statements.listed_on(statement_id, line)
            ),
            *self.statements.applied_on(statement_id),
        ]
        first = next((one for one in listed if self._belongs(statement_id, one, group)), None)
        found = self._taxed(statement_id, first) if first is not None else None
        if first is None or found is None:
            return ()
        draft, record = self._draft(statement_id), self._record(statement_id)
        return self.sources.policies(draft, record.contract_id, found.version, first.entry.line_id, "tax_point")

    # Exceptions

    def undetermined(self, said: TracedOutput, since: int, record: ExceptionRaised) -> Node:
        """Bases without a rate on statements that were issued from the step `since` on."""
        region, category = parts_of(record.subject_id)
        nodes = []
        for statement_id in self.sources.trace.statements:
            statement = self._record(statement_id)
            step = self.sources.trace.statements[statement_id][0].step
            if statement.status == ISSUED and statement.tax_region == region and since <= step <= said.step:
                nodes += [
                    self.base(statement_id, group)
                    for group in statement.undetermined_tax
                    if group.category == category and group.base
                ]
        return total("blocked", nodes, "amount", record.blocks_currency or "")

    def difference(self, said: TracedOutput, record: ExceptionRaised) -> Node | None:
        """The invoice's tax less the statement's."""
        state = self.sources.trace.part_at("statement", record.subject_id, said.step)
        if state is None or state.tax is None:
            return None
        for known in self.sources.trace.events:
            event = known.event
            if (
                isinstance(event, InvoicePosted)
                and event.invoice_id == state.invoice_id
                and round_amount(event.tax_amount, state.currency, HALF_UP) == state.tax + record.blocks_amount
            ):
                currency = record.blocks_currency or ""
                invoice = self.sources.field(
                    "the invoice's tax", event.tax_amount, "amount", event, "tax_amount", currency
                )
                return less("blocked", in_units(invoice), self.total(record.subject_id))
        return None

    def _record(self, statement_id: str) -> BillingStatement:
        return self.statements.records(statement_id)[0]

    def _draft(self, statement_id: str) -> Draft:
        return self.sources.draft(self.sources.trace.statements[statement_id][0].step)
