"""Exports that overlap: nothing twice, an edited row is a new version, and one that is gone is listed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.products.product import HARVEST, SOLIDTIME, TOGGL
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports import made_exports
from tests.connectors.imports.exporting import entries, events, import_file, imported, listed
from tests.connectors.imports.made_exports import GERMAN, Locale, made_work
from tests.connectors.imports.test_exports_rows import HARVEST_ROW, SOLIDTIME_ROW, TOGGL_ROW, written


def test_the_same_export_changes_nothing_and_writes_no_file(tmp_path: Path) -> None:
    content = made_exports.harvest(made_work(1, 60))
    imported(tmp_path, content, HARVEST)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    again = imported(tmp_path, content, HARVEST)
    assert (again.changes.unchanged, again.events, again.events_path, again.setup_path) == (60, (), None, None)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_longer_export_adds_only_what_is_new(tmp_path: Path) -> None:
    """It is written in another locale and under the same name, and gets its own file."""
    work = made_work(1, 60)
    imported(tmp_path, made_exports.harvest(work[:40], GERMAN), HARVEST)
    again = imported(tmp_path, made_exports.harvest(work, Locale(date_format="%d/%m/%Y")), HARVEST)
    assert (again.changes.new, again.changes.unchanged, again.changes.changed) == (20, 40, 0)
    assert again.events_path == tmp_path / "out" / "harvest-march-2.jsonl"
    together = imported(tmp_path / "out", made_exports.harvest(work), HARVEST, "once")
    ids = {each["entry_id"] for each in events(tmp_path / "out", "TimeApproved")}
    assert len(ids) == 60
    assert together.events == () or {each["entry_id"] for each in entries(together)} <= ids


def after(folder: Path, row: dict[str, str], product: Any, *edits: dict[str, str], **said: Any) -> list[dict[str, Any]]:
    """What a second import says of one row that was edited in each of these ways."""
    imported(folder, written(row), product, rate=Decimal(100))
    path = folder / "later.csv"
    path.write_text(written({**row, **edits[0]}, *edits[1:]))
    return entries(import_file(path, folder / "out", product, "later", rate=Decimal(100), **said))


@pytest.mark.parametrize(
    "edit",
    [
        {"Hours": "6,0", "Billable Amount": "600,0"},
        {"Notes": "said more"},
        {"Billable?": "No"},
        {"Billable Rate": "110,0", "Billable Amount": "825,0"},
    ],
)
def test_an_edited_row_of_harvest_is_a_new_version(tmp_path: Path, edit: dict[str, str]) -> None:
    (second,) = after(tmp_path, HARVEST_ROW, HARVEST, edit)
    (first,) = [each for each in events(tmp_path / "out", "TimeApproved") if each["version"] == 1]
    assert (second["entry_id"], second["version"]) == (first["entry_id"], 2)


@pytest.mark.parametrize(
    "edit", [{"Invoiced?": "Yes"}, {"Roles": "lead"}, {"Cost Rate": "45,0", "External Reference URL": "https://x"}]
)
def test_what_says_nothing_about_the_work_is_no_change(tmp_path: Path, edit: dict[str, str]) -> None:
    assert after(tmp_path, HARVEST_ROW, HARVEST, edit) == []


def test_an_edited_rate_is_billed_though_the_contract_has_the_old_one(tmp_path: Path) -> None:
    (second,) = after(tmp_path, HARVEST_ROW, HARVEST, {"Billable Rate": "110,0", "Billable Amount": "825,0"})
    assert (second["rate"], second["rate_approved_by"]) == ("110", "harvest")


def test_contracts_may_hold_against_the_rows(tmp_path: Path) -> None:
    edit = {"Billable Rate": "110,0", "Billable Amount": "825,0"}
    (second,) = after(tmp_path, HARVEST_ROW, HARVEST, edit, contract_rates=True)
    assert "rate" not in second


def test_a_rate_edited_in_the_contract_is_not_taken_back_by_the_same_export(tmp_path: Path) -> None:
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST)
    assert result.setup_path is not None
    result.setup_path.write_text(result.setup_path.read_text().replace('"rate":"100"', '"rate":"120"'))
    assert entries(imported(tmp_path, written(HARVEST_ROW), HARVEST)) == []


@pytest.mark.parametrize(
    "edit",
    [
        {"End time": "11:00:00", "Duration": "02:00:00"},
        {"Description": "said more"},
        {"Task": "Review"},
        {"Start time": "08:30:00", "Duration": "02:00:00"},
    ],
)
def test_an_edited_row_of_toggl_is_a_new_version(tmp_path: Path, edit: dict[str, str]) -> None:
    (second,) = after(tmp_path, TOGGL_ROW, TOGGL, edit)
    assert second["version"] == 2


def test_an_edited_row_of_solidtime_has_the_instant_of_its_change_as_version(tmp_path: Path) -> None:
    edit = {"end": "2026-03-03T01:30:00Z", "updated_at": "2026-03-06T12:00:00Z"}
    (second,) = after(tmp_path, SOLIDTIME_ROW, SOLIDTIME, edit)
    assert (second["entry_id"], second["hours"], second["version"]) == ("e-1", "2", 1772798400000)


def test_an_entry_of_another_project_now_is_withdrawn_and_approved_under_a_new_id(tmp_path: Path) -> None:
    """An entry never changes its engagement, so it leaves the one and comes to the other."""
    found = after(tmp_path, TOGGL_ROW, TOGGL, {"Project": "App", "Client": "Kessler"})
    said = {each["type"]: each for each in found}
    assert (said["TimeWithdrawn"]["version"], said["TimeWithdrawn"]["project_id"]) == (2, "Nordwind: Website")
    assert said["TimeApproved"]["entry_id"] == said["TimeWithdrawn"]["entry_id"] + "~2"
    (tmp_path / "back.csv").write_text(written(TOGGL_ROW))
    back = entries(import_file(tmp_path / "back.csv", tmp_path / "out", TOGGL, "back", rate=Decimal(100)))
    assert [each["entry_id"][-2:] for each in back if each["type"] == "TimeApproved"] == ["~3"]


def test_of_several_rows_of_one_day_the_edited_one_is_found(tmp_path: Path) -> None:
    rows = [{"Hours": "1,0"}, {"Hours": "2,0"}, {"Hours": "3,0"}]
    imported(tmp_path, written({**HARVEST_ROW, **rows[0]}, *rows[1:]), HARVEST)
    result = imported(tmp_path, written({**HARVEST_ROW, "Hours": "3,0"}, {"Hours": "1,0"}, {"Hours": "5,0"}), HARVEST)
    assert (result.changes.unchanged, result.changes.changed, result.changes.new) == (2, 1, 0)
    (edited,) = entries(result)
    assert (edited["hours"], edited["version"]) == ("5", 2)
    (second,) = [each for each in events(tmp_path / "out") if each.get("hours") == "2"]
    assert second["entry_id"] == edited["entry_id"]


def test_a_row_that_is_gone_is_listed_and_withdrawn_only_when_asked_for(tmp_path: Path) -> None:
    work = made_work(1, 60)
    imported(tmp_path, made_exports.harvest(work), HARVEST)
    shorter = made_exports.harvest([*work[:20], *work[21:]])
    result = imported(tmp_path, shorter, HARVEST)
    (found,) = listed(result)
    assert (found["status"], found["hours"], result.events) == ("gone", f"{work[20].hours.normalize():f}", ())
    withdrawn = entries(imported(tmp_path, shorter, HARVEST, withdraw_missing=True))
    assert [(each["type"], each["entry_id"], each["version"]) for each in withdrawn] == [
        ("TimeWithdrawn", found["entry_id"], 2)
    ]
    assert imported(tmp_path, shorter, HARVEST).gone == ()
    (again,) = entries(imported(tmp_path, made_exports.harvest(work), HARVEST))
    assert (again["type"], again["entry_id"], again["version"]) == ("TimeApproved", found["entry_id"], 3)


def test_what_lies_outside_the_days_of_the_export_is_not_gone(tmp_path: Path) -> None:
    work = made_work(1, 60)
    imported(tmp_path, made_exports.harvest(work), HARVEST)
    days = sorted({each.start.date() for each in work})
    middle = [each for each in work if days[5] <= each.start.date() <= days[-5]]
    assert imported(tmp_path, made_exports.harvest(middle), HARVEST).gone == ()


def test_nothing_is_withdrawn_while_rows_cannot_be_read(tmp_path: Path) -> None:
    """One of three is refused, which keeps its entry, and one is missing."""
    imported(tmp_path, written(HARVEST_ROW, {"Notes": "a"}, {"Notes": "b"}), HARVEST)
    with pytest.raises(ImportRefused, match=r"1 row was refused .*without --withdraw-missing"):
        imported(tmp_path, written(HARVEST_ROW, {"Notes": "a", "Hours": "x"}), HARVEST, withdraw_missing=True)
    assert len(list((tmp_path / "out").glob("*.jsonl"))) == 2


def test_an_entry_that_is_not_approved_any_more_stays_until_it_is_withdrawn(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    content = written({**HARVEST_ROW, "Approved?": "No"})
    result = imported(tmp_path, content, HARVEST)
    assert [each["status"] for each in listed(result)] == ["not_approved", "gone"]
    assert "not approved any more" in listed(result)[0]["reason"]
    assert result.events == ()
    assert [each["type"] for each in entries(imported(tmp_path, content, HARVEST, withdraw_missing=True))] == [
        "TimeWithdrawn"
    ]


def test_what_was_imported_is_learned_from_the_folder_alone(tmp_path: Path) -> None:
    """A file that was removed before any run read it was never imported; in a folder named with --known it was."""
    content = written(HARVEST_ROW)
    first = imported(tmp_path, content, HARVEST)
    assert first.events_path is not None
    assert first.setup_path is not None
    known = tmp_path / "elsewhere"
    known.mkdir()
    for path in (first.events_path, first.setup_path):
        path.rename(known / path.name)
    assert imported(tmp_path, content, HARVEST, known=(known,)).events == ()
    assert imported(tmp_path, content, HARVEST).changes.new == 1


def test_replace_imports_anew(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST, approved_by="Ada")
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST, approved_by="Bo", replace=True)
    assert [each["approved_by"] for each in events(tmp_path / "out", "TimeApproved")] == ["Bo"]
    assert result.events_path == tmp_path / "out" / "harvest-march.jsonl"


def test_files_appear_whole_and_an_import_that_ended_between_them_goes_on(tmp_path: Path) -> None:
    content = made_exports.harvest(made_work(1, 20))
    first = imported(tmp_path, content, HARVEST)
    assert first.events_path is not None
    whole = [json.loads(line) for line in first.events_path.read_text().splitlines()]
    first.events_path.unlink()
    again = imported(tmp_path, content, HARVEST)
    assert again.setup_path is None
    assert [{**each, "event_id": ""} for each in entries(again)] == [{**each, "event_id": ""} for each in whole]
    assert not list((tmp_path / "out").glob("*.part"))


def test_clients_of_another_currency_than_their_contract_are_refused(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    later = written({**HARVEST_ROW, "Notes": "x", "Currency": "US Dollar - USD"})
    (found,) = [each for each in listed(imported(tmp_path, later, HARVEST)) if each["status"] == "refused"]
    assert found["reason"] == 'its contract has EUR for the client "Nordwind"; give a client one currency'


def test_an_entry_that_was_withdrawn_and_comes_back_under_another_project_has_a_new_id(tmp_path: Path) -> None:
    """Its old id belongs to the engagement in which it was withdrawn."""
    other = {**TOGGL_ROW, "Start time": "12:00:00", "End time": "13:30:00"}
    imported(tmp_path, written(TOGGL_ROW, other), TOGGL, rate=Decimal(100))
    imported(tmp_path, written(other), TOGGL, rate=Decimal(100), withdraw_missing=True)
    back = written({**TOGGL_ROW, "Client": "Kessler"}, other)
    (found,) = entries(imported(tmp_path, back, TOGGL, "back", rate=Decimal(100)))
    assert (found["type"], found["version"], found["entry_id"][-2:]) == ("TimeApproved", 1, "~2")


def test_a_project_is_moved_back_by_no_older_archive(tmp_path: Path) -> None:
    newer = {**SOLIDTIME_ROW, "project_id": "p-2", "updated_at": "2026-03-06T12:00:00Z"}
    imported(tmp_path, written(newer), SOLIDTIME)
    assert entries(imported(tmp_path, written(SOLIDTIME_ROW), SOLIDTIME, "older")) == []
