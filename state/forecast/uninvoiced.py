"""In which months what is billable of work will be revenue once it is invoiced: in those of the work. What lines charge by themselves is
left of their prices (`state/forecast/prices.py`).

10 h of January on a statement without an invoice: 2,000.00 of January are to come
"""

from collections.abc import Iterator

from domain.figure import called
from domain.units import Amount
from domain.work.rows import FEE, named
from state.books import Entry, LineEarning, StatementState
from state.draft import Draft
from state.forecast.tracks import by_invoice
from state.totals import issued_on, month_of, standing_price, to_invoice


def uninvoiced(draft: Draft, line: LineEarning) -> tuple[Amount, list[tuple[str, Amount]]]:
    """In contract currency, in all and by month."""
    of = line.contract_id, line.line_id
    left, _ = by_invoice(draft, line, draft.line(*of))
    by_month: dict[str, Amount] = {}
    for entry in _waiting(draft, *of) if left else ():
        is_price = line.total is not None and named(entry.entry_id)[0] == FEE
        if not is_price and (amount := to_invoice(entry, *of)):
            month = _month(entry, *of)
            by_month[month] = by_month.get(month, 0) + amount
    return left, [(month, called(amount, f"of {month}, not invoiced")) for month, amount in sorted(by_month.items())]


def _waiting(draft: Draft, contract_id: str, line_id: str) -> list[Entry]:
    """Rows of the line on no statement, and on statements without an invoice."""
    found = {entry.entry_id: entry for entry in draft.due_on(contract_id, line_id, "", "9999")}
    for statement in _without_invoice(draft, contract_id):
        for one in draft.listed(statement.statement_id):
            entry = draft.entry(one.entry_id) if one.line_id == line_id else None
            if entry is not None:
                found[entry.entry_id] = entry
    return list(found.values())


def _without_invoice(draft: Draft, contract_id: str) -> Iterator[StatementState]:
    for statement_id in draft.ids("statement"):
        statement = draft.statement(statement_id)
        if statement is not None and statement.contract_id == contract_id and statement.invoice_id is None:
            yield statement


def _month(entry: Entry, contract_id: str, line_id: str) -> str:
    """Of the work, as it is priced on the line or was issued there."""
    price, issued = standing_price(entry), issued_on(entry, contract_id, line_id)
    if price is not None and (price.contract_id, price.line_id) == (contract_id, line_id):
        return month_of(price.day)
    assert issued is not None, "it is on the line by what is issued"
    return month_of(issued.day)
