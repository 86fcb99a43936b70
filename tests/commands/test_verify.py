"""`milepost verify` as people and schedulers use it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from domain.audit.findings import PROMISES
from domain.outputs import JournalEntry
from milepost.cli import app
from state.store.check import same_store
from tests.audit.tampering import about, at, copied, rewrite, seq_of, with_line
from tests.finished_run import finished_run


def verify(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", "--output", str(folder), *arguments])


def tampered(folder: Path) -> Path:
    """A copy of a run whose progress says another chain."""
    copy = folder / "output"
    shutil.copytree(finished_run(), copy)
    path = copy / "progress" / "0.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "output_chain": "00" * 16}))
    return copy


def test_what_was_looked_at_is_listed() -> None:
    result = verify(finished_run())
    assert result.exit_code == 0, result.output
    assert "journals" in result.stdout
    assert "violated" not in result.stdout
    assert "not checked" not in result.stdout
    results = re.findall(r"^ +\w+ +([\d,]+)  (holds|nothing to check)  ", result.stdout, re.MULTILINE)
    assert {said for count, said in results if count == "0"} == {"nothing to check"}
    assert {said for count, said in results if count != "0"} == {"holds"}
    assert "Everything that was looked at holds" in result.stderr


def test_fast_leaves_out_folding_again() -> None:
    result = verify(finished_run(), "--fast")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if "not checked" in line]
    assert [line.split()[0] for line in lines] == ["books", "store", "refold"]


@pytest.mark.parametrize("wrong", [False, True])
def test_who_may_only_read_a_folder_audits_its_store_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, wrong: bool
) -> None:
    """SQLite would write beside the store: a copy is looked at, and what is wrong with it is said of the store."""
    output = shutil.copytree(finished_run(), tmp_path / "output")
    [store] = output.glob("store/**/*.db")
    if wrong:
        store.write_bytes(store.read_bytes()[:100] + b"x" * 8_000)
    monkeypatch.setattr("dataflows.audit.os.access", lambda path, _: path != store.parent)
    opened: list[Path] = []

    def looked_at(path: Path, *others: Any) -> Any:
        opened.append(path)
        return same_store(path, *others)

    monkeypatch.setattr("dataflows.audit.same_store", looked_at)
    result = CliRunner().invoke(app, ["verify", "--output", str(output)])
    assert result.exit_code == (3 if wrong else 0), result.output
    assert store not in opened
    assert len(opened) == 1
    assert (str(store) in result.stdout) is wrong


def test_a_violation_is_named_and_ends_with_three(tmp_path: Path) -> None:
    result = verify(tampered(tmp_path), "--fast")
    assert result.exit_code == 3
    assert "First violation: output_chain, the outputs are the ones that were written" in result.stdout
    assert f"expected  {'00' * 16} by progress" in result.stdout


def test_a_violation_names_what_it_is_about(tmp_path: Path) -> None:
    folder = copied(finished_run(), tmp_path)
    rewrite(folder, at(seq_of(folder, JournalEntry, about("T-2")), lambda one: with_line(one, 0, amount=900_0000)))
    result = verify(folder, "--fast")
    assert result.exit_code == 3
    assert re.search(r"where +erp.postings, output_seq \d+", result.stdout)
    assert re.search(r"output +journal BRIDGE\.\w+, posting for time entry T-2 version 1, ", result.stdout)
    assert re.search(r"found +\S+ EUR: debits \S+, credits \S+", result.stdout)


def test_as_json(tmp_path: Path) -> None:
    good = json.loads(verify(finished_run(), "--fast", "--json").stdout)
    assert (good["version"], good["holds"], good["violations"], good["first"]) == (1, True, 0, None)
    assert [each["check"] for each in good["checks"]] == list(PROMISES)
    result = verify(tampered(tmp_path), "--fast", "--json")
    assert result.exit_code == 3
    bad = json.loads(result.stdout)
    assert (bad["holds"], bad["first"]["check"], bad["first"]["output_seq"]) == (False, "output_chain", None)


def test_a_folder_that_is_not_of_a_run(tmp_path: Path) -> None:
    result = verify(tmp_path)
    assert result.exit_code == 2
    assert "expected the output folder of `milepost run`" in result.stderr


def test_a_folder_without_its_log(tmp_path: Path) -> None:
    copy = tmp_path / "output"
    shutil.copytree(finished_run(), copy)
    shutil.rmtree(copy / "log")
    result = verify(copy)
    assert result.exit_code == 16
    assert "no log to read" in result.stderr
