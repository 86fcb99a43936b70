"""A changed rule is explained as it is changed; all twenty with `make mutations` or HYPOTHESIS_PROFILE=thorough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations.__main__ import results
from tests.mutations.changes import CHANGES, FOLLOW, Change
from tests.releases import ROOT
from tests.thoroughness import THOROUGH

FOLLOWING = [change for change in CHANGES if change.ends == FOLLOW]
QUICK = (
    "a deposit that is applied at the end is set against every statement",
    "the assignment that starts first gives the role",
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.rule)
def test_the_line_stands_once_in_its_rule(change: Change) -> None:
    assert (ROOT / change.file).read_text(encoding="utf-8").count(change.before) == 1
    for file in change.scenarios:
        assert (ROOT / "tests" / "scenarios" / file).is_file()


def test_explanations_follow_a_changed_rule(tmp_path: Path) -> None:
    chosen = FOLLOWING if THOROUGH else [change for change in FOLLOWING if change.rule in QUICK]
    found = results(chosen, tmp_path)
    assert len(found) == len(chosen) >= len(QUICK)
    assert [str(result) for result in found if result.ends != FOLLOW] == []


def test_an_audit_notices_more_earned_over_time_than_a_price(tmp_path: Path) -> None:
    (change,) = (each for each in CHANGES if each.file == "domain/revenue/over_time.py")
    (result,) = results([change], tmp_path)
    assert "prices" in result.noticed


def test_an_audit_notices_more_than_a_cap_allows(tmp_path: Path) -> None:
    (result,) = results([CHANGES[0]], tmp_path, first=5)
    assert "caps" in result.noticed
