"""What customers owe (1100): one receivable an invoice, opened as it is posted, relieved by payments, credits and write-offs.

What is taken leaves as the receivable carries it, in proportion, and what is taken last takes the cents that are left; so a receivable
that is settled in its currency is settled in the ledger's. What is credited beyond what is open leaves in proportion to the invoice and
is owed to the customer: the receivable is below zero then.

    1,190.00 at 0.90 (1,071.00), 190.00 of it tax; 595.00 are paid: 535.50 of the ledger; a credit of 500.00 and 95.00 tax takes the rest
"""

from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import RECEIVABLE
from domain.figure import called, carried_at, later
from domain.ledger.position import Balance
from domain.ledger.recorded import (
    IN_LEDGER,
    Carried,
    add_both,
    all_of,
    both_of,
    journal_line,
    left_of,
    nodes_of,
    parts_of_both,
    record_both,
)
from domain.outputs import JournalEntry
from domain.units import Amount
from domain.why import Why
from state.books import Project, Receivable, StatementState
from state.draft import Draft
from state.terms.known import Slot
from state.value import plain

LEFT_TAX = "tax that is not credited yet"


class ReceivableReduction(NamedTuple):
    """What left a receivable, each in its currency and as the ledger carried it: net, and tax where that was stated apart."""

    receivable: Receivable
    gross: Balance
    tax: Balance = (0, 0)

    @property
    def net(self) -> Balance:
        return minus(self.gross, self.tax)


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
        minus(gross, taxes),
        taxes,
    )
    draft.put("receivable", invoice_id, opened)
    if draft.why is not None:
        _say_opened(draft.why, opened, journal)
    return opened


def creditable(receivable: Receivable) -> tuple[Amount, Amount]:
    """Net and tax of the invoice that no credit took yet; negative of an invoice that gives back."""
    return receivable.net[0] - receivable.credited[0], receivable.tax[0] - receivable.credited_tax[0]


def credit(draft: Draft, invoice_id: str, net: Amount, tax: Amount, mode: str) -> ReceivableReduction:
    """Take a credit off the receivable, no more than is `creditable`; the caller posts what the relief says against 1100.

    Raises KeyError where no such invoice is posted.
    """
    known, gross = _known(draft, invoice_id), called(net + tax, "gross")
    of_tax = tax, carried_at(tax, left_tax(draft, known), known.ledger_currency, mode, "R14")
    relief = ReceivableReduction(known, (gross, _taken(draft, known, gross, mode, "R14")), of_tax)
    _say_gone(draft, known, relief.gross, "taken")
    if draft.why is not None:
        add_both(draft.why, f"{tax_in(invoice_id)}#credited", _nodes(known, of_tax, "tax"))
    net_now, tax_now = plus(known.credited, plain(relief.net)), plus(known.credited_tax, plain(of_tax))
    now = replace(known, credited=net_now, credited_tax=tax_now)
    draft.put("receivable", invoice_id, now)
    return relief._replace(receivable=now)


def pay(draft: Draft, invoice_id: str, amount: Amount, mode: str) -> Balance:
    """Take a payment off the receivable, no more than is open: the amount, and what it was carried at."""
    known, taken = _settled(draft, invoice_id, amount, mode)
    draft.put("receivable", invoice_id, replace(known, paid=plus(known.paid, plain(taken))))
    return taken


def write_off(draft: Draft, invoice_id: str, amount: Amount, mode: str) -> Balance:
    """Give up part of the receivable, no more than is open: the amount, and what it was carried at."""
    known, taken = _settled(draft, invoice_id, amount, mode)
    draft.put("receivable", invoice_id, replace(known, written_off=plus(known.written_off, plain(taken))))
    return taken


def _settled(draft: Draft, invoice_id: str, amount: Amount, mode: str) -> tuple[Receivable, Balance]:
    known = _known(draft, invoice_id)
    taken = amount, _taken(draft, known, amount, mode, "R56")
    _say_gone(draft, known, taken, "taken")
    return known, taken


def unpay(draft: Draft, invoice_id: str, taken: Balance) -> Receivable:
    """Put back what a payment took, exactly."""
    known = _known(draft, invoice_id)
    now = replace(known, paid=minus(known.paid, plain(taken)))
    draft.put("receivable", invoice_id, now)
    _say_gone(draft, known, (-taken[0], -taken[1]), "put back")
    return now


def open_of(draft: Draft, known: Receivable) -> Balance:
    """What is owed still, recorded where that is asked for."""
    if draft.why is None:
        return known.open
    owed, gone = both_of(draft.why, owed_of(known.invoice_id)), parts_of_both(draft.why, gone_of(known))
    return _recorded(f"invoice {known.invoice_id}: open", known.open, owed, gone)


def within(amount: Amount, stands: Amount) -> bool:
    """Whether what stands can give as much, which is on the same side."""
    return amount == 0 or ((amount > 0) == (stands > 0) and abs(amount) <= abs(stands))


def beyond(draft: Draft, receivable: Receivable) -> Amount:
    """What was taken of it beyond what it was over, below zero; above zero of an invoice that gives back."""
    stands = open_of(draft, receivable)[0]
    return 0 if (stands > 0) == (receivable.gross[0] > 0) else stands


def _known(draft: Draft, invoice_id: str) -> Receivable:
    known = receivable_of(draft, invoice_id)
    if known is None:
        raise KeyError(f"no invoice {invoice_id} is posted")
    return known


def _taken(draft: Draft, known: Receivable, amount: Amount, mode: str, rule: str) -> Amount:
    """Ledger amount: of what is open as that is carried, beyond that as the invoice was."""
    stands, currency = open_of(draft, known), known.ledger_currency
    if within(amount, stands[0]):
        return carried_at(amount, stands, currency, mode, rule)
    inside = stands if stands[0] and (stands[0] > 0) == (amount > 0) else (0, 0)
    beyond_it = carried_at(amount - inside[0], _gross(draft, known), currency, mode, rule)
    return called(inside[1] + beyond_it, "what is open, and beyond", rule)


def _gross(draft: Draft, known: Receivable) -> Balance:
    if draft.why is None:
        return known.gross
    return _recorded("charged", known.gross, both_of(draft.why, owed_of(known.invoice_id)), [])


def left_tax(draft: Draft, known: Receivable) -> Balance:
    """In it, of what no credit took yet."""
    left = minus(known.tax, known.credited_tax)
    if draft.why is None:
        return left
    of = tax_in(known.invoice_id)
    return _recorded(LEFT_TAX, left, both_of(draft.why, of), parts_of_both(draft.why, f"{of}#credited"))


def plus(one: Balance, other: Balance) -> Balance:
    return one[0] + other[0], one[1] + other[1]


def minus(one: Balance, other: Balance) -> Balance:
    return one[0] - other[0], one[1] - other[1]


# What a recorder takes


def owed_of(invoice_id: str) -> str:
    """Address of the receivable as the invoice's journal has it."""
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


def gone_of(known: Receivable) -> str:
    """What was taken of it is added up there, as long as the same balances have brought it forward."""
    return f"{owed_of(known.invoice_id)}/{known.statement_id}#gone"


def say_settled(why: Why, brought: Receivable) -> None:
    """What was settled of it by the day of the balances."""
    settled = _all_gone(why, brought)
    record_both(why, f"{gone_of(brought)}/settled", (settled.amount.value or 0, settled.ledger.value or 0), settled)


def say_taken_since(why: Why, before: Receivable, now: Receivable) -> None:
    """What was taken of it since stays taken of it under other balances."""
    since = left_of("taken since", _all_gone(why, before), [both_of(why, f"{gone_of(before)}/settled")])
    add_both(why, gone_of(now), since)


def _all_gone(why: Why, known: Receivable) -> Carried:
    return all_of("taken", parts_of_both(why, gone_of(known)), (known.currency, known.ledger_currency))


def _recorded(title: str, left: Balance, had: Carried, gone: list[Carried]) -> Balance:
    return (
        later(left[0], lambda: left_of(title, had, gone).amount),
        later(left[1], lambda: left_of(title, had, gone).ledger),
    )


def _say_gone(draft: Draft, known: Receivable, taken: Balance, title: str) -> None:
    if draft.why is not None:
        add_both(draft.why, gone_of(known), _nodes(known, taken, title))


def _nodes(known: Receivable, taken: Balance, title: str) -> Carried:
    return nodes_of(taken, (known.currency, known.ledger_currency), title, f"{title}, {IN_LEDGER}")


def show_again(draft: Draft, receivable: Receivable) -> None:
    """The view of its project goes out again."""
    known: Project | None = draft.part("project", receivable.project_id)
    if known is not None and not known.changed:
        draft.put_project(replace(known, changed=True))
