"""Which version of the rules this code handles. A log says in its genesis, and by `RulesActivated`, which ones it was folded under."""

from collections.abc import Mapping

from state.guards import RULES_MISSING, GuardStop

RULES: Mapping[str, int] = {"accounting": 1}
RULES_VERSION = str(RULES["accounting"])


def check_rules(wanted: Mapping[str, int]) -> None:
    """Refuse a log, or an activation, of rules that this code does not have: replay must give the same bytes."""
    for rule, version in sorted(wanted.items()):
        if RULES.get(rule) != version:
            raise GuardStop(
                RULES_MISSING,
                f"the log asks for version {version} of rule {rule}, this code has {RULES.get(rule, 'none')}; "
                "run the release that has it",
            )
