"""A log is only folded by code that has the rules it was kept under."""

import pytest

from state.guards import RULES_MISSING, GuardStop
from state.rules import RULES, check_rules


def test_the_rules_in_force_are_accepted() -> None:
    check_rules(RULES)
    check_rules({})


@pytest.mark.parametrize("wanted", [{"accounting": 2}, {"revenue": 1}])
def test_rules_that_this_code_does_not_have_stop_the_shard(wanted: dict[str, int]) -> None:
    with pytest.raises(GuardStop, match="asks for version") as stop:
        check_rules(wanted)
    assert stop.value.code == RULES_MISSING
