"""`milepost show` on a month with overtime, write-ups, odd hours, a cap and work that waits.

1.333333 + 8 of 6 h at 100 are 933.33, 8 h overtime at 150 are 1,200.00; the cap of 2,500 leaves 366.67 for the 6 of 8 h.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

from connectors.files.lookup import FoundStatement, find
from connectors.files.statement_background import entries_at_issue
from domain.outputs import StatementLine
from domain.units import AMOUNT_ONE, HOURS_ONE, RATE_ONE
from milepost.cli import app
from milepost.statements.lines import telling_quantity
from tests.commands.tiny_firm import Event, founding, worked, write

STATEMENT = "BRIDGE.K-1/ACME/2026-03-01/1"


@pytest.fixture(scope="module")
def output() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "in", events())
        arguments = ["run", "--input", folder / "in", "--output", folder / "out", "--until", "2026-04-10"]
        assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
        yield folder / "out"


def events() -> list[Event]:
    firm = founding()
    terms = firm[-1]["lines"][0]["terms"]
    terms["rates"][0]["overtime_markup"] = "50"
    terms["cap"] = {"kind": "hard", "amount": "2500"}
    firm[-2]["budget"] = {"hours": "50", "cost": "2000"}
    return [
        *firm,
        worked("T-1", 2, "1.333333"),
        worked("T-2", 3, "8", overtime=True),
        worked("T-3", 4, "6", billable_hours="8"),
        worked("T-4", 5, "8", billable_hours="6"),
        worked("T-5", 6, "30"),
        worked("T-6", 9, "9"),
    ]


def shown(output: Path, wanted: str, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["show", wanted, "--output", str(output), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def line(text: str, begin: str) -> list[str]:
    found = next(each for each in text.splitlines() if each.strip().startswith(begin))
    return re.split(r"  +", found.strip())


def test_open_exceptions_say_what_is_at_risk_and_what_would_close_them(output: Path) -> None:
    """233.33 of T-4 and 900.00 of T-6 are over the cap since the fifth of March; the folder has come to the tenth of April."""
    text = shown(output, "BRIDGE")
    assert line(text, "over the cap (over_cap)")[1:6] == [
        "cap K-1/line:L-1, 2 entries",
        "delivery",
        "36 days",
        "1,133.33 EUR",
        "Raise the cap by an amendment, or accept the work as not billable.",
    ]
    assert line(text, "implausible hours (hours_out_of_range)")[1:6] == [
        "time entry T-5",
        "delivery",
        "35 days",
        "3,000.00 EUR",
        "Correct the hours, raise hours_max_per_entry, or waive.",
    ]


def test_open_exceptions_as_json(output: Path) -> None:
    found = json.loads(shown(output, "BRIDGE", "--json"))["exceptions"]
    assert [(each["category"], each["age_days"]) for each in found] == [("over_cap", 36), ("hours_out_of_range", 35)]
    assert (found[0]["first_raised_at"], found[0]["blocks_amount"]) == ("2026-03-05T18:00:00Z", "1133.33")


def test_lines_of_a_statement_can_be_checked_on_paper(output: Path) -> None:
    text = shown(output, STATEMENT)
    lines = [re.split(r"  +", each.strip())[5:] for each in text.splitlines() if each.strip().startswith("L-1 ")]
    assert lines == [
        ["9.3333 hours", "100.00", "933.33", "written up 2 h"],
        ["8 hours", "100.00 + 50 %", "1,200.00", "overtime"],
        ["3.6667 hours", "100.00", "366.67", "adjusted_for_cap, written down 2 h"],
    ]


def test_written_entries_as_json(output: Path) -> None:
    assert json.loads(shown(output, STATEMENT, "--json"))["written"] == [
        {"entry_id": "T-3", "hours": "6", "billable_hours": "8"},
        {"entry_id": "T-4", "hours": "8", "billable_hours": "6"},
    ]


def test_entries_are_told_as_they_stood_when_the_statement_was_issued(tmp_path: Path) -> None:
    again = {**worked("T-1", 2, "5"), "version": 2, "recorded_at": "2026-04-05T08:00:00Z"}
    write(tmp_path / "in", [*founding(), worked("T-1", 2, "8"), again])
    arguments = ["run", "--input", tmp_path / "in", "--output", tmp_path / "out", "--until", "2026-04-10"]
    assert CliRunner().invoke(app, [str(each) for each in arguments]).exit_code == 0
    found = find(tmp_path / "out", STATEMENT)
    assert isinstance(found, FoundStatement)
    assert [event.version for event in entries_at_issue(tmp_path / "out", found).values()] == [1]


@pytest.mark.parametrize(
    ("quantity", "rate", "markup", "amount", "told"),
    [
        (8, 100, 0, 800, 8),
        (9.33, 100, 0, 933.33, 9.3333),
        (1.33, 120, 50, 240, 1.33333),
        (-2, 100, 0, -200, -2),
        (-1.33, 100, 0, -133.33, -1.3333),
        (0, 120, 0, 160, 0),
        (8, 0, 0, 0, 8),
    ],
)
def test_a_quantity_has_the_decimals_that_give_the_amount(
    quantity: float, rate: int, markup: int, amount: float, told: float
) -> None:
    """A rate that was corrected leaves a difference without hours; nothing is made up for it."""
    found = telling_quantity(statement_line(quantity, rate, markup, amount), "EUR")
    assert found == round(told * HOURS_ONE)


def statement_line(quantity: float, rate: int, markup: int, amount: float) -> StatementLine:
    day = date(2026, 3, 2)
    return StatementLine(
        line_id="L-1",
        project_id="BRIDGE",
        description="",
        quantity=round(quantity * HOURS_ONE),
        unit="hour",
        rate=rate * RATE_ONE,
        amount=round(amount * AMOUNT_ONE),
        service_from=day,
        service_to=day,
        markup_percent=markup * 10**6,
    )
