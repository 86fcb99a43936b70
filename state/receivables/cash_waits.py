"""Cash that cannot be posted yet, a payment or what is applied of one later: it waits with an exception that says why."""

from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from domain.events.finance import PaymentApplied, PaymentReceived
from domain.exceptions import ExceptionCategory
from domain.units import Amount
from domain.waiting import WaitKey
from state.books import CashApplication, Payment
from state.draft import Draft
from state.receivables.receivables import receivable_of

Cash: TypeAlias = PaymentReceived | PaymentApplied


class CashFault(NamedTuple):
    """Why it waits; `amount` is what of it is concerned, `waits` what would wake it."""

    category: ExceptionCategory
    field: str
    message: str
    amount: Amount = 0
    waits: tuple[WaitKey, ...] = ()


class WaitingCash(NamedTuple):
    """Something that may wait; `listed_in` names the list of those that do."""

    listed_in: str
    kind: str
    id: str


def waiting(draft: Draft, listed_in: str, kind: str) -> tuple[str, ...]:
    """By id."""
    found: dict[str, tuple[str, ...]] = draft.part("index", listed_in) or {}
    return found.get(kind, ())


def wait(draft: Draft, one: WaitingCash, waits: tuple[WaitKey, ...]) -> None:
    keys = {(kind, key, f"{one.kind}:{one.id}") for kind, key in waits}
    draft.waits_added |= keys
    draft.waits_removed -= keys
    _list(draft, one, {*waiting(draft, one.listed_in, one.kind), one.id})


def wait_no_more(draft: Draft, one: WaitingCash, known: Payment | CashApplication) -> None:
    if not known.category:
        return
    keys = {(kind, key, f"{one.kind}:{one.id}") for kind, key in known.waits}
    draft.waits_added -= keys
    draft.waits_removed |= keys
    _list(draft, one, {each for each in waiting(draft, one.listed_in, one.kind) if each != one.id})


def _list(draft: Draft, one: WaitingCash, ids: set[str]) -> None:
    draft.put("index", one.listed_in, {one.kind: tuple(sorted(ids))} if ids else None)


def park(draft: Draft, one: WaitingCash, known: Payment | CashApplication, fault: CashFault, about: str) -> None:
    """In place of what it waited for before."""
    assert known.event is not None, "only what came can be wrong"
    if known.category == fault.category:
        wait_no_more(draft, one, known)
    else:
        superseded(draft, one, known)
    wait(draft, one, fault.waits)
    draft.put(one.kind, one.id, replace(known, category=fault.category, waits=fault.waits))
    note(draft, one, known.event, fault, about)


def superseded(draft: Draft, one: WaitingCash, known: Payment | CashApplication) -> None:
    """Something else came in its place, or nothing will: it waits no more."""
    wait_no_more(draft, one, known)
    if known.category:
        draft.resolve_exception(known.category, one.kind, one.id, "superseded")


def note(draft: Draft, one: WaitingCash, event: Cash, fault: CashFault, about: str, side: str = "") -> None:
    """Of the first of its invoices that is known; an exception that is open already says what is wrong now."""
    named = (receivable_of(draft, each.invoice_id) for each in event.applications)
    contract_id = next((each.contract_id for each in named if each is not None), None)
    draft.raise_exception(
        fault.category,
        one.kind,
        one.id,
        f"{about}: {fault.message}",
        side=side,
        project_id=event.project_id,
        contract_id=contract_id,
        field=fault.field,
        amount=fault.amount,
        currency=event.currency,
        revises=True,
    )
