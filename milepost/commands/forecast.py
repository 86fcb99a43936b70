"""`milepost forecast`: where a project goes, by month, and why that changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.console import amount_text, shape, write_json

if TYPE_CHECKING:
    from domain.outputs import ForecastUpdate
    from milepost.tables import Table


def forecast(
    project_id: Annotated[str, typer.Argument(metavar="PROJECT", help="Id of a project.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", help="Output folder of a run.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Show a project's latest forecast by month, and what changed it by cause."""
    from connectors.files.lookup import hint, latest_forecast, projects_with_forecasts
    from connectors.files.written import NoOutputs
    from connectors.json_records import record_to_json
    from milepost.tables import show

    try:
        update = latest_forecast(output, project_id)
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
    if update is None:
        known = hint(project_id, projects_with_forecasts(output))
        message = f"no project {project_id or '(nothing)'} has a forecast{known}"
        raise typer.BadParameter(message, param_hint="PROJECT")
    if json:
        write_json(shape(1, forecast=record_to_json(update)))
        return
    typer.echo("\n".join(head(update)))
    typer.echo()
    show(*tables(update))


def head(update: ForecastUpdate) -> list[str]:
    from milepost.tables import percent_text

    now = update.project
    figures = [
        f"at completion {amount_text(now.eac_revenue)} revenue, {amount_text(now.eac_cost)} cost, "
        f"{amount_text(now.margin)} margin {percent_text(now.margin_percent)}".rstrip()
    ]
    if update.percent_complete is not None:
        figures.append(f"{percent_text(update.percent_complete)} complete")
    return [
        f"Forecast {update.sequence} of project {update.project_id} as of {update.as_of}, in {now.currency}",
        "; ".join(figures),
        f"backlog {amount_text(now.backlog)}, unbilled backlog {amount_text(now.unbilled_backlog)}",
    ]


def tables(update: ForecastUpdate) -> list[Table]:
    return [_months(update), _causes(update), *([_caps(update)] if update.caps else [])]


def _months(update: ForecastUpdate) -> Table:
    from milepost.tables import Table, hours_text

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
    return Table("By month", ("month", "hours", *money), [*rows, *([sums] if rows else [])], frozenset(range(1, 6)), 1)


def _causes(update: ForecastUpdate) -> Table:
    from milepost.tables import Table

    rows = [
        (delta.cause.replace("_", " "), *map(amount_text, (delta.cost, delta.revenue, delta.margin)))
        for delta in update.deltas
    ]
    deltas = update.deltas
    sums = (sum(d.cost for d in deltas), sum(d.revenue for d in deltas), sum(d.margin for d in deltas))
    since = f" since forecast {update.baseline_sequence}" if update.baseline_sequence is not None else ""
    all_rows = [*rows, ("change", *map(amount_text, sums))] if rows else []
    return Table(
        f"Change at completion{since}, by cause",
        ("cause", "cost", "revenue", "margin"),
        all_rows,
        frozenset({1, 2, 3}),
        1,
    )


def _caps(update: ForecastUpdate) -> Table:
    from milepost.tables import Table, hours_text, percent_text

    rows = [
        (
            cap.cap_id,
            amount_text(cap.used_amount),
            amount_text(cap.limit_amount) if cap.limit_amount is not None else "",
            hours_text(cap.used_hours),
            hours_text(cap.limit_hours) if cap.limit_hours is not None else "",
            percent_text(cap.used_percent),
            f"{cap.exhausts_on}" if cap.exhausts_on is not None else "",
        )
        for cap in update.caps
    ]
    columns = ("cap", "used", "limit", "hours used", "hours limit", "used %", "exhausted on")
    return Table("Caps", columns, rows, frozenset(range(1, 6)))
