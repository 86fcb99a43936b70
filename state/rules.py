"""Which versions of the rules this code has. A log says in its genesis, and by `RulesActivated`, which one it is folded under.

A place where a later version decides otherwise asks `reference.rules`, the version in force at the event, and keeps what
the earlier ones do: `rules.lock` has their files, and logs recorded with them are folded again before an edit is taken.
"""

from collections.abc import Mapping
from typing import Final

from domain.reference.zones import database_version
from state.genesis import Genesis
from state.guards import RULES_MISSING, GuardStop

ACCOUNTING: Final = "accounting"
# The newest version; all before it are there too.
RULES: Mapping[str, int] = {ACCOUNTING: 1}
RULES_VERSION = str(RULES[ACCOUNTING])


def begun_under(genesis: Genesis) -> int:
    """The version that holds from the first record on."""
    return genesis.rules.get(ACCOUNTING, 1)


def check_genesis(genesis: Genesis) -> None:
    """Refuse a log that this code would not fold as it was folded before."""
    check_rules(genesis.rules)
    if genesis.zone_database != database_version():
        raise GuardStop(
            RULES_MISSING,
            f"the log was kept under zone database {genesis.zone_database}, installed is {database_version()}; "
            "install the tzdata of the locked requirements",
        )


def check_rules(wanted: Mapping[str, int]) -> None:
    """Refuse a log, or an activation, of rules that this code does not have: replay must give the same bytes."""
    for rule, version in sorted(wanted.items()):
        newest = RULES.get(rule, 0)
        if not 1 <= version <= newest:
            raise GuardStop(
                RULES_MISSING,
                f"the log asks for version {version} of rule {rule}, this code has {_known(newest)}; "
                "run the release that has it",
            )


def _known(newest: int) -> str:
    return "none" if not newest else "1" if newest == 1 else f"1 to {newest}"
