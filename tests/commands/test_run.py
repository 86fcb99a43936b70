"""`milepost run` as people and schedulers use it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost import rounds
from milepost.cli import app
from milepost.days import furthest_day
from tests.commands.tiny_firm import event, founding, worked, write
from tests.forked import Forked


def run(folder: Path, *arguments: str) -> Result:
    """On the folder `in` in it, into the folder `out`."""
    return CliRunner().invoke(app, ["run", "--input", str(folder / "in"), "--output", str(folder / "out"), *arguments])


def summary(folder: Path, *arguments: str) -> dict[str, Any]:
    result = run(folder, "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def started(folder: Path, *arguments: str, **how: Any) -> subprocess.Popen[str]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "milepost", "run", "--input", str(folder / "in"), "--output", str(folder / "out")]
    return Forked(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd(), **how
    )


def written(folder: Path) -> dict[str, bytes]:
    """The bytes of all outputs."""
    made = folder / "out" / "outputs"
    return {str(path.relative_to(made)): path.read_bytes() for path in sorted(made.rglob("*.avro"))}


def test_events_become_journals_and_money(tmp_path: Path) -> None:
    """Eight and four hours: at 100 they earn 1,200, at 40 they cost 480, and both are posted."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2), worked("T-2", 3, "4")])
    found = summary(tmp_path)
    assert found["version"] == 3
    assert found["complete"] is True
    assert (found["events"], found["events_read"], found["dead_letters"], found["unrouted"]) == (8, 8, 0, 0)
    assert (found["journals"], found["statements"], found["exceptions_open"]) == (2, 0, 0)
    assert found["money"] == {"EUR": {"recognised": "1200.00", "issued": "0.00"}}
    assert found["seconds"] > 0
    assert found["events_per_second"] > 0


def test_a_day_that_ends_lets_periods_close(tmp_path: Path) -> None:
    """March is billed when it and its grace are over."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2), worked("T-2", 3, "4")])
    found = summary(tmp_path, "--until", "2026-04-30")
    assert found["statements"] == 1
    assert found["money"]["EUR"]["issued"] == "1200.00"


def test_again_without_anything_new_it_says_the_same(tmp_path: Path) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    first = summary(tmp_path)
    before = written(tmp_path)
    again = summary(tmp_path)
    assert (again["events_read"], again["events_per_second"]) == (0, 0)
    timing = ("events_read", "seconds", "events_per_second")
    assert {key: value for key, value in again.items() if key not in timing} == {
        key: value for key, value in first.items() if key not in timing
    }
    assert written(tmp_path) == before


@pytest.mark.parametrize(
    ("until", "says"),
    [
        (("--until", "2026-03-31"), "after --until 2026-03-31; the first is typed.jsonl, line 2: TimeApproved"),
        ((), "31 days after today; the first is typed.jsonl, line 2: TimeApproved"),
    ],
)
def test_a_mistyped_year_ends_no_day_and_nothing_is_taken_in(tmp_path: Path, until: tuple[str, ...], says: str) -> None:
    """2062 for 2026 would end 13,149 days, and bill what comes after them 36 years late."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    late = worked("T-3", 4, worked_on="2062-03-04") | {"occurred_at": "2062-03-04T18:00:00+01:00"}
    typed = write(tmp_path / "in", [worked("T-2", 3), late], "typed") / "typed.jsonl"
    refused = run(tmp_path, *until)
    assert refused.exit_code == 2
    assert "1 event would end days after" in refused.stderr
    assert says in refused.stderr
    assert "Nothing was taken in" in refused.stderr
    typed.write_text(typed.read_text().replace("2062", "2026"))
    found = summary(tmp_path, "--until", "2026-04-30")
    assert (found["events"], found["money"]["EUR"]["issued"]) == (9, "2400.00")


def test_a_line_that_ends_a_month_early_ends_nothing(tmp_path: Path) -> None:
    """8 h of 2 March; on the 5th a line says that 31 March is over. March's statement waits for the end of March all the same."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    ends = {"type": "DayEnded", "event_id": "d", "source": "psa", "zone": "Europe/Berlin", "date": "2026-03-31"}
    write(tmp_path / "in", [{**ends, "occurred_at": "2026-03-05T08:00:27Z"}], "typed")
    found = summary(tmp_path, "--until", "2026-03-05")
    assert (found["statements"], found["dead_letters"]) == (0, 1)
    found = summary(tmp_path, "--until", "2026-03-31")
    assert (found["statements"], found["money"]["EUR"]["issued"]) == (1, "800.00")


def test_an_instant_far_ahead_is_seen_where_its_name_is_written_by_numbers(tmp_path: Path) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    line = json.dumps(worked("T-2", 3) | {"occurred_at": "2062-03-04T18:00:00Z"})
    (tmp_path / "in" / "typed.jsonl").write_text(
        line.replace("occurred_at", "occurred\\u005fat") + "\n", encoding="utf-8"
    )
    assert run(tmp_path, "--until", "2026-03-31").exit_code == 2


def test_days_far_ahead_end_where_somebody_says_that_they_are_meant(tmp_path: Path) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    far = str(furthest_day() + timedelta(days=1))
    refused = run(tmp_path, "--until", far)
    assert refused.exit_code == 2
    assert "say --yes if it is meant" in " ".join(refused.stderr.replace("│", "").split())
    assert not (tmp_path / "out").exists()
    assert summary(tmp_path, "--until", far, "--yes")["statements"] == 1


def test_no_day_ends_after_until_and_the_day_after_it_may_be_under_way(tmp_path: Path) -> None:
    """In Berlin 2 April begins at 22:00 UTC: an event a minute before leaves 1 April open, one at that minute would end it."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    write(tmp_path / "in", [worked("T-2", 3) | {"occurred_at": "2026-04-01T21:59:00Z"}], "second")
    assert summary(tmp_path, "--until", "2026-03-31")["events"] == 8
    write(tmp_path / "in", [worked("T-3", 4) | {"occurred_at": "2026-04-01T22:00:00Z"}], "third")
    assert run(tmp_path, "--until", "2026-03-31").exit_code == 2
    assert summary(tmp_path, "--until", "2026-04-01")["events"] == 9


def test_a_file_that_comes_later_is_added(tmp_path: Path) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    summary(tmp_path)
    write(tmp_path / "in", [worked("T-2", 3)], "later")
    found = summary(tmp_path)
    assert (found["events"], found["events_read"]) == (8, 1)
    assert found["money"]["EUR"]["recognised"] == "1600.00"


def test_what_cannot_be_read_or_placed_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    lost = worked("T-9", 4, project_id="BRIGDE")
    folder = write(tmp_path / "in", [*founding(), worked("T-1", 2, approved_by="ADA", submitted_by="ADA"), lost])
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write("no event at all\n")
    found = summary(tmp_path)
    assert (found["dead_letters"], found["unrouted"], found["exceptions_open"]) == (1, 1, 2)
    assert found["exceptions_by_category"] == {"self_approved": 1, "unrouted": 1}
    assert found["unrouted_first"] == ["TimeApproved T-9 of 2026-03-04 for project BRIGDE (the nearest is BRIDGE)"]
    shown = CliRunner().invoke(
        app, ["exceptions", "list", "--kind", "unrouted", "--json", "--output", str(tmp_path / "out")]
    )
    (waiting,) = json.loads(shown.stdout)["exceptions"]
    show = ["exceptions", "show", waiting["exception_id"], "--output", str(tmp_path / "out")]
    assert "\n  nearest    BRIDGE\n" in CliRunner().invoke(app, show).stdout
    assert json.loads(CliRunner().invoke(app, [*show, "--json"]).stdout)["nearest"] == ["BRIDGE"]
    told = run(tmp_path).stdout
    assert (
        "for a project or contract that is not known yet: time approved T-9 of 2026-03-04 for project BRIGDE (the nearest is BRIDGE)"
        in told
    )


def test_files_that_are_no_input_by_their_names_are_named(tmp_path: Path) -> None:
    """March's time in a .json file is not billed, and the run says which file that is and what to call it."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    assert summary(tmp_path)["files_not_read"] == []
    (tmp_path / "in" / "time_march.json").write_text(json.dumps(worked("T-2", 3)) + "\n", encoding="utf-8")
    (tmp_path / "in" / "hours.csv").write_text("who,when\n", encoding="utf-8")
    assert summary(tmp_path)["files_not_read"] == ["hours.csv", "time_march.json"]
    shown = run(tmp_path).stdout
    assert "files not read   2  hours.csv, time_march.json: events are in .jsonl and .avro files. Name" in shown


def test_lines_after_one_of_a_later_day_are_late_and_the_run_says_so(tmp_path: Path) -> None:
    """8 h of 2 March, 4 h of 3 March after a line of 1 April: March's statement has the 800.00, and the 400.00 come on April's.

    Sorted, the same lines bill 1,200.00 for March, and lines of one day in another order are not counted."""
    lines = [worked("T-1", 2), worked("T-4", 1, worked_on="2026-04-01"), worked("T-2", 3, "4"), worked("T-3", 3, "1")]
    lines[1]["occurred_at"] = "2026-04-01T18:00:00+02:00"
    lines[3]["occurred_at"] = "2026-03-03T17:00:00+01:00"
    write(tmp_path / "a" / "in", founding())
    write(tmp_path / "a" / "in", lines[:3], "time")
    found = summary(tmp_path / "a", "--until", "2026-04-01")
    assert (found["late_lines"], found["late_lines_first"]) == (1, "time.jsonl, line 3")
    assert found["money"]["EUR"]["issued"] == "800.00"
    assert summary(tmp_path / "a", "--until", "2026-04-01")["late_lines"] == 0
    write(tmp_path / "b" / "in", founding())
    write(tmp_path / "b" / "in", [lines[0], lines[2], lines[3], lines[1]], "time")
    found = summary(tmp_path / "b", "--until", "2026-04-01")
    assert (found["late_lines"], found["late_lines_first"]) == (0, None)
    assert found["money"]["EUR"]["issued"] == "1300.00"
    write(tmp_path / "c" / "in", [*founding(), *lines])
    assert (
        "\n  out of order      2  after a line of a later day in the same file, the first at events.jsonl, line 9: they"
        in (run(tmp_path / "c", "--until", "2026-04-01").stdout)
    )


def test_people_get_a_table_on_stdout_and_the_next_step_on_stderr(tmp_path: Path) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    result = run(tmp_path)
    assert result.exit_code == 0
    assert "  events           7  7 of them new\n" in result.stdout
    assert "  EUR      800.00                 0.00\n" in result.stdout
    assert "events a second" in result.stdout
    assert "Next" not in result.stdout
    assert f"Next: milepost verify --output {tmp_path / 'out'}" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--until", "soon"), "--until"),
        (("--until", "2101-01-01"), "expected a date from 1990-01-01 to 2100-12-30, got 2101-01-01"),
        (("--input", "nowhere"), "nowhere: expected a folder"),
    ],
)
def test_wrong_usage_ends_with_two_and_makes_nothing(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    (tmp_path / "in").mkdir()
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "out").exists()


def test_input_that_changed_stops_with_ten(tmp_path: Path) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    summary(tmp_path)
    write(tmp_path / "in", [*founding(), worked("T-1", 2, "9")])
    result = run(tmp_path)
    assert result.exit_code == 10
    assert "events.jsonl: this input was read before and has changed" in result.stderr
    assert result.stdout == ""


def test_an_output_folder_of_other_input_is_named_so(tmp_path: Path) -> None:
    """Where some of the files are there, the one that is gone is named, as something went wrong with it alone."""
    write(tmp_path / "in", founding(), "a")
    write(tmp_path / "in", [worked("T-1", 2)], "b")
    summary(tmp_path)
    (tmp_path / "in" / "a.jsonl").rename(tmp_path / "a.jsonl")
    result = run(tmp_path)
    assert result.exit_code == 10
    assert result.stderr == (
        f"{tmp_path / 'in' / 'a.jsonl'}: this input was read before and is no longer there. Put it back\n"
    )
    (tmp_path / "in" / "b.jsonl").unlink()
    write(tmp_path / "in", founding(), "other")
    result = run(tmp_path)
    assert result.exit_code == 10
    assert result.stderr == (
        f"{tmp_path / 'out'}: this output folder is of other input: it has read a.jsonl, b.jsonl, of which nothing is in "
        f"{tmp_path / 'in'}. Put them back, say the folder that has them as --input, or another --output for this input\n"
    )


@pytest.mark.parametrize(("holder", "who"), [(os.getppid(), f" (process {os.getppid()})"), (2**40, "")])
def test_one_run_at_a_time(tmp_path: Path, holder: int, who: str) -> None:
    """Named is a process that runs; the one that wrote last may be gone."""
    write(tmp_path / "in", founding())
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "run.lock").open("w") as file:
        file.write(f"{holder}\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run(tmp_path)
    assert result.exit_code == 75
    assert f"another run{who} is using" in result.stderr
    assert run(tmp_path).exit_code == 0


def test_a_folder_that_cannot_be_written_stops_with_twelve(tmp_path: Path) -> None:
    write(tmp_path / "in", founding())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "store").write_text("a file where a folder should be")
    result = run(tmp_path)
    assert result.exit_code == 12
    assert f"{tmp_path / 'out' / 'store'}" in result.stderr


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [*founding(), *(worked(f"T-{day}", day) for day in range(2, 20))]
    write(tmp_path / "a" / "in", events)
    write(tmp_path / "b" / "in", events)

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        patched.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=3_145_728, free=1_024))
        result = run(tmp_path / "a")
    assert result.exit_code == 12
    assert result.stdout == ""
    out = tmp_path / "a" / "out"
    assert result.stderr == (
        f"{out}: cannot be written: No space left on device; 1 of 3,072 KiB are free on the disk of {out}. "
        "Make room or give access and run again; it goes on where it stopped\n"
    )
    summary(tmp_path / "a")
    summary(tmp_path / "b")
    assert written(tmp_path / "a") == written(tmp_path / "b")


@pytest.mark.parametrize("kilobytes", [1, 30, 100])
def test_files_that_may_not_grow_end_the_same_way(tmp_path: Path, kilobytes: int) -> None:
    """A limit on file size is a full disk that every file meets by itself, the store too."""
    events = [*founding(), *(worked(f"T-{number}", 2 + number % 20) for number in range(200))]
    write(tmp_path / "a" / "in", events)
    write(tmp_path / "b" / "in", events)
    size = kilobytes * 1024
    limited = started(tmp_path / "a", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    data, messages = limited.communicate(timeout=240)
    assert (limited.returncode, data) == (12, ""), messages
    assert "cannot be written" in messages
    assert "Traceback" not in messages
    assert "panicked" not in messages
    summary(tmp_path / "a")
    summary(tmp_path / "b")
    assert written(tmp_path / "a") == written(tmp_path / "b")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_following_takes_in_what_comes_until_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    process = started(tmp_path, "--follow", "--json")
    assert process.stderr is not None
    assert process.stderr.readline() == "7 events, 0 unreadable; waiting for more\n"
    (tmp_path / "in" / "a.csv").touch()
    assert process.stderr.readline().startswith("not read: a.csv: events are in .jsonl and .avro files.")
    write(tmp_path / "in", [worked("T-2", 3)], "later")
    assert process.stderr.readline() == "1 event, 0 unreadable; waiting for more\n"
    process.send_signal(number)
    data, messages = process.communicate(timeout=240)
    assert process.returncode == 0, messages
    found = json.loads(data)
    assert (found["events"], found["complete"]) == (8, True)
    assert found["money"]["EUR"]["recognised"] == "1600.00"


def test_following_names_the_first_line_out_of_order_of_each_round(tmp_path: Path) -> None:
    """8 h of 2 March after a line of 1 April, and then 4 h of 3 March in another file."""
    april = [worked(entry_id, 1, worked_on="2026-04-01") for entry_id in ("T-1", "T-3")]
    for each in april:
        each["occurred_at"] = "2026-04-01T18:00:00+02:00"
    write(tmp_path / "in", founding())
    write(tmp_path / "in", [april[0], worked("T-2", 2)], "a")
    process = started(tmp_path, "--follow", "--json")
    assert process.stderr is not None
    out_of_order = "out of order: 1 after a line of a later day in the same file, the first at "
    assert process.stderr.readline().startswith(f"{out_of_order}a.jsonl, line 2:")
    assert process.stderr.readline() == "8 events, 0 unreadable; waiting for more\n"
    write(tmp_path / "in", [april[1], worked("T-4", 3, "4")], "b")
    assert process.stderr.readline().startswith(f"{out_of_order}b.jsonl, line 2:")
    process.send_signal(signal.SIGTERM)
    data, messages = process.communicate(timeout=240)
    assert process.returncode == 0, messages
    found = json.loads(data)
    assert (found["late_lines"], found["late_lines_first"]) == (2, "a.jsonl, line 2")


def test_a_run_that_is_stopped_half_way_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while reading: the next run finishes the round, and the bytes are those of an undisturbed one."""
    events = [*founding(), worked("T-1", 2)]
    write(tmp_path / "a" / "in", events)
    write(tmp_path / "b" / "in", events)

    def stop_at_once(stop: Any) -> Any:
        real = rounds.take_in

        def take_in(*arguments: Any, **named: Any) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return real(*arguments, **named)

        return take_in

    with monkeypatch.context() as patched:
        patched.setattr(rounds, "take_in", stop_at_once(None))
        result = run(tmp_path / "a")
    assert result.exit_code == 75
    assert "Stopped half-way; the same command goes on from here" in result.stderr
    assert summary(tmp_path / "a")["events"] == 7
    summary(tmp_path / "b")
    assert written(tmp_path / "a") == written(tmp_path / "b")


def test_a_run_that_is_killed_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the moments are, some of them fall into intake and some into the fold."""
    events = [*founding(), *(worked(f"T-{number}", 2 + number % 20, "0.25") for number in range(3_000))]
    write(tmp_path / "a" / "in", events)
    write(tmp_path / "b" / "in", events)
    for tenths in (5, 8, 11, 14):
        process = started(tmp_path / "a")
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=tenths / 10)
        process.kill()
        process.communicate()
    summary(tmp_path / "a")
    summary(tmp_path / "b")
    assert written(tmp_path / "a") == written(tmp_path / "b")


def test_a_fault_of_ours_is_one_sentence_and_with_debug_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in", founding())

    def broken(*arguments: Any, **named: Any) -> None:
        raise ValueError("expected two, got three")

    monkeypatch.setattr(rounds, "run_rounds", broken)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("milepost stopped: ValueError: expected two, got three\n")
    arguments = ["--debug", "run", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    assert isinstance(CliRunner().invoke(app, arguments).exception, ValueError)


def test_the_same_flow_under_the_engines_own_command(tmp_path: Path) -> None:
    """Outputs that are gone are made again from the log, byte for byte."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    summary(tmp_path)
    before = written(tmp_path)
    for folder in ("outputs", "progress", "store"):
        subprocess.run(["rm", "-r", tmp_path / "out" / folder], check=True)
    subprocess.run(
        [sys.executable, "-m", "bytewax.run", "dataflows.accounting_files:get_flow"],
        env={**os.environ, "MILEPOST_OUTPUT": str(tmp_path / "out")},
        cwd=Path.cwd(),
        check=True,
        timeout=240,
    )
    assert written(tmp_path) == before


@pytest.mark.parametrize("kind", ["amended", "terminated"])
def test_a_contract_that_was_never_signed_is_no_hindrance(tmp_path: Path, kind: str) -> None:
    """Its amendment or termination waits; what it says of money is nothing, and no journal is posted."""
    unsigned = {
        "amended": event(
            "ContractAmended",
            "2026-03-02T08:00:00Z",
            contract_id="K-9",
            version=2,
            replaces_version=1,
            effective_on="2026-03-20",
            treatment="prospective",
            approved_by="BEN",
            engagement_id="BRIDGE",
        ),
        "terminated": event(
            "ContractTerminated",
            "2026-03-02T08:00:00Z",
            contract_id="K-9",
            version=2,
            effective_on="2026-03-20",
            engagement_id="BRIDGE",
        ),
    }[kind]
    write(tmp_path / "in", [*founding(), unsigned])
    found = summary(tmp_path, "--until", "2026-03-31")
    assert (found["journals"], found["money"]) == (0, {})
    ledger = CliRunner().invoke(app, ["ledger", "--output", str(tmp_path / "out")])
    assert (ledger.exit_code, "No journals yet" in ledger.stderr) == (0, True)
