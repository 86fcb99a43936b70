"""The lines of a statement in groups with subtotals: as billed by project, or by person, task or week.

Nothing is priced again. A line of one week or person goes whole; one of several weeks is divided by what it bills of each entry. A line
that was written before it said so is divided by what its entries had accrued, and only where that gives its amount to the cent.

    99.99 an hour, 60 % of 83.33 and 116.66 in two weeks: the line is 119.99, of which it bills 50.00 and 69.99
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from domain.billing.statement import CORRECTION
from domain.outputs import BillingStatement, StatementLine
from domain.units import Amount, Hours
from milepost.statements.lines import telling_quantity

GroupBy = Literal["project", "person", "task", "week"]


class NumberedLine(NamedTuple):
    """A line or a part of one, with the line's number on the statement from 1."""

    number: int
    line: StatementLine


class StatementGroup(NamedTuple):
    """`key` is a project, a person, a task, or the first day of a week; None for lines without."""

    key: str | None
    lines: tuple[NumberedLine, ...]

    @property
    def lines_only(self) -> tuple[StatementLine, ...]:
        return tuple(each.line for each in self.lines)

    @property
    def amount(self) -> Amount:
        return sum(each.line.amount for each in self.lines)

    @property
    def quantity(self) -> Hours:
        return sum(each.line.quantity for each in self.lines)


class EntryShare(NamedTuple):
    """What an entry brought to its line, and when the work was done."""

    amount: Amount
    day: date


def grouped_lines(
    statement: BillingStatement, by: GroupBy, shares: Mapping[str, EntryShare] | None = None
) -> tuple[StatementGroup, ...]:
    """Lines by date, groups in the order of the lines, weeks by date. `shares` are needed to divide lines by week."""
    numbered = [NumberedLine(number, line) for number, line in enumerate(statement.lines, 1)]
    if by == "week":
        numbered = [part for each in numbered for part in _by_week(each, statement.currency, shares or {})]
    groups: dict[str | None, list[NumberedLine]] = {}
    for each in numbered:
        groups.setdefault(KEYS[by](each.line), []).append(each)
    made = tuple(_by_day(StatementGroup(key, tuple(lines))) for key, lines in groups.items())
    if by == "week":
        made = tuple(sorted(made, key=lambda group: (group.key is None, group.key or "")))
    found = sum(group.amount for group in made)
    assert found == statement.total, f"{statement.statement_id}: groups sum to {found}, its total is {statement.total}"
    return made


def _by_day(group: StatementGroup) -> StatementGroup:
    return group._replace(lines=tuple(sorted(group.lines, key=lambda each: (each.line.service_from, each.number))))


def _week(line: StatementLine) -> str | None:
    """The Monday of its days, None where there are several."""
    first, last = monday(line.service_from), monday(line.service_to)
    return first.isoformat() if first == last else None


KEYS: Final[Mapping[GroupBy, Callable[[StatementLine], str | None]]] = {
    "project": lambda line: line.project_id,
    "person": lambda line: line.person_id,
    "task": lambda line: line.task,
    "week": _week,
}


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _by_week(numbered: NumberedLine, currency: str, shares: Mapping[str, EntryShare]) -> Iterator[NumberedLine]:
    number, line = numbered
    if line.entry_amounts and all(entry_id in shares for entry_id in line.entries):
        billed = zip(line.entries, line.entry_amounts, strict=True)
        shares = {entry_id: shares[entry_id]._replace(amount=amount) for entry_id, amount in billed}
    if _week(line) is not None or not _divides(line, shares):
        yield numbered
        return
    weeks: dict[date, list[str]] = {}
    for entry_id in sorted(line.entries, key=lambda entry_id: (shares[entry_id].day, entry_id)):
        weeks.setdefault(monday(shares[entry_id].day), []).append(entry_id)
    parts = [_part(line, entries, shares, currency) for entries in weeks.values()]
    rest = line.quantity - sum(part.quantity for part in parts)
    parts[-1] = parts[-1]._replace(quantity=parts[-1].quantity + rest)
    yield from (NumberedLine(number, part) for part in parts)


def _divides(line: StatementLine, shares: Mapping[str, EntryShare]) -> bool:
    known = [shares[entry_id] for entry_id in line.entries if entry_id in shares]
    return (
        line.rate > 0
        and line.amount > 0
        and CORRECTION not in line.flags
        and len(known) == len(line.entries)
        and sum(share.amount for share in known) == line.amount
    )


def _part(
    line: StatementLine, entries: Sequence[str], shares: Mapping[str, EntryShare], currency: str
) -> StatementLine:
    """Its quantity is what gives its amount at the line's rate, with two decimals as statements print it."""
    amount = sum(shares[entry_id].amount for entry_id in entries)
    days = [shares[entry_id].day for entry_id in entries]
    rough = _printed(line.quantity * amount, line.amount)
    part = line._replace(
        amount=amount, quantity=rough, service_from=min(days), service_to=max(days), entries=tuple(entries)
    )
    return part._replace(quantity=_printed(telling_quantity(part, currency), 1))


def _printed(numerator: int, denominator: int) -> Hours:
    """To a hundredth of an hour."""
    step = 10_000
    return (2 * numerator + denominator * step) // (2 * denominator * step) * step
