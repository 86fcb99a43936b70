"""The lines of a statement as a table, on a page, on paper and in a terminal: date, description, who, hours, rate and amount."""

from typing import Final, NamedTuple

from domain.outputs import StatementLine
from domain.units import Hours
from milepost.statements.described import description
from milepost.statements.groups import StatementGroup
from milepost.statements.lines import HOUR, telling_quantity, units_of
from milepost.statements.sheet import StatementSheet, is_money, person_column, person_or_role


class LineCells(NamedTuple):
    days: str
    described: str
    who: str
    hours: str
    rate: str
    amount: str


# The columns of numbers, by their places.
NUMBERS: Final = frozenset(map(LineCells._fields.index, ("hours", "rate", "amount")))


def titles(sheet: StatementSheet) -> LineCells:
    words = sheet.words
    who = words[person_column(sheet)]
    return LineCells(words["date"], words["description"], who, words["hours"], words["rate"], words["amount"])


def cells_of(sheet: StatementSheet, line: StatementLine) -> LineCells:
    writing = sheet.writing
    return LineCells(
        f"{writing.span(line.service_from, line.service_to)}",
        description(sheet, line),
        person_or_role(sheet, line),
        _quantity(sheet, line),
        _rate(sheet, line),
        writing.amount(line.amount),
    )


def subtotal(sheet: StatementSheet, group: StatementGroup) -> LineCells:
    writing = sheet.writing
    hours = writing.quantity(_hours(sheet, group))
    return LineCells("", sheet.words["subtotal"], "", hours, "", writing.amount(group.amount))


def _quantity(sheet: StatementSheet, line: StatementLine) -> str:
    """Two decimals, or as many as give its amount; nothing where it is money alone."""
    if is_money(line):
        return ""
    quantity = telling_quantity(line, sheet.statement.currency)
    return sheet.writing.quantity(quantity) + units_of(line)


def _rate(sheet: StatementSheet, line: StatementLine) -> str:
    """Of money alone nothing, as it would be the amount; of what has a markup what that is added to."""
    return "" if is_money(line) and not line.markup_percent else sheet.writing.rate(line.rate)


def _hours(sheet: StatementSheet, group: StatementGroup) -> Hours:
    """The sum of the hours as they stand on its lines."""
    lines = (line for line in group.lines_only if line.unit == HOUR)
    return sum(telling_quantity(line, sheet.statement.currency) for line in lines)
