"""Projects: budget, what is burned of it, margin, what is unbilled, where the forecast ends, and open exceptions.

Cost, revenue and unbilled are those of the ledger at the moment, in ledger currency: a row a project and company, since the cost of a
person stands in the person's company. Hours are those booked and brought forward, at the same moment.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from connectors.files.glance_index import WaitingException
from connectors.files.glance_rows import OPENED, PROJECT, Noted
from domain import capabilities
from domain.accounts import PROJECT_COST, REVENUE, UNBILLED
from domain.identity import escape
from domain.outputs import ForecastUpdate
from milepost.console import money_text
from milepost.glance.account_sums import ON_STATEMENT, Sums, account_sums, before, feet_of, to_foot
from milepost.glance.figures import (
    AMOUNT,
    UNKNOWN,
    Booked,
    Counted,
    Elsewhere,
    Figure,
    Part,
    StatedField,
    counted,
    in_currencies,
    less,
    share,
    sum_of,
    together,
)
from milepost.glance.firm import FirmAtMoment, lines_of, text
from milepost.glance.sheet import (
    Cell,
    CellKind,
    Glance,
    GlanceColumn,
    GlanceRow,
    margin_percent,
    row_of,
    totals_with_margin,
    with_figures,
)
from milepost.glance.wanted import Wanted
from milepost.words import figure_words

# Of capabilities, those that count in the company's margin, and others.
IN_MARGIN: Final = tuple(each for each in capabilities.COLUMNS if each.in_margin)
BESIDE: Final = tuple(each for each in capabilities.COLUMNS if not each.in_margin)
COLUMNS: Final = (
    GlanceColumn("project", "project", CellKind.ID),
    GlanceColumn("name", "name", CellKind.TEXT, 7, "project"),
    GlanceColumn("client", "client", CellKind.ID, 12),
    GlanceColumn("client_name", "client name", CellKind.TEXT, 3),
    GlanceColumn("manager", "manager", CellKind.ID, 13),
    GlanceColumn("practice", "practice", CellKind.TEXT, 14),
    GlanceColumn("company", "company", CellKind.ID, 6),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("budget_hours", "budget hours", CellKind.HOURS, 10),
    GlanceColumn("hours", "hours", CellKind.HOURS, 9),
    GlanceColumn("hours_before", "hours brought forward", CellKind.HOURS, 17, "hours"),
    GlanceColumn("budget_fees", "fee budget", CellKind.AMOUNT, 12),
    GlanceColumn("budget_cost", "cost budget"),
    GlanceColumn("cost", "cost"),
    GlanceColumn("cost_before", "cost brought forward", CellKind.AMOUNT, 16, "cost"),
    GlanceColumn("budget_used", "used %", CellKind.PERCENT),
    GlanceColumn("revenue", "revenue"),
    GlanceColumn("revenue_before", "revenue brought forward", CellKind.AMOUNT, 15, "revenue"),
    GlanceColumn("margin", "margin"),
    GlanceColumn("margin_percent", "margin %", CellKind.PERCENT, 4),
    *(GlanceColumn(each.name, each.name, CellKind.AMOUNT, each.spare) for each in IN_MARGIN),
    GlanceColumn("company_margin", "company margin", CellKind.AMOUNT, 19),
    *(GlanceColumn(each.name, figure_words(each.name), CellKind.AMOUNT, each.spare) for each in BESIDE),
    GlanceColumn("unbilled", "unbilled"),
    GlanceColumn("on_statement", "on a statement", CellKind.AMOUNT, 5),
    GlanceColumn("forecast_revenue", "forecast revenue", CellKind.AMOUNT, 11),
    GlanceColumn("forecast_cost", "forecast cost", CellKind.AMOUNT, 11),
    GlanceColumn("forecast_margin", "forecast margin", CellKind.AMOUNT, 2),
    GlanceColumn("forecast_on", "forecast of", CellKind.DAY, 11),
    GlanceColumn("exceptions", "open exceptions", CellKind.COUNT),
    GlanceColumn("at_risk", "at risk", CellKind.TEXT, 8),
)
SUMMED: Final = (
    *("hours", "budget_fees", "budget_cost", "cost", "revenue", "margin", "unbilled", "on_statement"),
    *(*(each.name for each in IN_MARGIN), "company_margin", *(each.name for each in BESIDE)),
    *("forecast_revenue", "forecast_cost", "forecast_margin"),
    *("hours_before", "revenue_before", "cost_before"),
)
OF_CAPABILITIES: Final = {each.name: each.accounts for each in capabilities.COLUMNS}
POSTED: Final = {"revenue": REVENUE, "cost": PROJECT_COST, **OF_CAPABILITIES}
CREDITS: Final = frozenset({"revenue", *OF_CAPABILITIES})
ACCOUNTS: Final = {**POSTED, "unbilled": UNBILLED}
NOTES: Final = (
    "Margin is the group's: what customers pay less what the work costs. The company's own also has what companies charge each other.",
    "Cost, revenue and unbilled are the ledger's, in its currency. Used % is of the cost budget, else of hours, else of revenue.",
    "Forecast is the last one published; `milepost forecast PROJECT` shows its months and what moved it.",
)


def projects(firm: FirmAtMoment, wanted: Wanted) -> Glance:
    sums = account_sums(firm, POSTED, lambda each: each.project_id)
    exceptions = _exceptions(firm)
    found = wanted.of(_rows(firm, sums, exceptions), firm)
    if wanted.only_open:
        found = [row for row in found if _is_open(firm, row)]
    return Glance(
        "projects",
        "Projects",
        firm.as_of,
        _columns(found),
        found,
        _totals(found, exceptions),
        feet_of(firm, to_foot(sums, ACCOUNTS), ACCOUNTS),
        (*firm.not_whole(), *NOTES),
        "no project is known yet",
        filters=wanted.filters,
    )


def _columns(rows: Sequence[GlanceRow]) -> tuple[GlanceColumn, ...]:
    """Where a project's used % is of hours or of fees, what it is of has its place in a terminal, too; so has what capabilities show apart
    from the margin, where there is any."""
    without_cost = [
        row for row in rows if row.cells.get("budget_used") is not None and row.cells.get("budget_cost") is None
    ]
    on_hours = {row.cells.get("budget_hours") is not None for row in without_cost}
    beside = {each.name: any(row.cells.get(each.name) for row in rows) for each in BESIDE}
    shown = {"budget_hours": True in on_hours, "budget_fees": False in on_hours, **beside}
    return tuple(each._replace(spare=0) if shown.get(each.name) else each for each in COLUMNS)


def _rows(firm: FirmAtMoment, sums: Sums, exceptions: Mapping[str, list[WaitingException]]) -> list[GlanceRow]:
    updates = {update.project_id: update for update in firm.forecasts()}
    whole, hours = _whole_costs(sums), _hours(firm)
    keys = dict.fromkeys(sums)
    for project_id, noted in firm.projects.items():
        entity_id = text(noted, "company")
        keys.setdefault((project_id, entity_id, firm.currency_of(entity_id)))
    return [
        _row(
            firm,
            key,
            sums.get(key, {}),
            _Whole(updates.get(key[0]), whole.get(key[0], {}), hours.get(key[0], [])),
            exceptions.get(key[0], []),
        )
        for key in sorted(keys, key=lambda key: (not key[0], key))
    ]


class _Whole(NamedTuple):
    """Of a project in all companies: its last forecast, its cost by ledger currency, and its hours."""

    update: ForecastUpdate | None
    cost: dict[str, list[Part]]
    hours: list[Part]


def _row(
    firm: FirmAtMoment,
    key: tuple[str, str, str],
    sums: dict[str, list[Part]],
    of_all: _Whole,
    exceptions: list[WaitingException],
) -> GlanceRow:
    project_id, entity_id, currency = key
    noted = firm.projects.get(project_id)
    client = firm.client_of(project_id)
    texts: dict[str, Cell] = {
        "project": project_id or None,
        "name": text(noted, "name") or None,
        "client": client or None,
        "client_name": firm.client_name(client) or None,
        "manager": text(noted, "manager") or None,
        "practice": text(noted, "practice") or None,
        "company": entity_id,
        "currency": currency,
    }
    figures = {name: sum_of(sums.get(name, ()), -1 if name in CREDITS else 1) for name in ACCOUNTS}
    figures[ON_STATEMENT] = sum_of(sums.get(ON_STATEMENT, ()))
    figures |= before(sums)
    figures["margin"] = less(figures, "revenue", "cost")
    figures["margin_percent"] = margin_percent(figures)
    figures["company_margin"] = together(figures, "margin", *(each.name for each in IN_MARGIN))
    # What is of the project as a whole stands once, on the row of its own company.
    if noted is None or text(noted, "company") in {"", entity_id}:
        _add_budget(figures, project_id, noted, currency, of_all)
        if of_all.update is not None:
            _add_forecast(texts, figures, of_all.update, currency)
        if risk := _at_risk(exceptions):
            figures["at_risk"] = in_currencies(risk)
            texts["at_risk"] = _risk_text(risk)
        figures["exceptions"] = _counted(exceptions)
    return row_of((entity_id, project_id), texts, figures)


def _add_budget(
    figures: dict[str, Figure], project_id: str, noted: Noted | None, currency: str, of_all: _Whole
) -> None:
    """Cost of several currencies is that of the last forecast, which has it in the project's."""
    stated = noted.get("budget") if noted is not None else None
    hours, cost, fees, of = stated if isinstance(stated, list) else (None, None, None, None)
    same = of in {None, currency}
    for column, value, field in (
        ("budget_hours", hours, "hours"),
        ("budget_cost", cost, "cost"),
        ("budget_fees", fees, "revenue"),
    ):
        if value is not None and (same or column == "budget_hours"):
            figures[column] = sum_of([Part(value, StatedField(PROJECT, project_id, "budget", field))])
    if noted is not None or of_all.hours:
        figures["hours"] = sum_of(of_all.hours)
        if opened := [part for part in of_all.hours if isinstance(part.of, StatedField)]:
            figures["hours_before"] = sum_of(opened)
    spent = sum_of(of_all.cost.get(currency, ()))
    if set(of_all.cost) - {currency}:
        update = of_all.update
        spent = (
            _forecast_of(update, "burn_cost", update.project.burn_cost)
            if update is not None and update.project.currency == currency
            else UNKNOWN
        )
    if cost and same and spent.value is not None:
        figures["budget_used"] = share(spent, figures["budget_cost"])
    elif hours and "hours" in figures:
        figures["budget_used"] = share(figures["hours"], figures["budget_hours"])
    elif fees and same:
        figures["budget_used"] = share(figures["revenue"], figures["budget_fees"])


def _add_forecast(texts: dict[str, Cell], figures: dict[str, Figure], update: ForecastUpdate, currency: str) -> None:
    now, whose = (update.ledger, "ledger/") if update.ledger is not None else (update.project, "")
    if now.currency == currency:
        texts["forecast_on"] = update.as_of
        for name, head in (("revenue", "eac_revenue"), ("cost", "eac_cost"), ("margin", "margin")):
            figures[f"forecast_{name}"] = _forecast_of(update, f"{whose}{head}", getattr(now, head))


def _forecast_of(update: ForecastUpdate, figure: str, value: int) -> Figure:
    title = f"forecast {update.sequence} of {update.project_id}: {figure_words(figure)}"
    return sum_of([Part(value, Elsewhere(title, f"{escape(update.project_id)}#forecast/{update.sequence}/{figure}"))])


def _whole_costs(every: Sums) -> dict[str, dict[str, list[Part]]]:
    """By project and ledger currency, of all companies."""
    found: dict[str, dict[str, list[Part]]] = defaultdict(dict)
    for (project_id, _, currency), sums in every.items():
        if cost := sums.get("cost"):
            found[project_id].setdefault(currency, []).extend(cost)
    return found


def _hours(firm: FirmAtMoment) -> dict[str, list[Part]]:
    """By project what is booked of it, and what balances brought forward."""
    found: dict[str, list[Part]] = defaultdict(list)
    for project_id, hours in firm.hours_of_projects():
        found[project_id].append(Part(hours, Booked(project_id)))
    for project_id, hours in firm.hours_opened():
        found[project_id].append(Part(hours, StatedField(OPENED, project_id, "hours")))
    return found


def _exceptions(firm: FirmAtMoment) -> dict[str, list[WaitingException]]:
    """By project what is open of it and of its contracts."""
    projects_of: dict[str, set[str]] = defaultdict(set)
    for contract_id, contract in firm.contracts.items():
        for _, project_id, _ in lines_of(contract):
            projects_of[contract_id].add(project_id)
    found: dict[str, list[WaitingException]] = defaultdict(list)
    for one in firm.exceptions:
        whose = {one.project_id} if one.project_id else projects_of.get(one.contract_id) or {one.engagement_id}
        for project_id in whose:
            found[project_id].append(one)
    return found


def _counted(exceptions: Iterable[WaitingException]) -> Figure:
    return counted(Counted(one.category, one.exception_id) for one in _distinct(exceptions))


def _distinct(exceptions: Iterable[WaitingException]) -> list[WaitingException]:
    return list({one.exception_id: one for one in exceptions}.values())


def _at_risk(exceptions: Iterable[WaitingException]) -> dict[str, Figure]:
    """By currency, of each once and without its sign; what is known as cost alone is in no amount."""
    found: dict[str, list[Part]] = defaultdict(list)
    for one in _distinct(exceptions):
        if one.at_risk and one.currency:
            stands = Elsewhere(one.category, f"{one.exception_id}#amount", is_credit=one.amount < 0)
            found[one.currency].append(Part(one.at_risk, stands, AMOUNT))
    return {currency: sum_of(parts) for currency, parts in found.items()}


def _risk_text(risk: Mapping[str, Figure]) -> str:
    return money_text({currency: figure.value or 0 for currency, figure in risk.items()})


def _is_open(firm: FirmAtMoment, row: GlanceRow) -> bool:
    """Neither closed nor ended before the day, or with something left to bill or to decide."""
    noted = firm.projects.get(str(row.cells["project"] or ""), {})
    ends = text(noted, "ends_on")
    is_over = noted.get("closed") is True or (bool(ends) and ends < firm.today.isoformat())
    return not is_over or any(row.cells.get(name) for name in ("unbilled", ON_STATEMENT, "exceptions"))


def _totals(rows: list[GlanceRow], exceptions: Mapping[str, list[WaitingException]]) -> list[GlanceRow]:
    """An exception of a contract on several projects counts once."""
    totals = []
    for total in totals_with_margin(rows, SUMMED, "project"):
        of = [
            one
            for row in rows
            if row.cells["currency"] == total.cells["currency"] and row.cells.get("exceptions")
            for one in exceptions[str(row.cells["project"])]
        ]
        risk = _at_risk(of)
        said = with_figures(total, {"exceptions": _counted(of), **({"at_risk": in_currencies(risk)} if risk else {})})
        totals.append(said._replace(cells={**said.cells, "at_risk": _risk_text(risk) if risk else None}))
    return totals
