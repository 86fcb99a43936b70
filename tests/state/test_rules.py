"""A log is only folded by code that has the rules it was kept under."""

import pytest

from state.genesis import Genesis
from state.guards import RULES_MISSING, GuardStop
from state.rules import RULES, check_genesis, check_rules


def test_the_rules_in_force_are_accepted() -> None:
    check_rules(RULES)
    check_rules({})


@pytest.mark.parametrize("wanted", [{"accounting": 2}, {"revenue": 1}])
def test_rules_that_this_code_does_not_have_stop_the_shard(wanted: dict[str, int]) -> None:
    with pytest.raises(GuardStop, match="asks for version") as stop:
        check_rules(wanted)
    assert stop.value.code == RULES_MISSING


def test_another_zone_database_stops_the_shard() -> None:
    check_genesis(Genesis("1", rules=RULES))
    with pytest.raises(GuardStop, match="zone database 1999a"):
        check_genesis(Genesis("1", rules=RULES, zone_database="1999a"))
