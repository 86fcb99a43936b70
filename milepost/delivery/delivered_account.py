"""Which ERP account of accounts.toml a delivery on Kafka is for: asked by its supervisor too, which loads nothing else of it."""

from collections.abc import Mapping
from typing import NamedTuple

from connectors.erp.connection import Connection
from connectors.metrics.catalogue import FORMS
from domain.delivery.chart import EntityChart
from milepost.delivery.accounts_given import given_accounts
from milepost.settings import Settings
from milepost.wrong_settings import WrongSettings


class Account(NamedTuple):
    """What accounts.toml says of `[erp.NAME]`, and the charts of companies that are delivered there; `companies` are all that it has."""

    erp: str
    connection: Connection
    charts: Mapping[str, EntityChart]
    companies: frozenset[str]


def account_of(settings: Settings, erp: str | None) -> Account:
    """`erp` may be left out where there is one. Calls nothing, reads no secret. Raises WrongSettings."""
    path = settings.delivery.accounts
    if path is None:
        raise WrongSettings(
            ["delivery.accounts: expected the path of accounts.toml, such as accounts.toml; it is not set"]
        )
    accounts = given_accounts(path)
    names = ", ".join(accounts.erps)
    if erp is None and len(accounts.erps) != 1:
        raise WrongSettings([f"--erp: expected one of {names}, as {path} has several"])
    name = erp or next(iter(accounts.erps))
    if name not in accounts.erps:
        raise WrongSettings([f"--erp {name}: expected a NAME of [erp.NAME] in {path}: {names}"])
    if not FORMS["erp"].fullmatch(name):
        raise WrongSettings([f"{path}: [erp.{name}]: expected letters, digits, dot, dash and underscore, 64 at most"])
    charts = accounts.charts_of(name)
    if not charts:
        raise WrongSettings([f'{path}: no company is delivered to {name}; write erp = "{name}" in its [entities.ID]'])
    return Account(name, accounts.erps[name], charts, frozenset(accounts.charts))
