"""What a recorder has of what statements bill of a row on a contract line: what is due of it, or falls to its payer, less what was billed
before (R25); and what credit memos take off, to be billed again or to stay billed for less (R20).

A statement, or a memo that has something billed again, takes a place in the sum of the row until it is taken back, so that every turn of
the fold has its own sum.
"""

from collections.abc import Sequence

from domain.billing.statement import LinePieces, Piece
from domain.explanation import Node, evaluated, less, total
from domain.figure import PlacedAmount, RecordedLater, later
from domain.identity import composed
from domain.units import Amount
from domain.why import PlacedPart, Why, elsewhere, node_kept
from domain.work.recorded import VALUE, figure_of, known_of
from state.billing.payers import PayerShare
from state.billing.shares_record import falls_on
from state.billing.statement_lines import line_at
from state.books import Contract, Entry, StatementEntry
from state.totals import price_and_issued

AMOUNT = "amount"
# Contract, line and row.
RowOnLine = tuple[str, str, str]


# What is issued of a row


def issued_at(on_line: RowOnLine, bill_to: str = "") -> str:
    """To all, or to one of several payers."""
    return composed("issued", *on_line, bill_to)


def conceded_at(on_line: RowOnLine) -> str:
    """What credit memos took off the price of what stays billed."""
    return composed("conceded", *on_line)


def returned_at(on_line: RowOnLine) -> str:
    """What of that goes back to caps and sources."""
    return composed("returned", *on_line)


def rounding_at(row: str) -> str:
    """Cents that lines put on the row as it is priced."""
    return composed("rounding", row)


def take_place(why: Why, on_line: RowOnLine, bill_to: str, of: str, amount: Amount) -> None:
    """What a statement or a memo has of the row from now on; `bill_to` is one of several payers."""
    why.turn += 1
    part = PlacedAmount(amount, of, AMOUNT) if amount else None
    for address in dict.fromkeys((issued_at(on_line), issued_at(on_line, bill_to))):
        why.place(address, of, (f"{why.turn:012}",), part)


def issued_by_now(why: Why | None, on_line: RowOnLine, amount: Amount, currency: str) -> Amount:
    """What statements have of the row."""
    if why is None:
        return amount
    return later(
        amount, _on_statements, why.placed(issued_at(on_line), AMOUNT), f"{on_line[-1]}: on statements", currency
    )


def _on_statements(placed: Sequence[PlacedPart], title: str, currency: str) -> Node:
    return total(title, [one.parts.node(AMOUNT) for one in placed if one.parts is not None], "amount", currency)


def named_piece(why: Why, statement_id: str, number: int, amount: Amount, currency: str) -> Amount:
    """What the statement lists at a number, with the statement's name."""
    step = why.now

    def named() -> Node:
        piece = why.known(piece_at(statement_id, number), step)
        made = evaluated(f"on statement {statement_id}", "same", (piece,), {}, "amount", currency)
        return made._replace(id=statement_id)

    return RecordedLater(amount, named)


# What a statement lists


def piece_at(statement_id: str, number: int) -> str:
    """Address of what a statement lists at a number."""
    return f"{statement_id}#row/{number}"


def alone_at(statement_id: str, number: int) -> str:
    """The same without the cents of its line."""
    return f"{statement_id}#alone/{number}"


def cents_at(statement_id: str, row: str, line_id: str) -> str:
    """What the rounding of a whole line puts on its last row."""
    return f"{statement_id}#cents/{composed(row, line_id)}"


def say_cents(why: Why, statement_id: str, number: int, group: LinePieces, amount: Amount, last: int) -> None:
    """The printed line less the sum of its entries; `last` is the number of the last of them."""
    step, row, rest = why.now, group.pieces[-1].entry_id, amount - group.amount
    before = [piece_at(statement_id, at) for at in range(last - len(group.pieces) + 1, last)]

    def cents() -> Node:
        printed = why.known(line_at(statement_id, number), step)
        pieces = [why.known(one, step) for one in (*before, alone_at(statement_id, last))]
        entries = total("sum of its entries", pieces, "amount", printed.currency)
        return less(f"{row}: cents of the line", printed, entries, rule="R10")

    why.later(cents_at(statement_id, row, group.first.line_id), rest, cents)


def say_piece(
    why: Why, contract: Contract, on: tuple[str, int], entry: Entry, piece: Piece, share: PayerShare, cents: Amount
) -> None:
    """What a statement bills of the row at a number, before the books have it; beside that it may have `cents` of its line's rounding."""
    (statement_id, number), row, step, currency = on, piece.entry_id, why.now, contract.terms.currency
    on_line, payer = (contract.contract_id, piece.line_id, row), share.bill_to if share.falls else ""
    price, _ = price_and_issued(entry, contract.contract_id, piece.line_id)
    before = why.placed(issued_at(on_line, payer), AMOUNT)
    priced_at = why.step_of(figure_of(row, VALUE), step)
    rounding = why.kept_at(rounding_at(row), step) if price is not None and price.rounding else None

    def due() -> Node:
        if payer:
            return why.known(falls_on(statement_id, row, piece.line_id), step)
        amount = price.billable if price is not None else 0
        of = f"{known_of('due', row, on_line[:2], step, currency)}/{priced_at}"
        billable = elsewhere(f"{row}: billable", amount, of, currency)
        if rounding is None:
            return billable
        parts = billable, node_kept(rounding)
        return total(f"{row}: billable with cents of earlier lines", parts, "amount", currency)

    def alone() -> Node:
        if not before:
            return due()
        had = _on_statements(before, f"{row}: on earlier statements{f' of {payer}' if payer else ''}", currency)
        return less(f"{row}: new less issued{f' to {payer}' if payer else ''}", due(), had, rule="R25")

    def with_cents() -> Node:
        parts = (
            why.known(alone_at(statement_id, number), step),
            why.known(cents_at(statement_id, row, piece.line_id), step),
        )
        return total(f"{row}: with the cents of the line", parts, "amount", currency)

    def all_cents() -> Node:
        of_line = why.known(cents_at(statement_id, row, piece.line_id), step)
        parts = (of_line,) if rounding is None else (node_kept(rounding), of_line)
        return total(f"{row}: cents of lines", parts, "amount", currency)

    whole = piece.amount + cents
    why.later(alone_at(statement_id, number) if cents else piece_at(statement_id, number), piece.amount, alone)
    if cents:
        why.later(piece_at(statement_id, number), whole, with_cents)
        why.later(rounding_at(row), cents + (price.rounding if price is not None else 0), all_cents)
    take_place(why, on_line, payer, statement_id, named_piece(why, statement_id, number, whole, currency))


def say_taken_back(why: Why, on_line: RowOnLine, statement_id: str, cents: Amount, entry: Entry) -> None:
    """What a statement that is cut again had of a row, and of its cents; the entry is as it is without."""
    contract_id, line_id, row = on_line
    take_place(why, on_line, "", statement_id, 0)
    price, _ = price_and_issued(entry, contract_id, line_id)
    if cents and price is not None and price.rounding:
        parts = why.figure(rounding_at(row)), why.figure(cents_at(statement_id, row, line_id))
        why.record(rounding_at(row), price.rounding, less(f"{row}: cents of lines", *parts))


def say_applied(why: Why, of: str, billed: int, applied: Sequence[StatementEntry], currency: str) -> None:
    """What of deposits is set against a statement stands after what it bills."""
    parts = [why.figure(f"{of}#applied/{one.line_id}") for one in applied]
    for number, (one, part) in enumerate(zip(applied, parts, strict=True), billed):
        why.record(piece_at(of, number), one.amount, part)
    if parts:
        made = total("deposits applied", parts, "amount", currency, rule="R31")
        why.record(f"{of}#deposits", sum(one.amount for one in applied), made)
