"""accounts.toml as commands take it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.wrong_settings import WrongSettings

if TYPE_CHECKING:
    from connectors.accounts_file import Accounts

DEFAULT = Path("accounts.toml")
AccountsFile = Annotated[Path, typer.Option("--accounts", help="The ERP accounts and the companies' charts.")]


def given_accounts(path: Path) -> Accounts:
    """Calls no ERP and reads no secret. Raises WrongSettings."""
    from connectors.accounts_file import WrongAccounts, read_accounts, segments_without_place
    from connectors.erp.adapters import opened
    from connectors.erp.connection import WrongConnection

    faults: list[str] = []
    try:
        found = read_accounts(path)
        for name, connection in found.erps.items():
            erp = opened(name, connection)
            erp.close()
            faults += segments_without_place(found.charts_of(name).values(), erp.limits.segments)
    except WrongAccounts as fault:
        raise WrongSettings(str(fault).split("\n")) from fault
    except WrongConnection as fault:
        raise WrongSettings([f"{path}: {fault}"]) from fault
    if faults:
        raise WrongSettings([f"{path}: {fault}" for fault in faults])
    return found
