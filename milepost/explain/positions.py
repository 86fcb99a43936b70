"""Lines against a contract's position: 2300 and 1160, as journals so far have them (R46, domain/ledger/position.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, CONTRACT_SIDES
from domain.capabilities import is_unrealised
from domain.explanation import Node, constant, negated, total
from domain.ledger.clearing import is_of_invoice
from domain.ledger.recorded import Carried, moved
from domain.outputs import JournalEntry, JournalLine
from domain.receivables.credit_memo import RULE
from milepost.explain.journal_lines import JournalLines
from milepost.explain.sources import Sources
from state.terms.plan import contract_policies
from state.trace import TracedOutput


class Balances(NamedTuple):
    """What stands on 1160 and on 2300, debit positive."""

    asset: Carried
    liability: Carried

    def on(self, account: str) -> Carried:
        return self.asset if account == CONTRACT_ASSET else self.liability

    def after(self, moves: Mapping[str, Carried]) -> Balances:
        return Balances(
            *(
                Carried(
                    total(f"on {account}", (had.amount, moves[account].amount), "amount", had.amount.currency),
                    total(f"on {account}", (had.ledger, moves[account].ledger), "amount", had.ledger.currency),
                )
                if account in moves
                else had
                for account, had in zip(CONTRACT_SIDES, self, strict=True)
            )
        )


class PositionNodes:
    def __init__(self, sources: Sources, lines: JournalLines) -> None:
        self.sources = sources
        self.lines = lines
        lines.recorded.resolvers["position"] = self._on

    def before(self, said: TracedOutput) -> Balances:
        """What the contract's journals before this one left on either side."""
        journal: JournalEntry = said.record
        legs: dict[str, list[tuple[Node, Node]]] = {account: [] for account in CONTRACT_SIDES}
        for other in self.sources.trace.said_of(JournalEntry):
            if other.record is journal:
                break
            if other.record.contract_id != journal.contract_id:
                continue
            if is_unrealised(other.record.rule):
                continue
            for number, line in enumerate(other.record.lines, 1):
                if line.account in CONTRACT_SIDES:
                    legs[line.account].append(self.lines.leg(other.record, number))
        return Balances(
            *(
                Carried(
                    total(f"on {account} before", [one for one, _ in legs[account]], "amount", journal.currency),
                    total(
                        f"on {account} before, in ledger currency",
                        [one for _, one in legs[account]],
                        "amount",
                        journal.ledger_currency,
                    ),
                )
                for account in CONTRACT_SIDES
            )
        )

    def moved(self, said: TracedOutput, amount: Node, at_rate: Callable[[Node], Node]) -> dict[str, Carried]:
        """The lines of a debit, or of a credit, by account: against what stands on the other side, then on their own."""
        journal: JournalEntry = said.record
        balances = self.before(said)
        parts: dict[str, list[Carried]] = {}
        for account, part in moved(
            dict(zip(CONTRACT_SIDES, balances, strict=True)), amount, self._mode(journal), at_rate
        ):
            parts.setdefault(account, []).append(part)
        return {account: summed(found, account) for account, found in parts.items()}

    def _mode(self, journal: JournalEntry) -> str:
        said = self.sources.trace.journals[journal.journal_id]
        draft = self.sources.draft(said.step)
        contract = draft.contract(journal.contract_id or "")
        return contract_policies(draft, contract).money_mode if contract is not None else "half_up"

    def _on(self, account: str, of: str, which: str) -> Node | None:
        """What the contract's journals before one left on a side: of an invoice, of a credit memo and its row, or named."""
        theirs = self.sources.trace.journals_of.get(of, ())
        of_rows = (one for one in self.sources.trace.journals.values() if _credited_row(one.record) == of)
        said = next((one for one in theirs if is_of_invoice(one.record)), None) or next(of_rows, None)
        said = said or self.sources.trace.journals.get(of)
        found = self.before(said).on(account) if said is not None else None
        return found._asdict()[which] if found is not None else None

    def settled(self, said: TracedOutput, line: JournalLine) -> tuple[Node | None, Node | None]:
        """A side that goes over to the other as it carries, and cents left where nothing is (rule `contract_position`)."""
        journal: JournalEntry = said.record
        balances = self.before(said)
        asset, liability = balances.asset.amount.value or 0, balances.liability.amount.value or 0
        net = asset + liability
        gone = CONTRACT_LIABILITY if net > 0 and liability else CONTRACT_ASSET if net <= 0 and asset else None
        moves: dict[str, Carried] = {}
        if gone is not None:
            had = balances.on(gone)
            into = CONTRACT_ASSET if gone == CONTRACT_LIABILITY else CONTRACT_LIABILITY
            moves = {
                gone: Carried(negated("goes over", had.amount), negated("goes over", had.ledger, rule="R52")),
                into: had,
            }
        if line.purpose != "exchange_difference":
            found = moves.get(line.account)
            return found if found is not None else (None, None)
        after = balances.after(moves)
        nothing = constant("amount", 0, "amount", journal.currency)
        rests = {account: after.on(account) for account in CONTRACT_SIDES if not after.on(account).amount.value}
        if line.account in CONTRACT_SIDES:
            return nothing, negated("left in ledger currency", after.on(line.account).ledger)
        return nothing, total(
            "left in ledger currency", [one.ledger for one in rests.values()], "amount", journal.ledger_currency
        )


def _credited_row(journal: JournalEntry) -> str:
    """The memo with the row that it credits; empty of other journals."""
    mark, _, rest = journal.rule.partition("/")
    return f"{journal.affected_id}/{rest.partition('/')[2]}" if mark == RULE else ""


def summed(parts: list[Carried], account: str) -> Carried:
    if len(parts) == 1:
        return parts[0]
    amounts: Any = [one.amount for one in parts]
    ledgers: Any = [one.ledger for one in parts]
    return Carried(
        total(f"on {account}", amounts, "amount", amounts[0].currency, rule="R46"),
        total(f"on {account}", ledgers, "amount", ledgers[0].currency, rule="R46"),
    )
