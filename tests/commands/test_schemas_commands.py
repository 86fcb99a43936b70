"""`milepost schemas` as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from milepost.cli import app
from schemas.files import AVRO


def schemas(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["schemas", *(str(argument) for argument in arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "avro"
    shutil.copytree(AVRO, copied)
    return copied


def without_hours(folder: Path) -> None:
    path = folder / "events" / "TimeApproved.avsc"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "hours"]
    path.write_text(json.dumps(schema), encoding="utf-8")


def test_the_schemas_here_agree_with_their_history() -> None:
    result = schemas("check")
    assert result.exit_code == 0
    assert result.stdout.endswith("schemas of events and outputs agree with their history\n")


def test_what_breaks_a_promise_is_told_with_place_and_remedy(folder: Path) -> None:
    without_hours(folder)
    result = schemas("check", "--folder", folder)
    assert result.exit_code == 1
    assert "milepost.events.TimeApproved.hours\n  stands in version 1 and is gone" in result.stdout
    assert "to do: keep it, or name it as an alias" in result.stdout


def test_findings_as_json(folder: Path) -> None:
    assert json.loads(schemas("check", "--json").stdout)["findings"] == []
    without_hours(folder)
    result = schemas("check", "--folder", folder, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["version"] == 1
    assert {"schema", "location", "what", "remedy"} == set(found["findings"][0])


def test_today_is_released_once(folder: Path) -> None:
    shutil.rmtree(folder / "history" / "milepost.events.TimeApproved")
    result = schemas("freeze", "--folder", folder)
    assert (result.exit_code, result.stdout) == (0, "history/milepost.events.TimeApproved/1.avsc\n")
    assert "1 version released" in result.stderr
    again = schemas("freeze", "--folder", folder)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "Nothing is new" in again.stderr


def test_a_broken_promise_is_not_released(folder: Path) -> None:
    without_hours(folder)
    result = schemas("freeze", "--folder", folder)
    assert result.exit_code == 1
    assert "nothing was frozen" in result.stderr
