"""Balances of running projects: checked as a whole, then entered as a short history of one day.

What terms charged by themselves is charged by them (`fees`, `over_time`), posted on the day of the balances; what work came to is a row a
line. What was billed is put on statements that nobody is sent, one for each invoice that is still open and one for the rest, and these are
invoiced and paid. All of its journals are memos: the ERP has what they say. From there on every rule reads rows, statements, invoices
and receivables as it always does.

    revenue 15,000.00, billed 12,000.00, paid 9,000.00, open 3,000.00:
    Dr 1150 15,000.00  Cr 4000 15,000.00;  Dr 1100 12,000.00  Cr 1150 12,000.00;  Dr 1010 9,000.00  Cr 1100 9,000.00
"""

from collections.abc import Sequence
from contextlib import nullcontext

from msgspec.structs import replace

from domain.events.commercial import BalancesBroughtForward
from domain.exceptions import ExceptionCategory
from domain.ledger.journal import Unbalanced
from state.billing.approval import tried
from state.books import BroughtForward, OpenException
from state.charges.unplaced import note_unplaced
from state.draft import Draft
from state.facts import is_new
from state.forecast.expected import add_to_months
from state.opening.billed import billed_rows, by_payer
from state.opening.bills import put_on_bills
from state.opening.earlier import return_overpaid, take_later, unload
from state.opening.entries import wait_for_room
from state.opening.faults import faults_of
from state.opening.ledger_currency import BeforeLoad, before_load, carry_in_ledger
from state.opening.ledger_faults import ledger_faults
from state.opening.loading import Loading, begin, begin_own, end_charges, know, months_of, slot_of
from state.opening.record import load_of, recorded
from state.opening.running import close_day, progress_faults, retainer_faults
from state.opening.stated import DIFFERS, OpeningFault, Stated, stated_lines
from state.opening.unbilled import share_unbilled, unlike_unbilled
from state.opening.unlike import unbillable, unearned, unlike_invoiced, unlike_payers
from state.opening.work_rows import bring_over_cap, bring_work
from state.rerating.outside import list_outside
from state.rerating.versions import retry_parked, withdraw
from state.revenue import fees, liability, over_time, refunds
from state.terms.opening import KIND, balances_of
from state.value import plain
from state.work.exchange_waits import settle_when_day_ends


def on_balances_brought_forward(draft: Draft, event: BalancesBroughtForward) -> None:
    if not is_new(draft, KIND, event.project_id, event.version, event):
        return
    known = balances_of(draft, event.project_id) or BroughtForward(event, draft.cause.log_offset)
    draft.put(KIND, event.project_id, replace(known, event=event, log_offset=draft.cause.log_offset))
    _advance(draft, event.project_id)


def retry(draft: Draft) -> None:
    """A contract is in force: balances that waited for it may be loaded, before it charges anything of the days that they include."""
    for project_id in draft.ids(KIND):
        known = balances_of(draft, project_id)
        if known is not None and known.category:
            _advance(draft, project_id)


def after_event(draft: Draft) -> None:
    """What balances wait for may have come."""
    if draft.rows or draft.kinds or draft.cause.kind in ("accounting_period", "exchange_rate"):
        retry(draft)


def _advance(draft: Draft, project_id: str) -> None:
    """Load the newest balances where nothing is wrong with them; else say what is, and leave the books as they are."""
    known = balances_of(draft, project_id)
    assert known is not None, "they were stated"
    of_parts = (retainer_faults, progress_faults, ledger_faults)
    faults = [*faults_of(draft, known), *(fault for find in of_parts for fault in find(draft, known.event))]
    faults = faults or _unfit(draft, known)
    _tell(draft, known, faults)
    for zone in {fault.settles_in for fault in faults if fault.settles_in is not None}:
        settle_when_day_ends(draft, zone)
    waits = tuple(sorted({key for fault in faults for key in fault.waits}))
    name = f"{KIND}:{project_id}"
    draft.waits_removed |= {(kind, key, name) for kind, key in known.waits}
    draft.waits_added |= {(kind, key, name) for kind, key in waits}
    draft.waits_removed -= draft.waits_added
    known = replace(known, category=faults[0].category if faults else "", waits=waits)
    draft.put(KIND, project_id, known)
    if not faults:
        unfit = _load(draft, known)
        assert not unfit, "it was tried on a copy of the books"


def _unfit(draft: Draft, known: BroughtForward) -> list[OpeningFault]:
    """What shows only when they are loaded: on a copy of the books."""
    try:
        return _load(tried(draft), known)
    except Unbalanced:
        message = (
            f"project {known.event.project_id}: its balances cannot be booked together, for lines of a journal would not sum to zero; "
            "correct parts of bill-tos and open invoices where there are any, else begin the project with its contract and work as events"
        )
        return [OpeningFault(DIFFERS, message, "lines")]


def _tell(draft: Draft, known: BroughtForward, faults: Sequence[OpeningFault]) -> None:
    """One exception a category, with all that is wrong of it."""
    project_id = known.event.project_id
    said: dict[ExceptionCategory, list[OpeningFault]] = {}
    for fault in faults:
        said.setdefault(fault.category, []).append(fault)
    for exception_id in draft.ids("exception"):
        noted: OpenException = draft.part("exception", exception_id)
        if (noted.subject_kind, noted.subject_id) == (KIND, project_id) and noted.category not in (
            *said,
            "conflicting_version",
        ):
            draft.close_exception(exception_id)
    for category, of in said.items():
        draft.raise_exception(
            category,
            KIND,
            project_id,
            "; ".join(fault.message for fault in of),
            project_id=project_id,
            contract_id=of[0].contract_id,
            field=of[0].field,
            version=known.event.version,
            revises=True,
        )


def _load(draft: Draft, known: BroughtForward) -> list[OpeningFault]:
    """What shows only when the terms have charged what they charge by themselves; the books are of no use then."""
    event = known.event
    draft.loads, since = True, len(draft.outputs)
    before = before_load(draft, known)
    later = unload(draft, known)
    if draft.why is not None:
        event = recorded(event, stated_lines(draft, event))
    for one in stated_lines(draft, known.loaded) if known.loaded is not None else ():
        refunds.state_given(draft, one.contract.contract_id, one.balance.line_id, 0)
    project = draft.moved(event.project_id)
    draft.put_project(replace(project, begins_after=event.as_of))
    # From here on what terms charge of these days is carried.
    loaded = replace(known, loaded=known.event, journals=(), statements=(), pieces=(), receivables=(), rows=known.rows)
    draft.put(KIND, event.project_id, loaded)
    parts: list[Loading] = []
    with draft.why.within(load_of(event)) if draft.why is not None else nullcontext():
        if unfit := _book(draft, event, known.loaded, before, parts):
            return unfit
        billed, due = months_of(parts)
        add_to_months(draft, event.project_id, billed, due)
    rows = tuple(dict.fromkeys((*known.rows, *(row for part in parts for row in part.rows))))
    for row in known.rows:
        entry = draft.entry(row)
        if entry is not None and entry.work is not None and not any(row in part.rows for part in parts):
            withdraw(draft, row, entry.version + 1)
    take_later(draft, later)
    draft.put(
        KIND,
        event.project_id,
        replace(
            loaded,
            rows=rows,
            journals=tuple(one for part in parts for one in part.journals),
            statements=tuple(one for part in parts for one in part.statements),
            pieces=tuple(plain(one) for part in parts for one in part.pieces),
            receivables=tuple(one for part in parts for one in part.opened),
            carried={key: amount for part in parts for key, amount in part.carried.items()},
            billed=plain(billed),
            due=plain(due),
            milestones=tuple(
                each.milestone_id for part in parts for one in part.lines for each in one.balance.milestones
            ),
        ),
    )
    if unfit := list(return_overpaid(draft, event, later)):
        return unfit
    for part in parts:
        list_outside(draft, part.contract)
    note_unplaced(draft)
    retry_parked(draft)
    draft.loads = False
    draft.loaded |= {part.contract.contract_id for part in parts}
    for part in parts:
        liability.settle_brought(draft, part.contract, draft.outputs[since:])
    return []


def _book(
    draft: Draft,
    event: BalancesBroughtForward,
    corrects: BalancesBroughtForward | None,
    before: BeforeLoad,
    parts: list[Loading],
) -> list[OpeningFault]:
    """Adds to `parts` what is made of each contract; `corrects` are the balances that these take the place of."""
    stated = stated_lines(draft, event)
    for contract_id in dict.fromkeys(one.contract.contract_id for one in stated):
        own = tuple(one for one in stated if one.contract.contract_id == contract_id)
        loading = _load_contract(draft, event, own)
        takes = billed_rows(draft, loading)
        if unfit := [
            *unbillable(loading, takes),
            *unearned(draft, loading, corrects),
            *unlike_payers(loading, takes),
            *unlike_invoiced(loading, takes),
        ]:
            return unfit
        put_on_bills(draft, loading, takes)
        wait_for_room(draft, loading)
        if unfit := list(unlike_unbilled(draft, loading)):
            return unfit
        share_unbilled(draft, loading)
        begin_own(draft, loading)
        if loading.slot.currency != loading.slot.entity.currency:
            carry_in_ledger(draft, loading, before)
        parts.append(loading)
    return []


def _load_contract(draft: Draft, event: BalancesBroughtForward, lines: tuple[Stated, ...]) -> Loading:
    contract = begin(draft, lines[0].contract, event)
    for one in lines:
        know(draft, contract, one, event)
        close_day(draft, contract, one, event.as_of)
        end_charges(draft, contract, one, event.as_of)
    fees.settle(draft, contract)
    over_time.settle(draft, contract)
    slot = slot_of(draft, contract, event)
    mine = tuple(each for each in event.receivables if each.contract_id in (None, contract.contract_id))
    shares = by_payer(draft.why, contract, lines)
    loading = Loading(contract, event, slot, lines, mine, [], [], [], [], [], [], shares, {}, {}, {})
    for one in lines:
        bring_work(draft, loading, one)
    for one in lines:
        bring_over_cap(draft, loading, one)
    if any(one.balance.retainer for one in lines):  # what expired of what is used by now is taken back
        fees.settle(draft, contract)
    return loading
