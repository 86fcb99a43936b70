"""A firm from its beginning beside the same firm that moved in: every later statement, journal and forecast, and what is not equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from connectors.imports.balances import ImportedBalances
from domain.billing.statement import ISSUED
from domain.events.catalogue import Event
from domain.outputs import BillingStatement, ForecastFigures, ForecastUpdate, Output, ProjectView
from simulation.plan import SimulationPlan
from simulation.story import events
from tests.moving_in.moved import (
    Key,
    Row,
    Sums,
    apart,
    balances,
    by_account,
    load,
    opening,
    running,
    waiting,
    with_estimates,
    without,
)
from tests.moving_in.running import FATES, RunningFirm

DAY_ONE, STATEMENTS, JOURNALS = "trial balance of the first day", "statements", "journals"
FORECASTS, VIEWS = "forecasts", "views"


class Difference(NamedTuple):
    """What is not the same: `key` says which figure, `engagement_id` whose."""

    area: str
    engagement_id: str
    key: Key
    old: object
    new: object


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How many figures were looked at in each area, and those that differ."""

    loaded: ImportedBalances
    figures: Mapping[str, int]
    differences: Sequence[Difference]
    engagement_of: Mapping[str, str]
    new: RunningFirm = field(repr=False)


def compared(plan: SimulationPlan, as_of: date, until: date, folder: Path) -> Compared:
    """Both firms hear the same after `as_of`; the new one begins with the CSVs of the old one's balances."""
    early, late = running(events(plan), as_of)
    probe, unsettled = RunningFirm(answers=True), set[tuple[str, str]]()
    probe.run(early, as_of, after=lambda day: unsettled.update(waiting(probe)) if day == as_of else None)
    early, late = without(early, unsettled), without(late, unsettled)
    return goes_on(*with_estimates(early, late, as_of), as_of, until, folder)


def goes_on(
    early: Sequence[Event],
    late: Sequence[Event],
    as_of: date,
    until: date,
    folder: Path,
    fates: Sequence[str] = FATES,
    states: Callable[[list[Row]], list[Row]] = lambda rows: rows,
) -> Compared:
    """What is told until `as_of` and after it; `states` may leave out of the balances what may be left out."""
    old = RunningFirm(answers=True, fates=fates)
    stands = _Standing(old, as_of)
    old.run([*early, *late], until, stands.begin, stands.note)
    said = opening(old.told[: stands.told], as_of)
    loaded, brought = load(folder, said, states(stands.rows))
    new = RunningFirm(answers=False)
    begins = _Standing(new, as_of)
    new.run([*said, *brought, *old.told[stands.told :]], until, begins.begin, begins.note)
    engagement_of = _engagements(old)
    earlier = _of_earlier_rates(old.outputs(), as_of, until)
    found: dict[str, tuple[Mapping[Key, object], Mapping[Key, object]]] = {
        DAY_ONE: (stands.trial, begins.trial),
        STATEMENTS: (dict(_statements(old.outputs(stands.billed))), dict(_statements(new.outputs(begins.billed)))),
        JOURNALS: (
            _from(as_of, by_account(old.outputs(stands.said), by_day=True)),
            _from(as_of, by_account(new.outputs(begins.said), by_day=True)),
        ),
        FORECASTS: (dict(_forecasts(old.outputs(), as_of, until)), dict(_forecasts(new.outputs(), as_of, until))),
        VIEWS: (dict(_views(old.outputs())), dict(_views(new.outputs()))),
    }
    differences = [
        Difference(area, engagement_of.get(_whose(area, key), ""), key, *sides)
        for area, (before, after) in found.items()
        for key, sides in apart(before, after).items()
        if key not in earlier
    ]
    figures = {area: len({*before, *after}) for area, (before, after) in found.items()}
    return Compared(loaded=loaded, figures=figures, differences=differences, engagement_of=engagement_of, new=new)


class _Standing:
    """Where a firm stands when the day of the balances has ended: what that day's end bills is of the time after it."""

    def __init__(self, firm: RunningFirm, as_of: date) -> None:
        self.firm, self.as_of = firm, as_of
        self.rows: list[dict[str, object]] = []
        self.trial: Sums = {}
        self.billed = self.said = self.told = 0

    def begin(self, day: date) -> None:
        if day == self.as_of:
            self.billed = len(self.firm.folded)

    def note(self, day: date) -> None:
        if day == self.as_of:
            self.rows, self.trial = balances(self.firm, self.as_of), by_account(self.firm.outputs())
            self.said, self.told = len(self.firm.folded), len(self.firm.told)


def _from(as_of: date, sums: Sums) -> Sums:
    """What later events post on days of before is posted on the day of the balances: they have no others."""
    found: Sums = {}
    for key, (amount, ledger) in sums.items():
        *of, day = key
        assert isinstance(day, date), "sums are by day"
        at = (*of, max(day, as_of))
        had = found.get(at, (0, 0))
        found[at] = had[0] + amount, had[1] + ledger
    return {key: each for key, each in found.items() if any(each)}


def _whose(area: str, key: Key) -> str:
    """The id in a key that says whose figure it is: a project, or a contract."""
    return str(key[3] if area in (DAY_ONE, JOURNALS) else key[0])


def _engagements(firm: RunningFirm) -> dict[str, str]:
    """Of projects and of contracts."""
    found: dict[str, str] = {}
    for record in firm.books.log:
        for name in ("project_id", "contract_id"):
            own = getattr(record.event, name, None)
            if own is not None and record.engagement_id:
                found.setdefault(own, record.engagement_id)
    return found


def _statements(outputs: Iterable[Output]) -> Iterator[tuple[Key, object]]:
    """What each came to at last, and what it has on each contract line."""
    for record in outputs:
        if isinstance(record, BillingStatement) and record.part == 1 and record.status == ISSUED:
            tax = tuple((one.category, one.base, one.percent, one.amount) for one in record.tax)
            whole = record.amount_due, record.total, record.retained, record.released, record.deposits_applied
            of_lines: dict[str, int] = {}
            for line in record.lines:
                of_lines[line.line_id] = of_lines.get(line.line_id, 0) + line.amount
            yield (record.contract_id, record.statement_id), (whole, tax, tuple(sorted(of_lines.items())))


def _forecasts(outputs: Iterable[Output], as_of: date, until: date) -> Iterator[tuple[Key, object]]:
    """What was published last by the end of each calendar month after `as_of`, by figure, in the ledger's currency."""
    for month, record in _last_published(outputs, as_of, until):
        figures = record.ledger or record.project
        for name in ForecastFigures._fields:
            if name != "months":
                yield (record.project_id, month, name), getattr(figures, name)


def _of_earlier_rates(outputs: Iterable[Output], as_of: date, until: date) -> set[Key]:
    """Per cents of a budget in another currency than the cost that nothing has moved since a day before `as_of`: they are by the exchange
    rate of that day, and a firm that moves in says them first by that of `as_of`.

    783.00 EUR of 5,900.00 GBP: 668.06 and 11.323051 % by the rate of 30 March, 668.37 and 11.328305 % by that of the 31st
    """
    return {
        (record.project_id, month, "budget_used_percent")
        for month, record in _last_published(outputs, as_of, until)
        if record.ledger is not None and record.as_of < as_of
    }


def _last_published(outputs: Iterable[Output], as_of: date, until: date) -> Iterator[tuple[str, ForecastUpdate]]:
    published = [record for record in outputs if isinstance(record, ForecastUpdate)]
    first, last_of_all = (12 * day.year + day.month for day in (as_of, until))
    for place in range(first, last_of_all):
        month = f"{place // 12}-{place % 12 + 1:02d}"
        last = {record.project_id: record for record in published if f"{record.as_of:%Y-%m}" <= month}
        yield from ((month, record) for record in last.values())


def _views(outputs: Iterable[Output]) -> Iterator[tuple[Key, object]]:
    """How each project stands at last: hours, cost and what a contract has on it, but for what balances do not say or say otherwise.

    That is what included work would have been worth, what is over the cap of a month that is over, statements of which a concession took
    something later, and on which of its projects an invoice is paid.
    """
    last = {record.project_id: record for record in outputs if isinstance(record, ProjectView)}
    for project_id, view in last.items():
        burn = view.burn
        yield (project_id, "", "burn"), (burn.hours, burn.billable_hours, burn.cost)
        yield (project_id, "", "cash and retainers"), (view.open_statements, view.unapplied, view.retainers)
        for balance in view.balances:
            for name, value in balance._asdict().items():
                if name not in {"over_cap", "billed", "paid"}:
                    yield (project_id, balance.contract_id, name), value
