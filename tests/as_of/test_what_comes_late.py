"""A figure as of a moment stays what it was, whatever comes later and however that is dated; every command cuts at one place."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.files.figure_index import FigureIndex
from connectors.files.moments import cut_at
from domain.events.reference import DayEnded
from milepost.as_of import moment_of
from milepost.cli import app
from tests.commands.tiny_firm import Event, founding, run, worked, write

BERLIN_ENDS = "2026-03-31T22:00:00Z"
MARCH = "BRIDGE.K-1/ACME/2026-03-01/1"
DAY = timedelta(days=1)
QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("ledger", "--entity", "BERLIN"),
    ("ledger", "--entity", "BERLIN", "--period", "2026-03"),
    ("show", "BRIDGE"),
    ("show", "BRIDGE", "--for", "2026-03"),
    ("forecast", "BRIDGE"),
    ("statement", MARCH),
    ("exceptions", "list"),
    ("projects",),
    ("clients",),
    ("receivables",),
    ("unbilled",),
    ("prepaid",),
    ("people",),
    ("period", "list"),
    ("explain", "BRIDGE"),
)


def asked(folder: Path, as_of: str, *question: str) -> Any:
    result = CliRunner().invoke(app, [*question, "--json", "--output", str(folder / "output"), "--as-of", as_of])
    assert result.exit_code in {0, 2}, result.output
    found = json.loads(result.stdout) if result.exit_code == 0 else result.exit_code
    # Whether there is more than a view has, only a run's own books say.
    return {name: each for name, each in found.items() if name != "more_since"} if isinstance(found, dict) else found


def answers(folder: Path, as_of: str) -> dict[tuple[str, ...], Any]:
    found = {question: asked(folder, as_of, *question) for question in QUESTIONS}
    between = ["between", "offset:0", as_of, "--json", "--output", str(folder / "output")]
    return {**found, ("between",): json.loads(CliRunner().invoke(app, between).stdout)}


def revenue(folder: Path, as_of: str) -> str:
    lines = asked(folder, as_of, "ledger", "--entity", "BERLIN", "--period", "2026-03")["ledger"]
    return next((line["closing"] for line in lines if line["account"] == "4000"), "0.00")


def late(entry_id: str, hours: str, at: str, day: int = 20) -> Event:
    return worked(entry_id, day, hours) | {"event_id": entry_id, "occurred_at": at}


@pytest.fixture
def march(tmp_path: Path) -> Path:
    """8 h at 100.00, and March is over."""
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path, "--until", "2026-03-31")
    return tmp_path


def cut(folder: Path, as_of: str) -> str:
    """The last record that is known."""
    with FigureIndex(folder / "output") as index:
        index.extend(lambda *_: None)
        event = index.record_at(cut_at(index, moment_of(as_of, "--as-of")).offset - 1).event
    return f"{event.zone} {event.date}" if isinstance(event, DayEnded) else getattr(event, "entry_id", "")


@pytest.mark.parametrize("as_of", ["2026-03-31", BERLIN_ENDS])
def test_work_that_is_dated_back_changes_no_answer(march: Path, as_of: str) -> None:
    """10 h of 20 March, dated 20 March, come when March is over: 800.00 stay 800.00, and are 1,800.00 today."""
    before = answers(march, as_of)
    assert revenue(march, as_of) == "-800.00"
    write(march / "input", [late("T-2", "10", "2026-03-20T17:00:00Z")], "late")
    run(march, "--until", "2026-04-30")
    assert answers(march, as_of) == before
    assert revenue(march, as_of) == "-800.00"
    assert revenue(march, "2026-04-01") == "-1800.00"


def test_all_tables_have_the_same_revenue(march: Path) -> None:
    """The ledger, what is unbilled and the project's balances, at a day's end."""
    write(march / "input", [late("T-2", "10", "2026-03-20T17:00:00Z")], "late")
    run(march, "--until", "2026-04-30")
    for as_of, figure in (("2026-03-31", "800.00"), ("2026-04-01", "1800.00")):
        unbilled = asked(march, as_of, "unbilled")["rows"]
        shown = asked(march, as_of, "show", "BRIDGE")["forecast"]["project"]["burn_revenue"]
        assert revenue(march, as_of) == f"-{figure}"
        assert sum(float(row["unbilled"] or 0) + float(row["on_statement"] or 0) for row in unbilled) == float(figure)
        assert shown == figure


def test_what_comes_on_the_next_local_day_is_of_that_day(march: Path) -> None:
    """At 22:30 UTC on 31 March it is 1 April in Berlin; as of 22:45 UTC, a moment after that, it is known."""
    write(march / "input", [late("T-2", "10", "2026-03-31T22:30:00Z")], "late")
    run(march, "--until", "2026-04-30")
    assert revenue(march, "2026-03-31") == revenue(march, BERLIN_ENDS) == "-800.00"
    assert revenue(march, "2026-03-31T22:45:00Z") == "-1800.00"


def test_nothing_that_is_over_ever_changes(tmp_path: Path) -> None:
    """Five rounds of a month, each with work of any day before, dated when it happened or today."""
    random = Random(2026)
    write(tmp_path / "input", founding())
    before: dict[str, Any] = {}
    for number in range(1, 6):
        today = date(2026, 3, 6 * number)
        events = []
        for entry in range(2):
            day = random.randint(1, today.day)
            at = random.choice((day, today.day))
            events.append(late(f"T-{number}-{entry}", "2", f"2026-03-{at:02d}T{random.randrange(9, 23)}:00:00Z", day))
        write(tmp_path / "input", events, f"{number:02d}")
        run(tmp_path, "--until", str(today))
        for moment in random.sample(sorted(before), min(2, len(before))):
            assert answers(tmp_path, moment) == before[moment], (number, moment)
        before.update({moment: answers(tmp_path, moment) for moment in (str(today), f"{today - DAY}T23:00:00Z")})


def in_zone(zone: str, entity: str, at: str) -> Event:
    first = founding()[0]
    return first | {"event_id": entity, "occurred_at": at, "legal_entity_id": entity, "zone": zone}


def test_a_day_is_over_in_the_last_zone_and_by_midnight_in_utc(tmp_path: Path) -> None:
    """Berlin's 31 March ends at 22:00 UTC, London's at 23:00, New York's at 04:00 on 1 April."""
    of_day = "2026-03-01T09:00:00Z"
    write(tmp_path / "input", [*founding(), in_zone("Europe/London", "LONDON", of_day), worked("T-1", 2)])
    between = [late(f"T-{hour}", "1", f"2026-03-31T{hour}:30:00Z") for hour in (22, 23)]
    write(tmp_path / "input", between, "late")
    run(tmp_path, "--until", "2026-03-31")
    assert cut(tmp_path, BERLIN_ENDS) == "Europe/Berlin 2026-03-31"
    assert cut(tmp_path, "2026-03-31") == "Europe/London 2026-03-31"
    write(tmp_path / "input", [in_zone("America/New_York", "NY", "2026-04-01T09:00:00Z")], "ny")
    write(tmp_path / "input", [late("T-9", "1", "2026-04-02T23:30:00Z")], "evening")
    run(tmp_path, "--until", "2026-04-03")
    assert cut(tmp_path, "2026-03-31") == "Europe/London 2026-03-31"
    assert cut(tmp_path, "2026-04-02") == "T-9", "in New York it is still 2 April"
    assert cut(tmp_path, "2026-04-03T04:00:00Z") == "America/New_York 2026-04-02"


def test_a_zone_that_is_named_later_does_not_open_the_day_again(march: Path) -> None:
    """It is still 31 March in London when Berlin's has ended, so London's ends in the log too, after what came late."""
    london = in_zone("Europe/London", "LONDON", "2026-03-20T09:00:00Z")
    write(march / "input", [london, late("T-2", "10", "2026-03-20T17:00:00Z")], "late")
    run(march, "--until", "2026-04-30")
    assert cut(march, "2026-03-31T23:00:00Z") == "Europe/London 2026-03-31"
    assert revenue(march, "2026-03-31") == "-800.00"


def test_a_day_that_ends_at_midnight_in_utc_is_known_with_its_statements(tmp_path: Path) -> None:
    [company, *others] = founding()
    write(tmp_path / "input", [company | {"zone": "UTC"}, *others, worked("T-1", 2)])
    run(tmp_path, "--until", "2026-03-31")
    assert asked(tmp_path, "2026-03-31", "statement", MARCH)["statement"]["total"] == "800.00"
    assert asked(tmp_path, "2026-03-31T23:59:59Z", "statement", MARCH) == 2


def test_hours_of_a_project_that_nobody_knows_are_told_of_now_alone(march: Path) -> None:
    lost = late("T-2", "10", "2026-03-20T17:00:00Z") | {"project_id": "NOPE"}
    write(march / "input", [lost], "lost")
    run(march, "--until", "2026-04-30")
    people = CliRunner().invoke(app, ["people", "--json", "--output", str(march / "output")])
    assert [row["hours"] for row in json.loads(people.stdout)["rows"]] == ["18"]
    for as_of in ("2026-03-31", "2026-04-30"):
        assert [row["hours"] for row in asked(march, as_of, "people")["rows"]] == ["8"]


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        ("2026-03-31", ""),
        (BERLIN_ENDS, ""),
        ("2026-04-01", "is after the last event: it came at 2026-03-31T22:00:00Z"),
        ("2026-03-31T22:00:01Z", "is after the last event: it came at 2026-03-31T22:00:00Z"),
    ],
)
def test_what_is_not_over_is_said(march: Path, as_of: str, said: str) -> None:
    result = CliRunner().invoke(app, ["projects", "--output", str(march / "output"), "--as-of", as_of])
    assert said in result.stderr if said else "last event" not in result.stderr


def test_a_day_of_the_log_that_is_not_over_is_said(tmp_path: Path) -> None:
    write(tmp_path / "input", [*founding(), worked("T-1", 2)])
    run(tmp_path)
    result = CliRunner().invoke(app, ["projects", "--output", str(tmp_path / "output"), "--as-of", "2026-03-02"])
    assert "--as-of 2026-03-02 is not over: the last event came at 2026-03-02T18:00:00Z (offset 7" in result.stderr
