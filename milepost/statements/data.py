"""A statement for other programs: CSV, one row a line, and JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from connectors.json_records import record_to_json
from connectors.json_values import decimal_text
from domain.money import format_amount
from domain.outputs import StatementLine
from domain.units import HOURS_SCALE, PERCENT_SCALE, RATE_SCALE
from milepost.console import no_formula, shape
from milepost.statements.groups import StatementGroup
from milepost.statements.lines import exact_quantity
from milepost.statements.sheet import StatementSheet, company_name, customer_name, group_title, issued_on
from milepost.tables import csv_text

CSV_COLUMNS: Final = (
    *("statement_id", "revision", "status", "group", "line", "project_id", "line_id", "person_id", "person", "role"),
    *("task", "description", "service_from", "service_to", "quantity", "unit", "rate", "markup_percent", "amount"),
    *("currency", "flags", "entries"),
)


def statement_csv(sheet: StatementSheet) -> str:
    return csv_text(CSV_COLUMNS, _csv_rows(sheet))


def _csv_rows(sheet: StatementSheet) -> Iterator[Sequence[object]]:
    """Numbers plain and exact; lists with blanks between. What somebody typed never begins a formula in a spreadsheet."""
    one = sheet.statement
    for group in sheet.groups:
        for number, line in group.lines:
            row = _line_json(sheet, line)
            yield (
                *(no_formula(one.statement_id), one.revision, one.status, no_formula(group.key), number),
                *(no_formula(line.project_id), no_formula(line.line_id)),
                *(no_formula(line.person_id) if sheet.names else "", no_formula(_person(sheet, line))),
                *(
                    no_formula(line.role),
                    no_formula(line.task),
                    no_formula(line.description),
                    line.service_from,
                    line.service_to,
                ),
                *(row["quantity"], line.unit, row["rate"], row["markup_percent"], row["amount"]),
                *(one.currency, " ".join(line.flags), no_formula(" ".join(line.entries))),
            )


def _person(sheet: StatementSheet, line: StatementLine) -> str:
    if not sheet.names or line.person_id is None:
        return ""
    return sheet.background.people.get(line.person_id, "")


def statement_json(sheet: StatementSheet) -> dict[str, Any]:
    """Version 1 of the shape; numbers are decimals as text."""
    return shape(
        1,
        kind="statement",
        company=company_name(sheet),
        customer=customer_name(sheet),
        purchase_order=sheet.background.purchase_order,
        issued_on=issued_on(sheet).isoformat(),
        grouped_by=sheet.by,
        groups=[_group_json(sheet, group) for group in sheet.groups],
        statement=_record_json(sheet),
    )


def _record_json(sheet: StatementSheet) -> dict[str, Any]:
    found = record_to_json(sheet.statement, sheet.issued.position)
    if not sheet.names:
        found["lines"] = [{**line, "person_id": None} for line in found["lines"]]
    return found


def _group_json(sheet: StatementSheet, group: StatementGroup) -> dict[str, Any]:
    return {
        "key": group.key,
        "title": group_title(sheet, group),
        "quantity": plain_quantity(sum(_quantity(sheet, line) for line in group.lines_only)),
        "amount": format_amount(group.amount),
        "lines": [
            {
                "number": number,
                "person": _person(sheet, line) or None,
                **_line_json(sheet, line),
                "entries": list(line.entries),
            }
            for number, line in group.lines
        ],
    }


def _line_json(sheet: StatementSheet, line: StatementLine) -> dict[str, str]:
    return line_json(line) | {"quantity": plain_quantity(_quantity(sheet, line))}


def _quantity(sheet: StatementSheet, line: StatementLine) -> int:
    return exact_quantity(line, sheet.background, sheet.statement.currency)


def line_json(line: StatementLine) -> dict[str, str]:
    return {
        "service_from": line.service_from.isoformat(),
        "service_to": line.service_to.isoformat(),
        "quantity": plain_quantity(line.quantity),
        "rate": decimal_text(RATE_SCALE, 0, line.rate),
        "markup_percent": decimal_text(PERCENT_SCALE, 0, line.markup_percent),
        "amount": format_amount(line.amount),
    }


def plain_quantity(quantity: int) -> str:
    return decimal_text(HOURS_SCALE, 0, quantity)
