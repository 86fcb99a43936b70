"""A draft of a statement is approved and issued as it was drafted, or returned; what changes meanwhile makes it a new revision.

What is approved is what is true: a correction, a hold, an amendment or a withdrawal of what a draft holds supersedes its revision,
and an approval of the one before is refused. Work that comes later for the period is late, as after any cut: it goes to the next
statement. A returned draft keeps what it holds; its next revision comes with what is corrected, or unchanged at the next cut.

    Draft of 8 h at 200.00, 1,600.00 (revision 1); the entry is corrected to 6 h: revision 1 is superseded, revision 2 is 1,200.00
"""

from msgspec.structs import replace

from domain.billing_periods import BillingPeriod
from domain.events.control import StatementApproved, StatementReturned
from domain.outputs import BillingStatement
from domain.rows import FEE
from domain.statement import ISSUED
from state.approval import DIFFERENCE, PART, holds_contract, of_one_cut, reserved, supersede, tell, tried
from state.books import Contract, Fact, OpenStatement
from state.draft import Draft
from state.handlers import deposits, retention, statements
from state.handlers.invoices import on_invoice_posted
from state.rerate import line_ids

# Parts that decide about all rows.
DECISIVE = frozenset({"hold", "contract", "statement", "retention"})
WRONG, OWN = "unknown_reference", "self_approved"


def on_statement_approved(draft: Draft, event: StatementApproved) -> None:
    opened = _decided(draft, event)
    if opened is None:
        return
    asked = {event.requested_by, opened.requested_by}
    if event.approved_by in asked:
        draft.note(
            OWN,
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
        statements.publish(draft)
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
    statements.publish(draft)


def after_event(draft: Draft) -> None:
    """Drafts that hold something which the event changed become new revisions; a returned one comes again with the next cut."""
    waiting = draft.before.ids.get(PART)
    if not waiting:
        return
    for statement_id in sorted(waiting):
        opened: OpenStatement | None = draft.part(PART, statement_id)
        if opened is None:
            continue
        was_cut = opened.returned == opened.revision and _is_cut(draft, opened)
        if was_cut or _is_touched(draft, opened):
            copy = _drafted(draft, opened)
            if was_cut or copy is None or not _says_the_same(copy, opened):
                _revise(draft, opened, copy)
                _settle(draft, opened)
    statements.publish(draft)


def _is_touched(draft: Draft, opened: OpenStatement) -> bool:
    """Whether the event changed a row that the draft holds, or what decides about all rows: terms, holds, deposits, what is retained, other
    statements; or whether it ended the day of a release."""
    if any(row in draft.rows for row in opened.rows) or any(row.startswith(f"{FEE}/") for row in draft.rows):
        return True
    if any(kind in DECISIVE for kind, _ in draft.parts):
        return True
    return opened.told[0].retained != 0 and retention.is_over(draft, _contract(draft, opened), _period(opened))


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
    contract, period = _contract(draft, opened), _period(opened)
    if not opened.rows:
        statements.release_held(draft, contract, period, opened.bill_to, opened.sequence)
        return
    drafts = of_one_cut(draft, opened)
    of_cut = statements.due_of(draft, contract, period, reserved(drafts))
    due = [one for one in of_cut if one.bill_to == opened.bill_to]
    if due:
        beside = statements.by_line(one for one in of_cut if one.bill_to != opened.bill_to)
        before = sorted(one.bill_to for one in drafts if one.sequence < opened.sequence)
        drafted = {payer: [one for one in of_cut if one.bill_to == payer] for payer in before}
        statements.issue_after(draft, contract, period, opened.bill_to, due, drafted, opened.sequence, beside)


def _contract(draft: Draft, opened: OpenStatement) -> Contract:
    contract = draft.contract(opened.contract_id)
    assert contract is not None, "a draft is of a contract in the books"
    return contract


def _period(opened: OpenStatement) -> BillingPeriod:
    return BillingPeriod(opened.period, opened.to)


def _says_the_same(copy: Draft, opened: OpenStatement) -> bool:
    return [_content(part) for part in copy.issued] == [_content(part) for part in opened.told]


def _content(part: BillingStatement) -> BillingStatement:
    return part._replace(revision=0, status="")


def _revise(draft: Draft, opened: OpenStatement, copy: Draft | None) -> None:
    """What is billable and no longer in the draft (held, of a later day, for another bill-to) is free for the next statement."""
    supersede(draft, opened)
    if copy is None:
        draft.put(PART, opened.statement_id, None)
        return
    still = {row for part in copy.issued for line in part.lines for row in line.entries}
    lines = line_ids(_contract(draft, opened))
    left = {entry.entry_id for line_id in lines for entry in draft.due_on(opened.contract_id, line_id, "", "9999")}
    rows = tuple(row for row in opened.rows if row in still or row not in left)
    tell(draft, replace(opened, revision=opened.revision + 1, rows=rows), copy)


def _issue(draft: Draft, opened: OpenStatement) -> None:
    """In the books now; what goes out is what was approved, to the letter."""
    draft.put(PART, opened.statement_id, None)
    _settle(draft, opened)
    _issue_held(draft, opened)
    draft.issued = [part._replace(status=ISSUED) for part in opened.told]
    statements.publish(draft)
    is_last = not holds_contract(draft, opened.contract_id)
    if is_last and deposits.close(draft, _contract(draft, opened), _period(opened)):
        statements.cut(draft, _contract(draft, opened), _period(opened), since=None)
        statements.publish(draft)
    if opened.invoice is not None:
        draft.settle_note(DIFFERENCE, PART, opened.statement_id)
        on_invoice_posted(draft, opened.invoice)


def _settle(draft: Draft, opened: OpenStatement) -> None:
    for category in (WRONG, OWN):
        draft.settle_note(category, "statement", opened.statement_id)


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
    draft.note(
        WRONG,
        "statement",
        event.statement_id,
        f"revision {event.revision} of statement {event.statement_id} cannot be {decision}: {why}",
        project_id=event.project_id,
        contract_id=opened.contract_id if opened is not None else None,
        field="statement_id" if opened is None else "revision",
    )
