"""Statements are issued again for late work (policy `late_line=reissue`): when the day ends, once for all that came in it.

What is late goes to the statement of its period, and what is corrected to the statement that it is on, unless their invoice has come.
The statement is taken back to the cent, the caps give what no other statement has in their order (R16), and the period is cut again:
the same id, the next revision, the former superseded. Prices stay as they are. What cannot go there goes to the next statement, as
without the policy: an invoice has come, a later statement corrects something of it, or a hold covers what would change.

    June is issued with 8 h at 200.00, 1,600.00 (revision 1); 2 h of June come on 07-03: revision 2 is 2,000.00 that night
"""

from typing import NamedTuple

from msgspec.structs import replace

from domain.billing.periods import BillingPeriod
from domain.billing.statement import SUPERSEDED
from domain.identity import composed
from domain.outputs import BillingStatement
from state.billing.issued_record import say_taken_back
from state.billing.reissue import ISSUED_STATEMENT, LATE, PERIODS, due_lines, late_rows, look_again, mark_late
from state.books import Contract, CutPeriod, Entry, IssuedStatement, LateRow, Reissues
from state.caps.allot import reallocate, settle_consumption
from state.caps.claims import allotments, consumption_of, stands_on
from state.caps.repricing import reprice
from state.draft import Draft
from state.rerating.rerate import line_ids
from state.statements.due import due_again, is_kept_back
from state.statements.issue import count_shown, issue, issue_nothing
from state.terms.periods import zone_of
from state.terms.plan import newest_plan, plan_of
from state.totals import issued_elsewhere, issued_on, standing_price


class _Reissue(NamedTuple):
    """A period that is cut again: its statement if it has one, and the rows it may have now."""

    period: BillingPeriod
    former: IssuedStatement | None
    rows: frozenset[str]


def issue_late(draft: Draft, contract: Contract, zone: str) -> Contract:
    """The day has ended in a zone; returns the contract as it is in the books then."""
    if draft.part(PERIODS, contract.contract_id) is None:
        return contract
    mark_late(draft, contract)
    late = late_rows(draft, contract)
    if not late:
        return contract
    if zone_of(draft, contract) != zone:
        look_again(draft, contract)
        return contract
    for row in late:
        draft.put(LATE, composed(row.contract_id, row.entry_id), None)
    if contract.in_force:
        _issue_again(draft, contract, _concerned(draft, contract, late))
    return draft.contract_in_books(contract.contract_id)


def _issue_again(draft: Draft, contract: Contract, concerned: list[_Reissue]) -> None:
    """What no longer holds is said before what takes its place: an entry is on one statement at a time."""
    others, draft.issued = draft.issued, []
    for one in concerned:
        if one.former is not None:
            _take_back(draft, contract, one.former)
    if any(one.former is not None for one in concerned):
        _reallocate(draft, contract)
    for one in concerned:
        current = draft.contract_in_books(contract.contract_id)
        if one.former is not None:
            _revise(draft, current, one, one.former)
        else:
            _issue_first(draft, current, one)
    said: list[BillingStatement] = draft.issued
    draft.issued = [*others, *sorted(said, key=lambda part: part.status != SUPERSEDED)]


# Which statements


class _Late(NamedTuple):
    """What is due of a late row on a line, with the statement that issued it last if that can still change."""

    entry: Entry
    line_id: str
    listed: IssuedStatement | None


def _concerned(draft: Draft, contract: Contract, rows: list[LateRow]) -> list[_Reissue]:
    """Periods that are cut again, in order, with what is late for each."""
    kept: Reissues = draft.part(PERIODS, contract.contract_id)
    late, fixed = _late(draft, contract, kept, rows)
    gained: dict[CutPeriod, set[str]] = {}
    lost: dict[str, set[str]] = {}
    for one in late:
        if one.listed is not None and one.listed.statement_id in fixed:
            continue
        wanted = _period_of(draft, contract, kept, one, fixed)
        if one.listed is not None:
            lost.setdefault(one.listed.statement_id, set()).add(one.entry.entry_id)
        if wanted is not None:
            gained.setdefault(wanted, set()).add(one.entry.entry_id)
    found = []
    for period in kept.periods:
        if period not in gained and period.statement_id not in lost:
            continue
        former: IssuedStatement | None = draft.part(ISSUED_STATEMENT, period.statement_id)
        rows_now = {piece.entry_id for piece in former.pieces} if former is not None else set()
        rows_now = rows_now - lost.get(period.statement_id, set()) | gained.get(period, set())
        found.append(_Reissue(BillingPeriod(period.start, period.to), former, frozenset(rows_now)))
    return found


def _late(draft: Draft, contract: Contract, kept: Reissues, rows: list[LateRow]) -> tuple[list[_Late], frozenset[str]]:
    """What is late and not held, and the statements that stay as they are although they could change."""
    own: dict[tuple[str, str], IssuedStatement] = {}
    fixed: set[str] = set()
    for statement in _changeable(draft, kept):
        for piece in statement.pieces:
            own[piece.entry_id, piece.line_id] = statement
            entry = draft.entry(piece.entry_id)
            if entry is None or issued_on(entry, contract.contract_id, piece.line_id) != piece.after:
                fixed.add(statement.statement_id)
    late = []
    for row in rows:
        entry = draft.entry_in_books(row.entry_id)
        for line_id, _ in due_lines(contract, entry):
            listed = own.get((row.entry_id, line_id))
            if not is_kept_back(draft, contract, entry, line_id):
                late.append(_Late(entry, line_id, listed))
            elif listed is not None:
                fixed.add(listed.statement_id)
    return late, frozenset(fixed)


def _changeable(draft: Draft, kept: Reissues) -> list[IssuedStatement]:
    found = (draft.part(ISSUED_STATEMENT, period.statement_id) for period in kept.periods if period.statement_id)
    return [statement for statement in found if statement is not None]


def _period_of(
    draft: Draft, contract: Contract, kept: Reissues, late: _Late, fixed: frozenset[str]
) -> CutPeriod | None:
    """Where it is billed now: the period of its service date, else where it was; None: the next statement or none."""
    issued = issued_on(late.entry, contract.contract_id, late.line_id)
    if late.listed is None and issued is not None and (issued.amount or issued.hours):
        return None
    price = standing_price(late.entry)
    was = next(
        (one for one in kept.periods if late.listed is not None and one.statement_id == late.listed.statement_id), None
    )
    if price is None or (price.contract_id, price.line_id) != (contract.contract_id, late.line_id):
        return was
    own = next((one for one in kept.periods if one.start <= price.day < one.to), None)
    if own is None or own.statement_id in fixed:
        return was
    return own if not own.statement_id or draft.part(ISSUED_STATEMENT, own.statement_id) is not None else was


# Taking back, and cutting again


def _take_back(draft: Draft, contract: Contract, former: IssuedStatement) -> None:
    """As if the statement had not been issued."""
    for piece in former.pieces:
        entry = draft.entry_in_books(piece.entry_id)
        before = consumption_of(entry)
        elsewhere = issued_elsewhere(entry, contract.contract_id, piece.line_id)
        after = replace(entry, issued=(*elsewhere, piece.before) if piece.before is not None else elsewhere)
        own = before is not None and stands_on(before, contract.contract_id, piece.line_id)
        plan = plan_of(draft, before.price) if before is not None and own else None
        if before is not None and plan is not None and before.price.rounding:
            price = replace(before.price, rounding=before.price.rounding - piece.cents)
            after = reprice(draft, after, plan, price, "rounding")
        draft.put_entry(entry, after)
        if draft.why is not None:
            place = contract.contract_id, piece.line_id, piece.entry_id
            say_taken_back(draft.why, place, former.statement_id, piece.cents, after)
        consumption = consumption_of(after)
        if before is not None and consumption is not None and plan is not None:
            settle_consumption(draft, plan, before, consumption)
    count_shown(draft, contract, former.shown, -1)


def _reallocate(draft: Draft, contract: Contract) -> None:
    """What no statement has any more competes for room again."""
    seen: set[frozenset[str]] = set()
    for line_id in line_ids(contract):
        plan = newest_plan(draft, contract, line_id)
        if plan is not None and plan.every_rule and plan.group not in seen:
            seen.add(plan.group)
            for allotment in allotments(plan):
                reallocate(draft, plan, allotment)


def _revise(draft: Draft, contract: Contract, reissue: _Reissue, former: IssuedStatement) -> None:
    """The next revision; nothing is reported where it says what the former says."""
    statement_id = former.statement_id
    had = draft.statement_in_books(statement_id)
    others, draft.issued = draft.issued, []
    due = due_again(draft, contract, reissue.period, reissue.rows)
    if due:
        issue(draft, contract, reissue.period, had.bill_to, due, had.sequence)
    else:
        issue_nothing(draft, contract, reissue.period, had.bill_to, had.sequence)
    now = draft.statement_in_books(statement_id)
    kept: IssuedStatement = draft.part(ISSUED_STATEMENT, statement_id)
    if _content(draft.issued) == _content(former.published) and draft.statements[statement_id] == (
        draft.entries.statement(statement_id)
    ):
        del draft.statements[statement_id]
        draft.put("statement", statement_id, had)
        draft.put(ISSUED_STATEMENT, statement_id, replace(kept, published=former.published))
        draft.issued = others
        return
    revision = had.revision + 1
    published = tuple(part._replace(revision=revision) for part in draft.issued)
    draft.issued = [*others, *(part._replace(status=SUPERSEDED) for part in former.published), *published]
    draft.put(ISSUED_STATEMENT, statement_id, replace(kept, published=published))
    draft.put("statement", statement_id, replace(now, revision=revision, earlier=(*had.earlier, had.amount_due)))


def _issue_first(draft: Draft, contract: Contract, reissue: _Reissue) -> None:
    """The period had nothing to bill when it closed."""
    due = due_again(draft, contract, reissue.period, reissue.rows)
    if due:
        issue(draft, contract, reissue.period, due[0].share.bill_to, due)


def _content(parts: tuple[BillingStatement, ...] | list[BillingStatement]) -> list[BillingStatement]:
    return [part._replace(revision=0, issued_on=None, due_on=None) for part in parts]
