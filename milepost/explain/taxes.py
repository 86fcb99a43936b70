"""Tax of a statement: a base is the sum of lines and applied deposits that are taxed alike, its tax a percentage that a policy states."""

from domain.explanation import Node
from domain.outputs import BillingStatement, StatementTax, UndeterminedTax
from milepost.explain.nodes import Nodes

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
        made = self._recorded(statement_id, f"tax_base/{len(record.tax) + number}")
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

    def _recorded(self, statement_id: str, name: str) -> Node:
        step = self.sources.trace.statements[statement_id][0].step
        return self.recorded.known(f"{self.nodes.statements.record(statement_id).statement_id}#{name}", step)
