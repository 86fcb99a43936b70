"""What a recorder has of what a row carries on an account: what the journals that stand of it have there, less what invoices took.

The journals are read where the figure is asked for; what invoices took and credit memos put back is added up by row, contract line and
payer.
"""

from collections.abc import Iterable, Sequence

from domain.accounts import UNBILLED
from domain.identity import composed
from domain.ledger.recorded import (
    Carried,
    Currencies,
    add_both,
    all_of,
    journal_line,
    left_of,
    parts_of_both,
    record_both,
)
from domain.why import Why
from state.books import Entry, Issued
from state.totals import unbilled_positions

INVOICED = "invoiced"


def say_invoiced(why: Why, issued: Issued, entry_id: str, bill_to: str, part: Carried) -> None:
    """An invoice was posted, or, below zero, a credit memo that puts back."""
    of = composed(INVOICED, entry_id, issued.contract_id, issued.line_id)
    for address in (of, f"{of}/{bill_to}"):
        add_both(why, address, part)


def taken_of(issued: Issued, entry_id: str) -> str:
    """Address of what invoices took of a deposit that is set against their statements."""
    return composed("taken", entry_id, issued.contract_id, issued.line_id)


def invoiced(why: Why, entry_id: str, issued: Issued, bill_to: str = "") -> list[Carried]:
    """To one payer where several share the row, else to all."""
    address = composed(INVOICED, entry_id, issued.contract_id, issued.line_id)
    if any(part.customer_id == bill_to for part in issued.payers):
        address = f"{address}/{bill_to}"
    return parts_of_both(why, address)


def accrued(entry: Entry, contract_id: str, account: str, currencies: Currencies) -> Carried:
    """What the journals of a row have on an account of a contract."""
    work = entry.standing
    legs = [
        journal_line(journal.journal_id, number, (line.amount, line.ledger_amount), currencies)
        for journal in (*(work.journals if work is not None else ()), *entry.rests)
        if journal.contract_id == contract_id
        for number, line in enumerate(journal.lines, 1)
        if line.account == account
    ]
    return all_of("accrued", legs, currencies)


def carried(why: Why, entry: Entry, contract_id: str, account: str, currencies: Currencies) -> Carried:
    """What a row has on an unbilled account (`state.totals.unbilled_positions`)."""
    had = accrued(entry, contract_id, account, currencies)
    places = [one for one in entry.issued if (one.contract_id, one.account) == (contract_id, account)]
    taken = [part for issued in places for part in invoiced(why, entry.entry_id, issued)]
    return left_of(f"{entry.entry_id}: unbilled", had, taken)


def invoiced_of(why: Why, rows: Iterable[Entry], place: tuple[str, str, str], bill_to: str = "") -> list[Carried]:
    """What invoices, of one payer or of all, took of rows on a contract's line, where they stand on its account."""
    return [
        part
        for row in rows
        for one in row.issued
        if (one.contract_id, one.line_id, one.account) == place
        for part in invoiced(why, row.entry_id, one, bill_to)
    ]


def of_deposit(why: Why, rows: Sequence[Entry], place: tuple[str, str, str], currencies: Currencies) -> Carried:
    """What stands of a deposit on an account of its line (`state.ledger.deposit_balance.balance`)."""
    contract_id, line_id, account = place
    kept = all_of("kept", [accrued(row, contract_id, account, currencies) for row in rows], currencies)
    return left_of(f"{line_id}: carried on {account}", kept, invoiced_of(why, rows, place))


def say_left(why: Why, entry: Entry, contract_id: str, journal_id: str, currencies: Currencies) -> None:
    """What stands on unbilled accounts of a row before one of its journals."""
    for account in UNBILLED:
        amount, ledger = unbilled_positions(entry).get((contract_id, account), (0, 0))
        left = carried(why, entry, contract_id, account, currencies)
        record_both(why, left_before(journal_id, account), (amount, ledger), left)


def left_before(of: str, account: str) -> str:
    """Of a journal; or of a row, what it is taken from."""
    return f"{of}#left/{account}"
