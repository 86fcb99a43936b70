"""What customers owe (1100): one receivable an invoice, opened as it is posted, relieved by payments, credits and write-offs.

What is taken leaves as the receivable carries it, in proportion, and what is taken last takes the cents that are left; so a receivable
that is settled in its currency is settled in the ledger's. What is credited beyond what is open leaves in proportion to the invoice and
is owed to the customer: the receivable is below zero then.

    1,190.00 at 0.90 (1,071.00), 190.00 of it tax; 595.00 are paid: 535.50 of the ledger; a credit of 500.00 and 95.00 tax takes the rest
"""

from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import RECEIVABLE
from domain.explanation import Node, constant, in_proportion, less, total
from domain.ledger.position import Balance
from domain.ledger.recorded import Carried, add_both, all_of, both_of, journal_line, left_of, parts_of_both, record_both
from domain.money import carried_part
from domain.outputs import JournalEntry
from domain.units import Amount
from domain.why import Why
from state.books import Project, Receivable, StatementState
from state.draft import Draft
from state.terms.known import Slot

LEFT_TAX = "tax that is not credited yet"


class ReceivableReduction(NamedTuple):
    """What left a receivable, each in its currency and as the ledger carried it: net, and tax where that was stated apart."""

    receivable: Receivable
    net: Balance
    tax: Balance = (0, 0)

    @property
    def gross(self) -> Balance:
        return _plus(self.net, self.tax)


def receivable_of(draft: Draft, invoice_id: str) -> Receivable | None:
    found: Receivable | None = draft.part("receivable", invoice_id)
    return found


def receivables_of(draft: Draft, project_id: str, contract_id: str) -> list[Receivable]:
    """Of a contract's invoices, those in the project."""
    found = [receivable_of(draft, invoice_id) for invoice_id in draft.ids("receivable")]
    return [one for one in found if one is not None and (one.project_id, one.contract_id) == (project_id, contract_id)]


def open_receivable(
    draft: Draft, statement: StatementState, invoice_id: str, slot: Slot, tax: Amount, journal: JournalEntry | None
) -> Receivable:
    """As the invoice's journal has it on 1100; without a journal, of an invoice over nothing, there is nothing to be paid.

    Of the ledger amount the tax has what its own line has.
    """
    lines = journal.lines if journal is not None else ()
    owed = next((line for line in lines if line.account == RECEIVABLE), None)
    gross = statement.amount_due + tax, owed.ledger_amount if owed is not None else 0
    taxes = (tax, -sum(line.ledger_amount for line in lines if line.purpose == "tax"))
    opened = Receivable(
        invoice_id,
        statement.statement_id,
        statement.contract_id,
        statement.bill_to,
        slot.entity.legal_entity_id,
        (owed.project_id or "") if owed is not None else "",
        slot.currency,
        slot.entity.currency,
        slot.exchange.rate,
        slot.accounting_date,
        _minus(gross, taxes),
        taxes,
    )
    draft.put("receivable", invoice_id, opened)
    if draft.why is not None:
        _say_opened(draft.why, opened, journal)
    return opened


def creditable(receivable: Receivable) -> tuple[Amount, Amount]:
    """Net and tax of the invoice that no credit took yet; negative of an invoice that gives back."""
    return receivable.net[0] - receivable.credited[0], receivable.tax[0] - receivable.credited_tax[0]


def credit(draft: Draft, invoice_id: str, net: Amount, tax: Amount, mode: str, of: str) -> ReceivableReduction:
    """Take a credit off the receivable, no more than is `creditable`; the caller posts what the relief says against 1100. `of` is the memo
    with its row, as a recorder names them.

    Raises KeyError where no such invoice is posted.
    """
    known = _known(draft, invoice_id)
    tax_ledger = carried_part(tax, _minus(known.tax, known.credited_tax), known.ledger_currency, mode)
    total = _taken(known, net + tax, mode)
    relief = ReceivableReduction(known, (net, total - tax_ledger), (tax, tax_ledger))
    now = replace(
        known,
        credited=_plus(known.credited, relief.net),
        credited_tax=_plus(known.credited_tax, relief.tax),
    )
    draft.put("receivable", invoice_id, now)
    if draft.why is not None:
        _say_credited(draft.why, known, relief, of, mode)
    return relief._replace(receivable=now)


def pay(draft: Draft, invoice_id: str, amount: Amount, mode: str) -> ReceivableReduction:
    """Take a payment off the receivable, no more than is open."""
    known = _known(draft, invoice_id)
    taken = amount, _taken(known, amount, mode)
    now = replace(known, paid=_plus(known.paid, taken))
    draft.put("receivable", invoice_id, now)
    return ReceivableReduction(now, taken)


def write_off(draft: Draft, invoice_id: str, amount: Amount, mode: str) -> ReceivableReduction:
    """Give up part of the receivable, no more than is open."""
    known = _known(draft, invoice_id)
    taken = amount, _taken(known, amount, mode)
    now = replace(known, written_off=_plus(known.written_off, taken))
    draft.put("receivable", invoice_id, now)
    return ReceivableReduction(now, taken)


def unpay(draft: Draft, invoice_id: str, taken: Balance) -> Receivable:
    """Put back what a payment took, exactly."""
    known = _known(draft, invoice_id)
    now = replace(known, paid=_minus(known.paid, taken))
    draft.put("receivable", invoice_id, now)
    return now


def within(amount: Amount, stands: Amount) -> bool:
    """Whether what stands can give as much, which is on the same side."""
    return amount == 0 or ((amount > 0) == (stands > 0) and abs(amount) <= abs(stands))


def beyond(receivable: Receivable) -> Amount:
    """What was taken of it beyond what it was over, below zero; above zero of an invoice that gives back."""
    stands = receivable.open[0]
    return 0 if (stands > 0) == (receivable.gross[0] > 0) else stands


def _known(draft: Draft, invoice_id: str) -> Receivable:
    known = receivable_of(draft, invoice_id)
    if known is None:
        raise KeyError(f"no invoice {invoice_id} is posted")
    return known


def _taken(known: Receivable, amount: Amount, mode: str) -> Amount:
    """Ledger amount: of what is open as that is carried, beyond that as the invoice was."""
    stands = known.open
    if within(amount, stands[0]):
        return carried_part(amount, stands, known.ledger_currency, mode)
    inside = stands if stands[0] and (stands[0] > 0) == (amount > 0) else (0, 0)
    return inside[1] + carried_part(amount - inside[0], known.gross, known.ledger_currency, mode)


def _plus(one: Balance, other: Balance) -> Balance:
    return one[0] + other[0], one[1] + other[1]


def _minus(one: Balance, other: Balance) -> Balance:
    return one[0] - other[0], one[1] - other[1]


# What a recorder takes


def owed_of(invoice_id: str) -> str:
    """Address of the receivable as the invoice's journal has it; what credits took of it is added up there."""
    return f"receivable/{invoice_id}"


def tax_in(invoice_id: str) -> str:
    """The same of the tax in it."""
    return f"receivable/{invoice_id}#tax"


def _say_opened(why: Why, opened: Receivable, journal: JournalEntry | None) -> None:
    currencies = opened.currency, opened.ledger_currency
    found = {"billing": all_of("nothing is owed", (), currencies), "tax": all_of("tax of the invoice", (), currencies)}
    for number, line in enumerate(journal.lines if journal is not None else (), 1):
        if line.account == RECEIVABLE or line.purpose == "tax":
            assert journal is not None, "it has the line"
            leg = journal_line(journal.journal_id, number, (line.amount, line.ledger_amount), currencies)
            found[line.purpose] = leg if line.purpose != "tax" else leg.taken_back("tax of the invoice")
    record_both(why, owed_of(opened.invoice_id), opened.gross, found["billing"])
    record_both(why, tax_in(opened.invoice_id), opened.tax, found["tax"])


def _say_credited(why: Why, known: Receivable, taken: ReceivableReduction, of: str, mode: str) -> None:
    """What is open as it is carried, what goes beyond that as the invoice was; its tax as the invoice's tax is carried."""
    gross, tax = why.figure(f"gross/{of}"), why.figure(f"tax/{of}")
    ledger, of_tax = gross, tax
    if known.currency != known.ledger_currency:
        currencies = known.currency, known.ledger_currency
        charged, taxes = both_of(why, owed_of(known.invoice_id)), both_of(why, tax_in(known.invoice_id))
        gone = parts_of_both(why, f"{owed_of(known.invoice_id)}#credited")
        settled = _plus(known.paid, known.written_off)
        if any(settled):
            each = zip(settled, currencies, strict=True)
            gone.append(Carried(*(constant("paid or written off", one, "amount", currency) for one, currency in each)))
        opened = left_of("open", charged, gone)
        left = left_of(LEFT_TAX, taxes, parts_of_both(why, f"{tax_in(known.invoice_id)}#credited"))
        ledger, of_tax = say_taken(gross, opened, charged, mode), _say_share(tax, left, mode)
    both = record_both(why, f"gross/{of}", taken.gross, Carried(gross, ledger))
    add_both(why, f"{owed_of(known.invoice_id)}#credited", both)
    both = record_both(why, f"tax/{of}", taken.tax, Carried(tax, of_tax))
    add_both(why, f"{tax_in(known.invoice_id)}#credited", both)


def say_taken(amount: Node, opened: Carried, charged: Carried, mode: str) -> Node:
    asked, stands = amount.value or 0, opened.amount.value or 0
    if within(asked, stands):
        return _say_share(amount, opened, mode)
    if not stands or (stands > 0) != (asked > 0):
        return _say_share(amount, charged, mode)
    beyond = _say_share(less("beyond it", amount, opened.amount), charged, mode)
    return total("what is open, and beyond", (opened.ledger, beyond), "amount", opened.ledger.currency, rule="R14")


def _say_share(amount: Node, of: Carried, mode: str) -> Node:
    """What `share` comes to."""
    if amount.value == of.amount.value:
        return of.ledger
    if not of.amount.value:
        return constant("nothing is carried", 0, "amount", of.ledger.currency)
    return in_proportion("as it is carried", of.ledger, amount, of.amount, mode, rule="R14")


def show_anew(draft: Draft, receivable: Receivable) -> None:
    """The view of its project goes out again."""
    known: Project | None = draft.part("project", receivable.project_id)
    if known is not None and not known.changed:
        draft.put_project(replace(known, changed=True))
