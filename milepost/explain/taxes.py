"""Tax of a statement: a base is the sum of lines and applied deposits that are taxed alike, its tax a percentage that a policy states."""

from domain.billing.statement import ISSUED
from domain.billing.tax import OUTPUT
from domain.explanation import Node, less, total
from domain.identity import parts_of
from domain.outputs import BillingStatement, ExceptionRaised, StatementTax, UndeterminedTax
from milepost.explain.nodes import Nodes
from state.billing.statement_tax import invoiced_tax_of
from state.trace import TracedOutput

# Of a statement.
Group = StatementTax | UndeterminedTax


class TaxNodes(Nodes):
    def of_statement(self, statement_id: str) -> tuple[Node, ...]:
        """Every group; nothing where no region is known."""
        record = self.nodes.statements.record(statement_id)
        if record.tax_region is None:
            return ()
        known = (self.group(statement_id, number) for number in range(1, len(record.tax) + 1))
        missing = (self.open_group(statement_id, number) for number in range(1, len(record.undetermined_tax) + 1))
        return (*known, *missing)

    def open_group(self, statement_id: str, number: int) -> Node:
        """`number` counts from 1: the base, of which nobody says what the tax is."""
        record = self.nodes.statements.record(statement_id)
        made = self.base(statement_id, len(record.tax) + number)
        facts = self._facts(record, record.undetermined_tax[number - 1])
        return made._replace(facts=facts, id=f"{statement_id}#undetermined_tax/{number}")

    def _facts(self, record: BillingStatement, group: Group) -> tuple[tuple[str, str], ...]:
        kind = (group.kind or "").replace("_", " ") if isinstance(group, StatementTax) else "undetermined"
        point = f"{group.tax_point_date}" if group.tax_point_date is not None else "when it is paid"
        return ("tax region", record.tax_region or "none"), ("kind", kind), ("tax point", point)

    def group(self, statement_id: str, number: int) -> Node:
        """`number` counts from 1: the tax, or the base where none is charged."""
        record = self.nodes.statements.record(statement_id)
        made = self._recorded(statement_id, f"tax/{number}")
        return made._replace(facts=self._facts(record, record.tax[number - 1]), id=f"{statement_id}#tax/{number}")

    def base(self, statement_id: str, number: int) -> Node:
        """Of all groups in order, those without a rate after the others."""
        return self._recorded(statement_id, f"tax_base/{number}")

    def _recorded(self, statement_id: str, name: str) -> Node:
        step = self.sources.trace.statements[statement_id][0].step
        return self.recorded.known(f"{self.nodes.statements.record(statement_id).statement_id}#{name}", step)

    def total(self, statement_id: str) -> Node:
        """Of a statement whose groups are all determined."""
        record = self.nodes.statements.record(statement_id)
        nodes = [
            self.group(statement_id, number)
            for number, group in enumerate(record.tax, 1)
            if group.kind == OUTPUT and group.amount
        ]
        return total("tax of the statement", nodes, "amount", record.currency)

    # Exceptions

    def undetermined(self, said: TracedOutput, since: int, record: ExceptionRaised) -> Node:
        """Bases without a rate on statements that were issued from the step `since` on."""
        region, category = parts_of(record.subject_id)
        nodes = []
        for statement_id in self.sources.trace.statements:
            statement = self.nodes.statements.record(statement_id)
            step = self.sources.trace.statements[statement_id][0].step
            if statement.status == ISSUED and statement.tax_region == region and since <= step <= said.step:
                nodes += [
                    self.base(statement_id, number)
                    for number, group in enumerate(statement.undetermined_tax, len(statement.tax) + 1)
                    if group.category == category and group.base
                ]
        return total("blocked", nodes, "amount", record.blocks_currency or "")

    def difference(self, said: TracedOutput, record: ExceptionRaised) -> Node:
        """The invoice's tax less the statement's."""
        invoice = self.recorded.known(invoiced_tax_of(record.subject_id), said.step)
        return less("blocked", invoice, self.total(record.subject_id))
