"""Which version of the rules this code handles. A log says in its genesis, and by `RulesActivated`, which ones it was folded under."""

from collections.abc import Mapping

from domain.zones import database_version
from state.genesis import Genesis
from state.guards import RULES_MISSING, GuardStop

RULES: Mapping[str, int] = {"accounting": 1}
RULES_VERSION = str(RULES["accounting"])


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
        if RULES.get(rule) != version:
            raise GuardStop(
                RULES_MISSING,
                f"the log asks for version {version} of rule {rule}, this code has {RULES.get(rule, 'none')}; "
                "run the release that has it",
            )
