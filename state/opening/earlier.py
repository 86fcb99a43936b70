"""A corrected version of balances: what the one before it posted is taken back, and what came to it since is kept."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from domain.identity import composed
from domain.work.rows import ROWS, row_id
from state.billing.payers import applied_to
from state.books import BroughtForward, OpeningJournal, OpeningPiece, Receivable, RetentionAccount
from state.caps.allot import settle_consumption
from state.caps.claims import consumption_of
from state.draft import Draft
from state.forecast.expected import MONTHS, add_to_months
from state.ledger.deposit_balance import deposit_row
from state.ledger.posting import reverse, with_standing
from state.opening.loading import SinceThen
from state.opening.overpaid import take_back_returned
from state.opening.progress import open_day
from state.opening.record import load_of
from state.receivables import receipts
from state.receivables.receivables import beyond, minus, plus, receivable_of, say_taken_since
from state.terms.plan import plan_of
from state.totals import issued_on, with_issued

# Sums of a recorder that have what bills of before took.
TAKEN_BACK: Final = frozenset({"deposit", "invoiced", "issued", MONTHS, "posted_retention", "retention"})


def unload(draft: Draft, known: BroughtForward) -> list[SinceThen]:
    """Take the bills of the balances that stand out of the books; their rows are replaced one by one."""
    before = known.loaded
    if before is None:
        return []
    billed, due = ({month: -amount for month, amount in months.items()} for months in (known.billed, known.due))
    add_to_months(draft, before.project_id, billed, due)
    if draft.why is not None:
        draft.why.take_back(load_of(before), TAKEN_BACK)
    open_day(draft, before)
    later = []
    stood = [receivable_of(draft, opened.invoice_id) for opened in known.receivables]
    take_back_returned(draft, before.project_id)
    for opened, was in zip(known.receivables, stood, strict=True):
        now = receivable_of(draft, opened.invoice_id)
        if now is not None and was is not None:
            later.append(
                SinceThen(
                    now.invoice_id,
                    now.statement_id,
                    minus(now.credited, opened.credited),
                    minus(now.credited_tax, opened.credited_tax),
                    minus(now.paid, opened.paid),
                    minus(now.written_off, opened.written_off),
                    beyond(draft, was),
                )
            )
            draft.put("receivable", opened.invoice_id, None)
            draft.put("credits", opened.invoice_id, None)
    for journal in known.journals:
        _take_back(draft, journal)
    for piece in known.pieces:
        _free(draft, piece)
    for made in known.statements:
        _unretain(draft, made)
        draft.put("statement", made, None)
    for milestone_id in known.milestones:
        draft.put("milestone", milestone_id, None)
    return [one for one in later if any((*one.credited, *one.credited_tax, *one.paid, *one.written_off))]


def _take_back(draft: Draft, journal: OpeningJournal) -> None:
    """On its day, which is open. What a bill posted on a row leaves it, where it has not left it since."""
    if journal.kind in ROWS and journal.version:
        entry = draft.entry(row_id(journal.kind, journal.id))
        work = entry.standing if entry is not None else None
        gone = (
            [one for one in work.journals if one.journal_id == journal.receipt.journal_id] if work is not None else []
        )
        if entry is not None and work is not None and gone:
            reverse(draft, replace(work, journals=tuple(gone)))
            left = tuple(one for one in work.journals if one not in gone)
            draft.put_entry(entry, with_standing(entry, replace(work, journals=left)))
        return
    about = receipts.Subject(journal.kind, journal.id, journal.customer_id)
    receipts.reverse(draft, about, journal.receipt, journal.receipt.accounting_date, journal.version)


def _free(draft: Draft, piece: OpeningPiece) -> None:
    """What was billed of the row by then is not billed any more; what Milepost has billed of it stays."""
    entry = draft.entry(piece.entry_id)
    contract_id = draft.statement(piece.statement_id)
    if entry is None or contract_id is None:
        return
    issued = issued_on(entry, contract_id.contract_id, piece.line_id)
    if issued is None:
        return
    if piece.amount < 0 and piece.entry_id == deposit_row(contract_id.contract_id, piece.line_id):
        now = replace(
            applied_to(issued, piece.bill_to, piece.amount),
            invoiced=issued.invoiced - piece.amount,
            invoiced_ledger=issued.invoiced_ledger - piece.ledger,
        )
    else:
        now = replace(
            issued,
            amount=issued.amount - piece.amount,
            hours=issued.hours - piece.hours,
            invoiced=issued.invoiced - piece.amount,
            invoiced_ledger=issued.invoiced_ledger - piece.ledger,
            payers=tuple(
                replace(
                    part,
                    issued=part.issued - piece.amount,
                    hours=part.hours - piece.hours,
                    invoiced=part.invoiced - piece.amount,
                    invoiced_ledger=part.invoiced_ledger - piece.ledger,
                )
                if part.customer_id == piece.bill_to
                else part
                for part in issued.payers
            ),
        )
    after = with_issued(entry, now)
    before, consumption = consumption_of(entry), consumption_of(after)
    plan = plan_of(draft, before.price) if before is not None else None
    if before is not None and consumption is not None and plan is not None and before.issued != consumption.issued:
        settle_consumption(draft, plan, before, consumption)
    draft.put_entry(entry, after)


def _unretain(draft: Draft, made: str) -> None:
    state = draft.statement(made)
    if state is None or not state.is_retained_from:
        return
    part_id = composed(state.contract_id, state.bill_to)
    account: RetentionAccount | None = draft.part("retention", part_id)
    if account is not None:
        left = tuple(one for one in account.withheld if one.statement_id != made)
        draft.put("retention", part_id, replace(account, withheld=left))


def take_later(draft: Draft, later: Sequence[SinceThen]) -> None:
    for one in later:
        now: Receivable | None = draft.part("receivable", one.invoice_id)
        assert now is not None, "an invoice that was paid or credited here stays in the balances"
        if draft.why is not None:
            for credited in draft.why.parts_at(f"{one.statement_id}#credited", draft.why.now):
                draft.why.add(f"{now.statement_id}#credited", credited)
            say_taken_since(draft.why, replace(now, statement_id=one.statement_id), now)
        draft.put(
            "receivable",
            one.invoice_id,
            replace(
                now,
                credited=plus(now.credited, one.credited),
                credited_tax=plus(now.credited_tax, one.credited_tax),
                paid=plus(now.paid, one.paid),
                written_off=plus(now.written_off, one.written_off),
            ),
        )
