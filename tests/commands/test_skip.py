"""`milepost skip` on a folder: what stops it is passed over, once by name, and in every replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from dataflows.embedded import ENCODERS
from milepost.cli import app
from state.batch import Bodies
from state.genesis import Genesis
from state.guards import LOG_MISSING, OUTPUTS_DIFFER, POISON
from state.handlers.days import on_day_ended
from state.handlers.time import on_time_approved
from state.store.store import Store
from tests.commands.tiny_firm import founding, said, worked, write

ASKED = ("--reason", "fault 81", "--as", "ann", "--approved-by", "ben")


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def run(folder: Path) -> Result:
    return ask("run", "--input", folder / "in", "--output", folder / "out", "--until", "2026-03-31")


def skip(folder: Path, offset: int, *more: object) -> Result:
    return ask("skip", "--output", folder / "out", "--offset", offset, *ASKED, *more)


def said_of(folder: Path, topic: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask("dump", topic, "--json", "--output", folder / "out").stdout.splitlines()]


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Path]:
    """T-2 of three entries cannot be folded; it is record 8, after six that found the firm and a day's end."""

    def failing(draft: Any, event: Any) -> None:
        if event.entry_id == "T-2":
            raise ZeroDivisionError("a fault of ours")
        on_time_approved(draft, event)

    write(tmp_path / "in", [*founding(), worked("T-1", 2), worked("T-2", 2, "4"), worked("T-3", 2, "1")])
    with patch("state.handlers.time.on_time_approved", failing):
        yield tmp_path


def test_what_stops_a_folder_is_passed_over(stopped: Path) -> None:
    """Nine hours of thirteen: at a rate of 100 they earn 900, at 40 they cost 360; who was told and why stands in an exception."""
    ended = run(stopped)
    assert ended.exit_code == POISON
    assert f"milepost skip --output {stopped / 'out'} --offset 8 --reason WHY" in ended.stderr
    done = skip(stopped, 8, "--json")
    assert (done.exit_code, json.loads(done.stdout)["type"]) == (0, "TimeApproved"), done.output
    assert run(stopped).exit_code == 0
    money = said(ask("run", "--input", stopped / "in", "--output", stopped / "out", "--json"))["money"]
    assert money["EUR"]["recognised"] == "900.00"
    told = ask("dump", "exceptions", "--json", "--output", stopped / "out").stdout
    assert told.count("passed over by ann, approved by ben: fault 81") == 1
    for command in (
        ["verify"],
        ["explain", "T-1"],
        ["show", "BRIDGE"],
        ["ledger", "--as-of", "2026-03-03"],
        ["whatif", "--on", "2026-04-15", "--change", stopped / "change.jsonl"],
    ):
        write(stopped, [worked("T-4", 3)], "change")
        result = ask(*command, "--output", stopped / "out")
        assert result.exit_code == 0, f"{command}: {result.output}"


def test_an_output_that_cannot_be_written_stops_before_a_later_record_that_cannot_be_folded(stopped: Path) -> None:
    """T-1 has a journal without bytes, and T-2 of the same batch cannot be folded: one is named after the other."""

    def bodies(genesis: Genesis, rules: int) -> Bodies:
        def failing(record: Any) -> bytes:
            if record.affected_id == "T-1":
                raise ZeroDivisionError("no bytes")
            return written["JournalEntry"](record)

        written = ENCODERS.bodies(genesis, rules)
        return {**written, "JournalEntry": failing}

    with patch("dataflows.embedded.ENCODERS", ENCODERS._replace(bodies=bodies)):
        ended = run(stopped)
        assert (ended.exit_code, "record 7, engagement BRIDGE: TimeApproved" in ended.stderr) == (POISON, True)
        assert "cannot be folded: ZeroDivisionError: no bytes" in ended.stderr
        assert not said_of(stopped, "erp.postings")
        assert skip(stopped, 8).exit_code == 2
        assert skip(stopped, 7).exit_code == 0
        ended = run(stopped)
        assert (ended.exit_code, "record 8, engagement BRIDGE: TimeApproved" in ended.stderr) == (POISON, True)
        assert skip(stopped, 8).exit_code == 0
        assert run(stopped).exit_code == 0
        assert {each["affected_id"] for each in said_of(stopped, "erp.postings")} == {"T-3"}


def test_a_store_that_is_gone_passes_over_it_again(stopped: Path) -> None:
    run(stopped)
    skip(stopped, 8)
    assert run(stopped).exit_code == 0
    outputs = {path: path.read_bytes() for path in (stopped / "out" / "outputs").rglob("*.avro")}
    Store.delete(stopped / "out" / "store" / "0.db")
    assert run(stopped).exit_code == 0
    assert {path: path.read_bytes() for path in (stopped / "out" / "outputs").rglob("*.avro")} == outputs


def test_what_was_passed_over_is_kept(stopped: Path) -> None:
    """Without the file other outputs would follow: a run stops by name and writes nothing."""
    run(stopped)
    skip(stopped, 8)
    run(stopped)
    (stopped / "out" / "overrides.jsonl").unlink()
    ended = run(stopped)
    assert ended.exit_code == OUTPUTS_DIFFER
    assert "overrides.jsonl: the records passed over before record" in ended.stderr


def test_only_what_stops_the_folder_is_passed_over(stopped: Path) -> None:
    run(stopped)
    for offset, expected in ((7, "stops nothing"), (9, "is not what stops shard 0"), (99, "has no record 99 yet")):
        result = skip(stopped, offset)
        assert (result.exit_code, expected in " ".join(result.output.split())) == (2, True), result.output
    assert skip(stopped, 8).exit_code == 0
    run(stopped)
    assert "is folded already" in " ".join(skip(stopped, 8).output.split())
    assert not (stopped / "elsewhere").exists()
    assert ask("skip", "--output", stopped / "elsewhere", "--offset", 8, *ASKED).exit_code == LOG_MISSING
    assert not (stopped / "elsewhere").exists()


def test_a_record_for_many_is_passed_over_for_one(tmp_path: Path) -> None:
    """The day's end of BRIDGE alone; the company's other engagements have it."""

    def failing(draft: Any, event: Any, rates_settle: bool) -> None:
        if draft.engagement_id == "BRIDGE" and str(event.date) == "2026-03-31":
            raise ZeroDivisionError("a fault of ours")
        on_day_ended(draft, event, rates_settle)

    write(tmp_path / "in", [*founding(), worked("T-1", 2), worked("T-2", 12)])
    with patch("state.fold.days.on_day_ended", failing):
        stop = run(tmp_path)
        assert stop.exit_code == POISON
        words = stop.stderr.replace("\n", " ").split()
        offset = int(words[words.index("--offset") + 1])
        assert words[words.index("--engagement") + 1] == "BRIDGE"
        assert skip(tmp_path, offset, "--engagement", "BRIDGE").exit_code == 0
        assert run(tmp_path).exit_code == 0
        assert ask("verify", "--output", tmp_path / "out").exit_code == 0


def test_a_shard_or_a_folder_is_named(tmp_path: Path) -> None:
    for named, lacks in (
        ((), "--shard or --output"),
        (("--shard", 0, "--output", tmp_path), "expected one of --shard"),
    ):
        result = ask("skip", "--offset", 8, *ASKED, *named)
        assert (result.exit_code, lacks in " ".join(result.output.split())) == (2, True)


def test_options_that_are_missing_are_named_at_once() -> None:
    result = ask("skip", "--as", "ann")
    said = " ".join(result.output.split())
    assert result.exit_code == 2
    assert "--offset, --reason, --approved-by, --shard or --output: expected a value for each" in said
