"""Looks at each ERP account that accounts.toml names, and at the charts of its companies."""

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


OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"


class CheckFound(NamedTuple):
    """`next` is what to do about it; empty where nothing is to be done."""

    state: str
    said: str
    next: str = ""


def looked_at(accounts: Accounts, erp: str, today: date) -> Iterator[CheckFound]:
    """What fails keeps delivery to the account from its work; a warning lets the rest go on. Calls the ERP, writes nothing there. Raises
    WrongConnection."""
    charts = accounts.charts_of(erp)
    for each in checked(accounts, erp, today):
        state = OK if each.is_right else FAIL if each.is_needed else WARN
        yield CheckFound(state, f"{erp}: {each.subject}: {each.found}", each.remedy)
    if not charts:
        way_out = f'write erp = "{erp}" in the [entities.ID] of a company, or take [erp.{erp}] out'
        yield CheckFound(WARN, f"{erp}: no company is delivered there", way_out)
    yield from (_chart(erp, chart) for chart in charts.values())


def checked(accounts: Accounts, erp: str, today: date) -> Iterator[ErpFinding]:
    """What the account itself says. Calls the ERP, writes nothing there. Raises WrongConnection."""
    with closing(opened(erp, accounts.erps[erp])) as adapter:
        yield from adapter.check(accounts.subsidiaries_of(erp), today)


def _chart(erp: str, chart: EntityChart) -> CheckFound:
    """An account that no rule maps is an exception when something is posted there, and only what posts there waits."""
    missing = [role for role in NAMES if role not in chart.accounts]
    if not missing:
        return CheckFound(OK, f"{erp}: {chart.legal_entity_id}: all {len(NAMES)} accounts of Milepost are mapped")
    return CheckFound(
        WARN,
        f"{erp}: {chart.legal_entity_id}: {len(missing)} of {len(NAMES)} accounts of Milepost are not mapped: {_first(missing)}",
        f"map those that you use in [entities.{chart.legal_entity_id}.accounts]; `milepost accounts check` names them",
    )


def _first(roles: Iterable[str]) -> str:
    named = [f"{role} {NAMES[role]}" for role in roles]
    return ", ".join(named[:SHOWN_MAX]) + ", ..." * (len(named) > SHOWN_MAX)
