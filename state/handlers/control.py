"""Decisions of people, and what intake noticed.

An exception is kept in one of three places: with the entry that waits, with the cap that is exceeded, or as a part of its own. Who
asks for a decision does not approve it, and nobody decides alone about their own work (`state/own_work.py`). Nothing happens where
the exception is not open (any more).
"""

from typing import NamedTuple, cast

from msgspec.structs import replace

from domain.caps.purchase_order import over_category
from domain.events.control import ExceptionAssigned, ExceptionResolved, ExceptionWaived, IntakeNoticed
from domain.exceptions import DIFFERENCE, ExceptionCategory
from domain.identity import parts_of
from domain.receivables import credit_memo
from domain.work.rows import ADJUSTMENT
from state.books import Adjustment, AtStake, CapState, Entry, Fact, Fault, OpenException, Work
from state.caps.notices import raise_over
from state.charges import unplaced
from state.draft import Draft
from state.facts import is_new
from state.forecast import loss
from state.handlers import cash_applications, credit_memos, payments, reconciliations, write_offs
from state.handlers.invoices import posts_when_waived, waive_difference
from state.own_work import of_own_decision, why_not
from state.receivables.cash_record import APPLICATION
from state.rerating.versions import close_faults, replace_fault, retry
from state.terms.opening import IN_BALANCES
from state.terms.plan import contract_policies
from state.work.value_time import WAIVABLE

# What only the missing record settles.
MISSING_FACTS = frozenset(
    {
        "amendment_gap",
        "balances_differ",
        "in_balances",
        "invalid_terms",
        "no_estimate",
        "no_exchange_rate",
        "posting_rejected",
        "stale_exchange_rate",
        "unapproved_amendment",
        "unknown_reference",
        "unmapped_account",
        "unrouted",
    }
)
# A decision about an unknown statement, or about another revision, is made again under its own id.
# Neither does one about an answer of the ERP to what was never sent; a period of a mistyped company is closed for the right one.
NOTHING_WAITS = frozenset(
    {("unknown_reference", "statement"), ("unknown_reference", "posting"), ("unknown_reference", "accounting_period")}
)
# A forecast that no record holds is published when somebody says less.
TOO_MUCH = ("amount_out_of_range", "project")
# A payment, cash that is applied later, a credit memo, a write-off or an adjustment waits until it can be posted, or is taken back.
SETTLED_BY_POSTING = frozenset({"payment", APPLICATION, "write_off", ADJUSTMENT, credit_memo.KIND})
# The invoice of a draft is posted with its approval, and nothing else makes it one of a statement that is issued.
OF_A_DRAFT = (DIFFERENCE, "draft")
# What a person approved for themselves and only another's approval makes count, in a higher version.
BY_ANOTHER = frozenset({"accounting_period", "contract", "statement", "variable_consideration"})
NEEDS_ANOTHER = "needs another person's approval"


def is_missing(category: str, subject_kind: str) -> bool:
    """Whether only the missing record settles it; of an amendment that is the approval of somebody else."""
    if (category, subject_kind) in NOTHING_WAITS or (category == IN_BALANCES and subject_kind in SETTLED_BY_POSTING):
        return False
    if (category, subject_kind) in {TOO_MUCH, OF_A_DRAFT}:
        return True
    return category in MISSING_FACTS or (category == "self_approved" and subject_kind in BY_ANOTHER)


def comes_back(category: str, subject_kind: str) -> bool:
    """Whether what somebody says is settled still waits."""
    waits = subject_kind in SETTLED_BY_POSTING and category != "conflicting_version"
    return waits or is_missing(category, subject_kind) or posts_when_waived(category, subject_kind)


class OverCap(NamedTuple):
    """The exception of a cap."""

    part_id: str
    state: CapState


class WaitingSide(NamedTuple):
    """The exception of an entry's side."""

    entry: Entry
    work: Work
    fault: Fault


Found = OpenException | OverCap | WaitingSide | None


def on_exception_assigned(draft: Draft, event: ExceptionAssigned) -> None:
    if not is_new(draft, "exception", event.exception_id, event.version, event):
        return
    match _find(draft, event.exception_id):
        case OpenException() as noted:
            draft.revise_exception(replace(noted, assignee=event.assignee))
        case OverCap(part_id, state):
            raise_over(draft, part_id, replace(state, assignee=event.assignee))
        case WaitingSide(entry, work, fault):
            replace_fault(draft, entry, work, replace(fault, assignee=event.assignee))
        case None:
            pass


def on_exception_resolved(draft: Draft, event: ExceptionResolved) -> None:
    """Settled outside, as somebody says; what is still missing raises it again at once."""
    if not _is_decided(draft, event):
        return
    match _find(draft, event.exception_id):
        case OpenException() as noted:
            draft.close_exception(noted.exception_id)
            if noted.category == loss.CATEGORY:
                loss.settle(draft, noted)
            elif noted.category == reconciliations.DIFFERS:
                reconciliations.accept(draft, noted)
            if comes_back(noted.category, noted.subject_kind):
                draft.revise_exception(noted)
        case OverCap(part_id, state):
            _close_over(draft, part_id, state, "resolved")
        case WaitingSide(entry, work, fault):
            close_faults(draft, (fault,), "resolved", work.project_id)
            replace_fault(draft, entry, work, fault)
        case None:
            pass


def on_exception_waived(draft: Draft, event: ExceptionWaived) -> None:
    """Let a fault pass for the version it was found in; a waiver cannot replace missing facts."""
    if not _is_decided(draft, event):
        return
    match _find(draft, event.exception_id):
        case OpenException() as noted:
            _waive_note(draft, noted)
        case OverCap(part_id, state):
            _close_over(draft, part_id, state, "waived")
        case WaitingSide(entry, _, fault) if fault.category in WAIVABLE:
            draft.put_entry(entry, replace(entry, waived=(*entry.waived, fault.category)))
            retry(draft, entry.entry_id)
        case _:
            pass


def _find(draft: Draft, exception_id: str) -> Found:
    noted: OpenException | None = draft.part("exception", exception_id)
    if noted is not None:
        return noted
    for part_id in draft.ids("cap"):
        state: CapState = draft.part("cap", part_id)
        if state.exception_id == exception_id:
            return None if state.waived else OverCap(part_id, state)
    return _find_waiting(draft, exception_id)


def _find_waiting(draft: Draft, exception_id: str) -> WaitingSide | None:
    """Where thousands wait and are decided about one by one, all are looked through once: the id belongs to one entry for ever."""
    place = ("exception", exception_id)
    hint: str | None = draft.memo.lines.get(place)
    if hint is None:
        for entry_id in draft.entries.parked():
            entry = draft.entry(entry_id)
            for fault in entry.work.faults if entry is not None and entry.work is not None else ():
                draft.memo.lines["exception", fault.exception_id] = entry_id
        hint = draft.memo.lines.get(place)
    entry = draft.entry(hint) if hint is not None else None
    if entry is None or entry.work is None:
        return None
    faults = (fault for fault in entry.work.faults if fault.exception_id == exception_id)
    return next((WaitingSide(entry, entry.work, fault) for fault in faults), None)


# Who asked and who approved


def _is_decided(draft: Draft, event: ExceptionResolved | ExceptionWaived) -> bool:
    """Whether the decision is new and stands: nobody approves what they asked for, and above a limit somebody else must."""
    if not is_new(draft, "exception", event.exception_id, event.version, event):
        return False
    why = _why_not(draft, event)
    if why is not None:
        what = "waiver" if isinstance(event, ExceptionWaived) else "resolution"
        project_id, contract_id = _concerned(draft, event.exception_id)
        draft.raise_exception(
            "self_approved",
            "exception",
            event.exception_id,
            f"the {what} of {event.requested_by} {why}",
            project_id=project_id,
            contract_id=contract_id,
            person_id=event.requested_by,
            field="approved_by",
        )
        return False
    draft.resolve_exception("self_approved", "exception", event.exception_id)
    return True


def _why_not(draft: Draft, event: ExceptionResolved | ExceptionWaived) -> str | None:
    if event.approved_by == event.requested_by:
        return NEEDS_ANOTHER
    found = _find(draft, event.exception_id)
    own = _of_own(draft, found, event)
    if own is not None:
        return f"changes nothing: {own}"
    if event.approved_by is None and _needs_second_person(draft, found):
        return NEEDS_ANOTHER
    return None


def _of_own(draft: Draft, found: Found, event: ExceptionResolved | ExceptionWaived) -> str | None:
    """Whether somebody decides about their own work, or about their own decision; the latter leads on to what it was about."""
    match found:
        case WaitingSide(_, work, fault):
            is_waiver = isinstance(event, ExceptionWaived)
            return why_not(fault.category, work.subject, event.requested_by, event.approved_by, is_waiver=is_waiver)
        case (
            OpenException(
                category="self_approved",
                subject_kind="exception" | "write_off" | "revenue_adjustment" | credit_memo.KIND,
            ) as noted
        ):
            for name in (event.requested_by, event.approved_by):
                if name is not None and name == noted.person_id:
                    return of_own_decision(name)
            if noted.subject_kind in ("write_off", ADJUSTMENT):
                return None
            return _of_own(draft, _find(draft, noted.subject_id), event)
        case _:
            return None


def _concerned(draft: Draft, exception_id: str) -> tuple[str | None, str | None]:
    """Project and contract of the exception."""
    match _find(draft, exception_id):
        case OpenException(project_id=project_id, contract_id=contract_id):
            return project_id, contract_id
        case OverCap(part_id, _):
            return None, parts_of(part_id)[0]
        case WaitingSide(_, work, _):
            return work.project_id, None
        case None:
            return None, None


def _needs_second_person(draft: Draft, found: Found) -> bool:
    """Above policy `approval_limit`; where nobody knows what is at stake, wherever there is a limit."""
    match found:
        case OpenException(contract_id=str(contract_id)) as noted:
            return _above_limit(draft, contract_id, _noted_consumption(draft, noted))
        case OpenException():
            return False
        case OverCap(part_id, state):
            contract_id = parts_of(part_id)[0]
            contract = draft.contract(contract_id)
            currency = contract.terms.currency if contract is not None else None
            return _above_limit(draft, contract_id, AtStake(state.over_amount, currency, "fact"))
        case WaitingSide(_, _, fault):
            known = fault.at_stake if fault.at_stake.basis == "price" else AtStake()
            return any(_above_limit(draft, contract.contract_id, known) for contract in draft.contracts())
        case None:
            return any(_above_limit(draft, contract.contract_id, AtStake()) for contract in draft.contracts())


def _noted_consumption(draft: Draft, noted: OpenException) -> AtStake:
    """Of an invoice that differs, by how much; else what the exception says."""
    statement = draft.statement(noted.subject_id)
    if statement is not None and statement.waiting is not None:
        return AtStake(statement.waiting.amount - statement.amount_due, statement.currency, "fact")
    return noted.at_stake


def _above_limit(draft: Draft, contract_id: str, consumption: AtStake) -> bool:
    """The limit is in the contract's currency; what is known in another one says nothing."""
    contract = draft.contract(contract_id)
    if contract is None or not contract.history:
        return False
    limit = contract_policies(draft, contract).approval_limit
    if limit is None:
        return False
    return (
        consumption.basis is None or consumption.currency != contract.terms.currency or abs(consumption.amount) > limit
    )


def _waive_note(draft: Draft, known: OpenException) -> None:
    if is_missing(known.category, known.subject_kind):
        return
    draft.close_exception(known.exception_id, "waived")
    if posts_when_waived(known.category, known.subject_kind):
        waive_difference(draft, known.subject_id)
    elif known.subject_kind == credit_memo.KIND:
        credit_memos.waive(draft, known)
    elif known.subject_kind == "payment":
        payments.waive(draft, known.subject_id)
    elif known.subject_kind == APPLICATION:
        cash_applications.waive(draft, known.subject_id)
    elif known.category == loss.CATEGORY:
        loss.settle(draft, known)
    elif (known.subject_kind, known.category) in unplaced.SAID:
        unplaced.waive(draft, known)
    elif known.subject_kind == "write_off":
        write_offs.waive(draft, known.subject_id)
    elif known.subject_kind == ADJUSTMENT:
        waiting: Adjustment | None = draft.part(ADJUSTMENT, known.subject_id)
        if waiting is not None:
            draft.put(ADJUSTMENT, known.subject_id, replace(waiting, is_waived=True))


# Over a cap


def _close_over(draft: Draft, part_id: str, state: CapState, reason: str) -> None:
    """Closes the exception and makes no room; more over the cap raises it again."""
    assert state.exception_id is not None, "it was found by its id"
    contract_id, cap_id = parts_of(part_id)
    draft.publish_closed(state.exception_id, over_category(cap_id), reason, contract_id=contract_id)
    draft.put("cap", part_id, replace(state, waived=True))


def on_intake_noticed(draft: Draft, event: IntakeNoticed) -> None:
    """What intake or the clock found; the shard that owns the subject raises and closes the exception.

    The same again with another count is its next revision; one that came before the newest changes nothing.
    """
    kind, category = event.subject_kind or "record", cast("ExceptionCategory", event.category)
    exception_id = draft.exception_id(category, kind, event.subject)
    if not _is_newest(draft, f"intake_notice/{exception_id}", event):
        return
    if event.cleared:
        draft.close_exception(exception_id)
        return
    message = event.message or f"{category}: {event.subject} at {event.place}"
    noted: OpenException | None = draft.part("exception", exception_id)
    if noted is None:
        draft.raise_exception(
            category,
            kind,
            event.subject,
            message,
            project_id=event.project_id,
            contract_id=event.subject if kind == "contract" else None,
            blocks=event.event_count,
        )
    elif noted.count != event.event_count:
        draft.revise_exception(replace(noted, message=message, count=event.event_count))


def _is_newest(draft: Draft, key: str, event: IntakeNoticed) -> bool:
    """By its time, which never goes back; of one time, clearing comes last and the higher count counts."""
    version = 2 * event.occurred_at + event.cleared
    known: Fact | None = draft.part("fact", key)
    if known is not None and (version, event.event_count) <= (known.version, int(known.digest)):
        return False
    draft.put("fact", key, Fact(version, str(event.event_count)))
    return True
