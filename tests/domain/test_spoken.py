"""What terms call their charges is read back as it was said, also where several pay."""

from __future__ import annotations

import pytest

from domain.terms import spoken
from milepost.locales import WORDS

FEE = {"first": "2026-02-01", "last": "2026-02-28"}


@pytest.mark.parametrize("beside", ["60 %", "33.33 %", "GRANT", "GRANT 1,200.00, OWN 300.00"])
def test_what_stands_beside_a_charge_is_no_fact_of_it(beside: str) -> None:
    assert spoken.read(f"{spoken.said('fee', **FEE)} ({beside})") == ("fee", {**FEE, spoken.BESIDE: beside})
    assert spoken.read(f"{spoken.said('deposit')} ({beside})") == ("deposit", {spoken.BESIDE: beside})


def test_a_charge_alone_has_its_facts_alone() -> None:
    assert spoken.read(spoken.said("fee", **FEE)) == ("fee", FEE)
    assert spoken.read(spoken.said("progress", percent="60")) == ("progress", {"percent": "60"})
    assert spoken.read("Fee of the consultant") is None


def test_pages_have_words_for_every_charge() -> None:
    for language in ("en", "de"):
        assert {f"charge_{name}" for name in spoken.CHARGES} == {
            word for word in WORDS[language] if word.startswith("charge_")
        }


def test_a_settlement_has_its_day() -> None:
    assert spoken.read("Settlement, earned by 2026-02-10") == ("settlement", {"day": "2026-02-10"})
