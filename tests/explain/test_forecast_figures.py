"""Whatever `milepost forecast --json` prints has an id, and `milepost explain` comes to the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.files.figure_index import FigureIndex
from dataflows.retrace import retrace
from domain.identity import escape
from milepost.cli import app
from milepost.explain.asked_books import AskedBooks
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.recompute import recompute, unexplained
from milepost.explained import exact
from state.books import Entry
from state.draft import Draft
from state.trace import Trace
from tests.commands.simulated_firm import simulated_run
from tests.commands.test_forecast import PROJECTS
from tests.commands.tiny_firm import event, founding, worked, write
from tests.explain.simulated_year import milepost

Json = Any
# What an element of a list is called by.
NAMES = ("sequence", "month", "role", "cap_id", "cause")
# Ids, places and days; days have no arithmetic, but for the one on which a cap is used up.
NO_FIGURES = {
    *(
        "type",
        "project_id",
        "name",
        "cause_kind",
        "cause_id",
        "cause_version",
        "contract_ids",
        "version",
        "rules_version",
    ),
    *("sequence", "baseline_sequence", "as_of", "currency", "event_id", "generation", "shard", "correlation_id"),
    *(
        "log_offset",
        "ordinal",
        "output_seq",
        "occurred_at",
        "recorded_at",
        "contract_id",
        "kind",
        "period",
        "effective_from",
        *NAMES,
    ),
    *("event", "events", "exception_id", "waiting_entries"),
}


def leaves(value: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    match value:
        case dict():
            for name, each in value.items():
                if name not in NO_FIGURES and each is not None:
                    yield from leaves(each, (*path, name))
        case list():
            for each in value:
                yield from leaves(each, (*path, *(escape(str(each[name])) for name in NAMES if name in each)))
        case _:
            yield path, value


def id_of(path: tuple[str, ...], printed: Json) -> str | None:
    """Where the figure of a place in the object is explained; None: it is not one."""
    match path:
        case ("forecast", *rest):
            return "/".join(rest)
        case ("months", month, measure, "plan"):
            return f"forecast/{printed['plan']['sequence']}/months/{month}/{measure}"
        case ("months", month, measure, part):
            return f"{part}/{month}/{measure}"
        case ("causes", cause, measure):
            return f"since/{printed['since']['sequence']}/{cause}/{measure}"
        case ("moves", sequence, "deltas", cause, measure):
            return f"forecast/{sequence}/deltas/{cause}/{measure}"
        case _:
            return None


@pytest.mark.parametrize("project_id", PROJECTS)
def test_every_figure_that_a_forecast_prints_is_explained(project_id: str) -> None:
    printed = json.loads(milepost("forecast", project_id, "--json", "--output", str(simulated_run())))
    unnamed = []
    with Explanations(simulated_run(), lambda *_: None) as explanations:
        for path, value in leaves({name: each for name, each in printed.items() if name != "used_up"}):
            wanted = id_of(path, printed)
            found = explanations.explain(f"{project_id}#{wanted}") if wanted is not None else None
            if not isinstance(found, Explained):
                unnamed.append(path)
                continue
            assert recompute(found.node) == []
            assert unexplained(found.node) == []
            assert found.differences == ()
            if path[-1] != "exhausts_on":
                assert Fraction(exact(found.node) or "none") == Fraction(value), path
        for one in printed["used_up"]:
            if one["exception_id"] is not None:
                found = explanations.explain(f"{one['exception_id']}#amount")
                assert isinstance(found, Explained)
                assert Fraction(exact(found.node) or "none") == Fraction(one["waiting_amount"])
    assert unnamed == []


# The day on which a cap is used up


def explained(folder: Path, hours: tuple[str, ...], cap: Json, *more: Json, ends_on: str | None = None) -> str:
    """Of the cap of a line at 100 EUR an hour, worked on from 2 March on, a day each, up to the end of 20 March."""
    events = founding()
    events[-1]["lines"][0]["terms"]["cap"] = cap
    events[-1]["ends_on"] = ends_on
    events[-2].pop("budget")
    work = [worked(f"T-{number}", number + 1, each) for number, each in enumerate(hours, 1)]
    source = write(folder / "input", [*events, *work, *more])
    output = str(folder / "output")
    milepost("run", "--input", str(source), "--output", output, "--until", "2026-03-20")
    result = CliRunner().invoke(app, ["explain", "BRIDGE#caps/L-1/exhausts_on", "--output", output])
    assert result.exit_code == 0, result.output
    return result.stdout


def day_of(text: str) -> str:
    found = re.search(r"used up on (\S+)", text)
    assert found is not None, text
    return found[1]


def test_by_the_pace_of_four_weeks(tmp_path: Path) -> None:
    """1,600 in 28 days and 8,400 of room: 8,400 x 28 / 1,600 = 147 days after 3 March, the day of the forecast."""
    text = explained(tmp_path, ("8", "8"), {"kind": "hard", "amount": "10000"})
    assert day_of(text) == "2026-07-28"
    assert "days that it lasts: 147 = 8,400.00 EUR × 28 days ÷ 1,600.00 EUR, a day begun counts" in text
    assert "counted from: 2026-03-03" in text
    assert "room: 8,400.00 EUR = 10,000.00 EUR − 1,600.00 EUR" in text


def test_by_what_is_planned_up_to_the_end_of_the_contract(tmp_path: Path) -> None:
    """120 h of March are 12,000 in the 17 days that the contract still has: 8,400 x 17 / 12,000 = 11.9, so the 12th of them."""
    remaining = [{"month": "2026-03", "hours": "120", "cost": "4800"}]
    fields: Json = {"project_id": "BRIDGE", "version": 1, "as_of": "2026-03-03", "remaining": remaining}
    estimate = event("EstimateRevised", "2026-03-03T19:00:00Z", **fields)
    text = explained(tmp_path, ("8", "8"), {"kind": "hard", "amount": "10000"}, estimate, ends_on="2026-03-20")
    assert day_of(text) == "2026-03-15"
    assert "days that it lasts: 12 = 8,400.00 EUR × 17 days ÷ 12,000.00 EUR, a day begun counts" in text
    assert "what is planned, from 2026-03-04 on, 17 days" in text


def test_by_what_an_estimate_plans(tmp_path: Path) -> None:
    """40 h of March are 4,000, which leaves 4,400 of 8,400; April plans 8,000: 4,400 x 30 / 8,000 = 16.5, so the 17th of its days."""
    estimate = event(
        "EstimateRevised",
        "2026-03-03T19:00:00Z",
        project_id="BRIDGE",
        version=1,
        as_of="2026-03-03",
        remaining=[
            {"month": "2026-03", "hours": "40", "cost": "1600"},
            {"month": "2026-04", "hours": "80", "cost": "3200"},
        ],
    )
    text = explained(tmp_path, ("8", "8"), {"kind": "hard", "amount": "10000"}, estimate)
    assert day_of(text) == "2026-04-17"
    assert "planned in 2026-03: 4,000.00 EUR" in text
    assert "days that it lasts: 17 = 4,400.00 EUR × 30 days ÷ 8,000.00 EUR, a day begun counts" in text


def test_of_a_cap_that_is_used_up(tmp_path: Path) -> None:
    """T-2 is the entry that takes the last of 1,000, and the event that did it; T-3 waits."""
    text = explained(tmp_path, ("8", "8", "8"), {"kind": "hard", "amount": "1000"})
    assert text.startswith("cap L-1: used up")
    assert "the last of it goes to: T-2" in text
    assert "time approved T-2 version 1" in text
    assert "soft" not in text


def test_of_a_soft_cap_that_is_used_up(tmp_path: Path) -> None:
    text = explained(tmp_path, ("8", "8"), {"kind": "soft", "hours": "10"})
    assert "kind: soft: nothing is held back" in text


# Of long engagements


def changed_by_corrections(folder: Path) -> tuple[str, str]:
    """Output folder, and the address of what twelve corrections between two forecasts changed of the cost."""
    events = founding()
    events[-2].pop("budget")
    work = [worked(f"T-{number}", 2) for number in range(1, 13)]
    source = write(folder / "input", [*events, *work])
    output = str(folder / "output")
    milepost("run", "--input", str(source), "--output", output, "--until", "2026-03-04")
    again = [worked(f"T-{number}", 5, "6", version=2, worked_on="2026-03-02") for number in range(1, 13)]
    write(folder / "input", [*events, *work, *again])
    milepost("run", "--input", str(source), "--output", output, "--until", "2026-03-06")
    moved = json.loads(milepost("forecast", "BRIDGE", "--json", "--output", output))["moves"]
    last = next(each for each in reversed(moved) if each["deltas"])
    return output, f"BRIDGE#forecast/{last['sequence']}/deltas/{last['deltas'][0]['cause']}/cost"


def test_the_entries_that_a_step_moved_are_found_without_a_look_at_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, _ = changed_by_corrections(tmp_path)
    asked: list[str] = []
    at = Trace.entry_at

    def counted(trace: Trace, entry_id: str, step: int) -> Entry | None:
        asked.append(entry_id)
        return at(trace, entry_id, step)

    with FigureIndex(Path(output), 0) as index:
        index.extend(lambda *_: None)
        trace = retrace(index, "BRIDGE").trace
        moved = {
            step: [row for row in sorted(trace.entry_ids()) if at(trace, row, step) != at(trace, row, step - 1)]
            for step in range(len(trace.steps))
        }
        monkeypatch.setattr(Trace, "entry_at", counted)
        assert {step: trace.entries_moved(step) for step in moved} == moved
    assert sum(map(len, moved.values())) == 24
    assert len(asked) < 4 * 24


def test_a_large_engagement_has_one_book_of_all_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And comes to the same."""
    output, wanted = changed_by_corrections(tmp_path)
    with Explanations(Path(output), lambda *_: None) as explanations:
        found = explanations.explain(wanted)
    books: set[AskedBooks] = set()
    at = AskedBooks.at

    def kept(asked: AskedBooks, step: int) -> Draft:
        found = at(asked, step)
        assert len(asked._at) == 1
        books.add(asked)
        return found

    monkeypatch.setattr("milepost.explain.asked_books.ROWS_AT_HAND", 1)
    monkeypatch.setattr(AskedBooks, "at", kept)
    with Explanations(Path(output), lambda *_: None) as explanations:
        assert explanations.explain(wanted) == found
    assert books
