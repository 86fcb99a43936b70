"""`milepost between`: what came between two moments, and what it moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.counting import counted
from domain.money import format_amount
from milepost.as_of import indexing, moment_of, say_beyond
from milepost.console import amount_text, shape, tell, write_json
from milepost.options import Json, Output
from milepost.tables import Table, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.between import Between, ExceptionMove, ForecastMove

Told = tuple[str, str, str, str]


def between(
    since: Annotated[str, typer.Argument(metavar="A", help="What was known then: a day, an instant, or offset:1234.")],
    until: Annotated[str, typer.Argument(metavar="B", help="The later moment.")],
    output: Output,
    json: Json = False,
) -> None:
    """Show what came between two moments and what it moved: events, accounts, statements, forecasts, exceptions."""
    from dataflows.between import Reversed
    from dataflows.between import between as found_between

    first, last = moment_of(since, "A"), moment_of(until, "B")
    try:
        with indexing() as progress:
            found = found_between(output, first, last, progress)
    except Reversed as fault:
        message = (
            f"expected the earlier moment first, got {since} and then {until}. Ask: milepost between {until} {since}"
        )
        raise typer.BadParameter(message, param_hint="A") from fault
    say_beyond(since, first, found.end)
    say_beyond(until, last, found.end)
    if json:
        write_json(as_json(found))
        return
    tell("\n".join(head(found)) + "\n")
    show(*tables(found))


def head(found: Between) -> list[str]:
    from connectors.json_values import instant_text
    from milepost.days import instant_day

    cuts = (found.since.recorded_at, found.until.recorded_at)
    days = [f"{instant_day(cut)}" for cut in cuts]
    # Within a day the time of day tells them apart.
    moments = days if days[0] != days[1] else [instant_text(cut) for cut in cuts]
    return [f"Between {' and '.join(moments)}: {counted(sum(found.events.values()), 'event')}"]


def tables(found: Between) -> list[Table]:
    from milepost.words import event_name

    events = [(event_name(name), f"{count:,}") for name, count in found.events.items()]
    return [
        Table("Events", ("event", "count"), events, frozenset({1})),
        _accounts(found),
        *_statements(found),
        _forecasts(found.forecasts),
        _exceptions("Exceptions opened and still open", found.opened),
        _exceptions("Exceptions closed", found.closed),
    ]


def _accounts(found: Between) -> Table:
    from domain.accounts import name_of

    rows = [
        (
            each.legal_entity_id,
            each.account,
            name_of(each.account),
            each.currency,
            f"{each.journals:,}",
            *map(amount_text, (each.debits, each.credits, each.net)),
        )
        for each in found.accounts
    ]
    columns = ("company", "account", "name", "currency", "journals", "debits", "credits", "net")
    return Table("Journals by account, in ledger currency", columns, rows, frozenset(range(4, 8)))


def _statements(found: Between) -> list[Table]:
    """What they come to is said where there are any."""
    from domain.billing.statement import SUPERSEDED
    from milepost.days import period_text

    rows = [
        (
            one.statement_id,
            f"{one.revision}, replaced" if one.status == SUPERSEDED else str(one.revision),
            period_text(one.period, one.to),
            one.currency,
            amount_text(one.amount_due),
        )
        for one in found.statements
    ]
    columns = ("statement", "revision", "period", "currency", "amount due")
    sums = [
        (each.legal_entity_id, each.currency, *map(amount_text, (each.issued, each.replaced, each.net)))
        for each in found.statement_sums
    ]
    listed = Table("Statements", columns, rows, frozenset({4}))
    if not sums:
        return [listed]
    columns = ("company", "currency", "issued", "replaced", "net")
    return [listed, Table("Amount due by statements", columns, sums, frozenset(range(2, 5)))]


def _forecasts(moves: Sequence[ForecastMove]) -> Table:
    rows = [
        (
            move.after.project_id,
            move.after.project.currency,
            *map(amount_text, _change(move)),
            amount_text(move.after.project.margin),
        )
        for move in moves
    ]
    columns = ("project", "currency", "cost", "revenue", "margin", "margin now")
    return Table("Forecasts: change at completion", columns, rows, frozenset(range(2, 6)))


def _change(move: ForecastMove) -> tuple[int, int, int]:
    """Where there was no forecast before, or one in another currency, the whole."""
    now = move.after.project
    then = move.before.project if move.before is not None and move.before.project.currency == now.currency else None
    if then is None:
        return now.eac_cost, now.eac_revenue, now.margin
    return now.eac_cost - then.eac_cost, now.eac_revenue - then.eac_revenue, now.margin - then.margin


def _exceptions(title: str, moves: Sequence[ExceptionMove]) -> Table:
    return Table(title, ("on", "exception", "what", "id"), [_told(move) for move in moves])


def _told(move: ExceptionMove) -> Told:
    from milepost.days import instant_day
    from milepost.exceptions.words import said_text, titled

    one = move.exception
    return f"{instant_day(move.position.recorded_at)}", titled(one.category), said_text(one), one.exception_id


def as_json(found: Between) -> dict[str, Any]:
    """Version 1 of the shape; amounts are decimals as text."""
    from connectors.json_records import head_to_json, record_to_json
    from connectors.json_values import instant_text

    return shape(
        1,
        since={"log_offset": found.since.offset, "recorded_at": instant_text(found.since.recorded_at)},
        until={"log_offset": found.until.offset, "recorded_at": instant_text(found.until.recorded_at)},
        events=found.events,
        accounts=[
            {
                **{name: getattr(each, name) for name in ("legal_entity_id", "account", "currency", "journals")},
                **{name: format_amount(getattr(each, name)) for name in ("debits", "credits", "net")},
            }
            for each in found.accounts
        ],
        statements=[*map(head_to_json, found.statements)],
        statement_sums=[
            {
                "legal_entity_id": each.legal_entity_id,
                "currency": each.currency,
                **{name: format_amount(getattr(each, name)) for name in ("issued", "replaced", "net")},
            }
            for each in found.statement_sums
        ],
        forecasts=[
            {
                "project_id": move.after.project_id,
                "currency": move.after.project.currency,
                "sequence_before": move.before.sequence if move.before is not None else None,
                "sequence": move.after.sequence,
                **dict(zip(("cost", "revenue", "margin"), map(format_amount, _change(move)), strict=True)),
            }
            for move in found.forecasts
        ],
        opened=[record_to_json(move.exception, move.position) for move in found.opened],
        closed=[record_to_json(move.exception, move.position) for move in found.closed],
    )
