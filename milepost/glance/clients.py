"""Clients: what each brought and cost, what of it is unbilled, billed, owed, overdue, retained and paid ahead, in ledger currency."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from domain.accounts import (
    CONTRACT_LIABILITY,
    CUSTOMER_DEPOSIT,
    PROJECT_COST,
    RECEIVABLE,
    RETENTION_RECEIVABLE,
    REVENUE,
    UNAPPLIED_CASH,
    UNBILLED,
)
from domain.capabilities import REFUND_LIABILITY
from milepost.glance.account_sums import Sums, account_sums, before, feet_of, to_foot
from milepost.glance.figures import LEDGER, Counted, counted, less, sum_of
from milepost.glance.firm import FirmAtMoment, text
from milepost.glance.receivables import INVOICES, open_items, overdue_days
from milepost.glance.sheet import (
    Cell,
    CellKind,
    Glance,
    GlanceColumn,
    GlanceRow,
    margin_percent,
    row_of,
    totals_with_margin,
)
from milepost.glance.wanted import Wanted

# Of each column its accounts, and whether the ledger has it on the other side.
ACCOUNTS: Final = {
    "revenue": (REVENUE, -1),
    "cost": (PROJECT_COST, 1),
    "owed": ((RECEIVABLE,), 1),
    "unapplied": ((UNAPPLIED_CASH,), -1),
    "retained": ((RETENTION_RECEIVABLE,), 1),
    "prepaid": ((CONTRACT_LIABILITY, CUSTOMER_DEPOSIT), -1),
    "owed_back": ((REFUND_LIABILITY,), -1),
}
COLUMNS: Final = (
    GlanceColumn("client", "client", CellKind.ID),
    GlanceColumn("client_name", "name", CellKind.TEXT, 1, "client"),
    GlanceColumn("company", "company", CellKind.ID, 4),
    GlanceColumn("projects", "projects", CellKind.COUNT, 6),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("revenue", "revenue"),
    GlanceColumn("revenue_before", "revenue brought forward", CellKind.AMOUNT, 11, "revenue"),
    GlanceColumn("cost", "cost", CellKind.AMOUNT, 7),
    GlanceColumn("cost_before", "cost brought forward", CellKind.AMOUNT, 12, "cost"),
    GlanceColumn("margin", "margin"),
    GlanceColumn("margin_percent", "margin %", CellKind.PERCENT, 5),
    GlanceColumn("unbilled", "unbilled"),
    GlanceColumn("on_statement", "on a statement", CellKind.AMOUNT, 3),
    GlanceColumn("owed", "owed"),
    GlanceColumn("overdue", "overdue"),
    GlanceColumn("unapplied", "unapplied cash", CellKind.AMOUNT, 8),
    GlanceColumn("retained", "retained", CellKind.AMOUNT, 9),
    GlanceColumn("prepaid", "prepaid", CellKind.AMOUNT, 2),
    GlanceColumn("owed_back", "owed back", CellKind.AMOUNT, 13),
    GlanceColumn("exceptions", "open exceptions", CellKind.COUNT, 10),
)
SUMMED: Final = (
    *("projects", "revenue", "cost", "margin", "unbilled", "on_statement", "owed", "overdue"),
    *("unapplied", "retained", "prepaid", "owed_back", "exceptions", "revenue_before", "cost_before"),
)
# What leaves a client something to bill, to settle or to decide.
OPEN: Final = ("unbilled", "on_statement", "owed", "unapplied", "retained", "prepaid", "owed_back", "exceptions")
NOTES: Final = (
    "Amounts are the ledger's, in its currency. Unbilled is on no statement; on a statement is not invoiced.",
)


def clients(firm: FirmAtMoment, wanted: Wanted) -> Glance:
    accounts = {name: of for name, (of, _) in ACCOUNTS.items()}
    sums = _sums(firm, accounts)
    found = wanted.of(_rows(firm, sums), firm)
    if wanted.only_open:
        found = [row for row in found if any(row.amount(each) for each in OPEN)]
    in_ledger = {**accounts, "unbilled": UNBILLED}
    return Glance(
        "clients",
        "Clients",
        firm.as_of,
        COLUMNS,
        found,
        totals_with_margin(found, SUMMED, "client"),
        feet_of(firm, to_foot(sums, in_ledger), in_ledger),
        (*firm.not_whole(), *NOTES),
        "no client is known yet",
        filters=wanted.filters,
    )


def _sums(firm: FirmAtMoment, accounts: Mapping[str, tuple[str, ...]]) -> Sums:
    """By client; overdue is a part of what is owed."""
    found = account_sums(firm, accounts, firm.payer_of)
    for item in open_items(firm):
        if item.kind == INVOICES and overdue_days(firm, item) > 0:
            client = firm.payer_of(item)
            found[client, item.entity_id, item.ledger_currency]["overdue"] += item.parts(LEDGER)
    return found


def _rows(firm: FirmAtMoment, sums: Sums) -> list[GlanceRow]:
    projects: dict[str, set[str]] = defaultdict(set)
    for project_id in firm.projects:
        projects[firm.client_of(project_id)].add(project_id)
    exceptions: dict[str, list[Counted]] = defaultdict(list)
    for one in firm.exceptions:
        project_id = one.project_id or firm.project_on(one.contract_id) or one.engagement_id
        client = firm.client_of(project_id, one.contract_id)
        exceptions[client].append(Counted(one.category, one.exception_id))
    shown = set[str]()
    rows = []
    for client, entity_id, currency in sorted(_keys(firm, sums, projects), key=lambda key: (not key[0], key)):
        of = sums.get((client, entity_id, currency), {})
        texts: dict[str, Cell] = {
            "client": client or None,
            "client_name": firm.client_name(client) or (None if client else "no client"),
            "company": entity_id or None,
            "currency": currency or None,
        }
        figures = {name: sum_of(of.get(name, ()), sign) for name, (_, sign) in ACCOUNTS.items()}
        figures |= {name: sum_of(of.get(name, ())) for name in ("unbilled", "on_statement", "overdue")}
        figures |= before(of)
        figures["margin"] = less(figures, "revenue", "cost")
        figures["margin_percent"] = margin_percent(figures)
        if client not in shown:  # what is not of a company stands once
            figures["projects"] = counted(Counted(each, each) for each in sorted(projects[client]))
            figures["exceptions"] = counted(exceptions[client])
            shown.add(client)
        rows.append(row_of((entity_id, client), texts, figures))
    return rows


def _keys(firm: FirmAtMoment, sums: Sums, projects: Mapping[str, Iterable[str]]) -> set[tuple[str, str, str]]:
    """With amounts, else of the companies of their projects; who has neither stands without a company."""
    found = {key for key, of in sums.items() if any(sum(part.value for part in parts) for parts in of.values())}
    known = {client for client, _, _ in found}
    for client in (*firm.customers, *projects):
        if client not in known:
            companies = {text(firm.projects.get(each), "company") for each in projects.get(client, ())} or {""}
            found |= {(client, entity_id, firm.currency_of(entity_id)) for entity_id in companies}
    return found
