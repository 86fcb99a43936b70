"""Options that say other than what the folder holds are refused; else they would be passed over, or make a second company."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.csv_time import import_time
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import read_mapping
from connectors.imports.products.product import HARVEST, SOLIDTIME, TOGGL
from connectors.imports.refusals import ImportRefused
from connectors.imports.time_rows import TimeWanted
from tests.connectors.imports.exporting import NOW, entries, events, imported
from tests.connectors.imports.test_exports_known import know
from tests.connectors.imports.test_exports_rows import HARVEST_ROW, SOLIDTIME_ROW, TOGGL_ROW, written
from tests.connectors.imports.test_import_docs import DOCS

LATER = {**TOGGL_ROW, "Start date": "2026-04-01", "End date": "2026-04-01"}
NEW_PROJECT = {**LATER, "Project": "App", "Start time": "12:00:00", "End time": "13:30:00"}
NOBODY: dict[str, Any] = {"entity": None, "currency": None, "zone": None, "cost_rate": None}


def first_import(folder: Path) -> None:
    """The studio in EUR and Berlin; Ada, consultant, at 95 an hour, who costs 48."""
    imported(folder, written(TOGGL_ROW), TOGGL, "february", rate=Decimal(95), cost_rate=Decimal(48))


def state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"entity": "other"},
            r'--entity: expected one of studio \(EUR, Europe/Berlin\), which .*/out holds, came "other"',
        ),
        (
            {"currency": "USD"},
            r'--currency: expected EUR, which studio has in .*/out, came "USD"; leave --currency out',
        ),
        ({"zone": "UTC"}, r'--zone: expected Europe/Berlin, which studio has in .*/out, came "UTC"; leave --zone out'),
        ({"entity_name": "Acme"}, '--entity-name: expected studio, .* came "Acme"; leave --entity-name out'),
        ({"rate": Decimal(100)}, "--rate: came 100, and known is 95: the contracts in .*/out decide these rows; leave"),
        ({"cost_rate": Decimal(50)}, "--cost-rate: came 50, and known is 48: the costs in .*/out decide these rows"),
        ({"role": "lead"}, "--role: came lead, and known is consultant: the people in .*/out have their roles; leave"),
    ],
)
@pytest.mark.parametrize("bootstrap", [True, False])
def test_what_the_folder_holds_is_not_contradicted(
    tmp_path: Path, said: dict[str, Any], told: str, bootstrap: bool
) -> None:
    first_import(tmp_path)
    before = state(tmp_path)
    with pytest.raises(ImportRefused, match=told):
        imported(tmp_path, written(LATER), TOGGL, "march", **{**NOBODY, **said, "bootstrap": bootstrap})
    assert state(tmp_path) == before


def test_options_that_say_the_same_again_and_none_are_fine(tmp_path: Path) -> None:
    first_import(tmp_path)
    again = imported(tmp_path, written(TOGGL_ROW, LATER), TOGGL, rate=Decimal(95), cost_rate=Decimal(48))
    none = imported(tmp_path, written(TOGGL_ROW, LATER), TOGGL, **NOBODY)
    assert dict(again.events) == {"TimeApproved": 1}
    assert none.events == ()
    assert none.billed == again.billed == {"EUR": Decimal("285.00")}


def test_a_rate_is_for_projects_without_one(tmp_path: Path) -> None:
    """Ada's new project gets 120; the one that is known stays at 95, and the summary counts both."""
    first_import(tmp_path)
    result = imported(tmp_path, written(LATER, NEW_PROJECT), TOGGL, rate=Decimal(120), cost_rate=None)
    assert (result.rated_by_option, result.rated_by_contract) == (1, 1)
    assert result.billed == {"EUR": Decimal("1.5") * 95 + Decimal("1.5") * 120}
    assert all("rate" not in each for each in entries(result))
    (contract,) = [each for each in events(tmp_path / "out", "ContractSigned") if each["version"] == 2]
    assert [line["terms"]["rates"] for line in contract["lines"]] == [[{"rate": "95"}], [{"rate": "120"}]]


def test_a_rate_edited_in_the_setup_holds_for_later_rows(tmp_path: Path) -> None:
    """The option that was said before is still said, and agrees with nothing: it is not for these rows any more."""
    first_import(tmp_path)
    setup = tmp_path / "out" / "toggl-february.setup.jsonl"
    setup.write_text(setup.read_text().replace('"rate":"95"', '"rate":"130"'))
    result = imported(tmp_path, written(LATER), TOGGL, **NOBODY)
    assert result.billed == {"EUR": Decimal("195.00")}
    assert "rate" not in entries(result)[0]
    with pytest.raises(ImportRefused, match="--rate: came 95, and known is 130"):
        imported(tmp_path, written(LATER), TOGGL, "c", **{**NOBODY, "rate": Decimal(95)})


def test_rows_of_another_currency_than_the_company(tmp_path: Path) -> None:
    result = imported(tmp_path, written(TOGGL_ROW), TOGGL, rate=Decimal(95), rows_currency="USD")
    assert (result.billed, result.foreign) == ({"USD": Decimal("142.50")}, ("USD",))
    (entity,), (contract,) = (events(tmp_path / "out", kind) for kind in ("LegalEntityDefined", "ContractSigned"))
    assert (entity["currency"], contract["currency"]) == ("EUR", "USD")


def test_a_second_company_is_put_there_on_purpose(tmp_path: Path) -> None:
    second = {"type": "LegalEntityDefined", "legal_entity_id": "lab", "name": "Lab", "currency": "EUR", "zone": "UTC"}
    first_import(tmp_path)
    know(tmp_path / "out", second)
    chosen = {**NOBODY, "entity": "lab", "rate": Decimal(95)}
    assert imported(tmp_path, written(LATER), TOGGL, **chosen).imported.rows == 1
    with pytest.raises(ImportRefused, match=r"expected one of lab \(EUR, UTC\), studio \(EUR, Europe/Berlin\)"):
        imported(tmp_path, written(LATER), TOGGL, "c", **{**chosen, "entity": "other"})


def mapped(folder: Path) -> Any:
    path = folder / "hours.csv"
    path.write_text(written(HARVEST_ROW))
    mapping = read_mapping(DOCS / "mappings" / "harvest.toml")
    return import_time(path, mapping, "harvest.toml", ImportTarget(folder / "out", "csv", "hours"), TimeWanted(NOW))


def test_one_way_of_importing_a_tracker(tmp_path: Path) -> None:
    """A mapping gives other ids, so the same work would be billed twice."""
    (tmp_path / "product").mkdir()
    imported(tmp_path / "product", written(HARVEST_ROW), HARVEST)
    before = state(tmp_path / "product")
    with pytest.raises(ImportRefused, match=r"came here by milepost import harvest, .* would be there twice"):
        mapped(tmp_path / "product")
    assert state(tmp_path / "product") == before
    mapped(tmp_path)
    with pytest.raises(
        ImportRefused, match=r"holds time of harvest that another way has brought .* give another --out"
    ):
        imported(tmp_path, written(HARVEST_ROW), HARVEST, entity=None, zone=None)


def test_ids_of_solidtime_are_its_own_in_any_way(tmp_path: Path) -> None:
    approved = {
        "type": "TimeApproved", "source": "solidtime", "entry_id": "e-1", "project_id": "p-1", "person_id": "m-1",
        "worked_on": "2026-03-03", "hours": "1.5", "approved_by": "api",
    }  # fmt: skip
    know(tmp_path / "out", approved)
    assert imported(tmp_path, written(SOLIDTIME_ROW), SOLIDTIME).changes.changed == 1
