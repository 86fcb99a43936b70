"""Rules that were released stay as they are; those of the version in work may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.output_schemas import check_files
from schemas import rules_lock
from schemas.frozen_rules import ROOT, Frozen, Lock, digests, edited, read_lock
from schemas.rules_lock import accepted, check, frozen, open_versions, outcome_faults, written_with
from state.rules import RULES

ONE = {"accounting": 1}
TWO = {"accounting": 2}
IN_WORK: Lock = {"accounting": {1: None}}


def files(folder: Path, **texts: str) -> dict[str, str]:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path = path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return digests(folder)


def frozen_once(found: dict[str, str]) -> dict[int, Frozen | None]:
    return dict(frozen({}, ONE, found, {"Alert": 1}, {})["accounting"])


def test_the_lock_is_that_of_these_rules() -> None:
    assert list(check(read_lock(), RULES, digests(ROOT))) == []
    assert {"state/fold.py", "domain/money.py"} <= digests(ROOT).keys()
    assert edited(read_lock()) == []
    check_files()


def test_every_log_recorded_with_a_frozen_version_gives_what_it_gave() -> None:
    assert list(outcome_faults(read_lock())) == []


def test_that_a_version_is_open_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Until version 1 is frozen, nothing is promised of logs that are kept under it."""
    assert open_versions(read_lock()) == [("accounting", 1)]
    assert rules_lock.main(["--check"]) == 0
    assert "version 1 of rule accounting is open" in capsys.readouterr().out


def test_outputs_are_written_with_schemas_that_were_released() -> None:
    assert written_with()["ForecastUpdate"] >= 2
    assert all(number >= 1 for number in written_with().values())


def test_a_version_in_work_may_change(tmp_path: Path) -> None:
    before = files(tmp_path, domain__money="a = 1")
    assert list(check(IN_WORK, ONE, before)) == []
    assert list(check(IN_WORK, ONE, files(tmp_path, domain__money="a = 2"))) == []


def test_an_edited_or_removed_file_of_a_frozen_version_is_refused(tmp_path: Path) -> None:
    found = files(tmp_path, domain__money="a = 1", state__fold="b = 1", state__intake__clock="c = 1")
    lock: Lock = {"accounting": frozen_once(found)}
    changed = files(tmp_path, domain__money="a = 2", state__intake__clock="c = 2")
    (told,) = check(lock, ONE, changed)
    assert told.startswith("domain/money.py: was edited, and belongs to version 1 of rule accounting, which is frozen")
    (tmp_path / "state" / "fold.py").unlink()
    told = list(check(lock, ONE, digests(tmp_path)))[1]
    assert told.startswith("state/fold.py: is gone")


def test_a_release_with_an_edited_file_does_not_start(tmp_path: Path) -> None:
    lock: Lock = {"accounting": frozen_once(files(tmp_path, domain__money="a = 1"))}
    assert edited(lock, tmp_path) == []
    files(tmp_path, domain__money="a = 2")
    (told,) = edited(lock, tmp_path)
    assert told.startswith("domain/money.py: was edited")
    assert edited({"accounting": {**lock["accounting"], 2: None}}, tmp_path) == [], "somebody works on version 2"


def test_an_accepted_edit_is_that_of_the_frozen_files_alone(tmp_path: Path) -> None:
    lock: Lock = {"accounting": {**frozen_once(files(tmp_path, domain__money="a = 1")), 2: None}}
    found = files(tmp_path, domain__money="a = 2", domain__caps_2="b = 1")
    again = accepted(lock, found)
    assert list(check(again, TWO, found)) == []
    one = again["accounting"][1]
    assert one is not None
    assert (dict(one.files), again["accounting"][2]) == ({"domain/money.py": found["domain/money.py"]}, None)


def test_a_new_version_stands_beside_the_frozen_one(tmp_path: Path) -> None:
    lock: Lock = {"accounting": frozen_once(files(tmp_path, domain__money="a = 1"))}
    both = files(tmp_path, domain__money_2="a = 2")
    assert "version 2 of rule accounting is missing" in next(check(lock, TWO, both))
    begun: Lock = {"accounting": {**lock["accounting"], 2: None}}
    assert list(check(begun, TWO, both)) == []
    assert frozen(begun, TWO, both, {"Alert": 2}, {})["accounting"][1] == lock["accounting"][1]


def test_a_version_that_was_followed_by_another_is_frozen(tmp_path: Path) -> None:
    lock: Lock = {"accounting": {1: None, 2: None}}
    assert "is not frozen" in next(check(lock, TWO, files(tmp_path, domain__money="a = 1")))
