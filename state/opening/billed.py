"""What was billed by the day of the balances: which rows, of which bill-to, on which of the bills."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from domain.billing.shares import Party, parties_of
from domain.events.common import BalanceForward, InvoicedForward, ReceivableForward
from domain.identity import DEPOSITS_BEFORE, PAID_BEFORE
from domain.receivables.opening import parts_of_payers
from domain.sums import summed
from domain.terms.kind import NO_REVENUE
from domain.units import Amount
from domain.why import Why
from domain.work.rows import CONCEDED
from state.billing.payers import parties_for
from state.books import Contract, Entry
from state.draft import Draft
from state.opening.entries import invoiced_rows, taken_of
from state.opening.loading import Loading
from state.opening.record import to_parties
from state.opening.stated import Stated
from state.opening.worked import day_of, due_of, is_part, rows_of_line
from state.totals import issued_on


class EarlierBill(NamedTuple):
    """An invoice of before: what it took of rows is `net` with what was kept back of it. `counts`: with it all that was billed is what
    something is retained from."""

    invoice_id: str
    bill_to: str
    net: Amount
    tax: Amount
    stated: ReceivableForward | None
    kept: Amount = 0
    applied: Amount = 0
    counts: bool = False


class TakenRow(NamedTuple):
    """What a bill-to was billed of a row; of several that pay, `falls` is what falls to each of all that the row is worth."""

    bill_to: str
    row: str
    line_id: str
    amount: Amount
    falls: tuple[Amount, ...] = ()


def by_bill(
    loading: Loading, bill_to: str, takes: Sequence[TakenRow]
) -> tuple[list[tuple[int, EarlierBill, list[TakenRow]]], list[TakenRow]]:
    """By bill with its number, and what is left of rows: on an invoice what it is stated to bill of lines; else the oldest rows on what is
    paid, with what it gave back, the newest on the newest invoices."""
    own = [one for one in takes if one.bill_to == bill_to]
    bills = list(enumerate(bills_of(loading, bill_to, sum(one.amount for one in own))))
    by_entry = {row: one for line in loading.lines for row, one in invoiced_rows(loading, line).items()}
    single = {one.row: one for one in own if one.row in by_entry}
    own = [one for one in own if one.row not in by_entry]
    on: dict[int, list[TakenRow]] = {}
    # What one gives back others have to bill.
    gives_back = {
        number for number, bill in bills if min(invoiced_by_line(loading, bill, by_line=True).values(), default=0) < 0
    }
    for number, bill in sorted(bills, key=lambda one: one[0] not in gives_back):
        entries = [single[row] for row, one in by_entry.items() if row in single and _is_of(loading, one, bill)]
        wanted = invoiced_by_line(loading, bill, by_line=True)
        if entries or wanted:
            listed, own = _newest(own, wanted)
            on[number] = [*entries, *listed]
    first = next((number for number, bill in bills if number in on and bill.stated is not None), None)
    for number, bill in bills:
        if number not in on or bill.stated is None:
            had = on.get(number, [])
            listed, own = _part(own, bill.net + bill.kept + bill.applied - sum(one.amount for one in had))
            on[number] = _joined([*had, *listed])
    if first is not None and own and not sum(one.amount for one in own):
        # What was conceded, and billed before that, is on the invoice that is left of it.
        on[first], own = _joined([*own, *on[first]]), []
    return [(number, bills[number][1], rows) for number, rows in on.items()], own


def _is_of(loading: Loading, one: InvoicedForward, bill: EarlierBill) -> bool:
    """With what is paid is what a paid invoice gave back."""
    if bill.stated is not None:
        return one.invoice_id == bill.stated.invoice_id
    return not bill.applied and all(one.invoice_id != each.invoice_id for each in loading.receivables)


def invoiced_by_line(loading: Loading, bill: EarlierBill, *, by_line: bool = False) -> dict[str, Amount]:
    """By line what the invoice is stated to bill; nothing where no line states it. `by_line`: but for what it bills of single entries."""
    return summed(
        (one.balance.line_id, each.amount)
        for one in loading.lines
        for each in one.balance.invoiced
        if _is_of(loading, each, bill) and not (by_line and each.entry_id is not None)
    )


def _newest(rows: Sequence[TakenRow], wanted: Mapping[str, Amount]) -> tuple[list[TakenRow], list[TakenRow]]:
    """Of each line as many of its newest rows as come to the amount, the oldest of them in part; and what is left. What is below zero the
    newest gives back."""
    rest, listed, left = dict(wanted), list[TakenRow](), list[TakenRow]()
    for one in reversed(rows):
        wants = rest.get(one.line_id, 0)
        amount = min(one.amount, wants) if wants > 0 else wants
        if amount:
            rest[one.line_id] -= amount
            listed.append(one._replace(amount=amount))
        if amount != one.amount:
            left.append(one._replace(amount=one.amount - amount))
    return listed[::-1], left[::-1]


def _joined(rows: Sequence[TakenRow]) -> list[TakenRow]:
    """Parts of one row as one."""
    found: dict[str, TakenRow] = {}
    for one in rows:
        had = found.get(one.row)
        found[one.row] = one if had is None else had._replace(amount=had.amount + one.amount)
    return [one for one in found.values() if one.amount]


def _part(rows: Sequence[TakenRow], amount: Amount) -> tuple[list[TakenRow], list[TakenRow]]:
    """As many of the rows as come to the amount, the last in part; what all are short of is on the last, for a later bill gives it back.

    rows of 100.00, bills of 110.00 and -10.00: 110.00 of the last row, then -10.00
    """
    listed: list[TakenRow] = []
    for place, one in enumerate(rows):
        if not amount:
            return listed, list(rows[place:])
        is_last = place == len(rows) - 1
        if one.amount > amount > 0 or (is_last and one.amount != amount):
            rest = one._replace(amount=one.amount - amount)
            return [*listed, one._replace(amount=amount)], [rest, *rows[place + 1 :]]
        listed.append(one)
        amount -= one.amount
    return listed, []


def name_before(project_id: str, contract_id: str, bill_to: str) -> str:
    """In place of an invoice's number, of what is not on an open one."""
    return f"{project_id}/{contract_id}/{bill_to}"


def bills_of(loading: Loading, bill_to: str, billed: Amount) -> Iterator[EarlierBill]:
    """What is settled first, then the open invoices by day."""
    contract, lines = loading.contract, loading.of(bill_to)
    own = [each for each in loading.receivables if each.bill_to in (None, bill_to)]
    kept = sum(one.retention for one in lines) - sum(each.retention for each in own)
    applied = sum(used for _, used in deposits_used(loading, bill_to))
    tax = sum(one.tax for one in lines) - sum(each.tax for each in own)
    net = billed - sum(each.net + each.retention for each in own) - kept
    name = name_before(loading.event.project_id, contract.contract_id, bill_to)
    paid = EarlierBill(f"{name}/{PAID_BEFORE}", bill_to, net, tax, None, kept, counts=True)
    counts = not (net or tax or kept or invoiced_by_line(loading, paid))
    if not counts:
        yield paid
    if applied:
        yield EarlierBill(f"{name}/{DEPOSITS_BEFORE}", bill_to, -applied, 0, None, applied=applied)
    for each in sorted(own, key=lambda one: (one.invoiced_on, one.invoice_id)):
        yield EarlierBill(
            each.invoice_id, bill_to, each.net, each.tax, each, each.retention, counts=counts and each.retention > 0
        )
        counts = counts and not each.retention


def deposits_used(loading: Loading, bill_to: str) -> Iterator[tuple[Stated, Amount]]:
    """Deposit lines, and what of each was set against bills of the payer."""
    for stated, one in zip(loading.lines, loading.of(bill_to), strict=True):
        if stated.plan.timing == NO_REVENUE:
            yield stated, one.billed - one.deposit


def billed_rows(draft: Draft, loading: Loading) -> list[TakenRow]:
    found: list[tuple[object, TakenRow]] = []
    contract, billed_to = loading.contract, {one.invoice_id: one.bill_to for one in loading.receivables}
    for line, stated in enumerate(loading.lines):
        of_line = contract.contract_id, stated.balance.line_id
        listed = invoiced_rows(loading, stated)
        rows = sorted(_rows_of(draft, loading, stated), key=lambda row: row[0].entry_id not in listed)
        payers = [party.customer_id for party in parties_of(contract.terms)]
        left = {customer_id: loading.of(customer_id)[line].billed for customer_id in payers}
        for place, (entry, taken, whole) in enumerate(rows):
            parties = parties_for(contract, entry, issued_on(entry, *of_line))
            falls = _falls(draft.why, loading, left, parties, taken, is_last=place == len(rows) - 1)
            if (on := listed.get(entry.entry_id)) is not None and len(parties) > 1:
                falls = tuple(taken if party.customer_id == billed_to[on.invoice_id] else 0 for party in parties)
            if len(parties) > 1:
                rest = to_parties(draft.why, loading.contract, whole - taken, parties)
                of_all = tuple(one + other for one, other in zip(falls, rest, strict=True))
            else:
                of_all = ()
            for party, amount in zip(parties, falls, strict=True):
                left[party.customer_id] = left.get(party.customer_id, 0) - amount
                if amount:
                    one = TakenRow(party.customer_id, entry.entry_id, stated.balance.line_id, amount, of_all)
                    # What was conceded comes first, so that a bill of what is left takes it.
                    found.append(("" if is_part(entry, stated, CONCEDED) else day_of(entry), one))
    found.sort(key=lambda one: (str(one[0]), one[1].line_id, one[1].row))
    return [taken for _, taken in found]


def _rows_of(draft: Draft, loading: Loading, stated: Stated) -> Iterator[tuple[Entry, Amount, Amount]]:
    """Rows of the line that were billed, oldest first: what of each was, and all that it is worth."""
    rows = sorted(rows_of_line(draft, loading, stated), key=lambda row: not is_part(row, stated, CONCEDED))
    amounts = [due_of(draft, stated, entry) for entry in rows]
    for entry, amount, taken in zip(rows, amounts, taken_of(loading, rows, amounts, stated), strict=True):
        if taken:
            yield entry, taken, amount


def _falls(
    why: Why | None,
    loading: Loading,
    left: Mapping[str, Amount],
    parties: Sequence[Party],
    taken: Amount,
    *,
    is_last: bool,
) -> tuple[Amount, ...]:
    """By their shares; the last row has what is left of what was stated."""
    if len(parties) == 1:
        return (taken,)
    stated = tuple(left.get(party.customer_id, 0) for party in parties)
    if is_last and sum(stated) == taken:
        return stated
    return to_parties(why, loading.contract, taken, parties)


def by_payer(why: Why | None, contract: Contract, lines: Sequence[Stated]) -> Mapping[str, tuple[BalanceForward, ...]]:
    """By bill-to the lines as it has them, in their order."""
    parties = parties_of(contract.terms)

    def share(amount: Amount) -> Sequence[Amount]:
        return to_parties(why, contract, amount, parties)

    parts = [parts_of_payers(one.balance, parties, share) for one in lines]
    return {party.customer_id: tuple(of[place] for of in parts) for place, party in enumerate(parties)}
