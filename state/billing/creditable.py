"""What an invoice has left to be credited: by row what was billed less what memos took before, in amount and hours, and of its tax (R20).

Where somebody explains, each number says how it came about.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from domain.events.common import CreditMemoLine
from domain.events.finance import CreditMemoIssued
from domain.explanation import Node, constant, negated, total
from domain.figure import Recorded, as_recorded, called, later, lesser
from domain.identity import composed
from domain.ledger.recorded import Currencies
from domain.money import format_amount, smallest_unit
from domain.policies import Resolved
from domain.receivables.credit_memo import (
    ERROR_REBILL,
    MENDS,
    CreditableRow,
    Credited,
    NotCreditable,
    credited,
    hourly,
    tax_of,
    too_fine,
)
from domain.terms.deposit import left_of_row
from domain.units import Amount
from domain.why import Why, elsewhere, in_event
from state.billing.clearing_record import cleared_of
from state.billing.issued_record import named_piece
from state.billing.payers import part_of
from state.books import Contract, InvoiceCredits, Issued, Receivable, StatementEntry, StatementState
from state.draft import Draft
from state.ledger.deposit_balance import is_deposit
from state.receivables.receivables import creditable, left_tax, owed_of, tax_in
from state.terms.known import Slot
from state.terms.opening import figure_of
from state.terms.plan import LinePlan, newest_plan
from state.totals import issued_on
from state.work.value_time import finer_of


class InvoiceRow(NamedTuple):
    """A row of the invoice with all that its credit needs; `relieved` is what the invoice took of it in ledger currency, `taken` what
    memos did before. Their numbers say how they came about where somebody explains, as the exchange of the memo's slot does."""

    listed: StatementEntry
    issued: Issued
    plan: LinePlan
    relieved: Amount
    taken: tuple[Amount, int, Amount]

    @property
    def key(self) -> str:
        return composed(self.listed.entry_id, self.listed.line_id)


class MemoOfInvoice(NamedTuple):
    """A memo with what its invoice says: the slot has the invoice's exchange rate."""

    event: CreditMemoIssued
    receivable: Receivable
    statement: StatementState
    contract: Contract
    policies: Resolved
    slot: Slot

    def of(self, row: InvoiceRow) -> str:
        """The memo with the row that it credits, as a recorder names them."""
        return f"{composed(self.event.credit_memo_id)}/{row.key}"

    @property
    def currencies(self) -> Currencies:
        return self.receivable.currency, self.receivable.ledger_currency


def lines_credited(draft: Draft, event: CreditMemoIssued, currency: str, title: str) -> Sequence[CreditMemoLine]:
    """What the memo states; where somebody explains, each number with its place in the event."""
    if draft.why is None:
        return event.lines
    return [
        line._replace(
            hours=_asked(event, f"lines[{place}].hours", line.hours, "hours credited", "hours"),
            amount=_asked(event, f"lines[{place}].amount", line.amount, title, "amount", currency),
        )
        for place, line in enumerate(event.lines)
    ]


def _asked(
    event: CreditMemoIssued, path: str, number: int | None, title: str, unit: str, currency: str = ""
) -> int | None:
    return None if number is None else Recorded(in_event(title, number, unit, event, path, currency))


def rows_of(draft: Draft, memo: MemoOfInvoice) -> list[InvoiceRow]:
    """What the invoice bills; a deposit that is set against it, or has back of it, stays so."""
    receivable, credits_of = memo.receivable, credits_of_invoice(draft, memo)
    found, rows = [], draft.listed(receivable.statement_id)
    for number, listed in enumerate(rows[: len(rows) - memo.statement.set_against]):
        entry = draft.entry(listed.entry_id)
        issued = issued_on(entry, receivable.contract_id, listed.line_id) if entry is not None else None
        plan = newest_plan(draft, memo.contract, listed.line_id)
        if issued is None or plan is None or (listed.amount < 0 and is_deposit(draft, memo.contract, issued)):
            continue
        key = composed(listed.entry_id, listed.line_id)
        relieved = credits_of.relieved.get(key, listed.amount)
        row = InvoiceRow(listed, issued, plan, relieved, credits_of.taken.get(key, (0, 0, 0)))
        found.append(row if draft.why is None else _recorded(draft, draft.why, memo, row, number))
    return found


def _recorded(draft: Draft, why: Why, memo: MemoOfInvoice, row: InvoiceRow, number: int) -> InvoiceRow:
    of, one, currency, relieved = memo.statement.statement_id, row.listed, memo.receivable.currency, row.relieved
    hours = constant(f"{one.entry_id}: hours on {of}", one.hours, "hours")
    entry = draft.entry(one.entry_id)
    charge = entry.work.charge if entry is not None and entry.work is not None else None
    if charge is not None and charge.opening is not None and charge.opening.billable_hours == one.hours:
        hours = why.figure(figure_of(one.entry_id, charge.version, "billable_hours"))
    if currency != memo.receivable.ledger_currency:
        relieved = as_recorded(relieved, why.figure(cleared_of(of, row.key)))
    in_ledger = memo.receivable.ledger_currency

    def before(number: int, name: str, unit: str, currency: str) -> int:
        parts = why.parts_at(f"{of}#{name}/{row.key}", why.now)
        return later(number, partial(total, "credited before"), parts, unit, currency)

    amount, credited_hours, ledger = row.taken
    taken = (
        before(amount, "credited", "amount", currency),
        before(credited_hours, "credited_hours", "hours", ""),
        before(ledger, "back", "amount", in_ledger),
    )
    listed = replace(one, amount=named_piece(why, of, number, one.amount, currency), hours=Recorded(hours))
    return row._replace(listed=listed, relieved=relieved, taken=taken)


def credits_of_invoice(draft: Draft, memo: MemoOfInvoice) -> InvoiceCredits:
    found: InvoiceCredits | None = draft.part("credits", memo.receivable.invoice_id)
    return found or InvoiceCredits()


def credited_or_refused(draft: Draft, memo: MemoOfInvoice, rows: Sequence[InvoiceRow]) -> Credited | NotCreditable:
    fine = too_fine(memo.event.lines, memo.event.tax_amount, memo.receivable.currency)
    if fine is not None:
        return fine
    left = [_left(draft, memo, row) for row in rows]
    currency = memo.receivable.currency
    lines = lines_credited(draft, memo.event, currency, "amount credited")
    found = credited(left, lines, currency, memo.policies.money_mode)
    if isinstance(found, NotCreditable):
        return found
    left_of_it = gross_left(draft, memo)
    if found.amount > left_of_it or found.amount < 0:
        message = (
            f"expected at most {format_amount(max(left_of_it, 0), currency)} {currency} of the invoice that is not credited yet, "
            f"got {format_amount(found.amount, currency)}; {MENDS}"
        )
        return NotCreditable("lines", message)
    return found


def gross_left(draft: Draft, memo: MemoOfInvoice) -> Amount:
    """Of the invoice what no credit took, net of tax and gross of retention; what is set against it of deposits is not credited."""
    net, _ = creditable(memo.receivable)
    left, why = net + memo.statement.kept - credits_of_invoice(draft, memo).kept_back, draft.why
    if why is None:
        return left
    of, currency = memo.statement.statement_id, memo.receivable.currency
    due = elsewhere("due of the invoice", memo.receivable.net[0], composed("statement", of), currency)
    gone = [negated("credited", one) for one in why.parts_at(f"{of}#credited", why.now)]
    title = "left after deposits set against it"
    return later(left, partial(total, title), (due, *_retained(why, memo), *gone), "amount", currency)


def _retained(why: Why, memo: MemoOfInvoice) -> list[Node]:
    return [why.figure(f"{memo.statement.statement_id}#piece/{by}") for by, _, _ in memo.statement.retention]


def _left(draft: Draft, memo: MemoOfInvoice, row: InvoiceRow) -> CreditableRow:
    """Of a deposit that is billed again no more than is not set against statements."""
    listed, currency = row.listed, memo.receivable.currency
    left, hours = left_of(row), called(listed.hours - row.taken[1], f"{listed.entry_id}: hours left on the invoice")
    if memo.event.kind == ERROR_REBILL and is_deposit(draft, memo.contract, row.issued):
        own = part_of(row.issued, memo.receivable.bill_to)
        unused = own.issued - own.applied
        if draft.why is not None:
            of = left_of_row(listed.entry_id, memo.receivable.bill_to)
            unused = as_recorded(unused, draft.why.sum(of, "left of the deposit", currency))
        left = lesser(left, unused, "left, and not set against statements")
    finer, mode = finer_of(listed.hours, draft.entry(listed.entry_id)), memo.policies.money_mode
    at = hourly(listed.amount, listed.hours, row.issued.rate, row.issued.markup, currency, mode, finer)
    if draft.why is not None and at is not None:
        at = Recorded(constant("billed rate", at, "rate", currency))
    return CreditableRow(listed.entry_id, listed.line_id, left, hours, at, finer if hours else 0)


def left_of(row: InvoiceRow) -> Amount:
    return called(row.listed.amount - row.taken[0], f"{row.listed.entry_id}: left on the invoice")


def tax_credited(draft: Draft, memo: MemoOfInvoice, found: Credited) -> Amount | NotCreditable:
    """As printed, else of each line alone, rounded; what exhausts the invoice takes what tax is left. It is of the gross of retention."""
    tax_left, _ = left_tax(draft, memo.receivable)
    currency, why = memo.receivable.currency, draft.why
    printed = memo.event.tax_amount
    if printed is not None:
        if printed > max(tax_left, 0):
            message = (
                f"expected at most {format_amount(max(tax_left, 0), currency)} {currency} of the invoice's tax that is "
                f"not credited yet, got {format_amount(printed, currency)}; {MENDS}"
            )
            return NotCreditable("tax_amount", message)
        if why is None:
            return printed
        return Recorded(in_event("tax credited", printed, "amount", memo.event, "tax_amount", currency))
    if found.amount == gross_left(draft, memo):
        return tax_left
    net, tax = memo.receivable.net[0], memo.receivable.tax[0]
    kept = memo.statement.kept
    if why is not None:
        tax = Recorded(why.figure(tax_in(memo.receivable.invoice_id)))
        net = called(Recorded(why.figure(owed_of(memo.receivable.invoice_id))) - tax, "net of the invoice")
        kept = later(kept, partial(total, "retained"), _retained(why, memo), "amount", currency)
    gross = called(net + kept, "net of tax, gross of retention")
    step, mode = smallest_unit(currency), memo.policies.money_mode
    each = (
        tax_of(tax, gross, called(sum(one.amount for one in line), "of the line"), step, mode) for line in found.lines
    )
    return min(called(sum(each), "tax of each line"), tax_left)
