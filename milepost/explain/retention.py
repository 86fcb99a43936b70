"""What a statement withholds and releases (R32), and what its invoice moves on 1170, as the rules recorded it."""

from domain.explanation import Node, constant, negated, total
from domain.identity import composed, escape
from domain.outputs import BillingStatement
from milepost.explain.nodes import Nodes
from state.books import Contract, OpenStatement


class RetentionNodes(Nodes):
    """`line` explains a line of a statement by its number, from 1."""

    def begin(self) -> None:
        self.recorded.resolvers["statement_line"] = self._of_line
        self.recorded.resolvers["beside"] = self._beside

    def of_statement(self, statement_id: str) -> tuple[Node, ...]:
        """What leads from the total to what is due."""
        record = self.nodes.statements.record(statement_id)
        found = [negated("retained", self.retained(statement_id))] if record.retained else []
        return (*found, self._said(statement_id, "released")) if record.released else tuple(found)

    def retained(self, statement_id: str) -> Node:
        """Below zero where it takes back."""
        return self._said(statement_id, "retained")

    def _said(self, statement_id: str, name: str) -> Node:
        return self.recorded.known(f"{statement_id}#{name}")

    # Accounts

    def left_at(self, contract: Contract, bill_to: str, project_id: str, step: int) -> Node:
        """What is retained of a bill-to's statements in a project."""
        address = f"retention/{composed(contract.contract_id, bill_to)}/{escape(project_id)}"
        return self.recorded.sum(address, "retained so far", step, contract.terms.currency)

    def billed_at(self, contract: Contract, bill_to: str, step: int) -> Node:
        """What was billed to a bill-to of which something is withheld."""
        address = f"retention/{composed(contract.contract_id, bill_to)}#billed"
        return self.recorded.figure(address, step) or constant("billed before", 0, "amount", contract.terms.currency)

    # What an invoice moves

    def posted(self, contract_id: str, project_id: str, step: int, title: str, currency: str) -> Node:
        """What invoices and credit memos have moved on 1170 by then."""
        address = composed("posted_retention", contract_id, project_id)
        return self.recorded.sum(address, title, step, currency, rule="R32")

    # What rules name that is explained elsewhere

    def _of_line(self, statement_id: str, line_id: str, step: str = "") -> Node | None:
        """What a statement bills of a contract line; `step` tells in which of its revisions."""
        statement_id = self.sources.trace.revision_at(statement_id, int(step)) if step else statement_id
        if statement_id not in self.sources.trace.statements:
            return None
        statements = self.nodes.statements
        lines = enumerate(statements.lines(statement_id), 1)
        nodes = [statements.or_named(statement_id, at) for at, line in lines if line.line_id == line_id]
        if len(nodes) == 1:
            return nodes[0]
        return total(f"lines of {line_id}", nodes, "amount", statements.record(statement_id).currency)

    def _beside(self, statement_id: str, line_id: str) -> Node | None:
        """What the same cut bills to others of a contract line, as far as it was not issued before."""
        trace, record = self.sources.trace, self.nodes.statements.record(statement_id)
        said = trace.statements[statement_id][0]
        places = {id(one): place for place, one in enumerate(trace.said_of(BillingStatement))}
        nodes = []
        for other, parts in trace.statements.items():
            theirs = parts[0].record
            if (theirs.contract_id, theirs.period, theirs.to) != (record.contract_id, record.period, record.to):
                continue
            opened: OpenStatement | None = trace.part_at("draft", other, said.step)
            follows = parts[0].step == said.step and places[id(parts[0])] > places[id(said)]
            if theirs.bill_to != record.bill_to and (opened is not None or follows):
                nodes.append(self._of_line(other, line_id))
        found = [node for node in nodes if node is not None]
        return total(f"billed to others of line {line_id}", found, "amount", record.currency)
