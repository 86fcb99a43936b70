"""Ten years of a software house, through import, run and verify, compared with sums that nothing of Milepost has made."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.real_data import measure, totals_apart
from tests.thoroughness import THOROUGH


@pytest.mark.parametrize(
    ("limit", "entries", "waiting"), [(24, 11_547, 752), *([(2_500, 12_299, 0)] if THOROUGH else [])]
)
def test_the_books_agree_with_sums_made_apart(
    real_data: Path, tmp_path: Path, limit: int, entries: int, waiting: int
) -> None:
    """Revenue, cost and statements in pounds, revenue and cost in euros at the rate of each day, to the cent."""
    found = measure(real_data, limit, tmp_path)
    assert found.found == found.expected
    assert (found.found["entries"], found.found["waiting"]) == (str(entries), str(waiting))
    assert found.verified


def test_all_hours_at_eighty_pounds(real_data: Path) -> None:
    assert totals_apart(real_data, 2_500).revenue == Decimal("95001.98") * 80 == Decimal("7600158.40")
