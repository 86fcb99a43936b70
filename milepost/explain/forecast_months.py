"""What statements bill of a project by month, and when that is due: as issued, brought forward, and credited."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from domain.billing.statement import ISSUED
from domain.explanation import Node, negated, total
from domain.figure import RecordedLater
from domain.receivables.credit_memo import ERROR_REBILL
from milepost.explain.sources import Sources
from milepost.explain.statements import StatementNodes
from state.forecast.expected import months_of, months_of_invoice
from state.opening.record import month_of_opening
from state.terms.opening import balances_of

BILLED: Final = "billed"
DUE: Final = "due"
# Nodes by month and currency (`2026-03|EUR`).
ByMonth = dict[str, list[Node]]


class MonthNodes:
    def __init__(self, sources: Sources, statements: StatementNodes) -> None:
        self.sources = sources
        self.statements = statements
        self._issued: dict[tuple[str, int], dict[str, ByMonth]] = {}

    def later(self, name: str, project_id: str, step: int, numbers: Mapping[str, int]) -> dict[str, int]:
        """Of what is `billed`, or `due`, by month and currency, as its forecast has it."""
        of_month = partial(self._in_month, name, project_id, step)
        return {month: RecordedLater(number, partial(of_month, month)) for month, number in numbers.items()}

    def _in_month(self, name: str, project_id: str, step: int, month: str) -> Node:
        title = f"{name} by statements" if name == BILLED else f"{name} of statements"
        return total(title, self.issued(project_id, step)[name].get(month, ()), "amount", month[8:])

    def issued(self, project_id: str, step: int) -> dict[str, ByMonth]:
        key = project_id, step
        if key not in self._issued:
            self._issued[key] = self._all_issued(project_id, step)
        return self._issued[key]

    def _all_issued(self, project_id: str, step: int) -> dict[str, ByMonth]:
        billed: ByMonth = {}
        due: ByMonth = {}
        for statement_id in self.sources.trace.statements:
            self._of_statement(statement_id, project_id, step, billed, due)
        self._before_the_books(project_id, step, billed, due)
        self._credited(project_id, step, billed, due)
        return {BILLED: billed, DUE: due}

    def _of_statement(self, statement_id: str, project_id: str, step: int, billed: ByMonth, due: ByMonth) -> None:
        parts = self.sources.trace.statements[statement_id]
        first = next((one for one in parts if one.record.status == ISSUED and one.step <= step), None)
        until = self.sources.trace.superseded.get(statement_id)
        if first is None or (until is not None and until <= step):
            return
        record, lines = first.record, self.statements.lines(statement_id)
        own = [
            self.statements.line(statement_id, at) for at, one in enumerate(lines, 1) if one.project_id == project_id
        ]
        beside = self._beside(statement_id, project_id)
        if own or beside:
            bills, pays = months_of(self.sources.draft(first.step), record.bill_to, record.to, record.currency)
            node = total(f"of statement {statement_id}", own, "amount", record.currency)
            billed.setdefault(bills, []).append(node)
            whole = total(f"due of statement {statement_id}", (node, *beside), "amount", record.currency)
            due.setdefault(pays, []).append(whole if beside else node)

    def _beside(self, statement_id: str, project_id: str) -> list[Node]:
        """Less what it withholds and deposits pay in the project, more what it releases."""
        statements, draft = self.statements, self.sources.draft(self.sources.trace.statements[statement_id][0].step)
        contract_id = statements.head(statement_id).contract_id
        kept = [negated("retained", one) for one in statements.retention.moved_of(statement_id, project_id)]
        applied = [
            statements.applied(one)
            for one in statements.applied_on(statement_id)
            if draft.line(contract_id, one.entry.line_id).project_id == project_id
        ]
        return [*kept, *applied]

    def _before_the_books(self, project_id: str, step: int, billed: ByMonth, due: ByMonth) -> None:
        balances = balances_of(self.sources.draft(step), project_id)
        if balances is None:
            return
        for name, months, sums in (("billed", balances.billed, billed), ("due", balances.due, due)):
            for month in months:
                address, title = month_of_opening(project_id, name, month), f"{name} before the books begin"
                sums.setdefault(month, []).append(self.statements.recorded.sum(address, title, step, month[8:]))

    def _credited(self, project_id: str, step: int, billed: ByMonth, due: ByMonth) -> None:
        """Credit memos take from what is due, and from what is billed where it is billed again."""
        memos = self.statements.credits
        for credit in memos.all:
            journal = credit.journal
            mine = journal.lines[0].project_id == project_id
            keeps = memos.retained_in(credit) == project_id
            if credit.said.step > step or not (mine or keeps):
                continue
            draft = self.sources.draft(credit.said.step)
            invoice = memos.receivable(credit)
            # Of a bill of before the books begin there is no statement; the books know its period.
            records = self.statements.records(invoice.statement_id)
            statement = records[0] if records else draft.statement(invoice.statement_id)
            assert statement is not None, "what is credited was billed"
            bills, pays = months_of_invoice(draft, invoice, statement.to)
            node = negated(f"credited by {journal.affected_id}", memos.amount(credit))
            if mine and credit.kind == ERROR_REBILL:
                billed.setdefault(bills, []).append(node)
            parts = [node] if mine else []
            parts += [memos.kept_back(credit)] if keeps else []
            if len(parts) > 1:
                parts = [total("credited, but for what is retained of it", parts, "amount", journal.currency)]
            due.setdefault(pays, []).extend(parts)
