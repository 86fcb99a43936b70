"""Which decisions need a second person by policy `approval_limit`, as far as the books are there to say it; the fold checks again."""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple

from dataflows.books_read import reference_book
from domain.exceptions import DIFFERENCE
from domain.identity import engagement_of
from domain.outputs import ExceptionRaised
from domain.policies import bookkeeping, resolve
from domain.reference.book import ReferenceBook
from domain.units import HOURS_ONE, Amount
from milepost.console import amount_text
from milepost.exceptions.effects import WORKS
from state.books import Contract
from state.store.reader import StoreReader

HOURS_OF_A_DAY: Final = 24 * HOURS_ONE


class Limit(NamedTuple):
    contract_id: str
    amount: Amount
    currency: str

    @property
    def text(self) -> str:
        return f"policy approval_limit of contract {self.contract_id}, {amount_text(self.amount)} {self.currency}"


class SecondPerson:
    """Of one store; without one nothing is known."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._limits: dict[str, tuple[Limit, ...]] = {}

    def limit_passed(self, raised: ExceptionRaised) -> Limit | None:
        """Where what is at stake is not known, every limit is. By how much an invoice differs its exception does not say."""
        if raised.category == DIFFERENCE:
            return None
        is_known = raised.blocks_basis == "price" if raised.subject_kind in WORKS else raised.blocks_basis is not None
        for limit in self._limits_of(raised):
            if not is_known or raised.blocks_currency != limit.currency or abs(raised.blocks_amount) > limit.amount:
                return limit
        return None

    def _limits_of(self, raised: ExceptionRaised) -> tuple[Limit, ...]:
        """Work may be billed by any contract of its engagement; all else names its own or none."""
        engagement_id = engagement_of(raised.exception_id)
        if engagement_id not in self._limits:
            contracts: tuple[Contract, ...] = self._reader.parts(engagement_id, "contract")
            self._limits[engagement_id] = tuple(
                limit for each in contracts if (limit := self.limit_of(each)) is not None
            )
        found = self._limits[engagement_id]
        if raised.subject_kind in WORKS and raised.person_id is not None:
            return found
        return tuple(limit for limit in found if limit.contract_id == raised.contract_id)

    def limit_of(self, contract: Contract) -> Limit | None:
        """By its newest terms."""
        if not contract.history:
            return None
        stored = contract.history[-1]
        entity = self._book.entity(stored.terms.legal_entity_id)
        own = bookkeeping(entity.policies if entity is not None else None)
        amount = resolve(stored.terms.policies, stored.defaults, own).approval_limit
        return Limit(contract.contract_id, amount, stored.terms.currency) if amount is not None else None

    @cached_property
    def _book(self) -> ReferenceBook:
        return reference_book(self._reader, "LegalEntityDefined")
