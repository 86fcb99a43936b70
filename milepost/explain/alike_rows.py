"""Rows that differ in their numbers alone are added to the books as one row, whose numbers are columns (`domain.columns`): the fold's own
sums run once for all of them. Only of very many rows, of which each number is but named, and only where none is less than 0: no sum comes
to nothing on its way, to begin again without what was in it.

    34,000 entries of 34 days on one line, the last 6,000 over its cap: 34 rows
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Sequence, ValuesView
from typing import Final, NamedTuple, TypeVar, cast

from msgspec.structs import replace

from domain.accounts import REVENUE
from domain.columns import AddendColumn
from domain.explanation import Node
from domain.figure import later, of_rows, whole
from domain.work.rows import named
from milepost.explain.nodes import Nodes
from state.books import Burn, Cost, Entry, LineTotals, Price

Of = TypeVar("Of")
# What is the same of rows that are alike.
Alike = tuple[object, ...]
# Of a row in this order, the last two if it is issued; as its own explanation calls them (`milepost.explain.records`).
NUMBERS: Final = "hours_worked", "cost", "hours_billable", "value", "billable", "recognised", "issued", "invoiced"


class Rows(NamedTuple):
    """What is added to sums, rows as the books index them, and each by its name with figures for its numbers."""

    to_add: list[Entry]
    indexed: list[Entry]
    by_name: dict[str, Entry]


class AlikeRows(Nodes):
    def at(self, step: int) -> Rows:
        trace = self.sources.trace
        if self.sources.are_many:
            standing = (trace.entry_at(row, step) for row in sorted(trace.entry_ids()))
            entries = [entry for entry in standing if entry is not None]
            alike = list(map(_alike, entries))
            if not any(_takes_off(entry) for entry, of in zip(entries, alike, strict=True) if of is None):
                return self._together(entries, alike, step)
        rows = list(self.nodes.rows.all_at(step))
        return Rows(rows, rows, {row.entry_id: row for row in rows})

    def _together(self, entries: list[Entry], alike: list[Alike | None], step: int) -> Rows:
        """A row like no other parts those before it from those after."""
        to_add, by_name = list[Entry](), _ByName()
        groups: dict[Alike, _Group] = {}
        for place, (entry, of) in enumerate(zip(entries, alike, strict=True)):
            if of is not None:
                group = groups.get(of)
                if group is None:
                    group = groups[of] = _Group(self, step)
                by_name.put_off(entry.entry_id, group, group.put(place, entry))
                continue
            to_add += [group.made() for group in groups.values()]
            groups.clear()
            to_add.append(self.row(entry.entry_id, step))
            by_name[entry.entry_id] = to_add[-1]
        to_add += [group.made() for group in groups.values()]
        return Rows(to_add, entries, by_name)

    def row(self, entry_id: str, step: int) -> Entry:
        made = self.nodes.rows.at(entry_id, step)
        assert made is not None, "the row stands"
        return made


class _Group:
    """Rows that are alike, at their places among all."""

    def __init__(self, nodes: AlikeRows, step: int) -> None:
        self._nodes, self._step = nodes, step
        self.entries: list[Entry] = []
        self._places: list[int] = []
        self._columns: list[AddendColumn] = []

    def put(self, place: int, entry: Entry) -> int:
        """As which of the group."""
        self.entries.append(entry)
        self._places.append(place)
        return len(self.entries) - 1

    def made(self) -> Entry:
        first = self.entries[0]
        values = zip(*map(_numbers, self.entries), strict=True)
        self._columns = [self._column(name, of) for name, of in zip(NUMBERS, values, strict=False)]
        return _with(first, [of_rows(column) if column.values[0] else 0 for column in self._columns])

    def row(self, number: int) -> Entry:
        made = self._nodes.row(self.entries[number].entry_id, self._step)
        return _with(made, [later(column.values[number], column.node, number) for column in self._columns])

    def _column(self, name: str, values: tuple[int, ...]) -> AddendColumn:
        sources, step = self._nodes.sources, self._step
        unit, currency = ("hours", "") if name.startswith("hours") else ("amount", self._currency(name))
        names = dict(zip(self._places, (entry.entry_id for entry in self.entries), strict=True))

        def part(place: int, value: int) -> Node:
            return sources.part(names[place], name, value, unit, currency, step)

        return AddendColumn(self._places, values, part)

    def _currency(self, name: str) -> str:
        first = self.entries[0]
        cost, price = _of(first)
        if name in ("issued", "invoiced"):
            draft = self._nodes.sources.draft(self._step)
            return draft.contract_in_books(first.issued[0].contract_id).terms.currency
        return cost.currency if name == "cost" else price.currency


class _ByName(dict[str, Entry]):
    """Rows, of which most are made when somebody asks."""

    def put_off(self, entry_id: str, group: _Group, number: int) -> None:
        super().__setitem__(entry_id, cast("Entry", (group, number)))

    def __getitem__(self, entry_id: str) -> Entry:
        found: object = super().__getitem__(entry_id)
        if isinstance(found, tuple):
            group, number = found
            found = self[entry_id] = group.row(number)
        return cast("Entry", found)

    def get(self, entry_id: str, default: Entry | None = None) -> Entry | None:  # type: ignore[override]
        return self[entry_id] if entry_id in self else default  # noqa: SIM401  # a plain `get` asks for nothing

    def __iter__(self) -> Iterator[str]:
        """Also so that a copy asks for each."""
        return super().__iter__()

    def values(self) -> ValuesView[Entry]:  # type: ignore[override]
        return ValuesView(self)

    def items(self) -> ItemsView[str, Entry]:  # type: ignore[override]
        return ItemsView(self)


def _of(entry: Entry) -> tuple[Cost, Price]:
    work = entry.standing
    assert work is not None, "the row stands"
    assert work.cost is not None, "it is booked"
    assert work.price is not None, "it is priced"
    return work.cost, work.price


def _numbers(entry: Entry) -> tuple[int, ...]:
    cost, price = _of(entry)
    numbers = cost.hours, cost.amount, price.hours, price.value, price.billable, price.recognised
    return (*numbers, entry.issued[0].amount, entry.issued[0].invoiced) if entry.issued else numbers


def _with(entry: Entry, numbers: Sequence[int]) -> Entry:
    (cost, price), work = _of(entry), entry.standing
    assert work is not None, "the row stands"
    hours, amount, billable_hours, value, billable, recognised, *issued = numbers
    made = replace(
        work,
        cost=replace(cost, hours=hours, amount=amount),
        price=replace(price, hours=billable_hours, value=value, billable=billable, recognised=recognised),
    )
    on = tuple(replace(one, amount=issued[0], invoiced=issued[1]) for one in entry.issued)
    return replace(entry, work=made, behind=None, issued=on)


def _alike(entry: Entry) -> Alike | None:
    """All but the numbers that sums and moves are made of (`state.totals`); None of a row that has more of these than time of one line and
    its statement have, or less than 0 of one."""
    work, issued = entry.work, entry.issued
    if work is None or entry.behind is not None or work.time is None or work.part_of is not None:
        return None
    cost, price = work.cost, work.price
    if (
        cost is None
        or price is None
        or not price.line_id
        or work.faults
        or work.transfer is not None
        or len(issued) > 1
    ):
        return None
    if price.memo or price.rounding or price.passed or price.passed_hours or price.written_off or price.drawn:
        return None
    if any(journal.currency != journal.ledger_currency for journal in work.journals):
        return None
    numbers = _numbers(entry)
    if min(numbers) < 0:
        return None
    of = issued[0] if issued else None
    if of is not None and (of.payers or of.funded or of.freed or of.conceded or of.account in REVENUE or of.project_id):
        return None
    return (
        *map(bool, numbers),
        (cost.currency, cost.day, work.project_id, work.time.billed_elsewhere, named(entry.entry_id)[0]),
        (price.contract_id, price.line_id, price.currency, price.day, price.project_id),
        (price.account, price.revenue, price.content, price.earned is None),
        (of.contract_id, of.line_id, of.day, of.account) if of is not None else None,
    )


def _takes_off(entry: Entry) -> bool:
    """Whether it takes anything off a sum."""
    work = entry.standing
    cost, price = (work.cost, work.price) if work is not None else (None, None)
    if cost is not None and (cost.hours < 0 or cost.amount < 0):
        return True
    if price is not None and (
        price.drawn or min(price.hours - price.passed_hours, price.value - price.passed, *_amounts(price)) < 0
    ):
        return True
    return any(one.conceded or min(one.amount, one.invoiced) < 0 for one in entry.issued)


def _amounts(price: Price) -> tuple[int, ...]:
    return price.memo, price.billable, price.rounding, price.recognised, price.written_off


def all_added(sums: Of) -> Of:
    """Each sum as it is once all rows are in it."""
    if isinstance(sums, int):
        return cast("Of", whole(sums))
    if isinstance(sums, dict):
        return cast("Of", {key: all_added(one) for key, one in sums.items()})
    if isinstance(sums, tuple):
        return cast("Of", tuple(map(all_added, sums)))
    if isinstance(sums, LineTotals | Burn):
        return replace(sums, **{name: all_added(getattr(sums, name)) for name in sums.__struct_fields__})
    return sums
