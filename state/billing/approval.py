"""Drafts of statements that wait for approval (policy `statement_approval=required`).

A draft is what its cut would issue, tried on a copy of the books: it shows and reserves, and changes nothing. What it holds stays
accrued, and no other statement takes it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from domain.billing.statement import OPEN, SUPERSEDED
from domain.events.finance import InvoicePosted
from domain.exceptions import DIFFERENCE
from domain.outputs import BillingStatement
from state.books import OpenStatement
from state.draft import Draft, Plans

PART = "draft"
NOBODY: Final[frozenset[str]] = frozenset()
# By row the bill-tos whose drafts hold it.
Reserved: TypeAlias = Mapping[str, frozenset[str]]


class PendingCut(NamedTuple):
    """Cuts in the order in which they were made: the place in the log of what made them, and their periods."""

    at: int
    period: date
    to: date


def cut_of(opened: OpenStatement) -> PendingCut:
    return PendingCut(opened.cut_at, opened.period, opened.to)


def drafts_of(draft: Draft, contract_id: str) -> list[OpenStatement]:
    """Those that are not decided yet, and those that were returned."""
    opened = (draft.part(PART, statement_id) for statement_id in draft.ids(PART))
    return [one for one in opened if one.contract_id == contract_id]


def reserved(drafts: Iterable[OpenStatement]) -> Reserved:
    """What these drafts hold."""
    found: dict[str, frozenset[str]] = {}
    for one in drafts:
        for row in one.rows:
            found[row] = found.get(row, NOBODY) | {one.bill_to}
    return found


def of_one_cut(draft: Draft, opened: OpenStatement) -> list[OpenStatement]:
    """The draft, and those of other payers that the same cut made, as far as they are not issued."""
    others = drafts_of(draft, opened.contract_id)
    return [opened, *(one for one in others if cut_of(one) == cut_of(opened) and one.bill_to != opened.bill_to)]


def by_cut(drafts: Iterable[OpenStatement]) -> list[list[OpenStatement]]:
    """The first cut first."""
    found: dict[PendingCut, list[OpenStatement]] = {}
    for one in sorted(drafts, key=lambda one: (cut_of(one), one.statement_id)):
        found.setdefault(cut_of(one), []).append(one)
    return list(found.values())


def releasing(draft: Draft, contract_id: str) -> frozenset[str]:
    """Bill-tos to whom drafts of the contract release what is retained."""
    return frozenset(
        one.bill_to for one in drafts_of(draft, contract_id) if one.published and one.published[0].released
    )


def holds_contract(draft: Draft, contract_id: str) -> bool:
    """Whether a draft of the contract is not decided yet."""
    return bool(drafts_of(draft, contract_id))


def tried(draft: Draft) -> Draft:
    """A copy of the books as the event left them so far; what is done to it leaves the draft as it is."""
    plans = Plans(draft.memo, draft.shared, draft.daily)
    of, books, rows = draft.engagement_id, draft.before, draft.entries
    copy = Draft(of, books, rows, draft.reference, draft.cause, plans, draft.own, is_copy=True)
    copy.parts, copy.kinds, copy.rows = dict(draft.parts), set(draft.kinds), dict(draft.rows)
    copy.agreed = draft.agreed
    copy.changed_on = {place: dict(rows) for place, rows in draft.changed_on.items()}
    copy.open_added, copy.open_removed = set(draft.open_added), set(draft.open_removed)
    copy.parked = dict(draft.parked)
    copy.waits_added, copy.waits_removed = set(draft.waits_added), set(draft.waits_removed)
    copy.statements = dict(draft.statements)
    copy.repriced, copy.watched = dict(draft.repriced), dict(draft.watched)
    copy.positions = dict(draft.positions)
    copy.why = draft.why.fork() if draft.why is not None else None
    return copy


def keep_draft(draft: Draft, rows: Iterable[str], issue: Callable[[Draft], None]) -> None:
    """The cut's statement goes out as a draft, under the number that it will have when it is issued."""
    copy = tried(draft)
    issue(copy)
    first: BillingStatement = copy.issued[0]
    had = draft.contract_in_books(first.contract_id)
    sequences = copy.contract_in_books(first.contract_id).sequences
    draft.put("contract", first.contract_id, replace(had, sequences=sequences))
    opened = OpenStatement(
        first.statement_id,
        first.contract_id,
        first.bill_to,
        first.period,
        first.to,
        copy.statement_in_books(first.statement_id).sequence,
        1,
        tuple(sorted(set(rows))),
        cut_at=draft.cause.log_offset,
    )
    tell(draft, opened, copy)


def tell(draft: Draft, opened: OpenStatement, copy: Draft) -> None:
    """The draft's revision, as it came out on the copy."""
    published = tuple(
        part._replace(revision=opened.revision, status=OPEN, issued_on=None, due_on=None) for part in copy.issued
    )
    draft.issued += published
    draft.statements[opened.statement_id] = copy.statements[opened.statement_id]
    draft.put("statement", opened.statement_id, copy.statement(opened.statement_id))
    draft.put(PART, opened.statement_id, replace(opened, published=published))
    if draft.why is not None and copy.why is not None:
        draft.why.take(copy.why, f"{opened.statement_id}#")


def supersede(draft: Draft, opened: OpenStatement) -> None:
    """The revision that was published last holds no more; nothing where it was returned, which said so already."""
    if opened.returned != opened.revision:
        draft.issued += [part._replace(status=SUPERSEDED) for part in opened.published]
    draft.put("statement", opened.statement_id, None)


def name_requester(draft: Draft, requested_by: str | None) -> None:
    """Who asked for the cut of this event does not approve what came of it."""
    for statement_id in draft.ids(PART):
        opened: OpenStatement = draft.part(PART, statement_id)
        if draft.before.get((PART, statement_id)) is None:
            draft.put(PART, statement_id, replace(opened, requested_by=requested_by))


def keep_invoice(draft: Draft, statement_id: str, event: InvoicePosted) -> bool:
    """Whether it is the invoice of a draft, which waits until the statement is issued."""
    opened: OpenStatement | None = draft.part(PART, statement_id)
    if opened is None:
        return False
    draft.put(PART, statement_id, replace(opened, invoice=event))
    draft.raise_exception(
        DIFFERENCE,
        PART,
        statement_id,
        f"invoice {event.invoice_id} is posted for revision {opened.revision} of {statement_id}, a draft that nobody has "
        f"approved; it is posted here when the statement is issued",
        contract_id=opened.contract_id,
        field="statement_id",
    )
    return True
