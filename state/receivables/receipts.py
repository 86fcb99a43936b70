"""Journals of cash: each line stands in a project of its own, and each journal is kept, so that its reversal is exact (R14, R52)."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.events.finance import PaymentReversed
from domain.ledger.journal import Booking, Leg
from domain.policies import Resolved
from domain.reference.zones import local_date
from state.books import Receipt
from state.draft import Draft
from state.ledger.posting import about as about_of
from state.ledger.posting import booked_back, booking_of, emit_placed, note_rounding
from state.terms.known import Slot, open_day_from
from state.value import plain


class Subject(NamedTuple):
    """What a journal is about: a payment, or cash of it that was applied later."""

    kind: str
    id: str
    customer_id: str


class ReceiptLines(NamedTuple):
    """What a journal of cash posts, each line with its project; `contract_id` is empty for cash of no contract."""

    rule: str
    contract_id: str
    lines: tuple[tuple[str, Leg], ...]
    deliver: bool


def post(draft: Draft, about: Subject, slot: Slot, posts: ReceiptLines, policies: Resolved) -> Receipt:
    """As it is kept, with the name of its journal."""
    booking = booking_of(slot, "posting")
    receipt = Receipt(
        "",
        posts.rule,
        booking.legal_entity_id,
        booking.currency,
        booking.ledger_currency,
        booking.exchange_rate,
        booking.accounting_date,
        posts.deliver,
        posts.contract_id,
        posts.lines if draft.why is None else plain(posts.lines),
    )
    return replace(receipt, journal_id=_emit(draft, about, receipt, posts.lines, booking, policies))


def mirror(draft: Draft, event: PaymentReversed, about: Subject, receipt: Receipt) -> None:
    """On the day on which the bank took it back and never before it came."""
    entity = draft.reference.known_entity(receipt.legal_entity_id)
    taken_back = event.received_on or local_date(event.occurred_at, entity.zone)
    reverse(draft, about, receipt, open_day_from(draft, entity, max(taken_back, receipt.accounting_date)))


def reverse(draft: Draft, about: Subject, receipt: Receipt, day: date, version: int = 0) -> None:
    """Its own lines, amounts and rate, on a day that is open."""
    lines = tuple(
        (project_id, leg._replace(amount=-leg.amount, ledger_amount=-leg.ledger_amount))
        for project_id, leg in receipt.lines
    )
    booking = booked_back(draft, draft.reference.known_entity(receipt.legal_entity_id), receipt, day)
    _emit(draft, about, receipt, lines, booking, None, receipt.journal_id, version)


def _emit(
    draft: Draft,
    about: Subject,
    receipt: Receipt,
    lines: Sequence[tuple[str, Leg]],
    booking: Booking,
    policies: Resolved | None,
    reverses: str | None = None,
    version: int = 0,
) -> str:
    record = emit_placed(
        draft,
        about_of(draft, (about.kind, about.id, version), receipt.rule),
        booking,
        lines,
        contract_id=receipt.contract_id or None,
        customer_id=about.customer_id,
        deliver=receipt.deliver,
        reverses=reverses,
    )
    if policies is not None:
        contract_id, legs = receipt.contract_id or None, [leg for _, leg in lines]
        note_rounding(draft, record, legs, policies.rounding_limit, contract_id=contract_id)
    return record.journal_id
