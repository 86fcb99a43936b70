"""What customers owe and have paid, from events alone: it says which cash a story means, and what must stand in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.accounts import BAD_DEBT, BANK, RECEIVABLE, RETENTION_RECEIVABLE, UNAPPLIED_CASH, UNBILLED
from domain.events.finance import (
    CreditMemoIssued,
    InvoicePosted,
    PaymentApplied,
    PaymentReceived,
    PaymentReversed,
    WrittenOff,
)
from domain.money import format_amount, smallest_unit
from domain.outputs import BillingStatement, JournalEntry
from tests.harness import Books

UNREALISED, REVALUED = "7100", (RECEIVABLE, UNAPPLIED_CASH, *UNBILLED, RETENTION_RECEIVABLE, "2320")


class Owed:
    """By invoice what is open, and by payment what is not applied; facts that wait for something count for nothing."""

    def __init__(
        self, books: Books, waits: Iterable[str], statements: Mapping[str, tuple[str, BillingStatement]]
    ) -> None:
        self.billed = dict(statements.values())
        self.open, self.lost = Counter[str](), 0
        self.payments: dict[str, PaymentReceived] = {}
        self.applied: dict[str, PaymentApplied] = {}
        waiting, memos = frozenset(waits), dict[str, str]()
        for event in (record.event for record in books.log):
            match event:
                case InvoicePosted():
                    self.open[event.invoice_id] += event.amount + event.tax_amount
                case CreditMemoIssued():
                    memos[event.credit_memo_id] = event.invoice_id
                case PaymentReceived() if event.payment_id not in waiting:
                    self.payments[event.payment_id] = event
                case PaymentApplied() if event.application_id not in waiting:
                    self.applied[event.application_id] = event
                case PaymentReversed():
                    self.payments.pop(event.payment_id, None)
                    self.applied = {
                        name: one for name, one in self.applied.items() if one.payment_id != event.payment_id
                    }
                case WrittenOff(what="receivable") if event.write_off_id not in waiting:
                    self.lost += event.amount
                    self.open[event.invoice_id or ""] -= event.amount
                case _:
                    pass
        for journal in (one.record for one in books.folded if isinstance(one.record, JournalEntry)):
            if journal.affected_kind == "credit_memo":
                self.open[memos[journal.affected_id]] += sum(
                    line.amount for line in journal.lines if line.account == RECEIVABLE
                )
        self.unapplied = Counter({name: one.amount for name, one in self.payments.items()})
        for paid in self._standing:
            for each in paid.applications:
                self.open[each.invoice_id] -= each.amount
                self.unapplied[paid.payment_id] -= each.amount

    def meant(self, day: str, words: Sequence[str]) -> Iterator[str]:
        """What a line of a story comes to, of what is open or unapplied by now."""
        owing = [name for name in self.billed if self.open[name]]
        free = [name for name, amount in self.unapplied.items() if amount > 0]
        match words:
            case ["cash", name, which, percent, over, *rate] if owing:
                invoice = owing[int(which) % len(owing)]
                said, amount = self._part(invoice, self.open[invoice], percent)
                total = format_amount(amount + round(float(over) * 10_000), self._currency)
                yield f"{day} pay {name} {self.billed[invoice].bill_to} {total} {self._currency} {' '.join(rate)} for {invoice}={said}"
            case ["applied", name, which, percent] if free:
                payment = free[int(which) % len(free)]
                yield from self._apply(day, name, payment, percent)
            case ["unapplied", name, which, percent]:
                found = [
                    (one.payment_id, each) for one in self._standing for each in one.applications if each.amount > 0
                ]
                if found:
                    payment, each = found[int(which) % len(found)]
                    said, _ = self._part(each.invoice_id, -each.amount, percent)
                    yield f"{day} apply {name} {payment} {self.payments[payment].customer_id} {self._currency} for {each.invoice_id}={said}"
            case ["bounced", which] if self.payments:
                yield f"{day} bounce payment {list(self.payments)[int(which) % len(self.payments)]}"
            case ["lost", name, which, percent]:
                if bad := [one for one in owing if self.open[one] > 0]:
                    invoice = bad[int(which) % len(bad)]
                    said, _ = self._part(invoice, self.open[invoice], percent)
                    yield f"{day} write_off receivable {name} {invoice} {said} {self._currency}"
            case ["settled", *rate]:
                for payment in free:
                    yield from self._apply(day, f"AP-{payment}", payment, "100", all_of_them=True)
                for payer in dict.fromkeys(one.bill_to for one in self.billed.values()):
                    rest = {
                        name: self.open[name]
                        for name in owing
                        if self.billed[name].bill_to == payer and self.open[name]
                    }
                    if rest:
                        said = " ".join(f"{name}={self._said(amount)}" for name, amount in rest.items())
                        yield (
                            f"{day} pay PAY-{payer} {payer} {self._said(sum(rest.values()))} {self._currency} {' '.join(rate)} for {said}"
                        )
            case _:
                pass

    def _apply(self, day: str, name: str, payment: str, percent: str, *, all_of_them: bool = False) -> Iterator[str]:
        """To the first open invoice of who paid, or to as many as it is enough for."""
        payer, left, said = self.payments[payment].customer_id, self.unapplied[payment], list[str]()
        for invoice, one in self.billed.items():
            if one.bill_to == payer and self.open[invoice] > 0 and left > 0 and (all_of_them or not said):
                _, amount = self._part(invoice, min(self.open[invoice], left), percent)
                said.append(f"{invoice}={self._said(amount)}")
                left -= amount
                self.open[invoice] -= amount
        if said:
            yield f"{day} apply {name} {payment} {payer} {self._currency} for {' '.join(said)}"

    @property
    def _standing(self) -> list[PaymentReceived | PaymentApplied]:
        return [*self.payments.values(), *(one for one in self.applied.values() if one.payment_id in self.payments)]

    @property
    def _currency(self) -> str:
        return next(iter(self.billed.values())).currency

    def _part(self, invoice: str, of: int, percent: str) -> tuple[str, int]:
        step = smallest_unit(self._currency)
        amount = of * int(percent) // 100 // step * step or of
        return self._said(amount), amount

    def _said(self, amount: int) -> str:
        return format_amount(amount, self._currency)


def not_as_paid(books: Books, owed: Owed) -> Iterator[str]:
    """What is open, unapplied, received and lost is in the ledger; of what is settled nothing is left in the ledger alone."""
    stands, ledger = Counter[str](), Counter[str]()
    for journal in (one.record for one in books.folded if isinstance(one.record, JournalEntry)):
        for line in journal.lines:
            stands[line.account] += line.amount
            ledger[line.account] += line.ledger_amount
    due = {
        RECEIVABLE: sum(owed.open.values()),
        UNAPPLIED_CASH: -sum(owed.unapplied.values()),
        BANK: sum(one.amount for one in owed.payments.values()),
        BAD_DEBT: owed.lost,
    }
    yield from (
        f"owed: {account} {stands[account]} where it is {amount}"
        for account, amount in due.items()
        if stands[account] != amount
    )
    if any(owed.open.values()):
        yield f"open: {+owed.open or owed.open}"
        return
    rests = [account for account in (RECEIVABLE, UNAPPLIED_CASH) if not stands[account] and ledger[account]]
    rests += [UNREALISED] if ledger[UNREALISED] and not any(stands[account] for account in REVALUED) else []
    yield from (f"rest: {account} {ledger[account]} in the ledger alone" for account in rests)
