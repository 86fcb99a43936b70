"""Rules that were released stay as they are; those of the version in work may change."""

from __future__ import annotations

from pathlib import Path

from schemas.rules_lock import ROOT, check, digests, frozen, read_lock
from state.rules import RULES

ONE = {"accounting": 1}
TWO = {"accounting": 2}


def files(folder: Path, **texts: str) -> dict[str, str]:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path = path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return digests(folder)


def test_the_lock_is_that_of_these_rules() -> None:
    assert list(check(read_lock(), RULES, digests(ROOT))) == []
    assert {"state/fold.py", "domain/money.py"} <= digests(ROOT).keys()


def test_a_version_in_work_may_change(tmp_path: Path) -> None:
    lock = {"accounting": {"1": None}}
    before = files(tmp_path, domain__money="a = 1")
    assert list(check(lock, ONE, before)) == []
    assert list(check(lock, ONE, files(tmp_path, domain__money="a = 2"))) == []


def test_an_edited_or_removed_file_of_a_frozen_version_is_refused(tmp_path: Path) -> None:
    lock = frozen({}, ONE, files(tmp_path, domain__money="a = 1", state__fold="b = 1", state__intake__clock="c = 1"))
    edited = files(tmp_path, domain__money="a = 2", state__intake__clock="c = 2")
    (told,) = check(lock, ONE, edited)
    assert told.startswith("domain/money.py: was edited, and belongs to version 1 of rule accounting, which is frozen")
    (tmp_path / "state" / "fold.py").unlink()
    told = list(check(lock, ONE, digests(tmp_path)))[1]
    assert told.startswith("state/fold.py: is gone")


def test_a_new_version_stands_beside_the_frozen_one(tmp_path: Path) -> None:
    lock = frozen({}, ONE, files(tmp_path, domain__money="a = 1"))
    both = files(tmp_path, domain__money_2="a = 2")
    assert "version 2 of rule accounting is missing" in next(check(lock, TWO, both))
    lock["accounting"]["2"] = None
    assert list(check(lock, TWO, both)) == []
    assert frozen(lock, TWO, both)["accounting"]["1"] == lock["accounting"]["1"]


def test_a_version_that_was_followed_by_another_is_frozen(tmp_path: Path) -> None:
    lock = {"accounting": {"1": None, "2": None}}
    assert "is not frozen" in next(check(lock, TWO, files(tmp_path, domain__money="a = 1")))
