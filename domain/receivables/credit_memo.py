"""What a credit memo takes back of an invoice: by row of the invoice, what is left of each and no more.

A line of the memo names an entry, or a contract line with all its rows on the invoice, by hours or by amount. What falls on several rows
is shared in proportion to what is left of them, cumulatively, so that the sum is exact and the last credit takes the cents that are left.
Hours are credited at the rate at which they were billed, all of them together rounded once.

    8 h at 200.00 are invoiced (1,600.00); 3 h credited: 600.00; 500.00 credited: 2.5 h; 2.5 h are left: 500.00
    8 h and 8 h at 33.33 are invoiced; 1 h of their line is 33.33: 0.5 h and 0.5 h are 16.67 and 16.66

Time by start and end counts by its exact ratio: three entries of 20 minutes are 1 h, not 3 x 0.333333 h. Their exact hours (1 h) and the
sum of those in six decimals (0.999999 h) both credit all of them.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from domain.events.common import CreditMemoLine
from domain.figure import assumed, because, called, ratio, spread, titled, together
from domain.money import HALF_UP, extend, format_amount, format_decimal, round_ratio, smallest_unit
from domain.units import (
    AMOUNT_ONE,
    HOURS_ONE,
    HOURS_SCALE,
    HUNDRED_PERCENT,
    MICROSECONDS_A_MILLIONTH,
    RATE_ONE,
    Amount,
    Hours,
    Percent,
    Rate,
)
from domain.work.rows import listed_as, named

KIND = "credit_memo"
# Journals of a credit memo are one a row; their rule says kind, row and contract line.
RULE = "credit"
ERROR_REBILL, REBATE = "error_rebill", "rebate"
# What takes something off the price.
CONCESSIONS = ("price_concession", "goodwill")
# Who mends what is wrong with a credit memo.
WHOLE = "its issuer sends it again, under the same id, in whole units"
MENDS = "its issuer sends it again, under the same id, with what is left"


class CreditableRow(NamedTuple):
    """What is left to be credited of one entry on one contract line of an invoice; `hourly` is what an hour of it was billed at, where
    that is a rate, else None: then its hours have what they were billed with. `finer` are microseconds that its hours leave out."""

    entry_id: str
    line_id: str
    amount: Amount
    hours: Hours
    hourly: Rate | None = None
    finer: int = 0

    def less(self, amount: Amount, hours: Hours) -> "CreditableRow":
        """What is left of it when that much is taken."""
        left = called(self.hours - hours, "hours left of it")
        return self._replace(
            amount=called(self.amount - amount, "left of it"), hours=left, finer=self.finer if left else 0
        )

    @property
    def worth(self) -> tuple[Amount, Hours]:
        """An amount, and the hours that come to it."""
        if self.hourly is None:
            return self.amount, self.hours
        return self.hourly * AMOUNT_ONE, RATE_ONE * HOURS_ONE

    def part(self, hours: Hours) -> tuple[int, Hours, Hours]:
        """The same with hours of it, as an explanation has them."""
        if self.hourly is None:
            return self.amount, hours, self.hours
        return self.hourly, hours, assumed(hours, HOURS_ONE, "an hour")


class CreditedRow(NamedTuple):
    """What is credited of the row at a place."""

    place: int
    amount: Amount
    hours: Hours


class Credited(NamedTuple):
    """What each line of a memo takes, in its order."""

    lines: tuple[tuple[CreditedRow, ...], ...]

    @property
    def amount(self) -> Amount:
        return sum(one.amount for line in self.lines for one in line)

    def by_row(self) -> dict[int, CreditedRow]:
        """All that is taken of each row, in the order of the rows."""
        found: dict[int, CreditedRow] = {}
        for one in sorted((one for line in self.lines for one in line), key=lambda one: one.place):
            had = found.get(one.place, CreditedRow(one.place, 0, 0))
            found[one.place] = CreditedRow(one.place, had.amount + one.amount, had.hours + one.hours)
        return {place: one for place, one in found.items() if one.amount or one.hours}


class NotCreditable(NamedTuple):
    """Why nothing can be credited: the field, and what was expected of it."""

    field: str
    message: str


def hourly(
    amount: Amount, hours: Hours, rate: Rate, markup: Percent, currency: str, mode: str, finer: int = 0
) -> Rate | None:
    """What an hour was billed at, if hours at the rate are the amount but for a cent of rounding."""
    with_markup: Rate = rate * (HUNDRED_PERCENT + markup) // HUNDRED_PERCENT
    is_finer = with_markup * HUNDRED_PERCENT != rate * (HUNDRED_PERCENT + markup)
    if is_finer or hours <= 0:
        return None
    if abs(extend(hours, with_markup, 0, currency, mode, finer) - amount) > smallest_unit(currency):
        return None
    return with_markup


def too_fine(lines: Sequence[CreditMemoLine], tax: Amount | None, currency: str) -> NotCreditable | None:
    """The first amount of a memo that nobody can pay in the invoice's currency."""
    stated = [(f"lines[{place}].amount", line.amount) for place, line in enumerate(lines)]
    for field, amount in (*stated, ("tax_amount", tax)):
        if amount is not None and amount % smallest_unit(currency):
            return NotCreditable(field, f"{format_amount(amount)} is finer than {currency} can be paid; {WHOLE}")
    return None


def credited(
    rows: Sequence[CreditableRow], lines: Sequence[CreditMemoLine], currency: str, mode: str
) -> Credited | NotCreditable:
    """What each line takes of the rows, or what is wrong with the first that cannot be taken whole."""
    left = list(rows)
    taken: list[tuple[CreditedRow, ...]] = []
    for number, line in enumerate(lines):
        found = _of_line(left, number, line, currency, mode)
        if isinstance(found, NotCreditable):
            return found
        for one in found:
            left[one.place] = left[one.place].less(one.amount, one.hours)
        taken.append(found)
    return Credited(tuple(taken))


def is_named(row: CreditableRow, line: CreditMemoLine) -> bool:
    """An entry by its row, by the id of its fact, or as the old system called it; a contract line with all that the invoice has of it."""
    if line.line_id is not None and line.line_id != row.line_id:
        return False
    return line.entry_id is None or line.entry_id in (row.entry_id, named(row.entry_id)[1], listed_as(row.entry_id))


def tax_of(tax: Amount, net: Amount, credited_net: Amount, step: Amount, mode: str) -> Amount:
    """The tax of one line of a memo alone, rounded: of the invoice's tax in proportion to its net amount."""
    title = "tax of the line"
    return titled(ratio(tax, credited_net, net, step, mode, title), title, "R11") if net else 0


def _of_line(
    rows: Sequence[CreditableRow], number: int, line: CreditMemoLine, currency: str, mode: str
) -> tuple[CreditedRow, ...] | NotCreditable:
    places = [place for place, row in enumerate(rows) if is_named(row, line)]
    what = f"entry {line.entry_id}" if line.entry_id is not None else f"line {line.line_id}"
    field = f"lines[{number}]"
    if not places:
        name = "entry_id" if line.entry_id is not None else "line_id"
        return NotCreditable(f"{field}.{name}", f"expected what the invoice bills, {what} is not on it; {MENDS}")
    own = [rows[place] for place in places]
    if line.hours is not None:
        return _by_hours(own, places, line.hours, number, what, currency, mode)
    assert line.amount is not None, "a line without hours names an amount"
    return _by_amount(own, places, line.amount, number, what, smallest_unit(currency), mode)


def _by_amount(
    rows: list[CreditableRow], places: list[int], amount: Amount, number: int, what: str, step: Amount, mode: str
) -> tuple[CreditedRow, ...] | NotCreditable:
    left = sum(row.amount for row in rows)
    if amount > left:
        return NotCreditable(
            f"lines[{number}].amount",
            f"expected at most {format_amount(max(left, 0))} billed of {what} and not yet credited, "
            f"got {format_amount(amount)}; {MENDS}",
        )
    if amount == left:
        return _whole(rows, places, amount)
    weights = [max(row.amount, 0) for row in rows]
    amounts = spread(amount, weights, step, mode)
    return tuple(
        CreditedRow(place, part, _hours_of(row, part)) for place, row, part in zip(places, rows, amounts, strict=True)
    )


def _hours_of(row: CreditableRow, part: Amount) -> Hours:
    """In proportion to what of it is credited."""
    if not row.amount or not part:
        return 0
    hours = round_ratio(row.hours * part, row.amount, 1, HALF_UP)
    return together(hours, [(row.hours, part, row.amount)], 1, HALF_UP, "its hours", "hours")


def _whole(rows: Sequence[CreditableRow], places: Sequence[int], asked: int) -> tuple[CreditedRow, ...]:
    """All that is left, since that is what is asked for."""
    return tuple(
        CreditedRow(place, because(row.amount, asked), row.hours) for place, row in zip(places, rows, strict=True)
    )


def _by_hours(
    rows: list[CreditableRow], places: list[int], hours: Hours, number: int, what: str, currency: str, mode: str
) -> tuple[CreditedRow, ...] | NotCreditable:
    least, most = hours_left(rows)
    if hours > most:
        shown = format_decimal(max(most, 0), HOURS_SCALE)
        return NotCreditable(
            f"lines[{number}].hours",
            f"expected at most {shown} h billed of {what} and not yet credited, "
            f"got {format_decimal(hours, HOURS_SCALE)}; {MENDS}",
        )
    if hours >= least:
        return _whole(rows, places, hours)
    parts = spread(hours, [max(row.hours, 0) for row in rows], 1)
    amounts = at_rates(rows, parts, currency, mode)
    return tuple(CreditedRow(*one) for one in zip(places, amounts, parts, strict=True))


def hours_left(rows: Sequence[CreditableRow]) -> tuple[Hours, Hours]:
    """What is left of rows, the lesser first: the sum of their hours, and their exact time rounded to six decimals. Either is all of it."""
    shown, finer = sum(row.hours for row in rows), sum(row.finer for row in rows)
    exact = round_ratio(shown * MICROSECONDS_A_MILLIONTH + finer, MICROSECONDS_A_MILLIONTH, 1, HALF_UP)
    return min(shown, exact), max(shown, exact)


def at_rates(rows: Sequence[CreditableRow], parts: Sequence[Hours], currency: str, mode: str) -> list[Amount]:
    """Parts of the rows' hours at what their hours were billed at: all together rounded once, each row the difference of two sums (R12).

    No row gives more than is left of it; the cent that it does not give comes from the next that has one, at the end from the first.
    """
    exact, upto, given, step = Fraction(0), 0, 0, smallest_unit(currency)
    found: list[Amount] = []
    of = list[tuple[int, Hours, Hours]]()
    for row, part in zip(rows, parts, strict=True):
        if not part:
            found.append(0)
            continue
        amount, hours = row.worth
        exact += Fraction(amount * part, hours)
        of.append(row.part(part))
        upto = round_ratio(exact.numerator, exact.denominator, step, mode)
        upto = together(upto, of, step, mode, "at the billed rate", currency=currency)
        found.append(min(called(upto - given, "its part"), row.amount))
        given += found[-1]
    for place, row in enumerate(rows):
        cents = called(upto - given, "cents that others cannot give")
        more = min(cents, called(row.amount - found[place], "what else is left of it")) if parts[place] else 0
        found[place] += more
        given += more
    return found
