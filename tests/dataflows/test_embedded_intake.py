"""Files into the log, a round at a time: in one order, exactly once, whatever happens in between."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.files import far_ahead, input_files, input_reader, rounds
from connectors.files.dead_letters import dead_letter_path
from connectors.files.intake_store import IntakeStore
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import log_path
from dataflows import embedded_intake
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings, RoundProgress, RoundSummary
from domain.events.catalogue import Event
from domain.events.reference import DayEnded
from state.genesis import Genesis
from state.guards import (
    INPUT_CHANGED,
    INTAKE_STATE_LOST,
    LOG_DAMAGED,
    OTHER_GENERATION,
    OUTPUT_UNWRITABLE,
    RULES_MISSING,
    GuardStop,
)
from state.intake.intake import Intake
from tests.dead_letters_read import decode_dead_letters
from tests.intake_inputs import (
    activated,
    amended,
    at,
    container,
    customer,
    entity,
    head,
    line_of,
    log_of,
    signed,
    withdrawn,
    worked,
    write_lines,
)
from tests.reliability.run_in_batches import COMMITTED, standing_after

SETTINGS = EmbeddedSettings(Genesis("1"), chunk_records=7)
MORNING = "2026-03-02 09:00"


def run(folder: Path, until: date | None = None, *, is_growing: bool = False, **settings: Any) -> RoundSummary:
    """What is new in the folder `in`, into the folder `out`."""
    with EmbeddedIntake(folder / "in", folder / "out", SETTINGS._replace(**settings)) as intake:
        return intake.run_round(until, is_growing=is_growing)


def stopped(folder: Path, **how: Any) -> GuardStop:
    with pytest.raises(GuardStop) as stop:
        run(folder, **how)
    return stop.value


def log_bytes(folder: Path) -> bytes:
    return log_path(folder / "out").read_bytes()


def letters(folder: Path) -> list[str]:
    return [f"{each.source_file}:{each.line}" for each in decode_dead_letters(dead_letter_path(folder / "out"))]


def test_files_are_merged_by_when_they_were_recorded(tmp_path: Path) -> None:
    """`recorded_at` where it is given; ties by the names of the files; within a file its own order."""
    first, second = tmp_path / "in" / "a.jsonl", tmp_path / "in" / "b" / "a.avro"
    write_lines(
        first,
        activated("2026-03-02 08:00", "P-1"),
        worked("2026-03-02 09:00", "A-1", "P-1"),
        worked("2026-03-02 12:00", "A-2", "P-1"),
        worked("2026-03-02 07:00", "A-3", "P-1"),
        worked("2026-03-02 07:00", "A-4", "P-1", recorded_at=at("2026-03-02 14:00")),
    )
    second.parent.mkdir()
    second.write_bytes(
        container(
            worked("2026-03-02 09:00", "B-1", "P-1"),
            worked("2026-03-02 11:00", "B-2", "P-1"),
            worked("2026-03-02 13:00", "B-3", "P-1"),
        )
    )
    found = run(tmp_path)
    assert [words.split()[-1] for words in log_of(tmp_path / "out")] == [
        *("P-1", "A-1v1", "B-1v1", "B-2v1", "A-2v1", "A-3v1", "B-3v1", "A-4v1")
    ]
    assert (found.rounds, found.files, found.events, found.log_start, found.log_end) == (1, 2, 8, 0, 8)
    assert found.latest == at("2026-03-02 14:00")


def test_what_was_read_earlier_stays_earlier(tmp_path: Path) -> None:
    """A file dropped in later comes later, whatever it holds; a round without news changes nothing."""
    write_lines(tmp_path / "in" / "b.jsonl", activated("2026-03-05 08:00", "P-1"))
    run(tmp_path)
    before = log_bytes(tmp_path)
    assert run(tmp_path) == RoundSummary(log_start=1, log_end=1, latest=at("2026-03-05 08:00"), events_total=1)
    assert log_bytes(tmp_path) == before
    write_lines(tmp_path / "in" / "a.jsonl", worked("2026-03-02 09:00", "T-1", "P-1"))
    assert run(tmp_path).events == 1
    assert log_bytes(tmp_path).startswith(before)
    assert log_of(tmp_path / "out") == ["P-1 ProjectActivated P-1", "P-1 TimeApproved T-1v1"]


@pytest.mark.parametrize(("kept", "read"), [(20_000, 6), (2, 10)])
def test_a_record_is_read_once_also_where_days_ahead_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, read: int
) -> None:
    """Of 6 records in two containers; where only 2 are kept, the other 4 are read again. The log is the same."""
    monkeypatch.setattr(far_ahead, "KEPT_RECORDS", kept)
    made: list[str] = []
    item = input_reader._avro_item

    def counted(name: str, found: Any) -> Any:
        made.append(name)
        return item(name, found)

    monkeypatch.setattr(input_reader, "_avro_item", counted)
    work = [worked(f"2026-03-02 {hour:02}:00", f"T-{hour}", "P-1") for hour in range(9, 14)]
    story: list[Event] = [activated("2026-03-02 08:00", "P-1"), *work]
    for folder in ("once", "plain"):
        inputs = tmp_path / folder / "in"
        inputs.mkdir(parents=True)
        (inputs / "a.avro").write_bytes(container(*story[::2]))
        (inputs / "b.avro").write_bytes(container(*story[1::2]))
    with EmbeddedIntake(tmp_path / "once" / "in", tmp_path / "once" / "out", SETTINGS) as intake:
        assert intake.run_round(last_day=date(2026, 4, 1)).events == 6
    assert len(made) == read
    run(tmp_path / "plain")
    assert log_bytes(tmp_path / "once") == log_bytes(tmp_path / "plain")


def test_no_input_is_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert run(tmp_path) == RoundSummary()
    assert log_of(tmp_path / "out") == []


@pytest.mark.parametrize("kind", ["jsonl", "avro"])
def test_files_may_grow(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "in" / f"a.{kind}"
    path.parent.mkdir()
    events: list[Event] = [activated(MORNING, "P-1"), *(worked(MORNING, f"T-{number}", "P-1") for number in range(20))]
    types = ["ProjectActivated", "TimeApproved"]
    for count in (1, 5, 5, 21):
        given = events[:count]
        path.write_bytes(b"".join(map(line_of, given)) if kind == "jsonl" else container(*given, types=types))
        run(tmp_path)
        assert [words.split()[-1] for words in log_of(tmp_path / "out")] == [
            "P-1",
            *(f"T-{n}v1" for n in range(count - 1)),
        ]


def test_an_unfinished_line_waits_while_the_input_grows(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    line = line_of(worked(MORNING, "T-1", "P-1"))
    with path.open("ab") as file:
        file.write(line[:50])
    assert run(tmp_path, is_growing=True).events == 1
    with path.open("ab") as file:
        file.write(line[50:-1])
    assert run(tmp_path, is_growing=True).events == 0
    assert run(tmp_path).events == 1
    assert log_of(tmp_path / "out")[-1] == "P-1 TimeApproved T-1v1"


def test_an_unfinished_block_waits_while_the_input_grows(tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.avro"
    path.parent.mkdir()
    data = container(activated(MORNING, "P-1"), activated(MORNING, "P-2"))
    path.write_bytes(data[:-5])
    assert run(tmp_path, is_growing=True) == run_summary(events=1, log_end=1)
    assert run(tmp_path, is_growing=True).rounds == 0
    path.write_bytes(data)
    assert run(tmp_path, is_growing=True).events == 1
    assert not dead_letter_path(tmp_path / "out").exists()


def run_summary(events: int, log_end: int) -> RoundSummary:
    return RoundSummary(rounds=1, files=1, events=events, log_end=log_end, latest=at(MORNING), events_total=events)


def test_an_unfinished_block_is_a_dead_letter_at_last(tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.avro"
    path.parent.mkdir()
    path.write_bytes(container(activated(MORNING, "P-1"), activated(MORNING, "P-2"))[:-5])
    run(tmp_path, is_growing=True)
    assert run(tmp_path).dead_letters == 1
    assert run(tmp_path).rounds == 0


def test_an_input_that_changed_stops_the_run_with_its_name(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in" / "time.jsonl", activated(MORNING, "P-1"), activated(MORNING, "P-2"))
    run(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"P-1", b"P-9"))
    os.utime(path, ns=(1, 1))
    stop = stopped(tmp_path)
    assert stop.code == INPUT_CHANGED == 10
    assert str(path) in stop.message
    path.write_bytes(data)
    assert run(tmp_path).rounds == 0


def test_an_input_that_vanished_stops_the_run_with_its_name(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in" / "time.jsonl", activated(MORNING, "P-1"))
    write_lines(tmp_path / "in" / "other.jsonl", activated(MORNING, "P-2"))
    run(tmp_path)
    path.unlink()
    stop = stopped(tmp_path)
    assert (stop.code, str(path) in stop.message) == (INPUT_CHANGED, True)


def test_an_input_that_was_cut_stops_the_run_with_its_name(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in" / "time.jsonl", activated(MORNING, "P-1"))
    run(tmp_path)
    os.truncate(path, 10)
    assert "time.jsonl" in stopped(tmp_path).message


def test_days_end_between_records(tmp_path: Path) -> None:
    """One zone and date each, in order, also over a change of the clocks and over rounds."""
    write_lines(
        tmp_path / "in" / "a.jsonl",
        entity("2026-03-28 12:00"),
        entity("2026-03-28 12:00", "America/New_York", "US"),
        customer("2026-03-29 22:00"),
    )
    assert run(tmp_path).days_ended == 3
    write_lines(tmp_path / "in" / "b.jsonl", customer("2026-03-30 04:00"))
    run(tmp_path)
    assert run(tmp_path, date(2026, 3, 30)).days_ended == 2
    assert run(tmp_path, date(2026, 3, 30)).rounds == 0
    assert log_of(tmp_path / "out") == [
        "* LegalEntityDefined LE",
        "* LegalEntityDefined US",
        "* DayEnded Europe/Berlin 2026-03-28",
        "* DayEnded America/New_York 2026-03-28",
        "* DayEnded Europe/Berlin 2026-03-29",
        "* CustomerDefined",
        "* DayEnded America/New_York 2026-03-29",
        "* CustomerDefined",
        "* DayEnded Europe/Berlin 2026-03-30",
        "* DayEnded America/New_York 2026-03-30",
    ]


@pytest.mark.parametrize("kind", ["jsonl", "avro"])
def test_what_ends_a_day_in_the_input_is_a_dead_letter(tmp_path: Path, kind: str) -> None:
    """Said on the day itself to end the month; days end as they would without it."""
    day = DayEnded(**head("2026-03-02 13:00"), zone="Europe/Berlin", date=date(2026, 3, 31))
    given: list[Event] = [entity("2026-03-01 12:00"), customer("2026-03-02 12:00"), day]
    path = tmp_path / "in" / f"a.{kind}"
    path.parent.mkdir()
    path.write_bytes(b"".join(map(line_of, given)) if kind == "jsonl" else container(*given))
    assert run(tmp_path).dead_letters == 1
    run(tmp_path, date(2026, 3, 3))
    assert log_of(tmp_path / "out") == [
        "* LegalEntityDefined LE",
        "* DayEnded Europe/Berlin 2026-03-01",
        "* CustomerDefined",
        "* DayEnded Europe/Berlin 2026-03-02",
        "* DayEnded Europe/Berlin 2026-03-03",
    ]
    [letter] = decode_dead_letters(dead_letter_path(tmp_path / "out"))
    assert (letter.event_type, letter.field_path) == ("DayEnded", "type")
    assert letter.reason.startswith("only intake itself writes DayEnded")


def test_a_folder_of_an_earlier_release_whose_input_ended_its_days_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", entity("2026-03-01 12:00"))
    run(tmp_path)
    path = tmp_path / "out" / "rounds.jsonl"
    path.write_text(path.read_text().replace('"own_days":false', '"own_days":true'))
    stop = stopped(tmp_path)
    assert stop.code == RULES_MISSING
    assert "from round 1 on the input ended the days itself, by DayEnded events" in stop.message
    assert "Start again with an empty output folder" in stop.message


def test_a_day_beyond_the_last_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="2100-12-30"):
        run(tmp_path, date(2101, 1, 1))


def test_dead_letters_keep_what_could_not_be_read(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in" / "x" / "a.jsonl", activated(MORNING, "P-1"))
    with path.open("ab") as file:
        file.write(b"{broken\n" + line_of(worked(MORNING, "T-1", "P-1", worked_on=None)))
    write_lines(path, worked(MORNING, "T-2", "P-1"))
    found = run(tmp_path)
    assert (found.events, found.dead_letters, found.dead_letters_total) == (2, 2, 2)
    first, second = decode_dead_letters(dead_letter_path(tmp_path / "out"))
    assert (first.source_file, first.line, first.raw, first.generation) == ("x/a.jsonl", 2, b"{broken", "1")
    assert (second.line, second.field_path, second.event_type) == (3, "worked_on", "TimeApproved")
    assert second.offset == len(line_of(activated(MORNING, "P-1"))) + len(b"{broken\n")
    assert run(tmp_path).dead_letters_total == 2


def test_what_waits_goes_on_in_a_later_round(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", worked(MORNING, "T-1", "P-1"), withdrawn(MORNING, "T-9"))
    assert run(tmp_path).unrouted == 2
    write_lines(tmp_path / "in" / "b.jsonl", activated(MORNING, "P-1"))
    assert run(tmp_path).unrouted == 1
    assert log_of(tmp_path / "out") == [
        "P-1 IntakeNoticed unrouted P-1",
        "T-9 IntakeNoticed unrouted T-9",
        "P-1 ProjectActivated P-1",
        "P-1 TimeApproved T-1v1",
        "P-1 IntakeNoticed unrouted P-1 cleared",
    ]


def test_owners_hold_for_the_rounds_that_name_them(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"), worked(MORNING, "T-1", "P-1"))
    run(tmp_path, ownership={"time_entry": ("kantata",)})
    write_lines(tmp_path / "in" / "b.jsonl", worked(MORNING, "T-1", "P-1"))
    run(tmp_path)
    assert log_of(tmp_path / "out")[1:] == ["T-1 IntakeNoticed not_authoritative T-1", "P-1 TimeApproved T-1v1"]


# Crashes


def firm(folder: Path, files: int = 4, records: int = 120) -> None:
    """Some of everything: waiting work, contracts that spread, days, bad lines, several forms of file."""
    chance = random.Random(7)
    for number in range(files):
        events: list[Any] = []
        for at_record in range(records):
            when = f"2026-03-{1 + at_record * 27 // records:02} {chance.randrange(24):02}:{chance.randrange(60):02}"
            project = f"P-{chance.randrange(12)}"
            event: Any = worked(when, f"T-{number}-{chance.randrange(90)}", project, version=at_record + 1)
            match chance.randrange(12):
                case 0:
                    event = activated(when, project, chance.choice([None, "E-1", "E-2"]))
                case 1:
                    event = signed(when, f"C-{chance.randrange(3)}", project, f"P-{chance.randrange(12)}")
                case 2:
                    event = amended(when, f"C-{chance.randrange(3)}", project, version=at_record + 2)
                case 3:
                    event = entity(when, chance.choice(["Europe/Berlin", "Asia/Tokyo", "UTC"]), f"LE-{number}")
                case 4:
                    event = withdrawn(when, f"T-{number}-{chance.randrange(120)}", at_record + 200)
                case 5:
                    event = event._replace(worked_on=None)
            events.append(event)
        folder.mkdir(parents=True, exist_ok=True)
        if number % 2:
            (folder / f"{number}.avro").write_bytes(container(*events))
        else:
            write_lines(folder / f"{number}.jsonl", *events)


def outcome(folder: Path) -> tuple[bytes, bytes]:
    path = dead_letter_path(folder / "out")
    return log_bytes(folder), path.read_bytes() if path.exists() else b""


class Crash(Exception):
    """Instead of a process that is killed."""


@pytest.mark.parametrize("chunk", [1, 7, 50])
def test_chunks_do_not_show_in_the_log(tmp_path: Path, chunk: int) -> None:
    firm(tmp_path / "in")
    shutil.copytree(tmp_path, tmp_path / "other")
    run(tmp_path)
    run(tmp_path / "other", chunk_records=chunk)
    assert outcome(tmp_path) == outcome(tmp_path / "other")


@pytest.mark.parametrize("step", ["sync", "commit", "publish", "take", "add_round"])
def test_a_crash_at_any_step_leaves_the_same_bytes(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after each of the steps, at its first, third and later times."""
    firm(tmp_path / "in", records=40)
    run(tmp_path)
    expected = outcome(tmp_path)
    owner: Any = {
        "sync": LogAppender,
        "publish": LogAppender,
        "commit": IntakeStore,
        "take": Intake,
        "add_round": rounds,
    }[step]
    real = getattr(owner, step)
    for after in (False, True):
        for times in (1, 3, 11):
            shutil.rmtree(tmp_path / "out")
            crashed = 0
            while True:
                monkeypatch.setattr(owner, step, crashing(real, times, after=after))
                try:
                    run(tmp_path)
                except Crash:
                    crashed += 1
                    if crashed < 20:
                        continue
                    monkeypatch.setattr(owner, step, real)
                    run(tmp_path)
                break
            assert outcome(tmp_path) == expected


def crashing(real: Callable[..., Any], times: int, *, after: bool) -> Callable[..., Any]:
    left = times

    def step(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            raise Crash
        found = real(*arguments)
        if left == 0:
            raise Crash
        return found

    return step


RUN = """
import sys
from pathlib import Path
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from state.genesis import Genesis
from tests.reliability.run_in_batches import tell
folder = Path(sys.argv[1])
with EmbeddedIntake(folder / "in", folder / "out", EmbeddedSettings(Genesis("1"), chunk_records=7)) as intake:
    tell()
    intake.run_round(on_progress=lambda _: tell())
"""


# By turns before the first chunk of the process and after it; it begins one more at most, of the ten that there are.
KILLS = 6


def test_a_process_that_is_killed_leaves_the_same_bytes(tmp_path: Path) -> None:
    firm(tmp_path / "in", files=6, records=300)
    run(tmp_path)
    expected = outcome(tmp_path)
    shutil.rmtree(tmp_path / "out")
    chance = random.Random(11)
    killed = 0
    for kill in range(KILLS):
        told = 1 + kill % 2
        command, pipe = [sys.executable, "-c", RUN, str(tmp_path)], subprocess.PIPE
        environment = standing_after(told + 1)
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=Path.cwd(), env=environment) as process:
            assert process.stdout is not None
            assert process.stdout.read(told) == COMMITTED * told
            time.sleep(chance.random() * 0.15)
            process.kill()
        killed += process.returncode == -signal.SIGKILL
    assert killed == KILLS
    run(tmp_path)
    assert outcome(tmp_path) == expected


def test_files_that_come_between_a_crash_and_the_next_run_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round that was interrupted is finished with the files that it had."""
    firm(tmp_path / "in")
    run(tmp_path)
    expected = log_bytes(tmp_path)
    shutil.rmtree(tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(LogAppender, "publish", crashing(lambda log: None, 3, after=False))
        with pytest.raises(Crash):
            run(tmp_path)
    write_lines(tmp_path / "in" / "0.jsonl", customer("2026-03-01 00:00"))
    assert run(tmp_path).rounds == 2
    assert log_bytes(tmp_path).startswith(expected)


@pytest.mark.parametrize("lost", ["intake.db", "log", "log/0.avro", "log/0.index", "log/0.end", "outputs", "all"])
def test_what_was_lost_is_made_again(tmp_path: Path, lost: str) -> None:
    """The rounds and the inputs are enough."""
    firm(tmp_path / "in")
    run(tmp_path, date(2026, 3, 31))
    write_lines(tmp_path / "in" / "0.jsonl", customer("2026-04-05 00:00"))
    run(tmp_path)
    expected = outcome(tmp_path)
    out = tmp_path / "out"
    for name in ["intake.db", "log", "outputs"] if lost == "all" else [lost]:
        shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink()
    again = run(tmp_path)
    assert again.events_total == 481 - again.dead_letters_total
    assert again.events == (again.events_total if lost == "all" else 0)
    assert outcome(tmp_path) == expected
    write_lines(tmp_path / "in" / "1.jsonl", customer("2026-04-06 00:00"))
    assert run(tmp_path).rounds == 1
    assert not (out / embedded_intake.REBUILD).exists()


def test_a_log_that_was_cut_is_made_again(tmp_path: Path) -> None:
    firm(tmp_path / "in")
    run(tmp_path)
    expected = outcome(tmp_path)
    os.truncate(log_path(tmp_path / "out"), len(expected[0]) // 2)
    run(tmp_path)
    assert outcome(tmp_path) == expected


def test_state_that_cannot_be_made_again_stops_the_run(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    run(tmp_path)
    (tmp_path / "out" / "rounds.jsonl").unlink()
    stop = stopped(tmp_path)
    assert (stop.code, "rounds.jsonl" in stop.message) == (INTAKE_STATE_LOST, True)


@pytest.mark.parametrize("changed", ["another number", "a line less", "a line twice"])
def test_rounds_that_are_not_those_that_were_taken_in_stop_the_run(tmp_path: Path, changed: str) -> None:
    for number in (1, 2):
        write_lines(tmp_path / "in" / f"{number}.jsonl", activated(MORNING, f"P-{number}"))
        run(tmp_path)
    path = tmp_path / "out" / "rounds.jsonl"
    first, second = path.read_text().splitlines(keepends=True)
    kept = {
        "another number": [first, second.replace('"number":2', '"number":3')],
        "a line less": [first],
        "a line twice": [first, second, second],
    }
    path.write_text("".join(kept[changed]))
    stop = stopped(tmp_path)
    assert (stop.code, "rounds.jsonl" in stop.message) == (INTAKE_STATE_LOST, True)


def test_a_log_that_comes_out_differently_stops_the_run(tmp_path: Path) -> None:
    """Made from the same rounds by a release that reads them otherwise, say."""
    write_lines(tmp_path / "in" / "a.jsonl", *(activated(MORNING, f"P-{number}") for number in range(9)))
    run(tmp_path)
    path = log_path(tmp_path / "out")
    path.write_bytes(path.read_bytes().replace(b"P-7", b"P-X"))
    (tmp_path / "out" / "intake.db").unlink()
    stop = stopped(tmp_path)
    assert (stop.code, "comes out differently" in stop.message) == (INTAKE_STATE_LOST, True)


def test_damaged_state_says_what_to_do(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    run(tmp_path)
    (tmp_path / "out" / "intake.db").write_bytes(b"not a database at all" * 1000)
    stop = stopped(tmp_path)
    assert (stop.code, "delete it and run again" in stop.message) == (INTAKE_STATE_LOST, True)
    for path in (tmp_path / "out").glob("intake.db*"):
        path.unlink()
    assert run(tmp_path).rounds == 0


def test_a_text_that_cannot_be_read_is_damage_and_no_disk_that_is_full(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", worked(MORNING, "T-1", "P-7"))
    run(tmp_path)
    with closing(sqlite3.connect(tmp_path / "out" / "intake.db")) as store, store:
        store.execute("UPDATE notices SET category = CAST(x'ff' AS TEXT)")
    stop = stopped(tmp_path)
    assert (stop.code, "delete it and run again" in stop.message) == (INTAKE_STATE_LOST, True)


def test_a_damaged_header_of_the_log_is_told(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    run(tmp_path)
    path = log_path(tmp_path / "out")
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert stopped(tmp_path).code == LOG_DAMAGED


def test_inputs_must_be_the_same_when_a_log_is_made_again(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    run(tmp_path)
    (tmp_path / "out" / "intake.db").unlink()
    path.write_bytes(path.read_bytes().replace(b"P-1", b"P-2"))
    stop = stopped(tmp_path)
    assert (stop.code, str(path) in stop.message) == (INPUT_CHANGED, True)


def test_a_folder_keeps_its_generation(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    run(tmp_path)
    write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    run(tmp_path)
    assert stopped(tmp_path, genesis=Genesis("2")).code == OTHER_GENERATION
    assert run(tmp_path, genesis=Genesis("1", rules={"accounting": 9})).rounds == 0


def test_a_full_disk_is_told_and_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firm(tmp_path / "in")
    run(tmp_path)
    expected = outcome(tmp_path)
    shutil.rmtree(tmp_path / "out")
    real = os.write
    left = 40_000

    def write(file: int, data: Any) -> int:
        nonlocal left
        left -= len(data)
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    stop = stopped(tmp_path)
    assert (stop.code, "No space left on device" in stop.message) == (OUTPUT_UNWRITABLE, True)
    left = 1 << 40
    run(tmp_path)
    assert outcome(tmp_path) == expected


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_text("in the way")
    assert stopped(tmp_path).code == OUTPUT_UNWRITABLE
    (tmp_path / "out").unlink()
    assert run(tmp_path) == RoundSummary()


def test_many_containers_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many files are open at a time, and the order is the same."""
    for number in range(6):
        path = tmp_path / "in" / f"{number}.avro"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(container(*(activated(f"2026-03-02 09:{n * 7:02}", f"P-{number}-{n}") for n in range(8))))
    run(tmp_path)
    expected = outcome(tmp_path)
    shutil.rmtree(tmp_path / "out")
    monkeypatch.setattr("connectors.files.merged_inputs.CONTAINERS_OPEN_MAX", 2)
    run(tmp_path)
    assert outcome(tmp_path) == expected


def test_a_container_that_was_truncated_may_grow_on(tmp_path: Path) -> None:
    """What was told as damage stays that; the blocks after it are read."""
    path = tmp_path / "in" / "a.avro"
    path.parent.mkdir()
    data = container(*(activated(MORNING, f"P-{number}") for number in range(3)))
    cut = container(*(activated(MORNING, f"P-{number}") for number in range(2)))[:-30]
    path.write_bytes(cut)
    assert (run(tmp_path).dead_letters, log_of(tmp_path / "out")) == (1, ["P-0 ProjectActivated P-0"])
    path.write_bytes(data)
    assert run(tmp_path).dead_letters == 1
    assert log_of(tmp_path / "out") == ["P-0 ProjectActivated P-0", "P-2 ProjectActivated P-2"]


def test_much_that_waited_goes_on_at_once(tmp_path: Path) -> None:
    """Every event that waits is looked at once, so thousands do not take quadratic time."""
    events = [worked(MORNING, f"T-{number}", "P-1") for number in range(5_000)]
    write_lines(tmp_path / "in" / "a.jsonl", *events, activated("2026-03-03 09:00", "P-1"))
    found = run(tmp_path, chunk_records=20_000)
    assert (found.unrouted, found.log_end) == (0, 5_003)
    assert log_of(tmp_path / "out")[2:-1] == [f"P-1 TimeApproved T-{number}v1" for number in range(5_000)]


def test_only_what_may_have_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and time are trusted; growth is compared in whole once a process and then at its end."""
    path = write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    scans: list[bool] = []
    real = input_files.scan

    def scan(path: Path, length: int, known: Any, *, thorough: bool) -> Any:
        scans.append(thorough)
        return real(path, length, known, thorough=thorough)

    monkeypatch.setattr("connectors.files.input_folder.scan", scan)
    with EmbeddedIntake(tmp_path / "in", tmp_path / "out", SETTINGS) as intake:
        intake.run_round()
        intake.run_round()
        assert scans == [True]
        write_lines(path, activated(MORNING, "P-2"))
        intake.run_round()
        assert scans == [True, False]
    with EmbeddedIntake(tmp_path / "in", tmp_path / "out", SETTINGS) as intake:
        intake.run_round()
        write_lines(path, activated(MORNING, "P-3"))
        assert intake.run_round().events == 1
    assert scans == [True, False, True]


def test_progress_is_told(tmp_path: Path) -> None:
    firm(tmp_path / "in")
    told: list[RoundProgress] = []
    with EmbeddedIntake(tmp_path / "in", tmp_path / "out", SETTINGS) as intake:
        found = intake.run_round(on_progress=told.append)
    assert told[-1].events == found.events
    assert [each.events for each in told] == sorted(each.events for each in told)
    assert all(each.bytes_read <= each.bytes_total for each in told)


def test_a_round_is_written_down(tmp_path: Path) -> None:
    write_lines(tmp_path / "in" / "a.jsonl", activated(MORNING, "P-1"))
    run(tmp_path, date(2026, 3, 31), ownership={"project": ("test",)})
    (line,) = (tmp_path / "out" / "rounds.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert (found["number"], found["until"], found["ownership"]) == (1, "2026-03-31", {"project": ["test"]})
    assert [file["name"] for file in found["files"]] == ["a.jsonl"]
