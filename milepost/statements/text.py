"""A statement as text: its head, and its lines in groups that foot."""

from __future__ import annotations

from domain.outputs import StatementLine
from milepost.days import last_day
from milepost.statements.described import beside, description, marked
from milepost.statements.sheet import (
    DATED,
    StatementSheet,
    company_name,
    customer_name,
    draft_note,
    group_title,
    hour_places,
    hours_of,
    is_draft,
    issued_on,
    line_rate_text,
    person_column,
    person_or_role,
    quantity_text,
    status_word,
    sums,
    tax_sums,
    title,
)
from milepost.tables import Table, short_text


def head(sheet: StatementSheet) -> list[str]:
    one = sheet.statement
    said = DATED.get(one.status, "issued").partition("_")[0] if sheet.returned is None else "returned"
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
            quantity = sheet.writing.quantity(hours_of(sheet, group), hour_places(sheet))
            amount = sheet.writing.amount(group.amount)
            rows.append(("", sheet.words["subtotal"], "", quantity, "", amount))
    totals = [("", name, "", "", "", sheet.writing.money(amount)) for name, amount in sums(sheet)]
    totals += [("", name, "", "", "", text) for name, text in tax_sums(sheet)]
    words = sheet.words
    columns = tuple(words[name] for name in ("date", "description", person_column(sheet), "hours", "rate", "amount"))
    return Table(
        f"{title(sheet)}, {sheet.statement.currency}", columns, [*rows, *totals], frozenset({3, 4, 5}), len(totals)
    )


def _row(sheet: StatementSheet, line: StatementLine) -> tuple[str, ...]:
    told = [*beside(sheet, line), *marked(sheet, line)]
    return (
        f"{sheet.writing.span(line.service_from, line.service_to)}",
        short_text(description(sheet, line)) + (f" ({', '.join(told)})" if told else ""),
        person_or_role(sheet, line),
        quantity_text(sheet, line),
        line_rate_text(sheet, line),
        sheet.writing.amount(line.amount),
    )
