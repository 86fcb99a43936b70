"""Figures of the tables with what they sum: a table reads the value, and `milepost explain` what it is made of.

margin 1,660.00 = revenue 3,000.00 - cost 1,340.00, where cost is what six journals debit 5000
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from connectors.files.glance_index import AboutSum, AccountSum, CostOfHours, HoursWorked
from domain.forecast.completion import percent

SUM, LESS, PERCENT = "sum", "subtract", "percent"
# Over figures that nothing sums, since they are in several currencies.
BY_CURRENCY: Final = "by currency"
# Which of the two amounts of a journal's line, of the hours of an entry, or which field of an event or a forecast.
AMOUNT, LEDGER, HOURS, BILLABLE, WAITING = "amount", "ledger", "hours", "billable", "waiting"


class Part(NamedTuple):
    """What a figure sums: `value` counts, and comes from `of`, which says where it is from and what else there is of it."""

    value: int
    of: object
    measure: str = LEDGER


class SameRow(NamedTuple):
    """Another figure of the row."""

    column: str


class Elsewhere(NamedTuple):
    """A figure that is explained by its own id; `is_credit` where it has the other sign there."""

    title: str
    id: str
    is_credit: bool = False


class OtherSide(NamedTuple):
    """What comes to an account from the other one of a contract; the table says it."""

    title: str


class StatedField(NamedTuple):
    """What the newest version of a fact says in a part of a field; `id` is that of the index of tables."""

    kind: str
    id: str
    field: str
    part: str = ""


class Booked(NamedTuple):
    """Hours of a project of which something was booked."""

    project_id: str


class BeforeTheBooks(NamedTuple):
    """What of an account's sum balances brought forward."""

    of: AccountSum


class PostedBetween(NamedTuple):
    """What journals post about something, of accounting dates from a day to before another."""

    about: AboutSum
    since: date | None
    before: date | None


class InDays(NamedTuple):
    """Hours, or their cost, of days from one to another."""

    of: HoursWorked | CostOfHours
    first: date | None
    last: date | None


class TakenBack(NamedTuple):
    """What work of one day takes back, and off which day it is taken; ordinals."""

    by: int
    off: int


class Counted(NamedTuple):
    """One of a thing that is counted."""

    title: str
    id: str


class Figure(NamedTuple):
    """None is not known, which is not 0, or what is in several currencies. What it is made of is asked for where somebody wants it
    explained."""

    value: int | None
    parts: Callable[[], Sequence[Part]] = tuple
    how: str = SUM
    # Of one that stands in no column.
    title: str = ""
    unit: str = ""


def sum_of(parts: Sequence[Part], sign: int = 1) -> Figure:
    """`sign` is -1 where the ledger has it on the other side."""
    if sign == 1:
        return Figure(sum(part.value for part in parts), lambda: parts)
    return Figure(-sum(part.value for part in parts), lambda: [part._replace(value=-part.value) for part in parts])


def less(figures: Mapping[str, Figure], first: str, *rest: str) -> Figure:
    """Of other figures of the row, by their columns."""
    value = (figures[first].value or 0) - sum(figures[each].value or 0 for each in rest)
    return Figure(value, _of_row(figures, (first, *rest)), LESS)


def plus(figures: Mapping[str, Figure], first: str, moved: Figure) -> Figure:
    """A figure of the row and what it moved by."""
    named = moved._replace(title="moved")
    parts = [Part(figures[first].value or 0, SameRow(first)), Part(moved.value or 0, named)]
    return Figure(sum(part.value for part in parts), lambda: parts)


def together(figures: Mapping[str, Figure], *columns: str) -> Figure:
    """Of other figures of the row, by their columns."""
    return Figure(sum(figures[each].value or 0 for each in columns), _of_row(figures, columns))


def percent_of(figures: Mapping[str, Figure], part: str, whole: str) -> Figure:
    """Millionths of a percent, half up; not known where there is nothing to be a part of, or less."""
    one, other = figures[part].value, figures[whole].value
    if one is None or other is None or other <= 0:
        return UNKNOWN
    return Figure(percent(one, other), _of_row(figures, (part, whole)), PERCENT)


def share(one: Figure, whole: Figure) -> Figure:
    """The same of figures that stand in no column."""
    value = whole.value
    if one.value is None or value is None or value <= 0:
        return UNKNOWN
    return Figure(percent(one.value, value), lambda: [Part(one.value or 0, one), Part(value, whole)], PERCENT)


class InCurrency(NamedTuple):
    """What of a figure in several is in one currency."""

    currency: str
    figure: Figure


def in_currencies(by_currency: Mapping[str, Figure]) -> Figure:
    parts = [Part(figure.value or 0, InCurrency(currency, figure)) for currency, figure in by_currency.items()]
    return Figure(None, lambda: parts, BY_CURRENCY)


def counted(things: Iterable[Counted]) -> Figure:
    parts = [Part(1, thing) for thing in things]
    return Figure(len(parts), lambda: parts)


def counted_as(title: str, count: int, id_: str) -> Figure:
    """A number that follows from what the title says."""
    return Figure(count, lambda: [Part(count, Counted(title, id_))])


def _of_row(figures: Mapping[str, Figure], columns: tuple[str, ...]) -> Callable[[], Sequence[Part]]:
    return lambda: [Part(figures[column].value or 0, SameRow(column)) for column in columns]


UNKNOWN: Final = Figure(None)


def moved_part(company: str, period: str, account: str, moved: int, *, is_credit: bool) -> Part:
    """What a company's ledger moved on an account in a period; of credits the other side."""
    of = Elsewhere(f"{period} {account}", f"{company}/{period}/{account}#movement", is_credit)
    return Part(-moved if is_credit else moved, of)
