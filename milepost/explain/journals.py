"""Journals: each line in transaction and in ledger currency, from the entry, the statement or the journal that it mirrors."""

from __future__ import annotations

from collections.abc import Sequence

from domain.accounts import CURRENCY_ROUNDING, name_of
from domain.explanation import Node, constant
from domain.figure import node_of
from domain.ledger.journal import Leg
from domain.money import format_decimal
from domain.outputs import JournalEntry, JournalLine
from domain.work.rows import spoken
from milepost.explain.exchanges import IN_LEDGER, unchanged
from milepost.explain.nodes import Nodes
from state.ledger.standings import TO_SEND
from state.trace import TracedOutput, row_of


class JournalNodes(Nodes):
    def journal(self, journal_id: str) -> Node:
        """A heading over its lines; they sum to zero in both currencies."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        lines = tuple(self.line(journal_id, number) for number in range(1, len(journal.lines) + 1))
        affected = f"{spoken(journal.affected_kind)} {journal.affected_id} version {journal.affected_version}"
        return Node(
            f"Journal {journal_id}: {journal.kind} of {affected}",
            facts=self._facts(journal),
            why=(*lines, *self._rooms(said, journal), *self._lineage(said, journal)),
            rule=f"rule {journal.rule}",
            id=journal_id,
        )

    def _rooms(self, said: TracedOutput, journal: JournalEntry) -> tuple[Node, ...]:
        """What caps had left for the entry before and after its posting; a difference says so with its amount."""
        at = self.nodes.entry_journals.work_of(said, journal) if journal.kind == "posting" else None
        if at is None or not any(line.purpose == "revenue" for line in journal.lines):
            return ()
        return self.nodes.caps.room_around(at)

    def _facts(self, journal: JournalEntry) -> tuple[tuple[str, str], ...]:
        rate = format_decimal(journal.exchange_rate, 12)
        return (
            ("company", journal.legal_entity_id),
            ("accounting date", f"{journal.accounting_date}, period {journal.period}"),
            *((("service date", journal.service_date.isoformat()),) if journal.service_date else ()),
            (
                "currency",
                journal.currency
                + (f" at {rate} {journal.ledger_currency}" if journal.currency != journal.ledger_currency else ""),
            ),
            *((("delivered", "no, for the record only"),) if not journal.deliver else ()),
            *self._in_the_erp(journal.journal_id),
        )

    def _in_the_erp(self, journal_id: str) -> tuple[tuple[str, str], ...]:
        """Where it stands at the end, once the ERP has answered."""
        stands = self.sources.draft(len(self.sources.trace.steps) - 1).journal(journal_id)
        if stands is None or stands.standing == TO_SEND:
            return ()
        attempt = f"attempt {stands.attempt}" if stands.attempt else ""
        said = (
            ("in the ERP", stands.standing),
            ("answered by", ", ".join(filter(None, (stands.erp, attempt)))),
            ("the ERP's number", ", ".join(stands.posted or stands.accepted)),
            ("posted there on", f"{stands.posted_on or ''}{f', period {stands.period}' if stands.period else ''}"),
            ("the ERP says", f"{stands.code} {stands.message}".strip()),
        )
        return tuple((name, value) for name, value in said if value)

    def _lineage(self, said: TracedOutput, journal: JournalEntry) -> tuple[Node, ...]:
        """What caused it, and what it takes back or was taken back by."""
        found = [Node("caused by", event=self.sources.cause(said.step))]
        if journal.reverses:
            found.append(
                Node(
                    f"takes back journal {journal.reverses}",
                    event=self.sources.cause(self.sources.trace.journals[journal.reverses].step),
                    id=journal.reverses,
                )
            )
        if journal.replaces:
            found.append(Node(f"replaces journal {journal.replaces}", id=journal.replaces, rule="R48"))
        found += [
            Node(
                f"{'taken back' if other.record.reverses == journal.journal_id else 'replaced'} by journal {other.record.journal_id}",
                event=self.sources.cause(other.step),
                id=other.record.journal_id,
            )
            for other in self.sources.trace.following.get(journal.journal_id, ())
        ]
        return tuple(found)

    def line(self, journal_id: str, number: int) -> Node:
        """`number` counts from 1."""
        journal: JournalEntry = self.sources.trace.journals[journal_id].record
        line = journal.lines[number - 1]
        amount, ledger = self.nodes.lines.figures(journal_id, number)
        side = "debit" if line.amount > 0 or (not line.amount and line.ledger_amount > 0) else "credit"
        return Node(
            f"line {number}: {side} {line.account} {name_of(line.account)}, {line.purpose}",
            why=(amount, ledger),
            facts=((("project", line.project_id),) if line.project_id else ()),
            id=f"{journal_id}#{number}",
        )

    def made(
        self, said: TracedOutput, journal: JournalEntry, line: JournalLine, number: int
    ) -> tuple[Node | None, Node | None]:
        if journal.reverses in self.sources.trace.journals and journal.kind == "reversal":
            return self.nodes.lines.mirrored(journal.reverses or "", number)
        if journal.replaces is not None:
            return self.nodes.lines.same(journal.replaces, number)
        if not line.amount and line.account == CURRENCY_ROUNDING:
            nothing = constant("amount", 0, "amount", journal.currency)
            return nothing, self.nodes.lines.rest_of_lines(journal, number)
        if row_of(journal) is not None:
            return self._of_legs(
                journal, line, self.nodes.entry_journals.legs(said), self.nodes.entry_journals.why(said)
            )
        if journal.rule == "contract_position":
            return self._of_legs(journal, line, self.nodes.positions.settled(said))
        return None, None

    def _of_legs(
        self, journal: JournalEntry, line: JournalLine, legs: Sequence[Leg], why: tuple[Node, ...] = ()
    ) -> tuple[Node | None, Node | None]:
        """As the rule that posts it has the line."""
        leg = next((one for one in legs if (one.account, one.purpose) == (line.account, line.purpose)), None)
        if leg is None:
            return None, None
        amount, ledger = (
            (made := node_of(value, title, currency=currency))._replace(why=(*made.why, *why))
            for value, title, currency in (
                (leg.amount, "amount", journal.currency),
                (leg.ledger_amount, IN_LEDGER, journal.ledger_currency),
            )
        )
        return amount, ledger if journal.currency != journal.ledger_currency else unchanged(amount, amount.currency)
