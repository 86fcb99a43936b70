"""A statement as text: its head, and its lines in groups that foot."""

from __future__ import annotations

from domain.outputs import StatementLine
from milepost.days import last_day
from milepost.statements.cells import NUMBERS, cells_of, subtotal, titles
from milepost.statements.described import beside, marked
from milepost.statements.sheet import (
    StatementSheet,
    company_name,
    customer_name,
    dated_word,
    draft_note,
    group_title,
    is_draft,
    issued_on,
    status_word,
    sums,
    tax_sums,
    title,
)
from milepost.tables import Table, short_text


def head(sheet: StatementSheet) -> list[str]:
    one = sheet.statement
    said = dated_word(one, sheet.returned)
    order = f", order {sheet.background.purchase_order}" if sheet.background.purchase_order else ""
    return [
        f"Statement {one.statement_id}, revision {one.revision}, {status_word(one, sheet.returned)}"
        + (f", number {one.number}" if one.number is not None else ""),
        f"to {customer_name(sheet)} from {company_name(sheet)}, contract {one.contract_id}{order}",
        f"period {sheet.writing.span(one.period, last_day(one.to))}, {said} on {sheet.writing.short_day(issued_on(sheet))}",
        *([draft_note(sheet)] if is_draft(one) else []),
    ]


def lines_table(sheet: StatementSheet) -> Table:
    """With the title of each group above it and, where there are several, its subtotal below."""
    rows: list[tuple[str, ...]] = []
    for group in sheet.groups:
        rows.append(("", group_title(sheet, group), "", "", "", ""))
        rows += [_row(sheet, line) for line in group.lines_only]
        if len(sheet.groups) > 1:
            rows.append(subtotal(sheet, group))
    totals = [("", name, "", "", "", sheet.writing.money(amount)) for name, amount in sums(sheet)]
    totals += [("", name, "", "", "", text) for name, text in tax_sums(sheet)]
    shown = f"{title(sheet)}, {sheet.statement.currency}"
    return Table(shown, titles(sheet), [*rows, *totals], NUMBERS, len(totals))


def _row(sheet: StatementSheet, line: StatementLine) -> tuple[str, ...]:
    told = [*beside(sheet, line), *marked(sheet, line)]
    cells = cells_of(sheet, line)
    return cells._replace(described=short_text(cells.described) + (f" ({', '.join(told)})" if told else ""))
