"""What holds the tables to the ledger: sums beside those of accounts, and ids under which an account's part is explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from domain.units import Amount
from milepost.glance.firm import FirmAtMoment
from milepost.glance.sheet import LedgerFoot


def feet_of(
    firm: FirmAtMoment,
    sums: Mapping[str, Mapping[tuple[str, str], Amount]],
    accounts: Mapping[str, tuple[str, ...]],
) -> list[LedgerFoot]:
    """Of each figure by company and ledger currency, beside the accounts that it is about."""
    feet = []
    for what, of in accounts.items():
        in_ledger = firm.in_ledger(of)
        for key in sorted({*sums.get(what, {}), *in_ledger}):
            foot = LedgerFoot(what, *key, of, sums.get(what, {}).get(key, 0), in_ledger.get(key, 0))
            if foot.in_table or foot.in_ledger:
                feet.append(foot)
    return feet


def ledger_ids(
    firm: FirmAtMoment, entity_id: str, project_id: str, accounts: Iterable[str], sums: Mapping[str, Amount]
) -> tuple[str, ...]:
    """What a project gives to accounts, as `milepost explain` takes it; of one that shares its engagement the project itself."""
    engagement_id, period = firm.engagement_of.get(project_id), firm.last_period.get(entity_id)
    if engagement_id is None or period is None:
        return (project_id,) if project_id in firm.projects else ()
    return tuple(f"{entity_id}/{period}/{each}#closing@{engagement_id}" for each in accounts if sums.get(each))
