"""Looks at each ERP account that accounts.toml names, and at the charts of its companies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date
from typing import Final, NamedTuple

from connectors.accounts_file import Accounts
from connectors.erp.adapter import ErpFinding
from connectors.erp.adapters import opened
from domain.accounts import NAMES
from domain.delivery.chart import EntityChart

SHOWN_MAX: Final = 6


class ErpDiagnosis(NamedTuple):
    """`is_fatal` keeps delivery to the account from its work; what is only wrong lets the rest go on."""

    said: str
    is_right: bool = True
    is_fatal: bool = False
    next: str = ""


def looked_at(accounts: Accounts, erp: str, today: date) -> Iterator[ErpDiagnosis]:
    """Calls the ERP, writes nothing there. Raises WrongConnection."""
    charts = accounts.charts_of(erp)
    for each in checked(accounts, erp, today):
        is_fatal = each.is_needed and not each.is_right
        yield ErpDiagnosis(f"{erp}: {each.subject}: {each.found}", each.is_right, is_fatal, each.remedy)
    if not charts:
        yield ErpDiagnosis(
            f"{erp}: no company is delivered there",
            is_right=False,
            next=f'write erp = "{erp}" in the [entities.ID] of a company, or take [erp.{erp}] out',
        )
    yield from (_chart(erp, chart) for chart in charts.values())


def checked(accounts: Accounts, erp: str, today: date) -> Iterator[ErpFinding]:
    """What the account itself says. Calls the ERP, writes nothing there. Raises WrongConnection."""
    with closing(opened(erp, accounts.erps[erp])) as adapter:
        yield from adapter.check(accounts.subsidiaries_of(erp), today)


def _chart(erp: str, chart: EntityChart) -> ErpDiagnosis:
    """An account that no rule maps is an exception when something is posted there, and only what posts there waits."""
    missing = [role for role in NAMES if role not in chart.accounts]
    if not missing:
        return ErpDiagnosis(f"{erp}: {chart.legal_entity_id}: all {len(NAMES)} accounts of Milepost are mapped")
    return ErpDiagnosis(
        f"{erp}: {chart.legal_entity_id}: {len(missing)} of {len(NAMES)} accounts of Milepost are not mapped: {_first(missing)}",
        is_right=False,
        next=f"map those that you use in [entities.{chart.legal_entity_id}.accounts]; `milepost accounts check` names them",
    )


def _first(roles: Iterable[str]) -> str:
    named = [f"{role} {NAMES[role]}" for role in roles]
    return ", ".join(named[:SHOWN_MAX]) + ", ..." * (len(named) > SHOWN_MAX)
