"""A project or an engagement as Redis has it: from views alone, each with the place in the log that it is of."""

from contextlib import closing
from typing import Any, Final

import typer
from redis.exceptions import RedisError

from connectors.decode_error import DecodeError
from connectors.files.lookup import Viewed, hint
from connectors.json_records import output_from_json
from connectors.redis.read_model import ReadModel
from connectors.redis.settings import RedisSettings
from domain.counting import counted
from domain.outputs import ProjectView
from milepost import exit_codes
from milepost.commands.show import balances, burn, positions, project_title, projects, view_json
from milepost.console import amount_text, echo, say, shape, tell, write_json
from milepost.days import instant_day
from milepost.exceptions.words import titled
from milepost.funds_shown import funds
from milepost.tables import Table, percent_text, show

# A view is of a day's end; only a log that goes on for long without one sends views before.
NONE_YET: Final = (
    ": a project's first view comes when its first day ends, at midnight in its company's time zone, while `milepost serve intake`, "
    "`serve accounting` and `serve view` run"
)


def show_from_redis(settings: RedisSettings, wanted: str, *, json: bool) -> None:
    """Ends with 75 where Redis cannot be asked: it may be back in a moment."""
    with closing(ReadModel(settings)) as model:
        try:
            own = found_view(model, wanted)
            shared = [] if own is not None else of_engagement(model, wanted)
            if own is None and not shared:
                known = frozenset(model.project_ids())
                none_yet = "" if known else NONE_YET
                raise typer.BadParameter(
                    f"expected the id of a project or an engagement that has a view in Redis, got {wanted or '(nothing)'}"
                    f"{hint(wanted, known)}{none_yet}. Statements and others are found with --output",
                    param_hint="ID",
                )
        except RedisError as fault:
            say(
                f"{settings.url}: Redis does not answer, or refuses: {str(fault).rstrip('.')}. `milepost doctor` looks at it"
            )
            raise typer.Exit(exit_codes.TRY_AGAIN) from fault
    if json:
        write_json(project_json(own) if own is not None else engagement_json(wanted, shared))
        return
    tell("\n".join(project_head(own) if own is not None else engagement_head(wanted, shared)))
    echo()
    show(*(project_tables(own) if own is not None else engagement_tables(shared)))


def found_view(model: ReadModel, project_id: str) -> Viewed | None:
    found = model.view(project_id)
    if found is None:
        return None
    try:
        position, record = output_from_json(found)
    except DecodeError as fault:
        raise typer.BadParameter(
            f"the view of {project_id} in Redis was written by another release: {fault}; `milepost view rebuild` writes all views again",
            param_hint="--from",
        ) from fault
    assert isinstance(record, ProjectView)
    return Viewed(position, record)


def of_engagement(model: ReadModel, engagement_id: str) -> list[Viewed]:
    """In the order of their ids. A project that another generation bound elsewhere is not among them."""
    found = [found_view(model, project_id) for project_id in model.projects_of(engagement_id)]
    return [each for each in found if each is not None and each.view.engagement_id == engagement_id]


def project_head(viewed: Viewed) -> list[str]:
    return [
        project_title(viewed.view),
        f"as of {instant_day(viewed.position.recorded_at)}, from Redis: {place_text(viewed)}",
    ]


def place_text(viewed: Viewed) -> str:
    """Of the record that made the view what it is."""
    position = viewed.position
    return f"record {position.log_offset:,} of shard {position.shard}, generation {position.generation}"


def project_tables(viewed: Viewed) -> list[Table]:
    forecast = [_forecast(viewed.view)] if viewed.view.forecast is not None else []
    waiting = [_exceptions([viewed])] if viewed.view.open_exceptions else []
    return [burn(viewed), balances([viewed]), *funds([viewed]), *forecast, *waiting, _statements([viewed])]


def engagement_head(engagement_id: str, viewed: list[Viewed]) -> list[str]:
    contracts = {balance.contract_id for each in viewed for balance in each.view.balances}
    oldest = min(viewed, key=lambda each: each.position.recorded_at)
    return [
        f"Contract group {engagement_id}: {counted(len(viewed), 'project')}, {counted(len(contracts), 'contract')}",
        f"as of {instant_day(oldest.position.recorded_at)} or later, project by project",
        f"from Redis: {place_text(oldest)}, or after it",
    ]


def engagement_tables(viewed: list[Viewed]) -> list[Table]:
    waiting = [_exceptions(viewed)] if any(each.view.open_exceptions for each in viewed) else []
    tables = [projects(viewed, "Projects"), balances(viewed), positions(viewed), *funds(viewed)]
    return [*tables, *waiting, _statements(viewed)]


def _forecast(view: ProjectView) -> Table:
    now = view.forecast
    assert now is not None
    row = (*map(amount_text, (now.eac_cost, now.eac_revenue, now.margin)), percent_text(now.percent_complete))
    return Table("Forecast", ("cost", "revenue", "margin", "complete"), [row], frozenset(range(4)))


def _exceptions(viewed: list[Viewed]) -> Table:
    """A view holds the most urgent; their number is of all."""
    rows = [
        (
            titled(one.category),
            one.owner_role,
            one.assignee or "",
            f"{one.blocks_count:,}",
            f"{amount_text(one.amount)} {one.currency or ''}".rstrip() if one.amount else "",
            one.exception_id,
        )
        for each in viewed
        for one in each.view.open_exceptions
    ]
    total = sum(each.view.open_exception_count for each in viewed)
    title = "Open exceptions" + (f", {len(rows)} of {total:,}" if total > len(rows) else "")
    return Table(title, ("exception", "owner", "assigned to", "entries", "at risk", "id"), rows, frozenset({3, 4}))


def _statements(viewed: list[Viewed]) -> Table:
    rows = [(statement,) for each in viewed for statement in each.view.open_statements]
    return Table("Open statements", ("statement",), rows)


# For machines; version 1 of the shapes


def project_json(viewed: Viewed) -> dict[str, Any]:
    return shape(1, kind="project_view", project=view_json(viewed))


def engagement_json(engagement_id: str, viewed: list[Viewed]) -> dict[str, Any]:
    return shape(1, kind="engagement_views", engagement_id=engagement_id, projects=[view_json(each) for each in viewed])
