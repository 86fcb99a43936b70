"""A draft of a statement is approved and issued as it was drafted, or returned; what changes meanwhile makes it a new revision.

What is approved is what is true: a correction, a hold, an amendment or a withdrawal of what a draft holds supersedes its revision,
and an approval of the one before is refused. Work that comes later for the period is late, as after any cut: it goes to the next
statement. A returned draft keeps what it holds; its next revision comes with what is corrected, or unchanged at the next cut.

    Draft of 8 h at 200.00, 1,600.00 (revision 1); the entry is corrected to 6 h: revision 1 is superseded, revision 2 is 1,200.00
"""

from collections.abc import Iterable

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.statement import ISSUED
from domain.events.control import StatementApproved, StatementReturned
from domain.exceptions import DIFFERENCE, SELF_APPROVED, UNKNOWN
from domain.identity import composed
from domain.outputs import BillingStatement
from domain.work.rows import FEE
from state.billing import deposit_applications, funding, retention
from state.billing.approval import PART, by_cut, cut_of, holds_contract, of_one_cut, supersede, tell, tried
from state.billing.funding import is_ever_funded
from state.books import Contract, Fact, LineTotals, OpenStatement
from state.draft import Draft
from state.handlers.invoices import on_invoice_posted
from state.rerating.rerate import line_ids
from state.revenue import fees
from state.statements.cut import cut, publish
from state.statements.due import by_line, due_of, source_turns
from state.statements.issue import issue_after
from state.statements.release import release_held

# Parts that decide about all rows.
DECISIVE = frozenset({"hold", "contract", "statement", "retention"})


def on_statement_approved(draft: Draft, event: StatementApproved) -> None:
    opened = _decided(draft, event)
    if opened is None:
        return
    asked = {event.requested_by, opened.requested_by}
    if event.approved_by in asked:
        draft.raise_exception(
            SELF_APPROVED,
            "statement",
            opened.statement_id,
            f"{event.approved_by} asked for statement {opened.statement_id} and cannot approve it; somebody else is to",
            contract_id=opened.contract_id,
            field="approved_by",
        )
        return
    copy = _drafted(draft, opened)
    if copy is None or not _says_the_same(copy, opened):
        _revise(draft, opened, copy)
        _refuse(draft, event, f"it is not what the books say now; approve revision {opened.revision + 1}")
        publish(draft)
        return
    draft.put("fact", _approval(opened.statement_id), Fact(opened.revision, ""))
    _issue(draft, opened)


def on_statement_returned(draft: Draft, event: StatementReturned) -> None:
    opened: OpenStatement | None = draft.part(PART, event.statement_id)
    if opened is not None and event.revision <= opened.returned:
        return
    opened = _decided(draft, event)
    if opened is None:
        return
    supersede(draft, opened)
    _settle(draft, opened)
    draft.put(PART, opened.statement_id, replace(opened, returned=opened.revision))
    publish(draft)


def after_event(draft: Draft) -> None:
    """Drafts that hold something which the event changed become new revisions; a returned one comes again with the next cut."""
    decided = [statement_id for kind, statement_id in draft.parts if kind == PART]
    waiting = draft.before.ids.get(PART) or set[str]()
    if not waiting and not decided:
        return
    drawn = {one.contract_id for key in decided for one in _was_or_is(draft, key)}
    for of_cut in _in_turn(draft, {*waiting, *decided}):
        # What the cut of this event has drafted is true, unless drafts before it draw on their sources again.
        known = [one for one in of_cut if one.statement_id in waiting or _is_redrafted(draft, one)]
        if known and is_ever_funded(draft.contract_in_books(known[0].contract_id)):
            while any(_lets_go(draft, one.statement_id) for one in known):
                pass  # with each a draft has fewer rows, or is gone
        for one in known:
            if _revise_touched(draft, one.statement_id):
                drawn.add(one.contract_id)
    publish(draft)
    _note_unpaid(draft, drawn)


def _revise_touched(draft: Draft, statement_id: str) -> bool:
    opened: OpenStatement | None = draft.part(PART, statement_id)
    if opened is None:
        return True
    was_cut = opened.returned == opened.revision and _is_cut(draft, opened)
    if not was_cut and not _is_touched(draft, opened):
        return False
    copy = _drafted(draft, opened)
    if was_cut or copy is None or not _says_the_same(copy, opened):
        _revise(draft, opened, copy)
        _settle(draft, opened)
    return True


def _lets_go(draft: Draft, statement_id: str) -> bool:
    """Whether the draft has work that it is not to bill any more: what is left in its cut draws on the room of that, too."""
    opened: OpenStatement | None = draft.part(PART, statement_id)
    if opened is None or not _is_touched(draft, opened):
        return False
    copy = _drafted(draft, opened)
    if copy is None:
        _revise(draft, opened, None)
        _settle(draft, opened)
        return True
    rows = _rows_left(draft, opened, copy)
    if rows == opened.rows:
        return False
    draft.put(PART, statement_id, replace(opened, rows=rows))
    return True


def _in_turn(draft: Draft, statement_ids: Iterable[str]) -> list[list[OpenStatement]]:
    """Those that wait, by their ids; where sources fund the contract by cut, in the order in which they draw."""
    waiting = [one for statement_id in sorted(statement_ids) if (one := draft.part(PART, statement_id)) is not None]
    funded = [one for one in waiting if is_ever_funded(draft.contract_in_books(one.contract_id))]
    contracts = dict.fromkeys(one.contract_id for one in funded)
    cuts = [of_cut for name in contracts for of_cut in by_cut(one for one in funded if one.contract_id == name)]
    return [*([one] for one in waiting if one.contract_id not in contracts), *cuts]


def _is_redrafted(draft: Draft, opened: OpenStatement) -> bool:
    """Whether the event changed a draft of an earlier cut, where sources fund the contract."""
    if not is_ever_funded(draft.contract_in_books(opened.contract_id)):
        return False
    changed = (one for kind, key in draft.parts if kind == PART for one in _was_or_is(draft, key))
    return any(one.contract_id == opened.contract_id and cut_of(one) < cut_of(opened) for one in changed)


def _was_or_is(draft: Draft, statement_id: str) -> list[OpenStatement]:
    opened = draft.part(PART, statement_id) or draft.before.get((PART, statement_id))
    return [opened] if opened is not None else []


def _note_unpaid(draft: Draft, contract_ids: Iterable[str]) -> None:
    for contract_id in sorted(contract_ids):
        contract = draft.contract(contract_id)
        if contract is not None and is_ever_funded(contract):
            funding.note_unpaid(draft, contract, source_turns(draft, contract))


def _is_touched(draft: Draft, opened: OpenStatement) -> bool:
    """Whether the event changed a row that the draft holds or held before it, or what decides about all rows: terms, holds, deposits, what
    is retained, other statements; or whether it ended the day of a release."""
    before: OpenStatement | None = draft.before.get((PART, opened.statement_id))
    rows = {*opened.rows, *(before.rows if before is not None else ())}
    if any(row in draft.rows for row in rows) or any(row.startswith(f"{FEE}/") for row in draft.rows):
        return True
    if not DECISIVE.isdisjoint(draft.kinds) or _is_used_otherwise(draft, draft.contract_in_books(opened.contract_id)):
        return True
    return opened.published[0].retained != 0 and retention.is_over(
        draft, draft.contract_in_books(opened.contract_id), _period(opened)
    )


def _is_used_otherwise(draft: Draft, contract: Contract) -> bool:
    """Whether the event changed what sources have paid of entries that are issued, as a price concession does: drafts draw what is left."""
    for line_id in line_ids(contract):
        key = "line", composed(contract.contract_id, line_id)
        had: LineTotals | None = draft.before.get(key)
        now: LineTotals | None = draft.parts.get(key, had)
        if (now.funded if now is not None else {}) != (had.funded if had is not None else {}):
            return True
    return False


def _is_cut(draft: Draft, opened: OpenStatement) -> bool:
    before, now = draft.before.get(("contract", opened.contract_id)), draft.contract(opened.contract_id)
    if before is None or now is None:
        return False
    return bool((before.period_start, before.requested_to) != (now.period_start, now.requested_to))


def _drafted(draft: Draft, opened: OpenStatement) -> Draft | None:
    """What would be issued now of what the draft holds, on a copy of the books; None where nothing would."""
    copy = tried(draft)
    _issue_held(copy, opened)
    return copy if copy.issued else None


def _issue_held(draft: Draft, opened: OpenStatement) -> None:
    contract, period = draft.contract_in_books(opened.contract_id), _period(opened)
    if not opened.rows:
        release_held(draft, contract, period, opened.bill_to, opened.sequence)
        return
    drafts = of_one_cut(draft, opened)
    of_cut = due_of(draft, contract, period, drafts)
    due = [one for one in of_cut if one.share.bill_to == opened.bill_to]
    if due:
        beside = by_line(one for one in of_cut if one.share.bill_to != opened.bill_to)
        before = sorted(one.bill_to for one in drafts if one.sequence < opened.sequence)
        drafted = {payer: [one for one in of_cut if one.share.bill_to == payer] for payer in before}
        issue_after(draft, contract, period, opened.bill_to, due, drafted, opened.sequence, beside)


def _period(opened: OpenStatement) -> BillingPeriod:
    return BillingPeriod(opened.period, opened.to)


def _says_the_same(copy: Draft, opened: OpenStatement) -> bool:
    return [_content(part) for part in copy.issued] == [_content(part) for part in opened.published]


def _content(part: BillingStatement) -> BillingStatement:
    return part._replace(revision=0, status="", issued_on=None, due_on=None)


def _revise(draft: Draft, opened: OpenStatement, copy: Draft | None) -> None:
    """What is billable and no longer in the draft (held, of a later day, for another bill-to) is free for the next statement."""
    supersede(draft, opened)
    if copy is None:
        draft.put(PART, opened.statement_id, None)
        return
    tell(draft, replace(opened, revision=opened.revision + 1, rows=_rows_left(draft, opened, copy)), copy)


def _rows_left(draft: Draft, opened: OpenStatement, copy: Draft) -> tuple[str, ...]:
    still = {row for part in copy.issued for line in part.lines for row in line.entries}
    lines = line_ids(draft.contract_in_books(opened.contract_id))
    left = {entry.entry_id for line_id in lines for entry in draft.due_on(opened.contract_id, line_id, "", "9999")}
    return tuple(row for row in opened.rows if row in still or row not in left)


def _issue(draft: Draft, opened: OpenStatement) -> None:
    """In the books now; what goes out is what was approved, to the letter."""
    draft.put(PART, opened.statement_id, None)
    _settle(draft, opened)
    contract = draft.contract_in_books(opened.contract_id)
    used = funding.used(draft, contract)
    _issue_held(draft, opened)
    funding.alert(draft, contract, used)
    days = {"issued_on": draft.issued[0].issued_on, "due_on": draft.issued[0].due_on}
    draft.issued = [part._replace(status=ISSUED, **days) for part in opened.published]
    publish(draft)
    is_last = not holds_contract(draft, opened.contract_id)
    if is_last and deposit_applications.close(draft, draft.contract_in_books(opened.contract_id), _period(opened)):
        fees.settle(draft, draft.contract_in_books(opened.contract_id))
        cut(draft, draft.contract_in_books(opened.contract_id), _period(opened), since=None)
        publish(draft)
    if opened.invoice is not None:
        draft.resolve_exception(DIFFERENCE, PART, opened.statement_id)
        on_invoice_posted(draft, opened.invoice)


def _settle(draft: Draft, opened: OpenStatement) -> None:
    draft.resolve_exception(UNKNOWN, "statement", opened.statement_id)
    draft.resolve_exception(SELF_APPROVED, "statement", opened.statement_id)


def _decided(draft: Draft, event: StatementApproved | StatementReturned) -> OpenStatement | None:
    """The draft that waits under the id and revision; a decision that was made already changes nothing, any other is refused."""
    opened: OpenStatement | None = draft.part(PART, event.statement_id)
    if opened is not None and opened.returned != opened.revision and opened.revision == event.revision:
        return opened
    if opened is None:
        if draft.statement(event.statement_id) is None:
            _refuse(draft, event, "no draft of that id waits for approval")
        elif isinstance(event, StatementReturned):
            _refuse(draft, event, "it is issued; what is wrong with it is corrected by the next statement")
        else:
            _approved_again(draft, event)
    elif opened.returned == opened.revision:
        _refuse(draft, event, f"revision {opened.revision} was returned, and no other is drafted yet")
    else:
        _refuse(draft, event, f"the draft that waits is revision {opened.revision}; look at that and decide about it")
    return None


def _approved_again(draft: Draft, event: StatementApproved) -> None:
    """Of a statement that is issued: that one approves it too changes nothing, but there has to have been something to approve."""
    made: Fact | None = draft.part("fact", _approval(event.statement_id))
    if made is None:
        _refuse(draft, event, "it was issued without a draft that waits for approval; nothing is left to decide")
    elif event.revision > made.version:
        _refuse(draft, event, f"it was approved and issued as revision {made.version}; nothing is left to decide")


def _approval(statement_id: str) -> str:
    return f"statement_decision/{statement_id}"


def _refuse(draft: Draft, event: StatementApproved | StatementReturned, why: str) -> None:
    opened: OpenStatement | None = draft.part(PART, event.statement_id)
    decision = "approved" if isinstance(event, StatementApproved) else "returned"
    draft.raise_exception(
        UNKNOWN,
        "statement",
        event.statement_id,
        f"revision {event.revision} of statement {event.statement_id} cannot be {decision}: {why}",
        project_id=event.project_id,
        contract_id=opened.contract_id if opened is not None else None,
        field="statement_id" if opened is None else "revision",
    )
