"""The outputs are a function of the log alone: no hash seed, zone or locale of the machine reaches them, and no C compiler."""

from pathlib import Path

import pytest

from connectors.compiled import INTERPRETED
from tests.reliability import recorded
from tests.thoroughness import THOROUGH

DIGEST = recorded.RECORDED / "outputs.sha256"
RENEW = (
    "the recorded log gives other outputs than before; where rules or schemas were meant to change, "
    f"write the new digest into {DIGEST.name} and say so in the commit"
)


# Of a seed, a zone and a locale each: two runs in which all three are others.
MACHINES = [("4242", "Asia/Tokyo", "de_DE.UTF-8"), ("1", "America/Los_Angeles", "tr_TR.UTF-8")]
ONE_OTHER = [("0", "UTC", "C"), ("1", "Asia/Tokyo", "C"), ("4242", "UTC", "de_DE.UTF-8")]


@pytest.mark.parametrize(("seed", "zone", "locale"), [*MACHINES, *(ONE_OTHER if THOROUGH else ())])
def test_hash_seed_zone_and_locale_change_nothing(tmp_path: Path, seed: str, zone: str, locale: str) -> None:
    recorded.run(tmp_path / "out", {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "LANG": locale})
    assert recorded.digest(tmp_path / "out") == DIGEST.read_text().strip(), RENEW


def test_what_is_not_compiled_gives_the_same_bytes(tmp_path: Path) -> None:
    recorded.run(tmp_path / "out", {INTERPRETED: "1"})
    assert recorded.digest(tmp_path / "out") == DIGEST.read_text().strip(), RENEW
