"""`milepost forecast`: burn against plan by month, what is at completion, what moved that, and since when a cap has no room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.files.forecast_history import UsedUp
from domain.caps.purchase_order import SUBJECT_KIND
from domain.counting import counted
from domain.money import format_amount
from domain.outputs import ForecastCap
from milepost.as_of import looking_back
from milepost.console import LOCALE, WIDTH, amount_text, say, shape, shell_word, tell, write_json
from milepost.days import day_option, instant_day
from milepost.for_period import forecast_for
from milepost.html_file import HtmlFile, write_page
from milepost.options import Json, Locale, Output
from milepost.tables import COLUMN_APART, TEXT_LEAST, Table, hours_text, percent_text, show
from milepost.words import label_words

if TYPE_CHECKING:
    from domain.outputs import ForecastDelta, ForecastFigures, ForecastUpdate
    from milepost.forecasts.shown import ForecastShown, MonthShown, MoveShown

BAR_WIDTH, BAR_LEAST = 36, 10
MOVES_SHOWN = 10
EVENTS_SHOWN = 3


class MeasureName(StrEnum):
    COST = "cost"
    REVENUE = "revenue"
    HOURS = "hours"


@partial(looking_back, asked="project_id", answer=forecast_for)
def forecast(
    project_id: Annotated[str, typer.Argument(metavar="PROJECT", help="Id of a project.")],
    output: Output,
    since: Annotated[
        date | None, day_option("--since", "What moved it since this day; without it since its plan.")
    ] = None,
    measure: Annotated[MeasureName, typer.Option("--measure", help="What is charted by month.")] = MeasureName.COST,
    html: HtmlFile = None,
    locale: Locale = LOCALE,
    json: Json = False,
) -> None:
    """Show where a project is heading: burn against plan by month, and what moved it by cause."""
    if html is not None and json:
        raise typer.BadParameter("expected one of --html and --json, got both", param_hint="--html")
    found = _forecast_shown(output, project_id, since)
    if html is not None:
        write_page(html, _page(found, measure, locale))
    elif json:
        write_json(as_json(found))
    else:
        tell("\n".join(head(found)) + "\n")
        show(*tables(found, measure))
        say(f"\nNext: milepost forecast {shell_word(project_id)} --html forecast.html --output {shell_word(output)}")


def _forecast_shown(output: Path, project_id: str, since: date | None) -> ForecastShown:
    from connectors.files.forecast_history import activated_in, forecast_history, moving_events, used_up
    from connectors.files.lookup import projects_with_forecasts
    from milepost.forecasts.shown import forecast_shown
    from milepost.unknown_id import unknown_id

    history = forecast_history(output, project_id)
    if not history:
        known = projects_with_forecasts(output)
        kinds = "a project that has a forecast"
        raise unknown_id(output, project_id, kinds, known, "milepost dump forecast.current", "PROJECT")
    latest = history[-1].update.as_of
    if since is not None and since > latest:
        raise typer.BadParameter(
            f"expected a day up to the latest forecast, {latest}; got {since}", param_hint="--since"
        )
    events = moving_events(output, history)
    return forecast_shown(history, events, activated_in(events), since, used_up(output, history))


def _page(found: ForecastShown, measure: MeasureName, locale: str) -> str:
    from milepost.forecasts.page import forecast_page
    from milepost.locales import writing

    return forecast_page(found, writing(locale, found.now.currency), measure.value)


# For people


def head(found: ForecastShown) -> list[str]:
    from milepost.forecasts.as_posted import as_posted

    update, now = found.latest, found.now
    figures = [
        f"at completion {amount_text(now.eac_revenue)} revenue, {amount_text(now.eac_cost)} cost, "
        f"{amount_text(now.margin)} margin {percent_text(now.margin_percent)}".rstrip()
    ]
    if update.percent_complete is not None:
        figures.append(f"{percent_text(update.percent_complete)} complete")
    named = f", {found.name}," if found.name != update.project_id else ""
    first = found.exhausts[0] if found.exhausts else None
    posted = as_posted(update)
    return [
        f"Forecast of project {update.project_id}{named} as of {update.as_of}, in {now.currency}",
        "; ".join(figures),
        *([_posted_text(update.as_of, posted)] if posted is not None else []),
        f"backlog {amount_text(now.backlog)}, unbilled backlog {amount_text(now.unbilled_backlog)}",
        *map(used_up_text, found.used_up),
        *([f"{cap_name(first)} will be used up on {first.exhausts_on}"] if first is not None else []),
    ]


def _posted_text(as_of: date, posted: ForecastFigures) -> str:
    figures = f"{amount_text(posted.eac_revenue)} revenue, {amount_text(posted.eac_cost)} cost"
    return f"with the exchange rates of {as_of}; with those posted {figures}, {amount_text(posted.margin)} margin"


def tables(found: ForecastShown, measure: MeasureName) -> list[Table]:
    return [
        _chart(found, measure),
        _months(found.latest),
        _causes(found),
        *([_moves(found)] if found.moves else []),
        *([_caps(found)] if found.latest.caps else []),
    ]


def _chart(found: ForecastShown, measure: MeasureName) -> Table:
    """Bars of what is burned and to come, with a mark where the plan was."""
    from milepost.forecasts.shown import months

    rows = months(found, measure.value)
    told = hours_text if measure is MeasureName.HOURS else amount_text
    most = max((max(row.plan, row.now) for row in rows), default=0)
    sums = [told(sum(getattr(row, name) for row in rows)) for name in ("plan", "burned", "to_come")]
    figures = [(told(row.plan), told(row.burned), told(row.to_come)) for row in rows]
    length = bar_length([*figures, sums])
    cells = [(row.month, *told_of, bar(row, most, length)) for row, told_of in zip(rows, figures, strict=True)]
    title = f"Burn of {measure.value} against the plan of {found.plan.as_of}"
    columns = ("month", "plan", "burned", "to come", "█ burned  ░ to come  | plan")
    total = [("all", *sums, "")] if cells else []
    return Table(title, columns, [*cells, *total], frozenset({1, 2, 3}), len(total), unbroken=frozenset({4}))


def bar_length(figures: Sequence[Sequence[str]]) -> int:
    """Of the largest month: what a terminal of the usual width leaves beside month and figures."""
    widths = [TEXT_LEAST, *(max(map(len, column)) for column in zip(*figures, strict=True))]
    left = WIDTH - 1 - sum(width + COLUMN_APART for width in widths) - COLUMN_APART - len("|")
    return max(min(BAR_WIDTH, left), BAR_LEAST)


def bar(row: MonthShown, most: int, length: int = BAR_WIDTH) -> str:
    """As long as its share of the largest month."""
    if most <= 0:
        return ""

    def width(value: int) -> int:
        return max(0, min(length, (2 * value * length + most) // (2 * most)))

    burned = "█" * width(row.burned)
    drawn = (burned + "░" * (width(row.now) - len(burned))).ljust(length + 1)
    mark = width(row.plan)
    return (drawn[:mark] + "|" + drawn[mark + 1 :] if row.plan > 0 else drawn).rstrip()


def _months(update: ForecastUpdate) -> Table:
    money = ("cost", "revenue", "billings", "cash")
    months = update.project.months
    rows = [
        (month.month, hours_text(month.hours), *(amount_text(getattr(month, name)) for name in money))
        for month in months
    ]
    sums = (
        "all",
        hours_text(sum(month.hours for month in months)),
        *(amount_text(sum(getattr(month, name) for month in months)) for name in money),
    )
    return Table(
        "All by month, as forecast; cash in the month in which it falls due",
        ("month", "hours", *money),
        [*rows, *([sums] if rows else [])],
        frozenset(range(1, 6)),
        1,
    )


def _causes(found: ForecastShown) -> Table:
    from milepost.forecasts.shown import by_cause

    rows = [
        (
            each.cause.replace("_", " "),
            *map(amount_text, (each.cost, each.revenue, each.margin)),
            _events_of(found, each.cause),
        )
        for each in by_cause(found)
    ]
    before, now = found.since.project, found.now
    sums = (now.eac_cost - before.eac_cost, now.eac_revenue - before.eac_revenue, now.margin - before.margin)
    total = [("change", *map(amount_text, sums), "")] if rows else []
    title = f"What moved it since {found.since.as_of}, by cause"
    columns = ("cause", "cost", "revenue", "margin", "events")
    return Table(title, columns, [*rows, *total], frozenset({1, 2, 3}), len(total))


def _events_of(found: ForecastShown, cause: str) -> str:
    """How many of each kind can have done it."""
    from milepost.words import event_name

    counts: dict[str, int] = {}
    for move in found.moves:
        if any(delta.cause == cause for delta in move.update.deltas):
            for each in move.events_of(cause):
                name = type(each.event).__name__
                counts[name] = counts.get(name, 0) + 1
    return ", ".join(
        f"{count:,} {event_name(name)}" for name, count in sorted(counts.items(), key=lambda item: -item[1])
    )


def _moves(found: ForecastShown) -> Table:
    from milepost.forecasts.page import events_text
    from milepost.forecasts.shown import largest

    moves, count = largest(found, MOVES_SHOWN)
    rows = [
        (
            f"{move.update.as_of}",
            *map(amount_text, _sums(move)),
            ", ".join(delta.cause.replace("_", " ") for delta in move.update.deltas),
            events_text(move, EVENTS_SHOWN),
        )
        for move in moves
    ]
    of = f", the largest {len(moves)} of {count}" if count > len(moves) else ""
    columns = ("as of", "cost", "revenue", "margin", "causes", "events")
    return Table(f"Moves{of}", columns, rows, frozenset({1, 2, 3}))


def _sums(move: MoveShown) -> tuple[int, int, int]:
    deltas = move.update.deltas
    return sum(d.cost for d in deltas), sum(d.revenue for d in deltas), sum(d.margin for d in deltas)


def _caps(found: ForecastShown) -> Table:

    since = {id(one.cap): one for one in found.used_up}
    # Purchase orders follow each other, and limits are amended: then each says from which day its own holds.
    dated = any(cap.effective_from is not None for cap in found.latest.caps)
    rows = [
        (
            cap.cap_id,
            cap_kind(cap),
            *((f"{cap.effective_from or 'the beginning'}",) if dated else ()),
            amount_text(cap.used_amount),
            amount_text(cap.limit_amount) if cap.limit_amount is not None else "",
            hours_text(cap.used_hours),
            hours_text(cap.limit_hours) if cap.limit_hours is not None else "",
            percent_text(cap.used_percent),
            _used_up_on(cap, since.get(id(cap))),
        )
        for cap in found.latest.caps
    ]
    columns = (
        "cap",
        "kind",
        *(("work from",) if dated else ()),
        "used",
        "limit",
        "hours used",
        "hours limit",
        "used %",
        "used up",
    )
    return Table("Caps", columns, rows, frozenset(range(2 + dated, 7 + dated)))


def _used_up_on(cap: ForecastCap, one: UsedUp | None) -> str:
    from milepost.days import instant_day

    if one is not None:
        return f"since {instant_day(one.since)}"
    return f"on {cap.exhausts_on}" if cap.exhausts_on is not None else ""


# For machines


def as_json(found: ForecastShown) -> dict[str, Any]:
    """Version 1 of the shape; numbers are decimals as text."""
    from connectors.json_records import record_to_json
    from milepost.forecasts.shown import MEASURES, by_cause, months

    by_measure = {measure: {row.month: row for row in months(found, measure)} for measure in MEASURES}
    return shape(
        1,
        forecast=record_to_json(found.latest),
        name=found.name,
        used_up=[_used_up_json(one) for one in found.used_up],
        plan={"sequence": found.plan.sequence, "as_of": found.plan.as_of.isoformat()},
        since={"sequence": found.since.sequence, "as_of": found.since.as_of.isoformat()},
        months=[
            {
                "month": month,
                **{name: _month_json(rows[month], name) for name, rows in by_measure.items() if month in rows},
            }
            for month in sorted({month for rows in by_measure.values() for month in rows})
        ],
        causes=[_deltas_json([each])[0] for each in by_cause(found)],
        moves=[
            {
                "sequence": move.update.sequence,
                "as_of": move.update.as_of.isoformat(),
                "deltas": _deltas_json(move.update.deltas),
                "events": [
                    {"log_offset": each.log_offset, "event": each.label, "causes": sorted(each.causes)}
                    for each in move.events
                ],
            }
            for move in found.moves
        ],
    )


def _used_up_json(one: UsedUp) -> dict[str, Any]:
    from connectors.json_values import instant_text

    waiting = one.waiting
    return {
        "contract_id": one.cap.contract_id,
        "cap_id": one.cap.cap_id,
        "kind": one.cap.kind,
        "since": instant_text(one.since),
        "log_offset": one.log_offset,
        "event": one.label or None,
        "exception_id": waiting.exception_id if waiting is not None else None,
        "waiting_amount": format_amount(waiting.blocks_amount or 0) if waiting is not None else "0.00",
        "waiting_entries": waiting.blocks_count if waiting is not None else 0,
    }


def _month_json(row: MonthShown, measure: str) -> dict[str, str]:
    from connectors.json_values import decimal_text
    from domain.units import AMOUNT_SCALE, HOURS_SCALE

    scale, least = (HOURS_SCALE, 0) if measure == "hours" else (AMOUNT_SCALE, 2)
    values = {"plan": row.plan, "burned": row.burned, "to_come": row.to_come}
    return {name: decimal_text(scale, least, value) for name, value in values.items()}


def _deltas_json(deltas: Sequence[ForecastDelta]) -> list[dict[str, str]]:
    return [
        {"cause": each.cause, **{name: format_amount(getattr(each, name)) for name in ("cost", "revenue", "margin")}}
        for each in deltas
    ]


def used_up_text(one: UsedUp) -> str:
    """A hard cap holds back, a soft one warns."""
    by = f" by {label_words(one.label)}" if one.label else ""
    return f"{cap_name(one.cap)} is used up since {instant_day(one.since)}{by}; {_held_back(one)}"


def _held_back(one: UsedUp) -> str:
    if one.cap.kind == "soft":
        return "it is soft, so nothing is held back"
    waiting = one.waiting
    if waiting is None or not waiting.blocks_amount:
        return "nothing waits over it"
    entries = counted(waiting.blocks_count, "entry waits", "entries wait")
    return f"{entries} over it, {amount_text(waiting.blocks_amount)} {waiting.blocks_currency or ''}".rstrip()


def cap_name(cap: ForecastCap) -> str:
    what = {"soft": "soft cap", SUBJECT_KIND: "purchase order"}.get(cap.kind or "", "cap")
    return f"{what} {cap.cap_id}" + (f" of contract {cap.contract_id}" if cap.contract_id is not None else "")


def cap_kind(cap: ForecastCap) -> str:
    """Such as hard, soft by month, or purchase order."""
    return f"{(cap.kind or '').replace('_', ' ')}{' by month' if cap.period == 'month' else ''}".strip()
