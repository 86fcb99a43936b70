"""Hours of a statement for other programs: as worked, so that hours x rate is the amount."""

from __future__ import annotations

import csv
import io
import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, worked, write

MARCH = "BRIDGE.K-1/ACME/2026-03-01/1"


def asked(folder: Path, form: str, *more: str, of: str = MARCH) -> str:
    result = CliRunner().invoke(app, ["statement", of, "--output", str(folder / "output"), form, *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(folder: Path, *more: str, of: str = MARCH) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(asked(folder, "--csv", *more, of=of))))


def firm(folder: Path, *work: Event, rate: str = "150", **terms: Any) -> None:
    *others, contract = founding()
    contract["lines"][0]["terms"] |= {"rates": [{"rate": rate}], **terms}
    write(folder / "input", [*others, contract, *work])
    run(folder, "--until", "2026-04-02")


def begun(entry_id: str, day: int, start: str, end: str) -> Event:
    """Work that has a beginning and an end, and no hours."""
    times = {"started_at": f"2026-03-{day:02d}T{start}:00Z", "ended_at": f"2026-03-{day:02d}T{end}:00Z"}
    work = {**worked(entry_id, day), **times}
    return {name: value for name, value in work.items() if name != "hours"}


@pytest.mark.parametrize(
    ("work", "hours"),
    [
        (begun("T-1", 2, "05:00", "19:55"), "14.916666"),  # 14:55 h, to the millionth of an hour
        (worked("T-1", 2, "14.916667", seconds=53_700), "14.916667"),
    ],
)
def test_hours_are_as_worked_and_give_the_amount(tmp_path: Path, work: Event, hours: str) -> None:
    """14:55 h at 150 are 2,237.50, which 14.92 h are not."""
    firm(tmp_path, work)
    [row] = rows(tmp_path)
    assert (row["quantity"], row["rate"], row["amount"]) == (hours, "150", "2237.50")
    product = Decimal(row["quantity"]) * Decimal(row["rate"])
    assert product.quantize(Decimal("0.01"), ROUND_HALF_UP) == Decimal(row["amount"])
    found = json.loads(asked(tmp_path, "--json"))
    [group] = found["groups"]
    assert (group["quantity"], group["lines"][0]["quantity"]) == (hours, hours)
    assert found["statement"]["lines"][0]["quantity"] == "14.92"


def test_the_hours_of_a_line_of_several_entries_are_summed(tmp_path: Path) -> None:
    """Twice 20 minutes at 100 are 33.33 each: 0.666666 h, which a statement prints as 0.67."""
    firm(tmp_path, begun("T-1", 2, "08:00", "08:20"), begun("T-2", 3, "08:00", "08:20"), rate="100")
    [row] = rows(tmp_path)
    assert (row["quantity"], row["amount"], row["entries"]) == ("0.666666", "66.66", "T-1 T-2")


def test_hours_that_are_billed_otherwise_than_they_were_worked_are_as_printed(tmp_path: Path) -> None:
    """Of 8 h at 150 a cap of 1,000.00 pays for 6.67 h, which are 6.66667 h."""
    firm(tmp_path, worked("T-1", 2, "8"), cap={"kind": "hard", "amount": "1000"})
    [row] = rows(tmp_path)
    assert (row["quantity"], row["amount"]) == ("6.66667", "1000.00")


def test_by_week_each_part_has_its_own_hours(tmp_path: Path) -> None:
    firm(tmp_path, begun("T-1", 2, "05:00", "19:55"), begun("T-2", 9, "08:00", "08:20"))
    assert [(row["quantity"], row["amount"]) for row in rows(tmp_path, "--group-by", "week")] == [
        ("14.916666", "2237.50"),
        ("0.333333", "50.00"),
    ]


@pytest.mark.parametrize(
    ("after", "hours", "amount"),
    [
        ({**begun("T-1", 31, "05:00", "06:15"), "version": 2}, "-13.666666", "-2050.00"),
        (
            event("TimeWithdrawn", "2026-03-31T18:00:00Z", entry_id="T-1", version=2, project_id="BRIDGE"),
            "-14.916666",
            "-2237.50",
        ),
    ],
    ids=["corrected", "withdrawn"],
)
def test_a_correction_has_the_hours_by_which_it_differs(tmp_path: Path, after: Event, hours: str, amount: str) -> None:
    """Of 14:55 h that March bills 1:15 h are left, or none: April gives the rest back, so that both are what was worked."""
    after = after | {"occurred_at": "2026-04-03T18:00:00Z", "recorded_at": "2026-04-03T18:00:00Z"}
    if "started_at" in after:
        after |= {"worked_on": "2026-03-02", "started_at": "2026-03-02T05:00:00Z", "ended_at": "2026-03-02T06:15:00Z"}
    firm(tmp_path, begun("T-1", 2, "05:00", "19:55"), after)
    run(tmp_path, "--until", "2026-05-02")
    [row] = rows(tmp_path, of="BRIDGE.K-1/ACME/2026-04-01/1")
    assert (row["quantity"], row["amount"]) == (hours, amount)
