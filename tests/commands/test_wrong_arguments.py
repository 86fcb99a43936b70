"""Wrong arguments end with code 2 and a sentence that says what was expected, what came and what there is."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from milepost.console import shell_word
from milepost.errors import ending_of
from state.guards import OUTPUT_UNWRITABLE
from state.rules import RULES_VERSION
from tests.finished_run import finished_run

ROOT = Path(__file__).resolve().parents[2]


def milepost(words: str, **places: Path) -> Result:
    return CliRunner().invoke(app, [word.format(**places) for word in words.split(" ")])


def told(result: Result) -> str:
    """What it says, without what the command line wraps around it."""
    return re.sub(r"\s+", " ", result.stderr)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("nothing", "file", "empty", "input", "idle")}
    made["file"].write_text("not ours", encoding="utf-8")
    for name in ("empty", "input"):
        made[name].mkdir()
    return {**made, "run": finished_run()}


WRONG = [
    ("run --input {nothing} --output {idle}", "expected a folder with .jsonl or .avro files, found nothing"),
    ("run --input {file} --output {idle}", "expected a folder with .jsonl or .avro files, found a file"),
    ("run --input {empty} --output {file}", "expected a folder, found a file"),
    ("run --input {empty} --output {empty}", "expected another folder than --input, or outputs would be read as input"),
    ("run --input {run} --output {idle}", "expected a folder with events, found the output folder of a run"),
    ("run --input  --output {idle}", "value for '--input' / '-i': expected a path, got (nothing)"),
    ("run --input {empty} --output ", "value for '--output' / '-o': expected a path, got (nothing)"),
    ("show BRIDGE --output ", "expected a path, got (nothing)"),
    # What the call does not need is looked at as well.
    *(
        (
            f"{verb} --output {{run}} --locale xx",
            "expected a language and country such as de_DE, en_GB or fr_CH, got xx",
        )
        for verb in ("projects", "unbilled --csv -", "forecast BRIDGE", "statement", "statement --json")
    ),
    *(
        (f"{verb} --output {{run}} --settings {{{named}}}", said)
        for verb in ("exceptions list", "show BRIDGE", "dead-letters list", "payment apply PAY-1 --oldest")
        for named, said in (("nothing", "nothing: no such file; --settings names it"), ("file", "file: is no TOML at"))
    ),
    (
        "exceptions list --output {run} --set kafka.broker=127.0.0.1:9092",
        "--set: kafka.broker is no setting; did you mean kafka.brokers?",
    ),
    ("exceptions list --output {run} --set brokers", "--set: expected section.name=value"),
    ("show BRIDGE --output {run} --accounts {file}", "file: expected TOML"),
    ("show BRIDGE --from redis --accounts {nothing}", "nothing: expected a file, No such file"),
    ("projects --output {run} --html ", "value for '--html': expected a path, got (nothing)"),
    *(
        (f"period certificate BERLIN 2026-01 --output {{run}} --out {where}", f"expected a file, {said}")
        for where, said in (
            (".", "found a folder at ."),
            ("{empty}", "found a folder at"),
            ("--json", "got the option --json"),
        )
    ),
    ("verify --output {run} --certificate ", "value for '--certificate': expected a path, got (nothing)"),
    ("run --input {empty} --output {idle} --until 1980-01-01", "expected a date from 1990-01-01 to 2100-12-30"),
    *(
        (f"{verb} --output {{{place}}}", f"expected the output folder of `milepost run`, found {found}")
        for verb in ("show BRIDGE", "forecast BRIDGE", "ledger", "verify", "dump erp.postings")
        for place, found in (("nothing", "nothing"), ("file", "a file"), ("empty", "no progress of one in it"))
    ),
    ("show Quux --output {run}", "got Quux; there are BRIDGE, BRIDGE.K-1/ACME/2026-01-01/1"),
    ("show  --output {run}", "got (nothing); there are"),
    ("forecast Quux --output {run}", "the id of a project that has a forecast, got Quux; there are BRIDGE, TUNNEL"),
    ("forecast BRIDGE --output {run} --measure margin", "expected one of cost, revenue, hours; got margin"),
    ("explain BRIDGE --output {run} --depth deep", "expected a whole number, got deep"),
    ("explain BRIDGE --output {run} --depth ", "expected a whole number, got (nothing)"),
    ("explain BRIDGE --output {run} --depth -1", "expected a number greater than or equal to 0, got -1"),
    ("forecast BRIDGE --output {run} --measure ", "expected one of cost, revenue, hours; got (nothing)"),
    ("prepaid --output {run} --since 2062-01-01", "of which the figures are; got 2062-01-01"),
    ("verify --output {run} --shards 0", "Invalid value for --kafka: expected it beside --follow, --keep and --shards"),
    ("doctor --timeout inf", "expected a number less than or equal to 3600, got inf"),
    ("status --interval 1e9", "expected a number less than or equal to 86400, got 1e9"),
    ("ledger --output {run} --entity Quux", "the id of a company with journals, got Quux; there are BERLIN"),
    ("ledger --output {run} --entity BERLIN --period 2026", "expected an accounting period such as"),
    ("dump Quux --output {run}", "expected a topic, one of alerts,"),
    (
        "import harvest {file} --out {idle} --date-order x",
        "value for '--date-order': expected one of dmy, mdy, ymd; got x",
    ),
    ("dump erp.postings", "erp.postings is a topic: give the folder of a run with --output too"),
    ("dump {nothing}", "No such file"),
    ("dump {empty}", "Is a directory"),
    ("dump {file}", "not an Avro container file"),
    ("dump exceptions --output {run} --type Nope", "one of ExceptionClosed, ExceptionRaised; got Nope"),
    ("dump exceptions --output {run} --type JournalEntry", "expected a type that exceptions holds"),
    ("dump engagement.log --output {run} --type JournalEntry", "TimeApproved"),
    ("dump {file} --type TimeAproved", "got TimeAproved; the nearest is TimeApproved"),
    *(
        (f"schemas {verb} --folder {{{place}}}", found)
        for verb in ("check", "freeze")
        for place, found in (
            ("nothing", "expected a folder of schemas, found nothing"),
            ("file", "expected a folder of schemas, found a file"),
            ("empty", "expected schemas in events/*.avsc and outputs/*.avsc, found none"),
        )
    ),
    ("simulate --out {file}", "expected a folder, found a file"),
    (
        "simulate-invoices --output {run} --input {nothing}",
        "expected the folder that `milepost run` reads, found nothing",
    ),
    ("simulate-invoices --output {run} --input {file}", "found a file"),
    ("simulate-invoices --output {nothing} --input {empty}", "give the output of `milepost run`"),
    ("deliver --output {nothing} --accounts {nothing}", "expected a file"),
    (
        "simulate-erp --folder {idle} --kind abacus",
        "expected one of netsuite, dynamics365_finance, business_central, oracle_fusion, got",
    ),
    ("simulate-erp --folder {idle} --grain year", "expected one of entry, project_day, entity_day, period, got 'year'"),
    ("simulate-erp --folder {idle} --trouble rain=3", "rain=3: expected one of fails, cut"),
    ("simulate-erp --folder {idle} --trouble lost=130", "lost=130: expected of 100, such as lost=30, got '130'"),
    ("simulate-erp --folder {file}", "cannot be used: "),
    ("import csv {nothing} --map {file} --out {idle}", "source: expected"),
    ("import csv {file} --map {nothing} --out {idle}", "cannot be read: No such file"),
    ("import harvest {file} --out {file}", "is a file"),
    ("import ecb {file} --out {file}", "is a file"),
    (
        "import ecb {file} --out {idle} --from 2026-02-01 --to 2026-01-01",
        "expected the first day first, got 2026-02-01 and then 2026-01-01",
    ),
    ("forecast BRIDGE --output {run} --since 2100-01-01", "expected a day up to the latest forecast, "),
    (
        "statement BRIDGE.K-1/ACME/2026-01-01/1 --output {run} --diff 2",
        "Invalid value for --diff: expected one of its revisions, 1; got 2",
    ),
    ("import ecb {nothing} --out {idle}", "cannot be read: No such file"),
    ("import ecb {file} --out {idle}", "expected a header of Date and currency codes"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_arguments_are_wrong_usage(words: str, message: str, places: dict[str, Path]) -> None:
    if "import csv {nothing}" in words:
        places["file"].write_text("[file]", encoding="utf-8")
    result = milepost(words, **places)
    assert result.exit_code == 2, result.output
    assert message in told(result)
    assert not (places["idle"]).exists()
    assert not (places["nothing"]).exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "A"}'])
def test_a_schema_that_cannot_be_read_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "A.avsc").write_text(content, encoding="utf-8")
    result = milepost("schemas check --folder {folder}", folder=tmp_path)
    assert result.exit_code == 2
    assert "A.avsc: expected an Avro schema" in told(result)


def test_an_empty_input_is_said(places: dict[str, Path]) -> None:
    result = milepost("run --input {empty} --output {idle}", **places)
    assert result.exit_code == 0
    assert "No events yet" in result.stderr
    shown = milepost("show BRIDGE --output {idle}", **places)
    assert shown.exit_code == 2
    assert "nothing is accounted for yet" in told(shown)


def test_more_records_than_there_can_be_are_all() -> None:
    lines = [
        milepost(f"dump exceptions --output {{run}}{more}", run=finished_run()).stdout
        for more in ("", f" --limit {10**20}")
    ]
    assert lines[0] == lines[1]


def test_a_type_of_which_there_is_none_is_no_fault() -> None:
    result = milepost("dump alerts --output {run} --type Alert --limit 1", run=finished_run())
    assert result.exit_code == 0


def damaged(folder: Path) -> Iterator[tuple[str, int]]:
    """Ways in which a folder can be broken, done one after the other, and the code that says so."""
    events = folder.parent / "input" / "events.jsonl"
    events.rename(folder.parent / "events.jsonl")
    yield "run --input {input} --output {run}", 10
    (folder.parent / "events.jsonl").rename(events)
    log = folder / "log" / "0.avro"
    whole = log.read_bytes()
    log.write_bytes(whole[:-40] + b"x" * 40)
    yield "dump engagement.log --output {run}", 13
    log.unlink()
    yield "dump engagement.log --output {run}", 16
    yield "verify --output {run}", 16
    log.write_bytes(whole)
    postings = folder / "outputs" / "erp.postings" / "0.avro"
    postings.write_bytes(postings.read_bytes()[:2_000])
    yield "ledger --output {run}", 13
    yield "dump erp.postings --output {run}", 13
    yield "verify --output {run}", 3
    yield "run --input {input} --output {run}", 13


def test_the_codes_of_the_table_in_the_documents(tmp_path: Path) -> None:
    shutil.copytree(finished_run().parent, tmp_path / "made")
    places = {"input": tmp_path / "made" / "input", "run": tmp_path / "made" / "output"}
    for words, code in damaged(places["run"]):
        result = milepost(words, **places)
        assert (words, result.exit_code) == (words, code), result.output


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"offset": 3}'])
def test_progress_that_says_nothing_is_a_damaged_output(content: str, tmp_path: Path) -> None:
    shutil.copytree(finished_run().parent, tmp_path / "made")
    folder = tmp_path / "made" / "output"
    (folder / "progress" / "0.json").write_text(content, encoding="utf-8")
    for words in ("show BRIDGE", "ledger", "dump exceptions", "run --input {input}"):
        result = milepost(f"{words} --output {{run}}", input=tmp_path / "made" / "input", run=folder)
        assert result.exit_code == 13, result.output
        assert "progress/0.json: cannot be read" in told(result)
        assert "makes them again from the log" in told(result)
    audited = milepost("verify --output {run}", run=folder)
    assert audited.exit_code == 3
    assert "progress/0.json" in audited.stdout
    for name in ("outputs", "progress", "store"):
        shutil.rmtree(folder / name)
    again = milepost("run --input {input} --output {run}", input=tmp_path / "made" / "input", run=folder)
    assert again.exit_code == 0
    assert [path.read_bytes() for path in sorted((folder / "outputs").rglob("*.avro"))] == [
        path.read_bytes() for path in sorted((finished_run() / "outputs").rglob("*.avro"))
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("output_chain", "x" * 32, "a text as Milepost writes it"),
        ("offset", "16", "a whole number"),
        ("shard", True, "a whole number"),
        ("topics", {"exceptions": "2"}, "whole numbers by name"),
        ("lengths", [], "whole numbers by name"),
    ],
)
def test_progress_with_one_senseless_value_is_a_damaged_output(
    name: str, value: object, expected: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished_run(), tmp_path / "output")
    path = folder / "progress" / "0.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), name: value}), encoding="utf-8")
    result = milepost("show BRIDGE --output {run}", run=folder)
    assert result.exit_code == 13
    assert f"progress/0.json: cannot be read: {name}: expected {expected}, found {str(value)!r}" in told(result)


def test_every_file_of_an_output_folder_is_in_the_documents() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    kept = page.split("## The output folder")[1].split("## ")[0]
    named = set(re.findall(r"`([a-z./<>0-9_-]+)`", kept))
    found = {path.relative_to(finished_run()).as_posix() for path in finished_run().rglob("*") if path.is_file()}
    topics = {each.split("/")[1] for each in found if each.startswith("outputs/")}
    assert topics <= named
    extensions = {"log/0.end": ".end", "log/0.index": ".index", "log/0.avro.end": ".end", "log/0.avro.index": ".index"}
    others = {extensions.get(each, each) for each in found if not each.startswith("outputs/")}
    assert {each for each in others if not each.endswith(("-wal", "-shm"))} <= named


def test_an_input_folder_that_cannot_be_read_is_a_guard(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts tell it from wrong usage, as the table of exit codes says."""
    monkeypatch.setattr("os.access", lambda path, mode, **_: Path(path) != places["input"])
    result = milepost("run --input {input} --output {idle}", **places)
    assert (result.exit_code, "the input folder cannot be read; give access" in told(result)) == (17, True)


@pytest.mark.parametrize(
    ("name", "words"),
    [("rounds.jsonl", "run --input {input} --output {output}"), ("progress/0.json", "verify --output {output}")],
)
def test_a_file_that_may_not_be_read_is_not_damaged(
    name: str, words: str, tmp_path: Path, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is sent to a backup, or told to delete what a right would open again."""
    output = shutil.copytree(finished_run(), tmp_path / "closed")
    really_open = io.open

    def opened(file: Any, *rest: Any, **others: Any) -> Any:
        if file == output / name:
            raise PermissionError(13, "Permission denied", str(file))
        return really_open(file, *rest, **others)

    monkeypatch.setattr(io, "open", opened)
    result = milepost(words, input=places["input"], output=output)
    assert result.exit_code == OUTPUT_UNWRITABLE
    assert f"{output / name}: Permission denied. Make room or give access and run again" in told(result)


@pytest.mark.parametrize("words", ["explain BRIDGE", "verify", "show BRIDGE --as-of 2026-01-31"])
def test_a_log_that_may_not_be_read_is_not_missing(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`milepost run`, which makes one that is missing, would not help."""
    output = shutil.copytree(finished_run(), tmp_path / "closed")
    really_open = os.open

    def opened(path: Any, *rest: Any, **others: Any) -> int:
        if path == output / "log" / "0.avro":
            raise PermissionError(13, "Permission denied", str(path))
        return really_open(path, *rest, **others)

    monkeypatch.setattr("connectors.files.engagement_log.os.open", opened)
    result = milepost(f"{words} --output {{output}}", output=output)
    assert result.exit_code == OUTPUT_UNWRITABLE
    assert "log/0.avro: Permission denied. Make room or give access" in told(result)


def test_a_file_in_the_way_is_not_a_matter_of_room(places: dict[str, Path]) -> None:
    inside = places["file"] / "deeper"
    for fault in (
        NotADirectoryError(20, "Not a directory", str(inside)),
        FileExistsError(17, "File exists", str(inside)),
    ):
        code, said = ending_of(fault)
        assert code == OUTPUT_UNWRITABLE
        assert "A file stands where a folder should be" in said
        assert "Make room" not in said
    assert "Make room or give access" in ending_of(OSError(28, "No space left on device", "x"))[1]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    result = milepost("--version")
    assert (result.exit_code, result.stdout) == (0, f"milepost {project['version']}, rules {RULES_VERSION}\n")


@pytest.mark.parametrize("text", ["=ACME/1", "it's", "two words", "~a", "a*b"])
def test_what_comes_next_is_quoted_for_a_shell(text: str) -> None:
    assert shell_word(text)[0] in "'\""
    assert shlex.split(shell_word(text)) == [text]
    assert shell_word("K-1/2026-01.csv") == "K-1/2026-01.csv"
