"""How people read the lines of a statement: quantities that give the amount, markups, and what was written up or down."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from connectors.files.statement_background import Background
from domain.billing.statement import CORRECTION
from domain.events.delivery import TimeApproved
from domain.money import HALF_UP, extend, smallest_unit
from domain.outputs import StatementLine
from domain.units import HOURS_SCALE, HUNDRED_PERCENT, PERCENT_SCALE, Hours, Percent
from domain.work.hours import worked_hours
from domain.work.rows import EXPENSE, FEE, named
from milepost.tables import hours_text, scaled_text

HOUR, EACH = "hour", "each"
# Statements print quantities with this many decimals by default; one that differs by more is not the rounded one.
PRINTED_STEP = 10**HOURS_SCALE // 100


class WrittenTime(NamedTuple):
    """An entry of which other hours are billable than were worked."""

    entry_id: str
    hours: Hours
    billable_hours: Hours


def has_no_quantity(line: StatementLine) -> bool:
    """Whether it charges a fee or an expense: a quantity of 1 says nothing of it, nor does the part that a cap or a share leaves of it,
    0.545951 of 1,099."""
    is_one = line.unit == EACH and abs(line.quantity) <= 10**HOURS_SCALE
    return is_one and all(named(row)[0] in (FEE, EXPENSE) for row in line.entries)


def telling_quantity(line: StatementLine, currency: str) -> Hours:
    """The printed quantity, with as many decimals as it takes until quantity x rate is the amount.

    Printed are two (policy `quantity_decimals`), priced is the exact time: 9.33 h at 100 are 933.33, which is 9.3333 h.
    Where each of several entries was rounded, they may be half a cent apart each. Where another quantity than a rounded
    one is behind the amount (a corrected rate), the printed one stands.
    """
    if not line.rate or _gives(line, line.quantity, currency):
        return line.quantity
    price = line.rate * (HUNDRED_PERCENT + line.markup_percent)
    for decimals in range(1, HOURS_SCALE + 1):
        step = 10 ** (HOURS_SCALE - decimals)
        steps = (2 * line.amount * 10**8 * HUNDRED_PERCENT + price * step) // (2 * price * step)
        quantity = steps * step
        if _gives(line, quantity, currency):
            return quantity if abs(quantity - line.quantity) <= PRINTED_STEP else line.quantity
    return line.quantity


def exact_quantity(line: StatementLine, known: Background, currency: str) -> Hours:
    """The hours of its entries as worked, or stated to be billed, where these at its rate are the amount, of a correction those that one
    version has more than another; else those printed, with as many decimals as that takes. A cap, a share or steps leave other hours
    than the entries have."""
    if line.unit != HOUR:
        return line.quantity
    hours = [known.hours.get(entry_id, ()) for entry_id in line.entries]
    if CORRECTION in line.flags:
        of = hours[0] if len(hours) == 1 else ()
        found = [now - was for place, now in enumerate((0, *of)) for was in of[place:]]
    else:
        found = [sum(of[0] for of in hours)] if all(hours) else []
    return next((each for each in found if _gives(line, each, currency)), telling_quantity(line, currency))


def _gives(line: StatementLine, quantity: Hours, currency: str) -> bool:
    """At the line's rate, but for the rounding of its entries."""
    apart = abs(extend(quantity, line.rate, line.markup_percent, currency, HALF_UP) - line.amount)
    return 2 * apart <= (len(line.entries) if len(line.entries) > 1 else 0) * smallest_unit(currency)


def added_to_rate(line: StatementLine, entries: Mapping[str, TimeApproved]) -> str:
    """What the markup is for: overtime, or else what is added to cost; of entries that are not known it is overtime."""
    known = [entries[entry_id] for entry_id in line.entries if entry_id in entries]
    is_overtime = line.unit == HOUR and (not known or any(entry.overtime for entry in known))
    return "overtime" if is_overtime else "markup"


def units_of(line: StatementLine) -> str:
    """What the quantity counts, where that are no hours and no pieces."""
    return "" if line.unit in (HOUR, EACH) else f" {line.unit}"


def percent_of_rate(markup: Percent) -> str:
    """`50 %`, without zeros at its end."""
    return f"{scaled_text(markup, PERCENT_SCALE)} %"


def written_time(entries: Iterable[TimeApproved]) -> Iterator[WrittenTime]:
    """Entries that are written up or down, in their order."""
    for event in entries:
        hours = worked_hours(event)
        if event.billable_hours is not None and event.billable_hours != hours:
            yield WrittenTime(event.entry_id, hours, event.billable_hours)


def written_notes(line: StatementLine, entries: Mapping[str, TimeApproved]) -> list[str]:
    """`written up 2 h`; not of a correction, whose quantity is only the difference."""
    if CORRECTION in line.flags:
        return []
    moved = [
        each.billable_hours - each.hours
        for each in written_time(entries[entry_id] for entry_id in line.entries if entry_id in entries)
    ]
    up, down = sum(each for each in moved if each > 0), -sum(each for each in moved if each < 0)
    return [f"written {way} {hours_text(hours)} h" for way, hours in (("up", up), ("down", down)) if hours]
