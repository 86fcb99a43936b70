"""What is stated as billed, of lines, of bill-tos and on open invoices, and is not what their rows come to."""

from collections.abc import Iterator, Sequence

from domain.money import format_amount
from domain.units import Amount
from state.opening.billed import TakenRow, bills_of, by_bill, invoiced_by_line
from state.opening.loading import OR_BEGIN, Loading
from state.opening.stated import DIFFERS, OpeningFault


def unbillable(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Lines of which more, or less, is stated as billed than there is to bill: their terms gave something back, or ended."""
    currency = loading.slot.currency
    found: dict[str, Amount] = {}
    for one in takes:
        found[one.line_id] = found.get(one.line_id, 0) + one.amount
    for stated in loading.lines:
        balance = stated.balance
        if (had := found.get(balance.line_id, 0)) != balance.billed:
            there, billed = format_amount(had, currency), format_amount(balance.billed, currency)
            message = (
                f"{billed} {currency} are stated as billed, but by its terms {there} can be billed until {loading.event.as_of}; correct "
                f"one of both, {OR_BEGIN}"
            )
            yield stated.differs("billed", message)


def unlike_payers(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Bill-tos of whom more, or less, is stated than rows have for them, or whose open invoices are more than that."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for bill_to in loading.parts if loading.several_pay else ():
        had = sum(one.amount for one in takes if one.bill_to == bill_to)
        stated = sum(one.billed for one in loading.of(bill_to))
        short = [bill for bill in bills_of(loading, bill_to, had) if bill.stated is None and bill.net + bill.kept < 0]
        if had != stated or (short and not short[0].applied):
            there, billed = format_amount(had, currency), format_amount(stated, currency)
            message = (
                f"contract {contract_id}, bill-to {bill_to}: {billed} {currency} are stated as billed, rows by {loading.event.as_of} have "
                f"{there} for it; correct its parts or its open invoices, or leave its parts out and the contract's shares count"
            )
            yield OpeningFault(DIFFERS, message, "lines.payers", contract_id)


def unlike_invoiced(loading: Loading, takes: Sequence[TakenRow]) -> Iterator[OpeningFault]:
    """Open invoices that are stated to bill more of lines than was billed of them, or other lines than the rest leaves."""
    currency, contract_id = loading.slot.currency, loading.contract.contract_id
    for bill_to in loading.parts:
        listed, left = by_bill(loading, bill_to, takes)
        stated = [(bill, rows, wanted) for _, bill, rows in listed if (wanted := invoiced_by_line(loading, bill))]
        for bill, rows, wanted in stated:
            for line_id, asked in wanted.items():
                had = sum(one.amount for one in rows if one.line_id == line_id)
                if had < asked:
                    most, got = format_amount(had, currency), format_amount(asked, currency)
                    message = (
                        f"invoice {bill.invoice_id}: expected at most {most} {currency} of line {line_id}, as {bill_to} was billed, "
                        f"got {got}; what a paid invoice gave back of it is stated with its number, below 0"
                    )
                    yield OpeningFault(DIFFERS, message, "lines.invoiced", contract_id)
        if stated and left:
            lines = ", ".join(sorted({one.line_id for one in left}))
            message = (
                f"contract {contract_id}, bill-to {bill_to}: its bills do not come to what was billed of line {lines}; state what each "
                "open invoice bills of lines, or of none"
            )
            yield OpeningFault(DIFFERS, message, "lines.invoiced", contract_id)
