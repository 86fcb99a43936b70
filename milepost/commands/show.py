"""`milepost show`: a project, an engagement or a statement, as finance asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from domain.counting import counted
from domain.money import format_amount
from domain.units import MICROSECONDS_A_DAY
from milepost.as_of import looking_back
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import amount_text, echo, is_known_as, say, shape, shell_word, tell, write_json
from milepost.delivery.accounts_given import given_accounts
from milepost.for_period import show_for
from milepost.options import Json
from milepost.tables import Table, completion_table, hours_text, rate_text, short_text
from milepost.tables import show as show_tables
from milepost.words import figure_words, rounding_words

if TYPE_CHECKING:
    from connectors.files.found_exceptions import KnownException
    from connectors.files.lookup import EngagementFound, FoundStatement, ProjectFound, Viewed
    from domain.events.delivery import TimeApproved
    from domain.outputs import (
        BillingStatement,
        CurrencyAmount,
        ExceptionRaised,
        ForecastUpdate,
        ProjectView,
        StatementLine,
        StatementTax,
        UndeterminedTax,
    )

STATEMENTS_SHOWN = 6
EXCEPTIONS_SHOWN = 20


class Origin(Enum):
    """Where views are read that no folder holds."""

    REDIS = "redis"


# Long by its options: each is a parameter.
@partial(looking_back, asked="id_", answer=show_for)
def show(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Id of a project, a contract group or a statement; key or number of a document in an ERP.",
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", help="Output folder of a run.")] = None,
    origin: Annotated[
        Origin | None,
        typer.Option("--from", help="Instead of a folder: the views that `milepost serve view` keeps there."),
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option("--accounts", help="accounts.toml, to show a document of an ERP by its key or a journal in it."),
    ] = None,
    given: GivenSettings = NONE_GIVEN,
    json: Json = False,
) -> None:
    """Show a project's balances, a contract group's projects and contracts, a statement's lines, or an ERP document's journals.

    With `--from redis` a project or a contract group, from its views alone.
    """
    known = None if accounts is None else given_accounts(accounts)
    if origin is not None:
        if output is not None:
            raise typer.BadParameter("expected --output or --from, not both", param_hint="--from")
        from milepost.views_shown import show_from_redis

        show_from_redis(given.settings.redis, id_, json=json)
        return
    if output is None:
        raise typer.BadParameter("expected the output folder of a run, or --from redis", param_hint="--output")
    from connectors.files.lookup import EngagementFound, FoundStatement, NothingFound, ProjectFound, find
    from connectors.files.statement_background import entries_at_issue
    from milepost.delivery.documents_shown import document_shown
    from milepost.delivery.in_erp import NOWHERE, in_erp
    from milepost.unknown_id import unknown_id

    found, there = find(output, id_), NOWHERE
    if isinstance(found, NothingFound):
        there = in_erp(output, id_)
        if there.statements and there.only is not None:
            found = find(output, there.only)
    match found:
        case ProjectFound():
            moment = moment_of(output, [found.viewed])
            _tell(project_json(found, moment.more_since), project_tables(found), project_head(found, moment), json=json)
            if not json:
                _say_shares(found, output)
            _next(output, found.viewed.view.open_statements, json=json)
        case EngagementFound():
            moment = moment_of(output, found.projects)
            _tell(
                engagement_json(found, moment.more_since),
                engagement_tables(found),
                engagement_head(found, moment),
                json=json,
            )
        case FoundStatement():
            if there.what:
                say(f"{id_} is {there.what}")
            entries = entries_at_issue(output, found)
            _tell(
                statement_json(found, entries),
                statement_tables(found.statement, entries),
                statement_head(found),
                json=json,
            )
            if not json:
                say(
                    f"\nNext: milepost statement {shell_word(found.statement.statement_id)} --html statement.html"
                    f" --output {shell_word(output)}"
                )
        case NothingFound() if document_shown(
            output, id_, known, () if there.statements else there.journals, json=json
        ):
            return
        case NothingFound():
            kinds = "a project, a contract group or a statement"
            raise unknown_id(output, id_, kinds, found.known, "milepost dump project.views", there=there)


def _tell(found: dict[str, Any], tables: Sequence[Table], head: Sequence[str], *, json: bool) -> None:
    if json:
        write_json(found)
        return
    tell("\n".join(head))
    echo()
    show_tables(*tables)


def _next(output: Path, statements: Sequence[str], *, json: bool) -> None:
    if statements and not json:
        say(f"\nNext: milepost show {shell_word(statements[0])} --output {shell_word(output)}")


def _say_shares(found: ProjectFound, output: Path) -> None:
    """A receivable counts in the first project of its invoice."""
    open_ones = found.viewed.view.open_statements
    invoiced = (one.statement for one in found.statements if one.statement.statement_id not in open_ones)
    if any(one.status == "issued" and len({line.project_id for line in one.lines}) > 1 for one in invoiced):
        shares = (
            f"milepost receivables --project {shell_word(found.viewed.view.project_id)} --output {shell_word(output)}"
        )
        say(f"\nAn invoice over several projects is owed in the first of them here; by project: {shares}")


class FiguresUntil(NamedTuple):
    """The last day that ended in all zones of the projects, and that on which their figures last changed; whether more was booked since
    then, None where there is no store to tell. `is_earlier`: as of an earlier moment, of which no store is kept."""

    ended: str
    changed: str
    more_since: bool | None
    is_earlier: bool = False


def moment_of(output: Path, viewed: Sequence[Viewed]) -> FiguresUntil:
    """Views go out when a day has ended, of what changed since they did before."""
    from dataflows.books_read import reading_books
    from domain.reference.zones import local_date

    with reading_books(output) as reader:
        parts = [reader.part(each.view.engagement_id, "project", each.view.project_id) for each in viewed]
        zones = [part.zone if part is not None and part.zone is not None else "UTC" for part in parts]
        ended = min(reader.ended_to(zone) for zone in zones)
    sent = zip(viewed, zones, strict=True)
    changed = f"{max(local_date(each.position.recorded_at - 1, zone) for each, zone in sent)}"
    known = [part.changed for part in parts if part is not None]
    more_since = None if len(known) < len(parts) and not any(known) else any(known)
    return FiguresUntil(ended, changed, more_since, is_known_as(output))


def _until(moment: FiguresUntil) -> list[str]:
    """Which moment the figures stand for, and whether anything is missing in them."""
    day = moment.ended or moment.changed
    if moment.is_earlier:
        return [f"as of the end of {day}, the last day until then that changed these figures"]
    if moment.more_since is None:
        missing = "without the store nobody knows whether more was booked since; `milepost run` makes it again"
        return [f"as of the end of {day}; {missing}"]
    if moment.more_since:
        return [
            f"as of the end of {day}, the last day that ended; what was booked after it is not in these figures",
            "`milepost run --until DATE` ends the days up to a date; `milepost ledger` counts every journal",
        ]
    since = f"; they last changed on {moment.changed}" if moment.changed != day else ""
    return [f"as of the end of {day}; all that was booked is in these figures{since}"]


# Projects


def project_head(found: ProjectFound, moment: FiguresUntil) -> list[str]:
    return [project_title(found.viewed.view), *_until(moment)]


def project_title(view: ProjectView) -> str:
    """With the group of contracts that it belongs to, where that has another name, and its company."""
    name = f", {view.name}" if view.name else ""
    group = f", contract group {view.engagement_id}" if view.engagement_id != view.project_id else ""
    company = f", company {view.legal_entity_id}" if view.legal_entity_id else ""
    return f"Project {view.project_id}{name}{group}{company}"


def project_tables(found: ProjectFound) -> list[Table]:
    from milepost.funds_shown import funds

    view = found.viewed.view
    return [
        burn(found.viewed),
        balances([found.viewed]),
        *funds([found.viewed]),
        *([_forecast(found.forecast)] if found.forecast is not None else []),
        *([_exceptions(found.waiting, found.now)] if found.waiting else []),
        _statements(found.statements, open_ones=view.open_statements),
        *([projects(found.companions, "Other projects of the contract group")] if found.companions else []),
    ]


def burn(viewed: Viewed) -> Table:
    burn = viewed.view.burn
    row = (hours_text(burn.hours), hours_text(burn.billable_hours), _money(burn.cost), _money(burn.nonbillable_value))
    return Table("Burn", ("hours", "hours priced", "cost", "value not charged"), [row], frozenset(range(4)))


def _some(viewed: Sequence[Viewed], *names: str) -> tuple[str, ...]:
    """Those of the figures that any balance has."""
    every = [balance for each in viewed for balance in each.view.balances]
    return tuple(name for name in names if any(getattr(balance, name) for balance in every))


def _money(amounts: Sequence[CurrencyAmount]) -> str:
    return " + ".join(f"{amount_text(each.amount)} {each.currency}" for each in amounts) or "0.00"


def balances(viewed: Sequence[Viewed]) -> Table:
    """By contract, and by project where there are several. What is paid and owed, tax included, stands there where something was invoiced,
    what was given up where there is any."""
    figures = (
        *("accrued", "held", "over_cap", *_some(viewed, "written_off")),
        *("unbilled", "billed", "invoiced", "contract_position"),
        *(("paid", "receivable") if _some(viewed, "paid", "receivable") else ()),
        *_some(viewed, "bad_debt", *BESIDE),
    )
    rows = [
        (
            *((each.view.project_id,) if len(viewed) > 1 else ()),
            balance.contract_id,
            balance.currency,
            *(amount_text(getattr(balance, name)) for name in figures),
        )
        for each in viewed
        for balance in each.view.balances
    ]
    columns = (
        *(("project",) if len(viewed) > 1 else ()),
        "contract",
        "currency",
        *(figure_words(name) for name in figures),
    )
    return Table("Balances", columns, rows, frozenset(range(len(columns) - len(figures), len(columns))))


POSITION = ("recognised", "billed", "invoiced", "contract_position", "paid", "receivable")
# Figures of their own where something is retained, or owed back; the position does not count them.
BESIDE = ("retention", "owed_back")


def contract_positions(viewed: Sequence[Viewed]) -> dict[tuple[str, str], dict[str, int]]:
    """By contract and currency over all of its projects: recognised less invoiced is its position, on one side (R46)."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    names = (*POSITION, *_some(viewed, *BESIDE))
    for balance in (balance for each in viewed for balance in each.view.balances):
        sums = found.setdefault((balance.contract_id, balance.currency), dict.fromkeys(names, 0))
        for name in names:
            sums[name] += getattr(balance, name)
    return dict(sorted(found.items()))


def positions(viewed: Sequence[Viewed]) -> Table:
    names = (*POSITION, *_some(viewed, *BESIDE))
    rows = [
        (*key, *(amount_text(sums[name]) for name in names), side_of(sums["contract_position"]))
        for key, sums in contract_positions(viewed).items()
    ]
    columns = ("contract", "currency", *(figure_words(name) for name in names), "which is")
    return Table("Contracts", columns, rows, frozenset(range(2, 2 + len(names))))


def side_of(position: int) -> str:
    """Unbilled is earned and not invoiced, a receivable or a contract asset; deferred is invoiced and not earned."""
    return "unbilled" if position > 0 else "deferred" if position < 0 else ""


def _forecast(update: ForecastUpdate) -> Table:
    from milepost.forecasts.as_posted import as_posted

    now = update.project
    return completion_table(f"Forecast as of {update.as_of} in {now.currency}", now, as_posted(update))


def _exceptions(waiting: Sequence[KnownException], now: int) -> Table:
    """The oldest first."""
    from milepost.exceptions.shown import amount_of
    from milepost.exceptions.words import titled

    rows = [
        (
            titled(one.category),
            _about(one),
            one.owner_role,
            counted(age_days(each, now), "day"),
            amount_of(one),
            one.resolution,
            one.exception_id,
        )
        for each, one in ((each, each.raised) for each in waiting)
    ]
    hidden = len(rows) - EXCEPTIONS_SHOWN
    title = "Open exceptions" + (f", the oldest {EXCEPTIONS_SHOWN} of {len(rows):,}" if hidden > 0 else "")
    columns = ("exception", "about", "owner", "open for", "at risk", "what would close it", "id")
    return Table(title, columns, rows[:EXCEPTIONS_SHOWN], frozenset({3, 4}))


def _about(raised: ExceptionRaised) -> str:
    subject = f"{raised.subject_kind.replace('_', ' ')} {raised.subject_id}"
    others = raised.blocks_count - 1
    return f"{subject}, {raised.blocks_count:,} entries" if others > 0 else subject


def age_days(waiting: KnownException, now: int) -> int:
    """Whole days up to what the folder has come to; it has no other clock."""
    return max(0, now - waiting.since) // MICROSECONDS_A_DAY


def _statements(statements: Sequence[FoundStatement], open_ones: Sequence[str]) -> Table:
    """The latest first."""
    from milepost.days import period_text

    rows = [
        (
            one.statement_id,
            period_text(one.period, one.to),
            one.currency,
            amount_text(one.total),
            amount_text(one.amount_due),
            _state(one, open_ones),
        )
        for one in (issued.statement for issued in reversed(statements))
    ]
    title = "Statements" + (f", the latest {STATEMENTS_SHOWN} of {len(rows)}" if len(rows) > STATEMENTS_SHOWN else "")
    columns = ("statement", "period", "currency", "total", "amount due", "")
    return Table(title, columns, rows[:STATEMENTS_SHOWN], frozenset({3, 4}))


def _state(statement: BillingStatement, open_ones: Sequence[str]) -> str:
    from milepost.statements.sheet import status_word

    if statement.status != "issued":
        return status_word(statement)
    return "not invoiced" if statement.statement_id in open_ones else "invoiced"


# Engagements


def engagement_head(found: EngagementFound, moment: FiguresUntil) -> list[str]:
    contracts = {balance.contract_id for viewed in found.projects for balance in viewed.view.balances}
    return [
        f"Contract group {found.engagement_id}: {counted(len(found.projects), 'project')}, {counted(len(contracts), 'contract')}",
        *_until(moment),
    ]


def engagement_tables(found: EngagementFound) -> list[Table]:
    from milepost.funds_shown import funds

    open_ones = [statement for viewed in found.projects for statement in viewed.view.open_statements]
    return [
        projects(found.projects, "Projects"),
        balances(found.projects),
        positions(found.projects),
        *funds(found.projects),
        *([_exceptions(found.waiting, found.now)] if found.waiting else []),
        _statements(found.statements, open_ones),
    ]


def projects(viewed: Sequence[Viewed], title: str) -> Table:
    rows = [
        (
            each.view.project_id,
            each.view.name or "",
            ", ".join(balance.contract_id for balance in each.view.balances),
            hours_text(each.view.burn.hours),
            _money(each.view.burn.cost),
            f"{len(each.view.open_exceptions):,}",
        )
        for each in viewed
    ]
    return Table(title, ("project", "name", "contracts", "hours", "cost", "exceptions"), rows, frozenset({3, 4, 5}))


# Statements


def statement_head(issued: FoundStatement) -> list[str]:
    from milepost.days import period_text
    from milepost.statements.sheet import dated, dated_word, status_word

    one = issued.statement
    return [
        f"Statement {one.statement_id}, revision {one.revision}, {status_word(one)}",
        f"contract {one.contract_id} of {one.legal_entity_id}, bill to {one.bill_to}",
        f"period {period_text(one.period, one.to)}, {dated_word(one)} on {dated(issued)}",
        f"rounding {rounding_words(one.rounding)}",
    ]


def statement_tables(statement: BillingStatement, entries: Mapping[str, TimeApproved]) -> list[Table]:
    """Rates stand with their overtime markup, quantities with the decimals that give the amount."""
    from domain.billing.tax import groups_of

    columns = ("line", "project", "who", "what", "service dates", "quantity", "rate", "amount", "flags")
    rows = [_line(line, statement.currency, entries) for line in statement.lines]
    sums = [("", "", "", name, "", "", "", amount_text(amount), "") for name, amount in _sums(statement)]
    made = [Table(f"Lines in {statement.currency}", columns, [*rows, *sums], frozenset({5, 6, 7}), len(sums))]
    taxes = [_tax(tax) for tax in groups_of(statement).all]
    if statement.tax_region is not None and taxes:
        title = f"Tax of region {statement.tax_region}, for the ERP to check"
        names = ("category", "base", "kind", "percent", "amount", "tax point")
        made.append(Table(title, names, taxes, frozenset({1, 3, 4})))
    return made


def _tax(tax: StatementTax | UndeterminedTax) -> tuple[str, ...]:
    from connectors.json_values import decimal_text
    from domain.outputs import UndeterminedTax
    from domain.units import PERCENT_SCALE

    day = f"{tax.tax_point_date}" if tax.tax_point_date is not None else "when it is paid"
    if isinstance(tax, UndeterminedTax):
        return tax.category, amount_text(tax.base), "undetermined", "", "", day
    percent, kind = f"{decimal_text(PERCENT_SCALE, 0, tax.percent)} %", (tax.kind or "").replace("_", " ")
    return tax.category, amount_text(tax.base), kind, percent, amount_text(tax.amount), day


def _line(line: StatementLine, currency: str, entries: Mapping[str, TimeApproved]) -> tuple[str, ...]:
    from milepost.statements.lines import HOUR, added_to_rate, percent_of_rate, telling_quantity, written_notes

    who = line.person_id or ""
    quantity = hours_text(telling_quantity(line, currency))
    plural = "s" if line.unit == HOUR and quantity != "1" else ""
    dates = (
        f"{line.service_from}" if line.service_from == line.service_to else f"{line.service_from} to {line.service_to}"
    )
    markup = f" + {percent_of_rate(line.markup_percent)}" if line.markup_percent else ""
    added = [added_to_rate(line, entries)] if line.markup_percent else []
    return (
        line.line_id,
        line.project_id,
        f"{who} ({line.role})" if line.role else who,
        short_text(line.description),
        dates,
        f"{quantity} {line.unit}{plural}",
        rate_text(line.rate) + markup,
        amount_text(line.amount),
        ", ".join([*line.flags, *added, *written_notes(line, entries)]),
    )


def _sums(statement: BillingStatement) -> Iterator[tuple[str, int]]:
    yield "total", statement.total
    for name, amount in (
        ("retained", -statement.retained),
        ("released", statement.released),
        ("deposits applied", -statement.deposits_applied),
    ):
        if amount:
            yield name, amount
    yield "amount due", statement.amount_due


# For machines; version 1 of the shapes


def project_json(found: ProjectFound, more_since: bool | None = None) -> dict[str, Any]:
    from connectors.json_records import head_to_json, record_to_json

    return shape(
        1,
        kind="project",
        more_since=more_since,
        project=view_json(found.viewed),
        forecast=record_to_json(found.forecast) if found.forecast is not None else None,
        statements=[head_to_json(issued.statement) for issued in found.statements],
        companions=[viewed.view.project_id for viewed in found.companions],
        exceptions=[_waiting_json(each, found.now) for each in found.waiting],
    )


def engagement_json(found: EngagementFound, more_since: bool | None = None) -> dict[str, Any]:
    from connectors.json_records import head_to_json

    return shape(
        1,
        kind="engagement",
        more_since=more_since,
        engagement_id=found.engagement_id,
        projects=[view_json(viewed) for viewed in found.projects],
        positions=[
            {"contract_id": contract_id, "currency": currency}
            | {name: format_amount(amount) for name, amount in sums.items()}
            for (contract_id, currency), sums in contract_positions(found.projects).items()
        ],
        statements=[head_to_json(issued.statement) for issued in found.statements],
        exceptions=[_waiting_json(each, found.now) for each in found.waiting],
    )


def statement_json(issued: FoundStatement, entries: Mapping[str, TimeApproved]) -> dict[str, Any]:
    """`written` are entries of which other hours are billable than were worked."""
    from connectors.json_records import record_to_json
    from milepost.statements.lines import written_time

    written = [
        {"entry_id": each.entry_id, "hours": hours_text(each.hours), "billable_hours": hours_text(each.billable_hours)}
        for each in written_time(entries[entry_id] for entry_id in sorted(entries))
    ]
    return shape(1, kind="statement", statement=record_to_json(issued.statement, issued.position), written=written)


def _waiting_json(waiting: KnownException, now: int) -> dict[str, Any]:
    from connectors.json_records import record_to_json
    from connectors.json_values import instant_text

    found = record_to_json(waiting.raised, waiting.position)
    return {**found, "first_raised_at": instant_text(waiting.since), "age_days": age_days(waiting, now)}


def view_json(viewed: Viewed) -> dict[str, Any]:
    from connectors.json_records import record_to_json

    return record_to_json(viewed.view, viewed.position)
