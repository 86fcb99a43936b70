"""What becomes of invoices: they are paid, late, in parts, twice or not at all, taken back by the bank, disputed and credited.

What happens to an invoice depends on its number alone, so that every hundred invoices have everything in its share. Customers pay
on the days of their own runs, one payment for all that is due to one engagement.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.events.common import CreditMemoLine, PaymentApplication
from domain.events.finance import CreditMemoIssued, PaymentReceived, PaymentReversed, WrittenOff
from domain.identity import engagement_of
from domain.money import HALF_UP, round_ratio, smallest_unit
from domain.outputs import BillingStatement
from domain.units import AMOUNT_ONE, Amount
from simulation.calendar import HOUR, instant
from simulation.chance import deal, pick, stream
from simulation.deals import DEPOSIT_LINE
from simulation.projects import weekday
from simulation.sources import ERP, stamped

PAID, LATE, IN_PARTS, UNPAID = "paid", "late", "in parts", "unpaid"
TAKEN_BACK, UNAPPLIED, OVERPAID, TWICE = "taken back by the bank", "unapplied", "overpaid", "paid twice"
SHORT = "short, the rest written off"
REBILLED, CONCEDED, GOODWILL, REBATE = "error_rebill", "price_concession", "goodwill", "rebate"
FATES = (
    (PAID, 70),
    (LATE, 11),
    (IN_PARTS, 4),
    (UNPAID, 3),
    (TAKEN_BACK, 1),
    (UNAPPLIED, 2),
    (OVERPAID, 1),
    (TWICE, 1),
    (SHORT, 1),
    (REBILLED, 2),
    (CONCEDED, 2),
    (GOODWILL, 1),
    (REBATE, 1),
)
# What is credited of a contract line, in per cent; one that is billed by error, whole.
CREDITED_PERCENT = {REBILLED: 100, CONCEDED: 8, GOODWILL: 3, REBATE: 5}
DAYS_TO_PAY = (14, 21, 30, 30, 30, 45, 60)
DAYS_LATE = (9, 14, 23, 35)
DAYS_TO_CREDIT, DAYS_TO_TAKE_BACK, DAYS_TO_PAY_AGAIN, DAYS_TO_GIVE_UP = 8, 3, 9, 21
SHORT_PERCENT = 96
OVERPAID_BY = 50 * AMOUNT_ONE

Settlement = PaymentReceived | PaymentReversed | CreditMemoIssued | WrittenOff


class Owed(NamedTuple):
    """An invoice as the ERP posted it."""

    invoice_id: str
    posted_on: date
    statement: BillingStatement

    @property
    def tax(self) -> Amount:
        return sum(tax.amount for tax in self.statement.tax)

    @property
    def gross(self) -> Amount:
        return self.statement.amount_due + self.tax

    @property
    def engagement_id(self) -> str:
        return engagement_of(self.statement.statement_id)


class PartPayment(NamedTuple):
    """What is paid of an invoice on a day."""

    owed: Owed
    day: date
    amount: Amount


def settlements(owed: Sequence[Owed], known: Collection[str], until: date, seed: int) -> Iterator[Settlement]:
    """What happens to the invoices up to a day, without the events that are known already, by their ids."""
    fates = deal(stream(seed, "fates"), 100, FATES)
    parts: list[PartPayment] = []
    for one in owed:
        if one.gross <= 0:
            continue  # what is given back is set against the next bill, outside of Milepost
        for each in life(one, fates[_number(one) % len(fates)], seed):
            if isinstance(each, PartPayment):
                parts.append(each)
            elif _day_of(each) <= until and each.event_id not in known:
                yield each
    due = (part for part in parts if part.day <= until and _part_id(part) not in known)
    yield from runs(due)


def life(owed: Owed, fate: str, seed: int) -> Iterator[PartPayment | Settlement]:
    """All that will happen to an invoice; what is paid stands for itself where it is not part of a run."""
    random = stream(seed, f"receivable/{owed.invoice_id}")
    due = weekday(owed.posted_on + timedelta(days=pick(stream(seed, f"pays/{owed.statement.bill_to}"), DAYS_TO_PAY)))
    after = _days_after(due)
    match fate:
        case "late":
            yield PartPayment(owed, after(pick(random, DAYS_LATE)), owed.gross)
        case "in parts":
            first = _whole(owed.gross // 2)
            yield PartPayment(owed, due, first)
            yield PartPayment(owed, after(20), owed.gross - first)
        case "unpaid":
            return
        case "taken back by the bank":
            yield received(owed, "A", due, owed.gross)
            yield taken_back(owed, "A", after(DAYS_TO_TAKE_BACK))
            yield PartPayment(owed, after(DAYS_TO_PAY_AGAIN), owed.gross)
        case "unapplied":
            yield received(owed, "A", due, owed.gross, applied=0)
            yield taken_back(owed, "A", after(DAYS_TO_TAKE_BACK))
            yield received(owed, "B", after(DAYS_TO_TAKE_BACK), owed.gross)
        case "overpaid":
            yield received(owed, "A", due, owed.gross + OVERPAID_BY, applied=owed.gross)
        case "paid twice":
            yield PartPayment(owed, due, owed.gross)
            yield received(owed, "B", after(1), owed.gross)
            yield taken_back(owed, "B", after(DAYS_TO_PAY_AGAIN))
        case "short, the rest written off":
            paid = _whole(owed.gross * SHORT_PERCENT // 100)
            yield PartPayment(owed, due, paid)
            if paid < owed.gross:
                yield written_off(owed, after(DAYS_TO_GIVE_UP), owed.gross - paid)
        case "error_rebill" | "price_concession" | "goodwill" | "rebate" if (memo := credited(owed, fate)) is not None:
            yield memo
            left = owed.gross - sum(line.amount or 0 for line in memo.lines) - (memo.tax_amount or 0)
            if left > 0:
                yield PartPayment(owed, due, left)
        case _:
            yield PartPayment(owed, due, owed.gross)


def runs(parts: Iterable[PartPayment]) -> Iterator[PaymentReceived]:
    """One payment for all that a customer pays to an engagement on a day; its id is that of the first of its parts."""
    together: dict[tuple[str, str, str, date], list[PartPayment]] = defaultdict(list)
    for part in parts:
        statement = part.owed.statement
        together[part.owed.engagement_id, statement.bill_to, statement.currency, part.day].append(part)
    for of_day in together.values():
        first = of_day[0]
        paid = received(first.owed, f"{first.day:%m%d}", first.day, sum(part.amount for part in of_day))
        yield paid._replace(
            applications=tuple(PaymentApplication(part.owed.invoice_id, part.amount) for part in of_day)
        )


def known_parts(payment: PaymentReceived) -> Iterator[str]:
    """Ids of the parts that a run has paid."""
    for application in payment.applications:
        yield f"{application.invoice_id}/{payment.received_on}"


def received(owed: Owed, name: str, day: date, amount: Amount, *, applied: Amount | None = None) -> PaymentReceived:
    """For the invoice alone: as much of it as is said to be for it, all if nothing is said."""
    at = instant(day, 9 * HOUR + _number(owed) % HOUR, "UTC")
    payment_id = f"PAY-{owed.invoice_id}-{name}"
    whole = amount if applied is None else applied
    return PaymentReceived(
        **stamped(ERP, payment_id, at),
        payment_id=payment_id,
        customer_id=owed.statement.bill_to,
        amount=amount,
        currency=owed.statement.currency,
        received_on=day,
        engagement_id=owed.engagement_id,
        applications=(PaymentApplication(owed.invoice_id, whole),) if whole else (),
    )


def taken_back(owed: Owed, name: str, day: date) -> PaymentReversed:
    at = instant(day, 8 * HOUR + _number(owed) % HOUR, "UTC")
    payment_id = f"PAY-{owed.invoice_id}-{name}"
    return PaymentReversed(
        **stamped(ERP, f"{payment_id}-back", at),
        payment_id=payment_id,
        engagement_id=owed.engagement_id,
        received_on=day,
    )


def credited(owed: Owed, kind: str) -> CreditMemoIssued | None:
    """Of the largest contract line of the invoice; None where none can be credited.

    Of what is retained, released or set against a deposit nothing is, nor of a deposit.
    """
    statement = owed.statement
    lines: dict[str, Amount] = defaultdict(int)
    for line in statement.lines:
        lines[line.line_id] += line.amount
    line_id, whole = max(lines.items(), key=lambda each: each[1], default=("", 0))
    amount = whole if kind == REBILLED else _whole(whole * CREDITED_PERCENT[kind] // 100)
    mixed = statement.retained or statement.released or statement.deposits_applied
    if amount <= 0 or mixed or line_id.endswith(f"-{DEPOSIT_LINE}") or amount > statement.amount_due:
        return None
    day = weekday(owed.posted_on + timedelta(days=DAYS_TO_CREDIT))
    at = instant(day, 15 * HOUR + _number(owed) % HOUR, "UTC")
    memo_id = f"CM-{owed.invoice_id}"
    asks, approves = finance_of(statement)
    tax = round_ratio(owed.tax * amount, statement.amount_due, smallest_unit(statement.currency), HALF_UP)
    return CreditMemoIssued(
        **stamped(ERP, memo_id, at),
        credit_memo_id=memo_id,
        invoice_id=owed.invoice_id,
        kind=kind,
        lines=(CreditMemoLine(line_id=line_id, amount=amount),),
        issued_on=day,
        requested_by=asks,
        engagement_id=owed.engagement_id,
        approved_by=approves,
        tax_amount=tax,
    )


def written_off(owed: Owed, day: date, amount: Amount) -> WrittenOff:
    at = instant(day, 16 * HOUR + _number(owed) % HOUR, "UTC")
    asks, approves = finance_of(owed.statement)
    write_off_id = f"WO-{owed.invoice_id}"
    return WrittenOff(
        **stamped(ERP, write_off_id, at),
        write_off_id=write_off_id,
        what="receivable",
        amount=amount,
        currency=owed.statement.currency,
        written_off_on=day,
        reason="the customer does not pay the rest",
        requested_by=asks,
        engagement_id=owed.engagement_id,
        approved_by=approves,
        invoice_id=owed.invoice_id,
    )


def finance_of(statement: BillingStatement) -> tuple[str, str]:
    """Who asks and who approves in the accounts department of the company that bills."""
    return f"AR-{statement.legal_entity_id}", f"CFO-{statement.legal_entity_id}"


def _days_after(due: date) -> Callable[[int], date]:
    return lambda days: weekday(due + timedelta(days=days))


def _day_of(event: Settlement) -> date:
    match event:
        case CreditMemoIssued(issued_on=day) | WrittenOff(written_off_on=day) | PaymentReceived(received_on=day):
            return day
        case PaymentReversed(received_on=day):
            return day or date.max


def _part_id(part: PartPayment) -> str:
    return f"{part.owed.invoice_id}/{part.day}"


def _number(owed: Owed) -> int:
    """Of INV-000017, and of INV-000017-B."""
    return int(owed.invoice_id.split("-")[1])


def _whole(amount: Amount) -> Amount:
    """Whole currency units."""
    units: Amount = amount // AMOUNT_ONE * AMOUNT_ONE
    return units
