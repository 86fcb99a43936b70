"""Lines of journals by what they mirror: the journal that is taken back, or the other lines of their own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from domain.explanation import Arithmetic, Node, negated, total
from domain.figure import later
from domain.ledger.journal import Leg
from domain.ledger.recorded import line_of
from domain.outputs import JournalEntry
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import as_published
from state.books import Posted


class JournalLines(Nodes):
    """Figures of lines, each made once: as their rule recorded them, else as those of journals make them."""

    def begin(self) -> None:
        self.recorded.resolvers["journal_line"] = self._line_of

    @once
    def figures(self, journal_id: str, number: int) -> tuple[Node, Node]:
        """The line's amount, in transaction and in ledger currency."""
        said = self.sources.trace.journals[journal_id]
        journal: JournalEntry = said.record
        line = journal.lines[number - 1]
        amount, ledger = (self.recorded.figure(address) for address in line_of(journal_id, number))
        if amount is None:
            amount, ledger = self.nodes.journals.made(said, journal, line, number)
        sides = (
            (amount, "amount", line.amount, journal.currency),
            (ledger, "in ledger currency", line.ledger_amount, journal.ledger_currency),
        )
        amount, ledger = (as_published(node, title, value, "amount", own) for node, title, value, own in sides)
        return amount, ledger

    def _line_of(self, journal_id: str, number: str, which: str) -> Node:
        amount, ledger = self.named(journal_id, int(number))
        return amount if which == "amount" else ledger

    def mirrored(self, reversed_id: str, number: int) -> tuple[Node, Node]:
        """R14: the original's rounded amounts and its rate, never recomputed."""
        amount, ledger = self.figures(reversed_id, number)
        return negated("amount, taken back", amount, rule="R14"), negated(
            "in ledger currency, taken back", ledger, rule="R52"
        )

    def same(self, replaced_id: str, number: int) -> tuple[Node, Node]:
        """R48: a replacement has the lines of what it replaces."""
        amount, ledger = self.figures(replaced_id, number)
        return amount._replace(rule="R48"), ledger._replace(rule="R48")

    def rest_of_lines(self, journal: JournalEntry, number: int) -> Node:
        """What converting line by line leaves (R51)."""
        others = [
            self.figures(journal.journal_id, place)[1] for place in range(1, len(journal.lines) + 1) if place != number
        ]
        rest = total("sum of the other lines", others, "amount", journal.ledger_currency)
        return negated("what conversion leaves", rest, rule="R51")

    def named(self, journal_id: str, number: int) -> tuple[Node, Node]:
        """A journal's line with its name, so that it can be asked for."""
        whose = f"{journal_id}#{number}"
        amount, ledger = (
            Node(f"journal line {whose}", one.value, "amount", one.currency, Arithmetic("same", (one,)), id=whose)
            for one in self.figures(journal_id, number)
        )
        return amount, ledger

    def legs(self, posted: Posted) -> tuple[Leg, ...]:
        """All lines of a journal, each named when somebody asks for it."""

        def of(number: int, side: int) -> Node:
            return self.named(posted.journal_id, number)[side]

        return tuple(
            Leg(leg.account, leg.purpose, later(leg.amount, of, number, 0), later(leg.ledger_amount, of, number, 1))
            for number, leg in enumerate(posted.lines, 1)
        )

    def leg(self, journal: JournalEntry, number: int) -> tuple[Node, Node]:
        """The same; of very many it is only named."""
        if not self.sources.are_many:
            return self.named(journal.journal_id, number)
        whose, line = f"{journal.journal_id}#{number}", journal.lines[number - 1]
        title = f"journal line {whose}"
        return (
            self.sources.figure(f"{whose}/amount", title, line.amount, journal.currency),
            self.sources.figure(f"{whose}/ledger", title, line.ledger_amount, journal.ledger_currency),
        )


def journals_until(journals: Iterable[Posted], journal_id: str) -> list[Posted]:
    """Those before one; all where it is not among them."""
    return list(takewhile(lambda posted: posted.journal_id != journal_id, journals))
