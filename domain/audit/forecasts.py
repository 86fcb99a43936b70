"""Forecast updates of a project follow each other and add up, also by month and in every currency, expect no more cash than is
billed, and their changes are explained to the cent (R60).
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import FORECASTS, Differs, SeenOutput, Violation, violation
from domain.forecast.completion import MONTHS_MAX
from domain.money import format_amount, format_decimal, smallest_unit
from domain.outputs import ForecastFigures, ForecastUpdate, PreviousFigures
from domain.units import HOURS_SCALE, Amount, Hours


class ForecastSeries:
    """What was published last of each project."""

    def __init__(self) -> None:
        self.count = 0
        self._last: dict[str, tuple[str, PreviousFigures]] = {}

    def see(self, seen: SeenOutput, update: ForecastUpdate) -> Iterator[Violation]:
        self.count += 1
        now = update.project
        figures = PreviousFigures(
            update.sequence, now.eac_cost, now.eac_revenue, now.margin, now.burn_cost, now.burn_revenue, now.backlog
        )
        currency, before = self._last.get(update.project_id, (now.currency, None))
        self._last[update.project_id] = (now.currency, figures)
        for wrong in _wrong(update, before if currency == now.currency else None, before):
            yield violation(FORECASTS, seen, f"{update.project_id} {update.sequence}", *wrong)


def _wrong(
    update: ForecastUpdate, comparable: PreviousFigures | None, before: PreviousFigures | None
) -> Iterator[Differs]:
    """A contract may change the currency of a project; then there is nothing to compare with."""
    sequence = before.sequence + 1 if before is not None else 1
    if update.sequence != sequence:
        yield Differs(f"sequence {sequence}", f"sequence {update.sequence}")
    for figures in (update.project, update.ledger, update.group):
        if figures is not None:
            yield from _adds_up(figures)
    yield from _pays_no_more(update.project)
    if update.previous != comparable:
        yield Differs(f"previous figures {_shown(comparable)}", _shown(update.previous))
    if update.previous is not None:
        yield from _explained(update, update.previous)


def _adds_up(figures: ForecastFigures) -> Iterator[Differs]:
    if figures.eac_hours != figures.burn_hours + figures.etc_hours:
        expected = _hours(figures.burn_hours + figures.etc_hours)
        yield Differs(f"hours at completion = burn + to complete = {expected} h", f"{_hours(figures.eac_hours)} h")
    for name, eac, burn, etc in (
        ("cost", figures.eac_cost, figures.burn_cost, figures.etc_cost),
        ("revenue", figures.eac_revenue, figures.burn_revenue, figures.etc_revenue),
    ):
        if eac != burn + etc:
            expected = format_amount(burn + etc)
            what = f"{name} at completion = burn + to complete = {expected} {figures.currency}"
            yield Differs(what, f"{format_amount(eac)} {figures.currency}")
    if len(figures.months) < MONTHS_MAX:
        yield from _months_add_up(figures)
    if figures.margin != figures.eac_revenue - figures.eac_cost:
        expected = format_amount(figures.eac_revenue - figures.eac_cost)
        yield Differs(f"margin {expected} {figures.currency}", format_amount(figures.margin))


def _months_add_up(figures: ForecastFigures) -> Iterator[Differs]:
    """Of more months than one record holds the oldest are left out, and nothing can be said."""
    for when, of_whole, of_month in (("at completion", "eac_", ""), ("so far", "burn_", "burn_")):
        for name in ("hours", "cost", "revenue"):
            whole: int = getattr(figures, f"{of_whole}{name}")
            by_month = [getattr(month, f"{of_month}{name}") for month in figures.months]
            # None was published before the field was there.
            if None not in by_month and sum(by_month) != whole:
                expected, found = (_hours_or_amount(one, name, figures.currency) for one in (whole, sum(by_month)))
                yield Differs(f"months that sum to the {name} {when}, {expected}", found)


def _pays_no_more(figures: ForecastFigures) -> Iterator[Differs]:
    """Over all months what is paid is billed, but for what converting other currencies month by month leaves."""
    months, currency = figures.months, figures.currency
    if len(months) >= MONTHS_MAX:
        return
    billings, cash = sum(month.billings for month in months), sum(month.cash for month in months)
    if cash > billings + len(months) * smallest_unit(currency):
        most = format_amount(billings, currency)
        yield Differs(f"cash of no more than what is billed, {most} {currency}", format_amount(cash, currency))


def _hours_or_amount(number: int, name: str, currency: str) -> str:
    return f"{_hours(number)} h" if name == "hours" else f"{format_amount(number, currency)} {currency}"


def _hours(hours: Hours) -> str:
    return format_decimal(hours, HOURS_SCALE)


def _explained(update: ForecastUpdate, before: PreviousFigures) -> Iterator[Differs]:
    now = update.project
    changes: tuple[tuple[str, Amount, Amount], ...] = (
        ("cost", now.eac_cost - before.eac_cost, sum(delta.cost for delta in update.deltas)),
        ("revenue", now.eac_revenue - before.eac_revenue, sum(delta.revenue for delta in update.deltas)),
        ("margin", now.margin - before.margin, sum(delta.margin for delta in update.deltas)),
    )
    for name, change, explained in changes:
        if change != explained:
            yield Differs(
                f"causes of the change of {name} that sum to {format_amount(change)}", format_amount(explained)
            )


def _shown(figures: PreviousFigures | None) -> str:
    if figures is None:
        return "none"
    return f"of sequence {figures.sequence}, cost {format_amount(figures.eac_cost)}, revenue {format_amount(figures.eac_revenue)}"
