"""The documentation's example runs as printed, and the mapping that is given away reads its product's export."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.cells import EntryIdCell, FlagCell, HoursCell, InstantCell, NumberCell
from connectors.imports.csv_time import ImportedTime, import_time
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import (
    ContractsWritten,
    CostRatesWritten,
    CustomersWritten,
    EntityWritten,
    FileForm,
    ImportMapping,
    PeopleWritten,
    ProjectsWritten,
    SkipRule,
    TimeFields,
    read_mapping,
)
from connectors.imports.refusals import ImportRefused
from connectors.imports.time_rows import TimeWanted
from tests.connectors.imports.exporting import NOW

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "import.md").read_text(encoding="utf-8")
# Mappings of other tables than time are the matter of another page.
OF_OTHER_PAGES = dict.fromkeys(("balances.toml", "contracts.toml", "trial-balance.toml"), "moving-in.md")
MAPPINGS = sorted(path.name for path in (DOCS / "mappings").iterdir() if path.name not in OF_OTHER_PAGES)


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def imported(folder: Path, csv: str, mapping: Path, name: str = "export") -> ImportedTime:
    path = folder / f"{name}.csv"
    path.write_text(csv, encoding="utf-8")
    return import_time(
        path, read_mapping(mapping), mapping.name, ImportTarget(folder / "out", "csv", name), TimeWanted(NOW)
    )


def entries(result: ImportedTime) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in result.events_path.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if record["type"] == "TimeApproved"]


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    mapping = tmp_path / "example.toml"
    mapping.write_text(block("toml"), encoding="utf-8")
    result = imported(tmp_path, block("csv"), mapping)
    assert [(each["person_id"], each["hours"], each["billable"]) for each in entries(result)] == [
        ("Ben Ott", "7.5", True),
        ("Cai Lund", "8", True),
    ]
    assert result.left_out == (("Kind is break", 1),)
    assert dict(result.events) == {
        "LegalEntityDefined": 1,
        "CustomerDefined": 1,
        "PersonDefined": 2,
        "CostRateSet": 2,
        "ProjectActivated": 1,
        "ContractSigned": 1,
        "TimeApproved": 2,
    }


def test_every_key_of_a_mapping_is_documented() -> None:
    parts = (
        ImportMapping, FileForm, TimeFields, SkipRule, EntityWritten, CustomersWritten, PeopleWritten, CostRatesWritten,
        ProjectsWritten, ContractsWritten, EntryIdCell, HoursCell, NumberCell, InstantCell, FlagCell,
    )  # fmt: skip
    keys = {key for part in parts for key in part.model_fields} - {"policies"}
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b", PAGE)) == []


def test_every_mapping_that_is_given_away_is_named() -> None:
    """Of time there is one, to copy: what else is known by name is a product's, with a command of its own."""
    assert MAPPINGS == ["harvest.toml"]
    assert "mappings/harvest.toml" in PAGE
    for name, page in OF_OTHER_PAGES.items():
        assert not (DOCS / "mappings" / name).exists() or f"mappings/{name}" in (DOCS / page).read_text()


HARVEST = (
    "Date,Client,Project,Project Code,Task,Notes,Hours,Billable?,Invoiced?,Approved?,First Name,Last Name,Roles,"
    "Employee?,Billable Rate,Billable Amount,Cost Rate,Cost Amount,Currency,External Reference URL\n"
    '2026-03-02,Acme,Bridge,BR-1,Design,"Plan, part 1","7,5",Yes,No,Yes,Ben,Ott,developer,Yes,'
    '"120,0","900,0","45,0","337,5",Euro - EUR,\n'
    '2026-03-03,Acme,Bridge,BR-1,Design,,"2,0",No,No,Yes,Ben,Ott,developer,Yes,,,"45,0","90,0",Euro - EUR,\n'
    '2026-03-03,Acme,Bridge,BR-1,Design,,"20,0",Yes,No,Yes,Cai,Lund,,Yes,'
    '"1.150,0","23.000,0","45,0","900,0",Euro - EUR,\n'
    '2026-03-04,Acme,Bridge,BR-1,Design,,"8,0",Yes,No,No,Ben,Ott,developer,Yes,'
    '"120,0","960,0","45,0","360,0",Euro - EUR,\n'
)


def test_harvest(tmp_path: Path) -> None:
    result = imported(tmp_path, HARVEST, DOCS / "mappings" / "harvest.toml")
    assert [(each["person_id"], each["hours"], each.get("rate"), each["billable"]) for each in entries(result)] == [
        ("Ben Ott", "7.5", "120", True),
        ("Ben Ott", "2", None, False),
        ("Cai Lund", "20", "1150", True),
    ]
    assert result.left_out == (("Approved? is not Yes", 1),)
    assert (result.rejected, result.untold) == (0, 0)
    assert {each["project_id"] for each in entries(result)} == {"Acme: Bridge"}


def test_harvest_with_english_numbers(tmp_path: Path) -> None:
    """As the pages say; 20 h at 1,150.00 are 23,000."""
    english = HARVEST.replace('"23.000,0"', '"23,000.0"').replace('"1.150,0"', '"1,150.0"')
    english = re.sub(r'"(\d+),(\d)"', r"\1.\2", english)
    path, said = tmp_path / "export.csv", "--set file.decimal=. --set file.thousands=,"
    path.write_text(english, encoding="utf-8")
    mapping = read_mapping(DOCS / "mappings" / "harvest.toml", said.removeprefix("--set ").split(" --set "))
    result = import_time(
        path, mapping, "harvest.toml", ImportTarget(tmp_path / "out", "csv", "export"), TimeWanted(NOW)
    )
    assert [(each["hours"], each.get("rate")) for each in entries(result)] == [
        ("7.5", "120"),
        ("2", None),
        ("20", "1150"),
    ]
    assert all(said in (DOCS / page).read_text(encoding="utf-8") for page in ("import.md", "quick-start.md"))


def test_a_mapping_does_not_pass_over_a_column_of_approvals_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r'skip\.0\.column: expected a column of export\.csv, came "Approved\?"'):
        imported(tmp_path, HARVEST.replace("Approved?", "OK"), DOCS / "mappings" / "harvest.toml")
    assert not (tmp_path / "out").exists()


def test_harvest_gives_a_row_the_same_id_when_it_was_invoiced_meanwhile(tmp_path: Path) -> None:
    mapping = DOCS / "mappings" / "harvest.toml"
    before = imported(tmp_path, HARVEST, mapping)
    after = imported(tmp_path, HARVEST.replace(",No,Yes,Ben", ",Yes,Yes,Ben"), mapping, "april")
    assert [each["entry_id"] for each in entries(after)] == [each["entry_id"] for each in entries(before)]


def test_a_row_whose_hours_are_corrected_keeps_its_id(tmp_path: Path) -> None:
    """With another one it would be billed beside the old one."""
    mapping = DOCS / "mappings" / "harvest.toml"
    first = imported(tmp_path, HARVEST, mapping)
    second = imported(tmp_path, HARVEST.replace('"7,5"', '"6,5"'), mapping, "again")
    assert entries(first)[0]["entry_id"] == entries(second)[0]["entry_id"]
    assert first.warnings == second.warnings == ()
