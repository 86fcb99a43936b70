"""An export that leaves out some rows overwrites nothing, and a duration that is another entry's is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.imports.products.product import HARVEST, TOGGL
from tests.connectors.imports.exporting import entries, import_file, imported
from tests.connectors.imports.test_exports_rows import HARVEST_ROW, TOGGL_ROW, written

MORNING = {**TOGGL_ROW, "Start time": "09:00:00", "End time": "10:30:00", "Duration": "01:30:00", "Description": "plan"}
AFTERNOON = {
    **TOGGL_ROW,
    "Start time": "14:00:00",
    "End time": "17:00:00",
    "Duration": "03:00:00",
    "Description": "build",
}


def test_other_work_of_the_same_day_stands_beside_what_was_imported(tmp_path: Path) -> None:
    """The first export is of the morning, the second, filtered, of the afternoon alone: 1.5 h and 3 h, and not 3 h for both."""
    first = imported(tmp_path, written(MORNING), TOGGL, rate=Decimal(100))
    (tmp_path / "later.csv").write_text(written(AFTERNOON))
    second = import_file(tmp_path / "later.csv", tmp_path / "out", TOGGL, "later", rate=Decimal(100))
    (one,), (other,) = entries(first), entries(second)
    assert one["entry_id"] != other["entry_id"]
    assert (one["hours"], other["hours"], other["version"]) == ("1.5", "3", 1)
    assert (second.changes.new, second.changes.changed, len(second.gone)) == (1, 0, 1)


def test_a_refused_row_keeps_its_entry(tmp_path: Path) -> None:
    """1.5 h of "plan" stand though its row says 1.5o now; the new row of the same work and hours is new."""
    first = imported(tmp_path, written(HARVEST_ROW), HARVEST)
    (entry,) = entries(first)
    hours, later = HARVEST_ROW["Hours"], {"Notes": "other"}
    spoilt = {"Hours": f"{hours}o"}
    (tmp_path / "later.csv").write_text(written({**HARVEST_ROW, **spoilt}, {**later, "Hours": hours}))
    second = import_file(tmp_path / "later.csv", tmp_path / "out", HARVEST, "later")
    (other,) = entries(second)
    assert (other["entry_id"] != entry["entry_id"], other["version"], other["hours"]) == (True, 1, entry["hours"])
    assert (second.changes.new, second.changes.changed, second.gone) == (1, 0, ())
    assert [each.first.line for each in second.rejected_rows] == [2]


def test_of_one_key_a_refused_row_keeps_one_entry(tmp_path: Path) -> None:
    """Two rows that differ in hours alone: the one that can be read is new beside the entry of the other, and no version of it."""
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    (tmp_path / "later.csv").write_text(written({**HARVEST_ROW, "Hours": "7,5o"}, {"Hours": "3,0"}))
    second = import_file(tmp_path / "later.csv", tmp_path / "out", HARVEST, "later")
    assert (second.changes.new, second.changes.changed) == (1, 0)


@pytest.mark.parametrize(
    ("end", "duration", "is_taken"),
    [
        ("10:00:00", "01:00:00", True),
        ("10:00:00", "01:00:20", True),
        ("10:05:00", "01:15:00", True),  # reports may be rounded up to a quarter of an hour
        ("10:05:00", "01:00:00", True),
        ("10:00:00", "01:15:00", False),
        ("10:00:00", "02:00:00", False),
        ("10:00:00", "01:55:00", False),
        ("10:00:00", "00:05:00", False),
    ],
)
def test_start_and_end_are_as_far_apart_as_the_duration_says(
    tmp_path: Path, end: str, duration: str, is_taken: bool
) -> None:
    row = {**TOGGL_ROW, "Start time": "09:00:00", "End time": end, "Duration": duration}
    found = imported(tmp_path, written(row), TOGGL, rate=Decimal(100))
    assert bool(entries(found)) is is_taken
