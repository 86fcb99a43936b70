"""Lines against a contract's position: 2300 and 1160, as journals so far have them (R46, domain/ledger/position.py)."""

from __future__ import annotations

from functools import partial

from domain.accounts import CONTRACT_SIDES
from domain.capabilities import is_unrealised
from domain.explanation import Node
from domain.figure import later, node_of, titled
from domain.ledger.clearing import is_of_invoice
from domain.ledger.journal import Leg
from domain.ledger.position import ContractPosition, settled
from domain.outputs import JournalEntry
from domain.receivables.credit_memo import RULE
from milepost.explain.nodes import Nodes
from state.trace import TracedOutput


class PositionNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers["position"] = self._on

    def before(self, journal: JournalEntry) -> ContractPosition:
        """What the contract's journals before this one left on either side."""
        position = ContractPosition()
        for said in self.sources.trace.said_of(JournalEntry):
            other: JournalEntry = said.record
            if other is journal:
                break
            if other.contract_id != journal.contract_id or is_unrealised(other.rule):
                continue
            for number, line in enumerate(other.lines, 1):
                if line.account in CONTRACT_SIDES:
                    position = position.add(line.account, *self._leg(other, number))
        return ContractPosition(
            *(
                (titled(amount, f"on {on} before"), titled(ledger, f"on {on} before, in ledger currency"))
                for on, (amount, ledger) in zip(CONTRACT_SIDES, position, strict=True)
            )
        )

    def _leg(self, journal: JournalEntry, number: int) -> tuple[int, int]:
        line = journal.lines[number - 1]
        of = partial(self._of_leg, journal, number)
        return later(line.amount, of, 0), later(line.ledger_amount, of, 1)

    def _of_leg(self, journal: JournalEntry, number: int, side: int) -> Node:
        return self.nodes.lines.leg(journal, number)[side]

    def _on(self, account: str, of: str, which: str) -> Node | None:
        """What the contract's journals before one left on a side: of an invoice, of a credit memo and its row, or named."""
        theirs = self.sources.trace.journals_of.get(of, ())
        of_rows = (one for one in self.sources.trace.journals.values() if _credited_row(one.record) == of)
        said = next((one for one in theirs if is_of_invoice(one.record)), None) or next(of_rows, None)
        said = said or self.sources.trace.journals.get(of)
        if said is None:
            return None
        had = self.before(said.record)[CONTRACT_SIDES.index(account)]
        return node_of(had[which == "ledger"], f"on {account} before")

    def settled(self, said: TracedOutput) -> list[Leg]:
        """A side that goes over to the other as it carries, and cents left where nothing is (rule `contract_position`)."""
        return settled(self.before(said.record))


def _credited_row(journal: JournalEntry) -> str:
    """The memo with the row that it credits; empty of other journals."""
    mark, _, rest = journal.rule.partition("/")
    return f"{journal.affected_id}/{rest.partition('/')[2]}" if mark == RULE else ""
