"""A statement as text, its head and its lines in groups that foot; and all statements of a run, a row each."""

from collections.abc import Container, Sequence

from connectors.json_records import head_to_json
from domain.outputs import BillingStatement, StatementLine
from milepost.console import amount_text, shape
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


COLUMNS = ("statement", "revision", "status", "from", "to", "due, net of tax", "currency", "number", "due on")
UNNUMBERED = COLUMNS.index("number")


def statements_table(found: Sequence[BillingStatement], returned: Container[str]) -> Table:
    """Number and due date are shown where a company numbers its statements; `returned` are ids of drafts."""
    rows = [
        (
            one.statement_id,
            f"{one.revision}",
            "returned" if one.statement_id in returned else status_word(one),
            f"{one.period}",
            f"{last_day(one.to)}",
            amount_text(one.amount_due),
            one.currency,
            one.number or "",
            f"{one.due_on or ''}",
        )
        for one in found
    ]
    kept = len(COLUMNS) if any(one.number for one in found) else UNNUMBERED
    return Table("Statements", COLUMNS[:kept], [row[:kept] for row in rows], frozenset({1, 5}))


def statements_json(found: Sequence[BillingStatement]) -> dict[str, object]:
    """Version 1 of the shape; without the lines."""
    return shape(1, statements=[*map(head_to_json, found)])
