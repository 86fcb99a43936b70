"""What people can work counts where their hours are shown: every field of `PersonCapacitySet`.

ADA works 26 h on BRIDGE, 24 of them billable: 10 h in January, 8 in February, 8 in March (6 billable).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, run, said, worked, write
from tests.glance.small_firm import history

WORK = [each for each in history() if each["type"] != "PersonCapacitySet"]


def capacity(at: int, **stated: Any) -> Event:
    fields = {"person_id": "ADA", "version": 1, "month": "2026-03", "hours": "20", "time_off": "8", **stated}
    return event("PersonCapacitySet", f"2026-01-01T10:00:{at:02d}Z", **fields)


def shown(folder: Path, capacities: list[Event], *options: str) -> dict[str, tuple[str | None, str | None]]:
    """By person capacity and utilisation."""
    write(folder / "input", sorted([*WORK, *capacities], key=lambda each: str(each["occurred_at"])))
    run(folder, "--until", "2026-03-15")
    found = said(CliRunner().invoke(app, ["people", *options, "--json", "--output", str(folder / "output")]))
    return {row["person"]: (row["capacity"], row["utilisation"]) for row in found["rows"]}


@pytest.mark.parametrize(
    ("stated", "ada", "bob"),
    [
        ({}, ("12", "50"), (None, None)),
        ({"hours": "32"}, ("24", "25"), (None, None)),
        ({"time_off": "0"}, ("20", "30"), (None, None)),
        ({"month": "2026-02"}, ("12", "66.666667"), (None, None)),
        ({"person_id": "BOB"}, (None, None), ("12", "0")),
    ],
    ids=["stated", "hours", "time_off", "month", "person_id"],
)
def test_utilisation_is_billable_hours_of_capacity(
    tmp_path: Path, stated: Event, ada: tuple[str | None, str | None], bob: tuple[str | None, str | None]
) -> None:
    """Of the months that have one: in March 6 of 20 h less 8 h off."""
    assert shown(tmp_path, [capacity(0, **stated)]) == {"ADA": ada, "BOB": bob}


def test_a_higher_version_of_a_capacity_replaces_a_lower_one(tmp_path: Path) -> None:
    later = capacity(1, version=2, hours="14")
    assert shown(tmp_path, [capacity(0), later, capacity(2)])["ADA"] == ("6", "100")


def test_who_could_work_and_did_not_is_shown(tmp_path: Path) -> None:
    found = shown(tmp_path, [capacity(0, person_id="BOB")], "--from", "2026-03", "--to", "2026-03")
    assert found["BOB"] == ("12", "0")


def test_the_capacity_of_a_month_that_runs_is_said_to_count_whole(tmp_path: Path) -> None:
    shown(tmp_path, [capacity(0)])

    def notes(*options: str) -> str:
        asked = ["people", "--json", "--output", str(tmp_path / "output"), *options]
        return " ".join(said(CliRunner().invoke(app, asked))["notes"])

    runs = "2026-03 runs until 2026-03-31: its capacity counts whole"
    assert runs in notes()
    assert "`--to 2026-02` leaves it out" in notes()
    assert "leaves it out" not in notes("--from", "2026-03"), "no earlier month may end what begins with March"
    assert runs not in notes("--to", "2026-02")
    assert runs not in notes("--as-of", "2026-02-28")
    assert runs not in notes("--by-project")


def test_a_capacity_raises_no_exception(tmp_path: Path) -> None:
    write(tmp_path / "input", [capacity(0)])
    run(tmp_path)
    found = CliRunner().invoke(app, ["exceptions", "list", "--json", "--output", str(tmp_path / "output")])
    assert "PersonCapacitySet" not in found.output


def test_hours_of_a_project_that_nobody_knows_stand_among_those_not_booked(tmp_path: Path) -> None:
    """BOB works 9 h on BRIDGE and TOWER. 5 h more name NOPE, 3 h of them billable; known later, it has them."""
    lost = {"project_id": "NOPE", "person_id": "BOB", "worked_on": "2026-03-05", "hours": "5", "billable_hours": "3"}
    fields = {"entry_id": "N-1", "version": 1, "approved_by": "CARA"}
    write(tmp_path / "input", history())
    write(tmp_path / "input", [event("TimeApproved", "2026-03-06T18:00:00Z", **fields, **lost)], "lost")
    run(tmp_path, "--until", "2026-03-15")
    output = ["--json", "--output", str(tmp_path / "output")]
    shown = ("hours", "billable", "waiting")

    def of_bob(*options: str) -> list[tuple[str | None, ...]]:
        found = said(CliRunner().invoke(app, ["people", *options, *output]))
        return [tuple(row[each] for each in shown) for row in found["rows"] if row["person"] == "BOB"]

    assert of_bob() == [("14", "12", "5")]
    assert of_bob("--as-of", "2026-03-05") == [("9", "9", "0")]
    assert of_bob("--from", "2026-03", "--by-project") == [("5", "3", "5")]
    found = said(CliRunner().invoke(app, ["people", *output]))
    assert "Not booked: 5 h of a project that is unknown: NOPE (`milepost exceptions list`)." in found["notes"]
    [bob] = [row for row in found["rows"] if row["person"] == "BOB"]
    explained = CliRunner().invoke(app, ["explain", bob["explain"]["waiting"], *output[1:]])
    assert "N-1, 2026-03-05, of NOPE, which is unknown" in explained.output
    known = {"project_id": "NOPE", "version": 1, "legal_entity_id": "BERLIN", "starts_on": "2026-01-01"}
    write(tmp_path / "input", [event("ProjectActivated", "2026-03-16T08:00:00Z", **known)], "known")
    run(tmp_path, "--until", "2026-03-17")
    assert of_bob()[0][:2] == ("14", "12")


RETAINER = {"type": "Retainer", "fee": "3000", "unit": "hours", "quantity": "5", "overage_rate": "160"}
PRICE = {"type": "FixedPrice", "price": "10000", "schedule": [{"on": "2026-03-31", "amount": "10000"}]}


@pytest.mark.parametrize(("terms", "charged"), [(PRICE, "6"), (RETAINER, "1")], ids=["price", "retainer"])
def test_billable_hours_and_hours_priced_are_two_figures_with_two_names(
    tmp_path: Path, terms: Event, charged: str
) -> None:
    """Of 8 h that Ada works 6 are approved as billable. A price takes all 6, at 0.00; a retainer includes 5 and prices 1."""
    *firm, contract = founding()
    contract["lines"][0]["terms"] = terms
    write(tmp_path / "input", [*firm, contract, worked("T-1", 4, billable_hours="6")])
    run(tmp_path, "--until", "2026-03-15")
    output = ["--output", str(tmp_path / "output")]
    [ada] = said(CliRunner().invoke(app, ["people", "--json", *output]))["rows"]
    assert (ada["hours"], ada["billable"]) == ("8", "6")
    printed = CliRunner().invoke(app, ["show", "BRIDGE", *output]).stdout
    assert "hours priced" in printed
    assert "billable" not in printed
    explained = CliRunner().invoke(app, ["explain", "BRIDGE#hours_charged", *output]).stdout
    assert explained.startswith(f"BRIDGE: hours priced: {charged} h")
