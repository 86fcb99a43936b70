"""The ERPs that are served: one line for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from connectors.erp import business_central, dynamics_finance, file_ledger, netsuite, oracle_fusion
from connectors.erp.adapter import Erp
from connectors.erp.connection import Connection, WrongConnection

# Of the name in accounts.toml and what stands there. Calls nothing, reads no secret. Raises WrongConnection.
Opener: TypeAlias = Callable[[str, Connection], Erp]

OPENERS: Final[Mapping[str, Opener]] = {
    "files": file_ledger.open_erp,
    "netsuite": netsuite.open_erp,
    "dynamics365_finance": dynamics_finance.open_erp,
    "business_central": business_central.open_erp,
    "oracle_fusion": oracle_fusion.open_erp,
}


def opened(name: str, connection: Connection) -> Erp:
    """The adapter of an account; `name` is NAME of `[erp.NAME]`. Raises WrongConnection."""
    try:
        opener = OPENERS[connection.kind]
    except KeyError:
        raise WrongConnection(
            f"[erp.{name}] kind: expected one of {', '.join(OPENERS)}, found {connection.kind!r}"
        ) from None
    return opener(name, connection)
