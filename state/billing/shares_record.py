"""What a recorder takes of shares (state/billing/payers.py): what of a row falls to each of several payers, as their rule made it.

How it did the rule says when somebody asks: it is asked again (domain/billing/shares.py) with numbers that say where they come from. What
falls to a payer stands with the row until it is shared again; on a draft it is recorded of that alone.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from domain.billing.shares import Party, shared_in_turn
from domain.explanation import Node, negated, total
from domain.figure import Recorded, Together, as_kept, as_recorded, node_of, node_titled
from domain.identity import composed
from domain.terms.deposit import left_to
from domain.units import Amount
from domain.why import Why, elsewhere, in_terms
from domain.work.recorded import known_of
from state.books import Contract, PayerPart


class DueRow(NamedTuple):
    """A row on a contract line with all that is due of it; what `is_gone` may be charged again later in the event."""

    entry_id: str
    line_id: str
    total: Amount
    is_gone: bool = False


def falls_to(contract_id: str, line_id: str, row: str, bill_to: str) -> str:
    """Address of what of a row falls to one of several payers."""
    return f"{composed(contract_id, line_id, row)}#falls/{bill_to}"


def falls_on(statement_id: str, row: str, line_id: str) -> str:
    """The same as a statement to the payer has it."""
    return f"{statement_id}#falls/{composed(row, line_id)}"


class ShareFigures(NamedTuple):
    """Figures of a contract's payers, after a step or within it."""

    why: Why
    contract: Contract
    step: int

    def in_turn(
        self, rows: Sequence[DueRow], parties: Sequence[Party], falls: Sequence[tuple[Amount, ...]]
    ) -> list[tuple[Amount, ...]]:
        """What the rule made of rows that are shared as one amount."""
        made = Together(partial(self._in_turn, rows, parties))
        return [
            tuple(made.later(amount, f"{place}/{party}") for party, amount in enumerate(of_row))
            for place, of_row in enumerate(falls)
        ]

    def _in_turn(self, rows: Sequence[DueRow], parties: Sequence[Party]) -> Mapping[str, Node]:
        currency = self.contract.terms.currency
        made = shared_in_turn(map(self._due, rows), shares_in_terms(self.contract, parties), currency)
        return {
            f"{place}/{party}": node_of(amount, "share", currency=currency)
            for place, of_row in enumerate(made)
            for party, amount in enumerate(of_row)
        }

    def _due(self, row: DueRow) -> Amount:
        place, currency = (self.contract.contract_id, row.line_id), self.contract.terms.currency
        address = known_of("gone" if row.is_gone else "due", row.entry_id, place, self.step, currency)
        return Recorded(elsewhere(f"{row.entry_id}: due", row.total, address, currency))

    def standing(self, row: DueRow, had: Sequence[PayerPart]) -> tuple[Amount, ...]:
        """As it was shared before."""
        return tuple(self._standing(row, part) for part in had)

    def _standing(self, row: DueRow, part: PayerPart) -> Amount:
        address = falls_to(self.contract.contract_id, row.line_id, row.entry_id, part.customer_id)
        return as_kept(self.why, part.amount, address)

    def given_back(
        self, row: DueRow, parties: Sequence[Party], falls: Sequence[Amount], had: Sequence[PayerPart]
    ) -> tuple[Amount, ...]:
        """Of a deposit, to each what is left of what it paid, with what it was given back already."""
        given = {part.customer_id: self._standing(row, part) for part in had if part.issued}
        return tuple(
            as_recorded(amount, self._given_back(row.line_id, party, given.get(party.customer_id, 0)))
            for party, amount in zip(parties, falls, strict=True)
        )

    def _given_back(self, line_id: str, party: Party, given: Amount) -> Node:
        title, left = f"given back to {party.customer_id}", self._left(line_id, party)
        back = Recorded(negated(title, left, rule="R31"))
        return node_of(given + back, title, currency=self.contract.terms.currency)

    def _left(self, line_id: str, party: Party) -> Node:
        parts = self.why.parts_at(left_to(self.contract.contract_id, line_id, party.customer_id), self.step)
        return total(f"left to {party.customer_id}", parts, "amount", self.contract.terms.currency)


def say_falls(
    why: Why,
    contract: Contract,
    row: DueRow,
    falls: Mapping[str, Amount],
    on: tuple[str, str] | None = None,
    *,
    by_sources: bool = False,
) -> None:
    """What of a row falls to payers from now on, as the statement to one of them has it too where it is `on` one."""
    currency = contract.terms.currency
    for bill_to, amount in falls.items():
        title = f"{row.entry_id}: falls to {bill_to}"
        make = partial(node_of if by_sources else node_titled, amount, title, currency=currency)
        why.later(falls_to(contract.contract_id, row.line_id, row.entry_id, bill_to), int(amount), make)
        if on is not None and on[1] == bill_to:
            why.later(falls_on(on[0], row.entry_id, row.line_id), int(amount), make)


def shares_in_terms(contract: Contract, parties: Sequence[Party]) -> tuple[Party, ...]:
    """The shares with the newest terms that state them; what sources pay has no shares."""
    for stored in reversed((*contract.former, *contract.history)):
        terms = stored.terms
        if [(one.customer_id, one.share) for one in terms.bill_to] == [(one.customer_id, one.share) for one in parties]:
            return tuple(
                party._replace(
                    share=Recorded(in_terms(f"share of {party.customer_id}", party.share, "percent", terms, path))
                )
                for party, path in ((party, f"bill_to[{place}].share") for place, party in enumerate(parties))
            )
    raise AssertionError(f"expected terms of {contract.contract_id} that state the shares of {len(parties)} payers")
