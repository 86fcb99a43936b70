"""`milepost dump`: any file of ours as lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors.avro_codec import EVENT_CODECS
from connectors.containers import ContainerFormat
from connectors.json_records import event_from_json
from milepost.cli import app
from tests.commands.tiny_firm import founding, write
from tests.finished_run import finished_run


def dump(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dump", *arguments])


def lines(*arguments: str) -> list[dict[str, Any]]:
    result = dump(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def of_run(*arguments: str) -> list[dict[str, Any]]:
    return lines("--output", str(finished_run()), *arguments)


def test_the_current_forecasts_are_the_latest_of_each_project() -> None:
    updates = of_run("forecast.updates")
    current = of_run("forecast.current")
    assert [each["project_id"] for each in current] == ["BRIDGE", "TUNNEL"]
    for each in current:
        assert each == [update for update in updates if update["project_id"] == each["project_id"]][-1]
    assert of_run("forecast.current", "--type", "ForecastUpdate") == current


def test_outputs_of_a_topic() -> None:
    journals = of_run("erp.postings")
    assert [journal["type"] for journal in journals] == ["JournalEntry"] * 24
    first = journals[0]
    assert (first["output_seq"], first["accounting_date"], first["lines"][0]["amount"]) == (9, "2026-01-05", "320.00")
    assert first["journal_id"].startswith("BRIDGE.")


def test_outputs_of_a_file() -> None:
    assert lines(str(finished_run() / "outputs" / "erp.postings" / "0.avro")) == of_run("erp.postings")


def test_only_one_type_and_only_so_many() -> None:
    closed = of_run("exceptions", "--type", "ExceptionClosed")
    assert {each["type"] for each in closed} == {"ExceptionClosed"}
    assert of_run("exceptions", "--type", "ExceptionClosed", "--limit", "1") == closed[:1]


def test_the_log_with_its_offsets() -> None:
    log = of_run("engagement.log")
    assert [each["log_offset"] for each in log] == list(range(len(log)))
    assert log[0]["type"] == "LegalEntityDefined"
    assert lines(str(finished_run() / "log" / "0.avro")) == log


def test_dead_letters(tmp_path: Path) -> None:
    assert of_run("dead-letters") == []
    source = write(tmp_path / "in", founding())
    (source / "bad.jsonl").write_text("no json\n")
    output = str(tmp_path / "out")
    assert CliRunner().invoke(app, ["run", "--input", str(source), "--output", output]).exit_code == 0
    (letter,) = lines("--output", output, "dead-letters")
    assert (letter["type"], letter["line"]) == ("DeadLetter", 1)


def test_events_for_input(tmp_path: Path) -> None:
    event = event_from_json(founding()[0])
    codec = EVENT_CODECS["LegalEntityDefined"]
    form = ContainerFormat([codec], "any", "finance.reference")
    path = tmp_path / "events.avro"
    path.write_bytes(form.header + form.block("LegalEntityDefined", codec.encode(event)))
    (found,) = lines(str(path))
    assert (found["type"], found["legal_entity_id"]) == ("LegalEntityDefined", "BERLIN")


def test_a_short_line_for_people() -> None:
    result = dump("--output", str(finished_run()), "erp.postings", "--limit", "1")
    assert result.stdout.startswith("JournalEntry ")
    assert "currency=EUR" in result.stdout
    assert "lines=(2)" in result.stdout


def test_a_sentence_stands_whole_at_the_end_of_its_line() -> None:
    """What is short comes first, so that records can be compared below each other; each is one line."""
    result = dump("--output", str(finished_run()), "exceptions", "--type", "ExceptionRaised", "--limit", "1")
    (line,) = result.stdout.splitlines()
    assert line.endswith('what is left of it is a loss for the books to provide for."')
    assert "blocks_amount=2000.00" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere.avro",), "nowhere.avro: cannot be read: No such file or directory"),
        ((__file__,), "not an Avro container file"),
        (("--output", "nowhere", "erp.postings"), "expected the output folder of `milepost run`"),
        (("--output", "nowhere", "journals"), "expected a topic, one of alerts, billing.statements"),
        (("--limit", "0", "nowhere.avro"), "--limit"),
    ],
)
def test_wrong_arguments_end_with_two(arguments: tuple[str, ...], says: str) -> None:
    result = dump(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_damaged_file_ends_with_a_guard(tmp_path: Path) -> None:
    path = tmp_path / "0.avro"
    path.write_bytes((finished_run() / "outputs" / "alerts" / "0.avro").read_bytes()[:-3])
    result = dump(str(path), "--json")
    assert result.exit_code == 13
    assert "ends inside a block" in result.stderr
