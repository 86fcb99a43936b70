"""Statements: the sum of their lines, a line the sum of what its entries bring, as the cut recorded them."""

from datetime import timedelta
from itertools import accumulate

from domain.billing.statement import ISSUED, SUPERSEDED
from domain.explanation import Arithmetic, Node, constant, total
from domain.figure import as_recorded
from domain.outputs import BillingStatement, StatementLine
from domain.work.recorded import VALUE, figure_of
from milepost.explain.caps import same_billing
from milepost.explain.nodes import Nodes, once
from milepost.words import rounding_words
from state.billing.issued_record import AMOUNT, RowOnLine, alone_at, issued_at, piece_at
from state.billing.statement_lines import PRINTED, line_at


class StatementNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers["statement"] = self.statement
        self.recorded.resolvers[PRINTED] = self._printed
        self.recorded.resolvers["due"] = self._due
        self.recorded.resolvers["gone"] = lambda row, contract_id, line_id, step, currency: self._nothing_due(
            (contract_id, line_id, row), int(step), currency
        )

    @once
    def records(self, statement_id: str) -> list[BillingStatement]:
        """Its parts."""
        return [said.record for said in self.sources.trace.statements.get(statement_id, ())]

    def record(self, statement_id: str) -> BillingStatement:
        """Its first part, which says what is of all."""
        return self.records(statement_id)[0]

    # Statements

    def statement(self, statement_id: str) -> Node:
        said = self.sources.trace.statements[statement_id]
        first: BillingStatement = said[0].record
        lines = tuple(self.or_named(statement_id, number) for number in range(1, len(self.lines(statement_id)) + 1))
        sums = total("total", lines, "amount", first.currency, rule="R11")
        facts = (
            ("contract", first.contract_id),
            ("bill to", first.bill_to),
            ("period", f"{first.period} to {first.to - timedelta(days=1)}"),
            ("rounding", rounding_words(first.rounding)),
            *((("revision", f"{first.revision}, {status}"),) if (status := self._status(statement_id, first)) else ()),
        )
        cut = Node("made upon", event=self.sources.cause(said[0].step))
        why = (cut, *self.nodes.taxes.of_statement(statement_id))
        title = f"Statement {statement_id}, amount due"
        if first.retained or first.released or first.deposits_applied:
            others = self.nodes.retention.of_statement(statement_id)
            if first.deposits_applied:
                of = statement_id.partition("@")[0]
                others = (*others, self.recorded.known(f"{of}#deposits", said[0].step))
            return total(title, (sums, *others), "amount", first.currency, facts=facts, why=why, id=statement_id)
        value = first.amount_due
        return Node(
            title, value, "amount", first.currency, Arithmetic("same", (sums,)), "R11", (), facts, why, id=statement_id
        )

    def _status(self, statement_id: str, record: BillingStatement) -> str:
        """Nothing of a statement that was issued as it was cut."""
        if statement_id in self.sources.trace.superseded:
            return "issued, and superseded by the next"
        if record.status == ISSUED and f"{statement_id}@{record.revision - 1}" in self.sources.trace.superseded:
            return "issued again"
        if record.status == ISSUED:
            return "issued as it was drafted" if record.revision > 1 else ""
        of_it = self.sources.trace.said_of(BillingStatement)
        newest = [said for said in of_it if said.record.statement_id == statement_id]
        return "superseded" if newest[-1].record.status == SUPERSEDED else "a draft that waits for approval"

    @once
    def lines(self, statement_id: str) -> list[StatementLine]:
        return [line for part in self.records(statement_id) for line in part.lines]

    @once
    def _numbers(self, statement_id: str) -> list[int]:
        """The first number of each line's entries, and the end of the last."""
        return list(accumulate((len(line.entries) for line in self.lines(statement_id)), initial=0))

    @once
    def line(self, statement_id: str, number: int) -> Node:
        """`number` counts from 1, over all parts."""
        record, line = self.record(statement_id), self.lines(statement_id)[number - 1]
        of, step = statement_id.partition("@")[0], self.sources.trace.statements[statement_id][0].step
        facts = (
            ("contract line", line.line_id),
            ("project", line.project_id),
            *((("person", line.person_id),) if line.person_id else ()),
            *((("task", line.task),) if line.task else ()),
            ("service dates", f"{line.service_from} to {line.service_to}"),
            *((("flags", ", ".join(line.flags)),) if line.flags else ()),
        )
        title, numbers = _title(number, line), self._numbers(statement_id)
        pieces = [
            self._own(alone_at(of, at), step) or self.recorded.known(piece_at(of, at), step)
            for at in range(*numbers[number - 1 : number + 1])
        ]
        made = self._own(line_at(of, number), step)
        if made is None:
            made = total(title, pieces, "amount", record.currency, rule="R11")
        else:
            made = made._replace(title=title, why=tuple(pieces))
        return as_recorded(line.amount, made).node._replace(facts=facts, id=f"{statement_id}#{number}")

    def or_named(self, statement_id: str, number: int) -> Node:
        """The same as what is made of it has it: of a statement of very many entries it is only named."""
        if self.sources.are_followed(self._numbers(statement_id)[-1]):
            return self.line(statement_id, number)
        line, wanted = self.lines(statement_id)[number - 1], f"{statement_id}#{number}"
        self.sources.named.add(wanted)
        return self.sources.figure(wanted, _title(number, line), line.amount, self.record(statement_id).currency)

    def _own(self, address: str, step: int) -> Node | None:
        """An earlier revision may have been rounded where this one is not."""
        return self.recorded.figure(address, step) if self.recorded.why.step_of(address, step) == step else None

    def _printed(self, statement_id: str, number: str, step: str) -> Node:
        return self.or_named(self.sources.trace.revision_at(statement_id, int(step)), int(number))

    # What of a row is due, and issued

    def issued(self, on_line: RowOnLine, step: int, turn: int | None = None, payer: str = "") -> Node:
        """On statements, to all or to one of several payers, less what is billed again."""
        title = f"{on_line[-1]}: issued to {payer}" if payer else f"{on_line[-1]}: issued"
        currency = self.sources.draft(step).contract_in_books(on_line[0]).terms.currency
        return self.recorded.all_placed(issued_at(on_line, payer), AMOUNT, title, currency, step=step, turn=turn)

    def _due(
        self, row: str, contract_id: str, line_id: str, of_step: str, currency: str, priced_at: str | None = None
    ) -> Node:
        """`priced_at` is the step that had priced the row by then; the same event may price it once more."""
        on_line, step = (contract_id, line_id, row), int(of_step)
        if priced_at is not None and priced_at != f"{self.recorded.why.step_of(figure_of(row, VALUE), step)}":
            step -= 1
        at = self.nodes.entries.standing(row, step)
        if at is None or at.work.price is None or (at.price.contract_id, at.price.line_id) != on_line[:2]:
            return self._nothing_due(on_line, step, currency)
        before = self.nodes.entries.standing(row, step - 1)
        # The share that was issued is explained by the moment before, when nothing of it was.
        is_earlier = before is not None and same_billing(before.work, at.work)
        return self.nodes.entries.billable(before if before is not None and is_earlier else at)

    def _nothing_due(self, on_line: RowOnLine, step: int, currency: str) -> Node:
        """With what took the row off the line, where it stands now, and where it had been billed."""
        row, trace = on_line[-1], self.sources.trace

        def stands(at: int) -> bool:
            found = self.nodes.entries.standing(row, at)
            price = found.work.price if found is not None else None
            return price is not None and (price.contract_id, price.line_id) == on_line[:2]

        steps = [number for number, _ in trace.entry_steps(row) if number <= step]
        left = next((number for number in reversed(steps) if stands(number - 1)), None)
        now = self.nodes.entries.standing(row, step)
        price = now.work.price if now is not None else None
        if now is None or stands(step):
            title = "withdrawn"
        elif price is not None and price.line_id:
            title = f"on line {price.line_id} of contract {price.contract_id} now"
        else:
            title = "not charged now"
        billed = self.recorded.why.placed(issued_at(on_line), AMOUNT, step=step - 1)
        on = (one.of for one in billed if trace.listed_at(one.of, step - 1))
        facts = tuple(("billed on", self._printed_on(on_line, of, step - 1)) for of in on)
        gone = Node(title, facts=facts, event=self.sources.cause(left) if left is not None else None)
        return constant(f"{row}: nothing billable", 0, "amount", currency, why=(gone,))

    def _printed_on(self, on_line: RowOnLine, of: str, step: int) -> str:
        """The statement, with the number of the line that has the row."""
        lines = enumerate(self.lines(self.sources.trace.revision_at(of, step)), 1)
        return next((f"{of}#{at}" for at, one in lines if one.line_id == on_line[1] and on_line[2] in one.entries), of)


def _title(number: int, line: StatementLine) -> str:
    return f"line {number}: {line.description}"
