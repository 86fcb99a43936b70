"""What balances of a project have to satisfy by themselves, whatever its contracts say: said before they are sent, and by the fold of
what was sent otherwise.

Each thing is stated once, is of a day up to that of the balances, and is not below zero where nothing can be; what open invoices bill of
lines comes to each invoice's net and retention; each line has ledger amounts, or none has. Journals have whole units of a currency, and
so has what becomes one.

    net 1,800.00 and retention 200.00 of INV-7  =  1,500.00 of DESIGN + 500.00 of BUILD
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, LedgerForward
from domain.money import format_amount, format_decimal, is_currency, smallest_unit
from domain.numbered import UNITS, units_of
from domain.units import HOURS_SCALE, Amount

# Figures of a line that are 0 or more.
NEVER_BELOW = ("billed", "paid", "tax", "retention", "deposit", "written_off", "over_cap", "cap_used", "unbilled")


class StatedLine(NamedTuple):
    """A line with its place in the event, and the contract, its currency and the ledger's where they are known."""

    place: int
    balance: BalanceForward
    contract_id: str | None
    currency: str | None
    ledger: str | None


class StatedFault(NamedTuple):
    """`of` is what the message is about, `source_row` where the source states it."""

    of: str
    message: str
    field: str
    contract_id: str | None = None
    source_row: str | None = None


def stated_faults(event: BalancesBroughtForward, lines: Sequence[StatedLine]) -> Iterator[StatedFault]:
    """All that is wrong; `lines` are those of the event that are looked at."""
    yield from _twice(event)
    if any(one.balance.ledger is None for one in lines) and any(one.balance.ledger is not None for one in lines):
        without = [one for one in lines if one.balance.ledger is None]
        named = ", ".join(one.balance.line_id for one in without)
        message = f"expected of every line or of none, line {named} has none"
        yield StatedFault("ledger amounts", message, "lines.ledger", source_row=without[0].balance.source_row)
    for one in lines:
        yield from _of_line(one)
        yield from _milestones(event, one)
    yield from _finer(event, lines)
    yield from _receivables(event)
    yield from _invoiced(event, lines)
    for one in lines:
        yield from _entries(event, one)


def _twice(event: BalancesBroughtForward) -> Iterator[StatedFault]:
    lines = Counter((one.contract_id, one.line_id) for one in event.lines)
    milestones = Counter(each.milestone_id for one in event.lines for each in one.milestones)
    invoices = Counter(one.invoice_id for one in event.receivables)
    named = (
        *(("line", line_id, number, "lines") for (_, line_id), number in lines.items()),
        *(("milestone", milestone_id, number, "lines.milestones") for milestone_id, number in milestones.items()),
        *(("invoice", invoice_id, number, "receivables") for invoice_id, number in invoices.items()),
    )
    for kind, subject_id, number, field in named:
        if number > 1:
            yield StatedFault(f"{kind} {subject_id}", f"expected once, stated {number} times", field)


def _of_line(stated: StatedLine) -> Iterator[StatedFault]:
    balance = stated.balance

    def fault(field: str, message: str) -> StatedFault:
        at = f"lines[{stated.place}].{field}"
        return StatedFault(f"line {balance.line_id}", message, at, stated.contract_id, balance.source_row)

    if not 0 <= balance.expenses <= max(balance.cost, 0):
        cost, spent = format_amount(balance.cost), format_amount(balance.expenses)
        expected = f"0 to the cost of {cost}" if balance.cost > 0 else f"0, as the cost is {cost}"
        yield fault("expenses", f"expected {expected}, got {spent}")
    for name in NEVER_BELOW:
        if (amount := getattr(balance, name)) < 0:
            code = f" {stated.currency}" if stated.currency else ""
            yield fault(name, f"expected 0 or more, got {format_amount(amount, stated.currency)}{code}")


def _finer(event: BalancesBroughtForward, lines: Sequence[StatedLine]) -> Iterator[StatedFault]:
    """What was spent of budgets may be as fine as it likes: it measures progress, and is not booked."""
    for one in lines:
        of, at, row = f"line {one.balance.line_id}", f"lines[{one.place}]", one.balance.source_row
        yield from _finer_in(one.balance, of, at, one, ("cost", "expenses"), row)
        if one.balance.ledger is not None:
            yield from _finer_in(one.balance.ledger, of, f"{at}.ledger", one, LedgerForward._fields, row)
        for name in ("caps", "payers", "accounts", "invoiced", "entries"):
            for number, each in enumerate(getattr(one.balance, name)):
                yield from _finer_in(each, of, f"{at}.{name}[{number}]", one, (), each.source_row or row)
        for number, cost in enumerate(one.balance.costs):
            of_cost = one._replace(currency=cost.currency)
            yield from _finer_in(cost, of, f"{at}.costs[{number}]", of_cost, (), cost.source_row or row)
    for place, bill in enumerate(event.receivables):
        own = next((one for one in lines if bill.contract_id in (None, one.contract_id)), None)
        if own is not None:
            yield from _finer_in(bill, f"invoice {bill.invoice_id}", f"receivables[{place}]", own, (), bill.source_row)


def _finer_in(
    holder: NamedTuple, of: str, at: str, line: StatedLine, in_ledger: Sequence[str], row: str | None
) -> Iterator[StatedFault]:
    """Amounts are in contract currency, but those of `in_ledger` and `ledger_...`."""
    for name, unit in units_of(type(holder)).items():
        amount: Amount | None = getattr(holder, name) if unit == UNITS["Amount"] else None
        code = line.ledger if name in in_ledger or name.startswith("ledger_") else line.currency
        if amount and code is not None and is_currency(code) and amount % smallest_unit(code):
            message = f"{name}: {format_amount(amount)} is finer than {code} can be paid; round it at its source"
            yield StatedFault(of, message, f"{at}.{name}", line.contract_id, row)


def _milestones(event: BalancesBroughtForward, stated: StatedLine) -> Iterator[StatedFault]:
    for each in stated.balance.milestones:
        if each.accepted_on > event.as_of:
            message = f"milestone {each.milestone_id}: expected a day until {event.as_of}, got {each.accepted_on}"
            at, row = f"lines[{stated.place}].milestones", each.source_row or stated.balance.source_row
            yield StatedFault(f"line {stated.balance.line_id}", message, at, stated.contract_id, row)


def _receivables(event: BalancesBroughtForward) -> Iterator[StatedFault]:
    for place, one in enumerate(event.receivables):
        gross, faults = one.net + one.tax, list[tuple[str, str]]()
        if not min(gross, 0) <= one.open <= max(gross, 0) or not (one.open or one.retention):
            sign, most = ("less", "at least") if gross < 0 else ("more", "at most")
            expected = f"expected open of {sign} than 0, or retention, and {most} {format_amount(gross)}"
            faults.append(("open", f"{expected}, got {format_amount(one.open)}"))
        if one.retention < 0 or (one.retention and one.net < 0):
            kept = format_amount(one.retention)
            faults.append(
                ("retention", f"expected a retention of 0 or more, and none of an invoice that gives back, got {kept}")
            )
        if one.invoiced_on > event.as_of:
            faults.append(("invoiced_on", f"expected a day until {event.as_of}, got {one.invoiced_on}"))
        if one.due_on is not None and one.due_on < one.invoiced_on:
            faults.append(("due_on", f"expected a day from {one.invoiced_on} on, its date, got {one.due_on}"))
        for field, message in faults:
            of, at = f"invoice {one.invoice_id}", f"receivables[{place}].{field}"
            yield StatedFault(of, message, at, one.contract_id, one.source_row)


def _invoiced(event: BalancesBroughtForward, lines: Sequence[StatedLine]) -> Iterator[StatedFault]:
    """What invoices bill of lines: of each line once, another amount than 0, and of all lines together what an open invoice has. One that
    was paid is named for what it gave back."""
    sums = Counter[str]()
    for one in lines:
        listed = [(each.invoice_id, each.entry_id) for each in one.balance.invoiced]
        known = {each.invoice_id for each in event.receivables if each.contract_id in (None, one.contract_id)}
        others = {each.invoice_id for each in event.receivables} - known
        for number, each in enumerate(one.balance.invoiced):
            sums[each.invoice_id] += each.amount
            message = ""
            if each.invoice_id not in known and (each.amount > 0 or each.invoice_id in others):
                message = (
                    f"expected one of the contract's open invoices, {', '.join(sorted(known)) or 'none'}, got another"
                )
            elif (each.invoice_id, each.entry_id) in listed[:number]:
                message = "expected once, stated twice"
            elif each.entry_id is not None and (each.invoice_id, None) in listed:
                message = (
                    f"expected the line as one amount or entry by entry, got both, entry {each.entry_id} beside it"
                )
            elif not each.amount:
                message = f"expected another amount than 0, got {format_amount(each.amount)}"
            if message:
                of, at = (
                    f"line {one.balance.line_id}: invoice {each.invoice_id}",
                    f"lines[{one.place}].invoiced[{number}]",
                )
                yield StatedFault(of, message, at, one.contract_id, each.source_row)
    for place, bill in enumerate(event.receivables):
        if bill.invoice_id in sums and sums[bill.invoice_id] != bill.net + bill.retention:
            whole, got = format_amount(bill.net + bill.retention), format_amount(sums[bill.invoice_id])
            message = f"expected lines that come to {whole}, its net and retention, got {got}"
            of, at = f"invoice {bill.invoice_id}", f"receivables[{place}].net"
            yield StatedFault(of, message, at, bill.contract_id, bill.source_row)


def _entries(event: BalancesBroughtForward, stated: StatedLine) -> Iterator[StatedFault]:
    """Each entry of unbilled work once, above zero or over a cap, of a day up to that of the balances; together no more over caps than the
    line."""
    balance = stated.balance
    listed = [each.entry_id for each in balance.entries]
    for number, each in enumerate(balance.entries):
        message = ""
        if each.entry_id in listed[:number]:
            message = "expected once, stated twice"
        elif (
            min(each.amount, each.over_cap) < 0
            or not each.amount + each.over_cap
            or min(each.hours, each.over_cap_hours) < 0
        ):
            got = f"{format_amount(each.amount)} and {format_decimal(each.hours, HOURS_SCALE)} h"
            got += (
                f", over a cap {format_amount(each.over_cap)} and {format_decimal(each.over_cap_hours, HOURS_SCALE)} h"
            )
            message = f"expected an amount above 0, to be billed or over a cap, and hours of 0 or more, got {got}"
        elif each.worked_on > event.as_of:
            message = f"worked_on: expected {event.as_of} or before, got {each.worked_on}"
        elif (each.person_id is None) != (each.rate is None):
            got = "a rate" if each.person_id is None else f"person {each.person_id}"
            message = f"expected the person who worked and the rate, or neither, got {got} alone"
        if message:
            of, at = f"line {balance.line_id}: entry {each.entry_id}", f"lines[{stated.place}].entries[{number}]"
            yield StatedFault(of, message, at, stated.contract_id, each.source_row)
    if (over := sum(each.over_cap for each in balance.entries)) > balance.over_cap:
        most, got = format_amount(balance.over_cap), format_amount(over)
        message = f"over_cap of entries: expected at most {most}, as the line has, got {got}"
        of, at = f"line {balance.line_id}", f"lines[{stated.place}].entries"
        yield StatedFault(of, message, at, stated.contract_id, balance.source_row)
