"""Projects: budget, what is burned of it, margin, what is unbilled, where the forecast ends, and open exceptions.

Cost, revenue and unbilled are those of the ledger at the moment, in ledger currency: a row a project and company, since the cost of a
person stands in the person's company. Hours are those of the last forecast, which is of the same day or before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from connectors.files.glance_index import WaitingException
from domain.accounts import PROJECT_COST, REVENUE, UNBILLED
from domain.outputs import ForecastUpdate
from domain.units import Amount
from milepost.console import money_text
from milepost.glance.feet import TableFigure, feet_of, ledger_ids
from milepost.glance.firm import FirmAtMoment, lines_of, text
from milepost.glance.pieces import Reason, pieces
from milepost.glance.sheet import (
    Cell,
    CellKind,
    Glance,
    GlanceColumn,
    GlanceRow,
    margin_percent,
    percent_of,
    totals_with_margin,
)
from milepost.glance.wanted import Wanted

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
    GlanceColumn("budget_cost", "cost budget"),
    GlanceColumn("cost", "cost"),
    GlanceColumn("budget_used", "used %", CellKind.PERCENT),
    GlanceColumn("revenue", "revenue"),
    GlanceColumn("margin", "margin"),
    GlanceColumn("margin_percent", "margin %", CellKind.PERCENT, 4),
    GlanceColumn("unbilled", "unbilled"),
    GlanceColumn("on_statement", "on a statement", CellKind.AMOUNT, 5),
    GlanceColumn("forecast_revenue", "forecast revenue", CellKind.AMOUNT, 11),
    GlanceColumn("forecast_cost", "forecast cost", CellKind.AMOUNT, 11),
    GlanceColumn("forecast_margin", "forecast margin", CellKind.AMOUNT, 2),
    GlanceColumn("exceptions", "open exceptions", CellKind.COUNT),
    GlanceColumn("at_risk", "at risk", CellKind.TEXT, 8),
)
SUMMED: Final = (
    *("hours", "budget_cost", "cost", "revenue", "margin", "unbilled", "on_statement"),
    *("forecast_revenue", "forecast_cost", "forecast_margin"),
)
ACCOUNTS: Final = {"revenue": REVENUE, "cost": PROJECT_COST, "unbilled": UNBILLED}
# 1150 and 1160, by whether a statement has it.
ON_STATEMENT: Final = "on_statement"
NOTES: Final = (
    "Cost, revenue and unbilled are the ledger's, in its currency. Used % is of the cost budget, else of hours, else of revenue.",
    "Forecast is the last one published; `milepost forecast PROJECT` shows its months and what moved it.",
)


def projects(firm: FirmAtMoment, wanted: Wanted) -> Glance:
    sums, exceptions = _sums(firm), _exceptions(firm)
    found = wanted.of(_rows(firm, sums, exceptions), firm)
    if wanted.only_open:
        found = [row for row in found if _is_open(firm, row)]
    return Glance(
        "projects",
        "Projects",
        firm.as_of,
        COLUMNS,
        found,
        _totals(found, exceptions),
        feet_of(firm, _figures(sums), ACCOUNTS),
        (*firm.not_whole(), *NOTES),
        _why_none(firm),
    )


def _why_none(firm: FirmAtMoment) -> str:
    if not firm.projects:
        return "no project is known yet"
    return "no project fits what was asked for"


def _rows(firm: FirmAtMoment, sums: Sums, exceptions: Mapping[str, list[WaitingException]]) -> list[GlanceRow]:
    updates = {update.project_id: update for update in firm.forecasts()}
    whole = _whole_costs(sums)
    keys = dict.fromkeys(sums)
    for project_id, noted in firm.projects.items():
        entity_id = text(noted, "company")
        keys.setdefault((project_id, entity_id, firm.currency_of(entity_id)))
    return [
        _row(firm, key, sums.get(key, {}), updates.get(key[0]), whole.get(key[0], {}), exceptions.get(key[0], []))
        for key in sorted(keys, key=lambda key: (not key[0], key))
    ]


def _row(
    firm: FirmAtMoment,
    key: tuple[str, str, str],
    sums: dict[str, Amount],
    update: ForecastUpdate | None,
    whole: dict[str, Amount],
    exceptions: list[WaitingException],
) -> GlanceRow:
    project_id, entity_id, currency = key
    noted = firm.projects.get(project_id)
    revenue, cost, billed = -sums.get("revenue", 0), sums.get("cost", 0), sums.get(ON_STATEMENT, 0)
    client = firm.client_of(project_id)
    cells: dict[str, Cell] = {
        "project": project_id or None,
        "name": text(noted, "name") or None,
        "client": client or None,
        "client_name": firm.client_name(client) or None,
        "manager": text(noted, "manager") or None,
        "practice": text(noted, "practice") or None,
        "company": entity_id,
        "currency": currency,
        "cost": cost,
        "revenue": revenue,
        "margin": revenue - cost,
        "margin_percent": margin_percent(revenue - cost, revenue),
        "unbilled": sums.get("unbilled", 0) - billed,
        "on_statement": billed,
    }
    explain = {column: ledger_ids(firm, entity_id, project_id, ACCOUNTS[column], sums) for column in ACCOUNTS}
    # What is of the project as a whole stands once, on the row of its own company.
    if noted is None or text(noted, "company") in {"", entity_id}:
        cells |= _budget(noted, currency, whole, revenue, update)
        cells |= _forecast(update, currency)
        cells |= _open(exceptions)
        if cells.get("forecast_margin") is not None:
            heads = {"revenue": "eac_revenue", "cost": "eac_cost", "margin": "margin"}
            explain |= {f"forecast_{name}": (f"{project_id}#ledger/{figure}",) for name, figure in heads.items()}
        if update is not None:
            explain["hours"] = (f"{project_id}#burn_hours",)
    return GlanceRow(cells, {name: ids for name, ids in explain.items() if ids})


def _budget(
    noted: object, currency: str, whole: dict[str, Amount], revenue: Amount, update: ForecastUpdate | None
) -> dict[str, Cell]:
    """`whole` is the project's cost in all companies, by ledger currency; of several the last forecast has it in the project's."""
    stated = noted.get("budget") if isinstance(noted, dict) else None
    hours, budget, fees, of = stated if isinstance(stated, list) else (None, None, None, None)
    burned = update.project.burn_hours if update is not None else None
    same = of in {None, currency}
    cost: Amount | None = whole.get(currency, 0)
    if set(whole) - {currency}:
        is_told = update is not None and update.project.currency == currency
        cost = update.project.burn_cost if update is not None and is_told else None
    cells: dict[str, Cell] = {"budget_hours": hours, "hours": burned, "budget_cost": budget if same else None}
    if budget and same and cost is not None:
        cells["budget_used"] = percent_of(cost, budget)
    elif hours and burned is not None:
        cells["budget_used"] = percent_of(burned, hours)
    elif fees and same:
        cells["budget_used"] = percent_of(revenue, fees)
    return cells


def _forecast(update: ForecastUpdate | None, currency: str) -> dict[str, Cell]:
    now = (update.ledger or update.project) if update is not None else None
    if now is None or now.currency != currency:
        return {}
    return {"forecast_revenue": now.eac_revenue, "forecast_cost": now.eac_cost, "forecast_margin": now.margin}


Sums = dict[tuple[str, str, str], dict[str, Amount]]


def _sums(firm: FirmAtMoment) -> Sums:
    """By project, company and ledger currency; by the columns' names and by account. On a statement is a part of unbilled here."""
    named = {account: column for column, accounts in ACCOUNTS.items() for account in accounts}
    found: Sums = defaultdict(lambda: defaultdict(int))
    for each in firm.accounts:
        if (column := named.get(each.account)) is not None:
            sums = found[each.project_id, each.entity_id, each.ledger_currency]
            sums[column] += each.ledger
            sums[each.account] += each.ledger
    for piece in pieces(firm):
        if piece.reason is Reason.STATEMENT:
            found[piece.project_id, piece.entity_id, piece.ledger_currency][ON_STATEMENT] += piece.ledger
    return {key: sums for key, sums in found.items() if any(sums.values())}


def _figures(every: Sums) -> Iterator[TableFigure]:
    """As the rows have them, all of them."""
    for (_, entity_id, currency), sums in every.items():
        for column in ACCOUNTS:
            yield TableFigure(column, entity_id, currency, sums.get(column, 0))


def _whole_costs(every: Sums) -> dict[str, dict[str, Amount]]:
    """By project and ledger currency, of all companies."""
    found: dict[str, dict[str, Amount]] = defaultdict(dict)
    for (project_id, _, currency), sums in every.items():
        if cost := sums.get("cost", 0):
            found[project_id][currency] = found[project_id].get(currency, 0) + cost
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


def _open(exceptions: Iterable[WaitingException]) -> dict[str, Cell]:
    """How many, each once, and what is at risk by currency."""
    distinct = {one.exception_id: one for one in exceptions}
    risk = Counter[str]()
    for one in distinct.values():
        if one.amount and one.currency:
            risk[one.currency] += one.amount
    return {"exceptions": len(distinct), "at_risk": money_text(risk) if risk else None}


def _is_open(firm: FirmAtMoment, row: GlanceRow) -> bool:
    """Neither closed nor ended before the day, or with something left to bill or to decide."""
    noted = firm.projects.get(str(row.cells["project"] or ""), {})
    ends = text(noted, "ends_on")
    is_over = noted.get("closed") is True or (bool(ends) and ends < firm.today.isoformat())
    return not is_over or any(row.cells.get(name) for name in ("unbilled", ON_STATEMENT, "exceptions"))


def _totals(rows: list[GlanceRow], exceptions: Mapping[str, list[WaitingException]]) -> list[GlanceRow]:
    """An exception of a contract on several projects counts once."""
    return [
        total._replace(
            cells={
                **total.cells,
                **_open(
                    one
                    for row in rows
                    if row.cells["currency"] == total.cells["currency"] and row.cells.get("exceptions")
                    for one in exceptions[str(row.cells["project"])]
                ),
            }
        )
        for total in totals_with_margin(rows, SUMMED, "project")
    ]
