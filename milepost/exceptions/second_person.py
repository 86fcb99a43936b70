"""Who may not decide about an exception, and which decisions need a second person by policy `approval_limit`, as far as the books are there
to say it, before anything is written; the fold checks again (`state/own_work.py`)."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.found_exceptions import KnownException, events_of
from dataflows.books_read import reference_book
from domain.events.delivery import TimeApproved
from domain.exceptions import DIFFERENCE, SELF_APPROVED
from domain.identity import engagement_of
from domain.outputs import ExceptionRaised
from domain.policies import bookkeeping, resolve
from domain.reference.book import ReferenceBook
from domain.units import HOURS_ONE, Amount
from domain.work.rows import ADJUSTMENT, row_id
from milepost.console import amount_text
from milepost.exceptions.effects import WORKS
from state.books import Charge, Contract
from state.own_work import of_own_decision, why_not
from state.store.reader import StoreReader
from state.work.value_time import WAIVABLE

# Decisions that post money and wait for another person's approval.
OF_MONEY: Final = ("write_off", ADJUSTMENT, "credit_memo")


class OwnDecisions:
    """What one person, with another one's approval or none, may not decide."""

    def __init__(
        self,
        output: Path,
        reader: StoreReader,
        known: Mapping[str, KnownException],
        requested_by: str,
        approved_by: str | None,
        type_name: str,
    ) -> None:
        self._output = output
        self._reader = reader
        self._known = known
        self._persons = (requested_by, approved_by)
        self._type_name = type_name

    def refusal(self, raised: ExceptionRaised) -> str | None:
        """Why it is not theirs to decide; None where it is, and of an assignment, which settles nothing."""
        if self._type_name == "ExceptionAssigned":
            return None
        why = self._why_not(raised)
        return f"{why}. Have another person decide, or send the corrected work again" if why is not None else None

    def _why_not(self, raised: ExceptionRaised) -> str | None:
        if raised.subject_kind in WORKS and raised.category in WAIVABLE:
            work = self._work(raised)
            is_waiver = self._type_name == "ExceptionWaived"
            return why_not(raised.category, work, *self._persons, is_waiver=is_waiver) if work is not None else None
        if raised.category != SELF_APPROVED or raised.subject_kind not in ("exception", *OF_MONEY):
            return None
        if raised.person_id is not None and raised.person_id in self._persons:
            return of_own_decision(raised.person_id)
        if raised.subject_kind in OF_MONEY:
            return None
        about = self._known.get(raised.subject_id)
        return self._why_not(about.raised) if about is not None and about.is_open else None

    def _work(self, raised: ExceptionRaised) -> TimeApproved | Charge | None:
        """The version that waits."""
        if not self._reader.is_there:
            return self._as_said_last.get(raised.subject_id)
        row = row_id(raised.subject_kind, raised.subject_id)
        entry = self._reader.entry(engagement_of(raised.exception_id), row)
        work = entry.work if entry is not None else None
        return work.subject if work is not None and work.faults else None

    @cached_property
    def _as_said_last(self) -> dict[str, TimeApproved]:
        found: dict[str, TimeApproved] = {}
        for event in events_of(self._output):
            if isinstance(event, TimeApproved) and (
                event.entry_id not in found or event.version > found[event.entry_id].version
            ):
                found[event.entry_id] = event
        return found


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
