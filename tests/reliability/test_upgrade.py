"""The next release over a log that was kept under frozen rules: the same bytes before the activation, the new field and rule after it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.releases import LIMIT, LOWER, Release, frozen_release, next_release
from tests.reliability.recorded import RECORDED

OTHER_OUTPUTS = 'gives other outputs than it gave, of the recorded logs "parking: '


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return frozen_release(tmp_path_factory.mktemp("old") / "release")


@pytest.fixture(scope="module")
def new(old: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Released: its edits were accepted, as the recorded logs give what they gave."""
    made = next_release(old, tmp_path_factory.mktemp("new") / "release")
    made.done("schemas.rules_lock", "--accept")
    return made.as_it_is()


def entry(number: int, hours: str, day: str) -> dict[str, Any]:
    """Of the recorded firm's first consultant, told the day after."""
    return {
        "type": "TimeApproved",
        "event_id": f"kantata-T-9{number}",
        "occurred_at": f"{day}T18:00:00Z",
        "source": "kantata",
        "entry_id": f"T-9{number}",
        "version": 1,
        "project_id": "PRJ-00002",
        "person_id": "P-DE-00004",
        "approved_by": "P-DE-00001",
        "worked_on": day,
        "hours": hours,
        "task": "build",
    }


def activation(version: int) -> dict[str, Any]:
    return {
        "type": "RulesActivated",
        "event_id": f"rules-{version}",
        "occurred_at": "2026-03-03T08:00:00Z",
        "source": "netsuite",
        "rule": "accounting",
        "version": version,
    }


def give(folder: Path, name: str, *events: Mapping[str, Any]) -> None:
    (folder / name).write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")


def run(release: Release, at: Path) -> None:
    made = release.milepost("run", "--input", at / "input", "--output", at / "output")
    assert made.returncode == 0, made.stderr


def outputs(at: Path) -> dict[str, bytes]:
    folder = at / "output" / "outputs"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.avro"))}


def dumped(release: Release, at: Path, topic: str) -> list[dict[str, Any]]:
    told = release.done("milepost", "dump", topic, "--output", at / "output", "--json")
    return [json.loads(line) for line in told.splitlines()]


def start_again(at: Path, *folders: str) -> None:
    for folder in folders:
        shutil.rmtree(at / "output" / folder)


@pytest.fixture(scope="module")
def kept(old: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the old release has kept, with an entry of 20 hours, which its rules take."""
    at = tmp_path_factory.mktemp("kept")
    shutil.copytree(RECORDED, at / "input", ignore=shutil.ignore_patterns("*.sha256"))
    give(at / "input", "before.jsonl", entry(1, "20", "2026-03-02"))
    run(old, at)
    return at


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "kept"))


@pytest.mark.parametrize("lost", [("store",), ("store", "outputs", "progress"), ("store", "index")])
def test_an_old_log_gives_the_same_bytes(old: Release, new: Release, folder: Path, lost: tuple[str, ...]) -> None:
    before = outputs(folder)
    assert all(name.endswith("/0.avro") for name in before)
    start_again(folder, *lost)
    run(new, folder)
    assert outputs(folder) == before
    new.done("milepost", "verify", "--output", folder / "output")


def test_what_comes_before_the_activation_is_written_as_it_was(new: Release, kept: Path, folder: Path) -> None:
    """A release that has the new rules and schemas writes the old ones until they are activated."""
    give(folder / "input", "after.jsonl", entry(2, "20", "2026-03-04"))
    run(new, folder)
    now = outputs(folder)
    assert now.keys() == outputs(kept).keys()
    assert all(now[name].startswith(before) for name, before in outputs(kept).items())
    assert not [one for one in dumped(new, folder, "exceptions") if one["category"] == "hours_out_of_range"]
    journals = [one for one in dumped(new, folder, "erp.postings") if one["affected_id"] == "T-92"]
    assert journals
    assert {(one["rules_version"], one["text"]) for one in journals} == {("1", None)}


def test_behind_the_activation_field_and_rule_appear(old: Release, new: Release, kept: Path, folder: Path) -> None:
    """Entries of 20 hours are taken before it; after it one of 17 hours waits, and journals have their text."""
    give(folder / "input", "after.jsonl", activation(2), entry(2, "17", "2026-03-04"), entry(3, "8", "2026-03-05"))
    run(new, folder)
    now = outputs(folder)
    assert now.keys() - outputs(kept).keys() == {"erp.postings/0.2.avro"}
    assert now["erp.postings/0.avro"] == outputs(kept)["erp.postings/0.avro"]
    [refused] = [one for one in dumped(new, folder, "exceptions") if one["category"] == "hours_out_of_range"]
    assert (refused["subject_id"], refused["rules_version"]) == ("T-92", "2")
    journals = dumped(new, folder, "erp.postings")
    of = {wanted: [one for one in journals if one["affected_id"] == wanted] for wanted in ("T-91", "T-92", "T-93")}
    assert {one["text"] for one in of["T-91"]} == {None}
    assert of["T-92"] == []
    assert {(one["rules_version"], one["text"]) for one in of["T-93"]} == {("2", "time of time_entry T-93")}

    told = new.done("milepost", "verify", "--output", folder / "output")
    assert "FAILED" not in told
    shown = new.milepost("explain", "T-91", "--output", folder / "output")
    assert (shown.returncode, "Rules version 2" in shown.stderr) == (0, True), shown.stderr
    shown = new.milepost("explain", "T-91", "--output", folder / "output", "--as-of", "2026-03-02")
    assert (shown.returncode, "Rules version 1" in shown.stderr) == (0, True), shown.stderr
    new.done("milepost", "explain", "T-93", "--output", folder / "output")
    new.done("milepost", "between", "2026-03-01", "2026-03-31", "--output", folder / "output")

    give(folder / "input", "later.jsonl", entry(4, "8", "2026-03-06"))
    run(new, folder)
    goes_on, now = now, outputs(folder)
    assert all(now[name].startswith(had) for name, had in goes_on.items())
    assert now["erp.postings/0.avro"] == outputs(kept)["erp.postings/0.avro"]
    assert {one["text"] for one in dumped(new, folder, "erp.postings") if one["affected_id"] == "T-94"} == {
        "time of time_entry T-94"
    }

    start_again(folder, "store", "outputs", "progress")
    run(new, folder)
    assert outputs(folder) == now, "the whole log, folded from its beginning"
    start_again(folder, "store")
    run(new, folder)
    assert outputs(folder) == now, "compared with what is written"

    stopped = old.milepost("run", "--input", folder / "input", "--output", folder / "output")
    assert stopped.returncode == 19, stopped.stderr
    assert "asks for version 2 of rule accounting, this code has 1" in stopped.stderr
    assert outputs(folder) == now


def test_a_log_that_begins_with_the_new_release_has_the_new_field_from_the_start(new: Release, folder: Path) -> None:
    start_again(folder, "store", "outputs", "progress", "log")
    for path in ("intake.db", "rounds.jsonl"):
        (folder / "output" / path).unlink()
    run(new, folder)
    assert all(name.endswith("/0.avro") for name in outputs(folder))
    assert all(one["text"] and one["rules_version"] == "2" for one in dumped(new, folder, "erp.postings"))
    assert [one["subject_id"] for one in dumped(new, folder, "exceptions") if one["category"] == "hours_out_of_range"]


def test_a_file_of_frozen_rules_that_was_edited_is_refused(old: Release, folder: Path, tmp_path: Path) -> None:
    """By the check of the sources, and by a release that was edited where it is installed."""
    edited = old.copied(tmp_path / "edited")
    assert edited.lock("--check").stdout == ""
    edited.edit("domain/money.py", "\nfrom domain.units import", "\n# Edited.\nfrom domain.units import")
    checked = edited.lock("--check")
    told = "domain/money.py: was edited, and belongs to version 1 of rule accounting, which is frozen"
    assert (checked.returncode, told in checked.stderr) == (1, True), checked.stderr
    stopped = edited.milepost("run", "--input", folder / "input", "--output", folder / "output")
    assert (stopped.returncode, told in stopped.stderr) == (19, True), stopped.stderr
    assert edited.lock("--accept").returncode == 0, "all outputs are as they were"
    assert edited.lock("--check").returncode == 0
    run(edited, folder)


def test_an_edit_that_changes_what_a_frozen_version_makes_is_not_accepted(old: Release, tmp_path: Path) -> None:
    edited = old.copied(tmp_path / "edited")
    edited.edit("state/work/hour_terms.py", LIMIT, LOWER)
    kept = (edited.root / "rules.lock").read_bytes()
    refused = edited.lock("--accept")
    assert refused.returncode == 1
    assert OTHER_OUTPUTS in refused.stderr
    assert "nothing was accepted" in refused.stderr
    assert (edited.root / "rules.lock").read_bytes() == kept
    assert edited.lock("--check").returncode == 1


def test_the_next_version_is_in_work_until_it_is_frozen_too(old: Release, new: Release, tmp_path: Path) -> None:
    begun = next_release(old, tmp_path / "begun")
    assert "state/work/hour_terms.py: was edited" in begun.lock("--check").stderr
    assert new.lock("--check").stdout.startswith("version 2 of rule accounting is open")
    both = new.copied(tmp_path / "both")
    refused = both.lock("--freeze")
    assert (refused.returncode, "a scenario does not hold under these rules" in refused.stderr) == (1, True)
    (both.root / "tests" / "scenarios" / "parking.md").unlink()
    both.done("schemas.rules_lock", "--freeze")
    lock = json.loads((both.root / "rules.lock").read_text(encoding="utf-8"))["accounting"]
    assert [lock[number]["outputs"]["JournalEntry"] for number in ("1", "2")] == [2, 3]
    checked = both.lock("--check")
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stderr
