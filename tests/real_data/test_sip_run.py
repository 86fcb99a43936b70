"""Ten years of a software house, through import, run and verify, compared with sums that nothing of Milepost has made."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.real_data import EFFORT, RATES, measure, totals_apart
from tests.thoroughness import THOROUGH

# One row of so many: all eleven calendar years and all projects are still among them.
ROWS = 1 if THOROUGH else 4


@pytest.fixture
def data(real_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(real_data / RATES, folder)
    head, *rows = (real_data / EFFORT).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / EFFORT).write_text("".join([head, *rows[::ROWS]]), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("limit", "entries", "waiting"), [(24, 11_547, 752), (2_500, 12_299, 0)] if THOROUGH else [(24, 2_895, 180)]
)
def test_the_books_agree_with_sums_made_apart(
    data: Path, tmp_path: Path, limit: int, entries: int, waiting: int
) -> None:
    """Revenue, cost and statements in pounds, revenue and cost in euros at the rate of each day, to the cent."""
    found = measure(data, limit, tmp_path / "books")
    assert found.found == found.expected
    assert (found.found["entries"], found.found["waiting"]) == (str(entries), str(waiting))
    assert found.verified


def test_all_hours_at_eighty_pounds(real_data: Path) -> None:
    assert totals_apart(real_data, 2_500).revenue == Decimal("95001.98") * 80 == Decimal("7600158.40")
