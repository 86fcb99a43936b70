"""What the folder knows already: it is left as it is, and decides where it came from elsewhere."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.products.product import HARVEST, SOLIDTIME, TOGGL
from connectors.imports.products.read_rows import Apart
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports.exporting import entries, events, imported
from tests.connectors.imports.test_exports_rows import HARVEST_ROW, SOLIDTIME_ROW, TOGGL_ROW, written

CRM = {"event_id": "1", "occurred_at": "2026-01-01T00:00:00Z", "source": "crm", "version": 1}


def know(folder: Path, *records: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({**CRM, **record}) for record in records)
    (folder / "crm.jsonl").write_text("\n".join(lines) + "\n")


def contract(rate: str, source: str = "crm") -> dict[str, Any]:
    return {
        "type": "ContractSigned",
        "source": source,
        "contract_id": "K-1",
        "customer_id": "Nordwind",
        "legal_entity_id": "studio",
        "currency": "EUR",
        "signed_on": "2026-01-01",
        "starts_on": "2026-01-01",
        "lines": [
            {
                "line_id": "L-1",
                "project_id": "Nordwind: Website",
                "terms": {"type": "TimeAndMaterials", "rates": [{"rate": rate}]},
            }
        ],
    }


def test_a_contract_of_elsewhere_decides_the_rate(tmp_path: Path) -> None:
    """The row says 100, the contract of the CRM 130; the entry carries none, and no second contract is signed."""
    know(tmp_path / "out", contract("130"))
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST)
    assert "rate" not in entries(result)[0]
    assert [each["contract_id"] for each in events(tmp_path / "out", "ContractSigned")] == ["K-1"]
    assert (result.rates_unused, result.rated_at_zero) == (1, 0)


def test_an_amendment_leaves_the_lines_that_it_does_not_state(tmp_path: Path) -> None:
    """Another purchase order is agreed: 7.5 hours are 975.00 EUR at the 130 of the contract still."""
    amended = {
        "type": "ContractAmended",
        "contract_id": "K-1",
        "version": 2,
        "lines": None,
        "purchase_order": {"number": "PO-2"},
    }
    know(tmp_path / "out", amended, contract("130"))
    result = imported(
        tmp_path, written({**HARVEST_ROW, "Billable Rate": "", "Billable Amount": ""}), HARVEST, bootstrap=False
    )
    assert (result.priced, result.rates_unused) == ({"EUR": Decimal("975.00")}, 0)


def test_a_client_that_the_contract_calls_otherwise_is_no_matter(tmp_path: Path) -> None:
    """The contract says that Nordwind GmbH pays, so nothing waits for a client Nordwind, and none is made."""
    customer = {"type": "CustomerDefined", "customer_id": "C-1", "name": "Nordwind GmbH"}
    know(tmp_path / "out", customer, {**contract("130"), "customer_id": "C-1"})
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST, bootstrap=False)
    assert result.unknown.customers == ()
    imported(tmp_path, written({**HARVEST_ROW, "Notes": "more"}), HARVEST)
    assert [each["customer_id"] for each in events(tmp_path / "out", "CustomerDefined")] == ["C-1"]


def test_a_rate_that_the_contract_of_elsewhere_gives_too_is_not_mentioned(tmp_path: Path) -> None:
    know(tmp_path / "out", contract("100"))
    rows = written(HARVEST_ROW, {**HARVEST_ROW, "Notes": "at nothing", "Billable Rate": "0", "Billable Amount": "0"})
    result = imported(tmp_path, rows, HARVEST)
    assert (result.imported.rows, result.rates_unused, result.rated_at_zero) == (2, 0, 0)


def test_each_company_has_a_currency_of_its_own(tmp_path: Path) -> None:
    """EUR is that of the studio, whose project it is; the workshop's books are in GBP, and for these rates are needed."""
    entity = {"type": "LegalEntityDefined", "name": "", "zone": "Europe/Berlin"}
    project = {"type": "ProjectActivated", "project_id": "Nordwind: Website", "customer_id": "Nordwind"}
    for company, lacks in (("studio", []), ("workshop", [("EUR", date(2026, 3, 2), date(2026, 3, 2))])):
        folder = tmp_path / company
        know(
            folder / "out",
            {**entity, "legal_entity_id": "studio", "currency": "EUR"},
            {**entity, "legal_entity_id": "workshop", "currency": "GBP"},
            {**project, "legal_entity_id": company},
            {**contract("100"), "legal_entity_id": company},
        )
        result = imported(folder, written(HARVEST_ROW), HARVEST, entity=None, currency=None, bootstrap=False)
        assert list(result.rates_lack) == lacks


def test_a_rate_of_a_contract_is_in_its_currency(tmp_path: Path) -> None:
    """1.5 hours of Website at 130 USD and 2 of Kessler's App at 90 EUR: 195.00 USD and 180.00 EUR; the folder lacks rates of the dollar.

    Without the contract the row was 1.5 x 90 EUR; nothing of its work has changed.
    """
    app = {"Client": "Kessler", "Project": "App", "End time": "11:00:00", "Duration": "02:00:00"}
    first = imported(tmp_path, written(TOGGL_ROW, app), TOGGL, rate=Decimal(90), bootstrap=False)
    assert first.imported.amounts == {"EUR": Decimal("315.00")}
    know(tmp_path / "out", {**contract("130"), "currency": "USD"})
    result = imported(tmp_path, written(TOGGL_ROW, app), TOGGL, rate=Decimal(90))
    sums = {"EUR": Decimal("180.00"), "USD": Decimal("195.00")}
    assert (result.imported.amounts, result.priced, result.billed) == (sums, sums, sums)
    assert (result.foreign, [currency for currency, _, _ in result.rates_lack]) == (("USD",), ["USD"])
    assert result.changes.unchanged == 2
    (signed,) = [each for each in events(tmp_path / "out", "ContractSigned") if each["contract_id"] != "K-1"]
    assert (signed["contract_id"], signed["currency"]) == ("Kessler-time", "EUR")


def test_a_project_that_a_contract_of_elsewhere_names_is_not_activated_here(tmp_path: Path) -> None:
    """Its engagement is that of the contract; the summary says that it is not known."""
    know(tmp_path / "out", contract("130"))
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST)
    assert result.unknown.projects == ("Nordwind: Website",)
    assert (result.unknown.customers, result.unknown.people, result.unknown.contracts) == ((), (), ())


def test_ids_that_are_linked_are_known(tmp_path: Path) -> None:
    link = {"type": "IdentityLinked", "source": "harvest", "kind": "customer"}
    know(
        tmp_path / "out",
        {**link, "canonical_id": "C-1", "source_id": "Nordwind"},
        {**link, "kind": "person", "canonical_id": "P-1", "source_id": "Ada Brandt"},
        {**link, "kind": "project", "canonical_id": "PRJ-1", "source_id": "Nordwind: Website"},
    )
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST, bootstrap=False)
    assert set(result.unknown) == {()}


def test_the_company_is_known_after_the_first_import(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    later = written({**HARVEST_ROW, "Date": "2026-04-02"})
    result = imported(tmp_path, later, HARVEST, entity=None, zone=None, currency=None)
    assert result.changes.new == 1
    with pytest.raises(
        ImportRefused,
        match=r'--entity: expected one of studio \(EUR, Europe/Berlin\), which .*/out holds, came "other"; leave',
    ):
        imported(tmp_path, later, HARVEST, entity="other", zone=None, bootstrap=False)


def test_people_whose_role_has_a_cost_need_none_of_their_own(tmp_path: Path) -> None:
    know(
        tmp_path / "out",
        {"type": "PersonDefined", "person_id": "Ada Brandt", "legal_entity_id": "studio", "role": "lead"},
        {
            "type": "CostRateSet",
            "cost_rate_id": "lead",
            "role": "lead",
            "currency": "EUR",
            "rate": "60",
            "effective_from": "2026-01-01",
        },
    )
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST)
    assert result.unknown.costs == ()
    assert len(events(tmp_path / "out", "CostRateSet")) == 1


def test_a_person_of_whom_no_row_says_a_cost_gets_none_and_all_rows_are_imported(tmp_path: Path) -> None:
    """The run raises `no_cost_rate` for the work, which waits with its cost alone."""
    nothing = {"First Name": "Bo", "Last Name": "Lindqvist", "Cost Rate": "", "Cost Amount": ""}
    imported(tmp_path, written(HARVEST_ROW, nothing), HARVEST, cost_rate=None)
    assert [each["person_id"] for each in events(tmp_path / "out", "CostRateSet")] == ["Ada Brandt"]
    assert len(events(tmp_path / "out", "TimeApproved")) == 2


def test_a_cost_that_changes_is_a_version_from_its_day(tmp_path: Path) -> None:
    dear = {"Cost Rate": "60,0", "Notes": "x"}
    rows = [{**dear, "Date": "2026-03-20"}, {**dear, "Date": "2026-03-25", "Cost Rate": "45,0"}]
    imported(tmp_path, written(HARVEST_ROW, *rows), HARVEST)
    said = [
        (each["version"], each["rate"], each["effective_from"], each.get("effective_to"))
        for each in events(tmp_path / "out", "CostRateSet")
    ]
    assert said == [
        (1, "45", "2026-03-01", "2026-03-19"),
        (2, "60", "2026-03-20", "2026-03-24"),
        (3, "45", "2026-03-25", None),
    ]
    april = written({**HARVEST_ROW, "Date": "2026-04-14", "Cost Rate": "50,0"})
    result = imported(tmp_path, april, HARVEST, "april")
    assert dict(result.events) == {"CostRateSet": 1, "TimeApproved": 1}


def test_work_from_before_the_contract_makes_it_start_earlier(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    imported(tmp_path, written({**HARVEST_ROW, "Date": "2026-01-15"}), HARVEST, "january")
    signed = {each["version"]: each["starts_on"] for each in events(tmp_path / "out", "ContractSigned")}
    assert signed == {1: "2026-03-01", 2: "2026-01-01"}


def test_what_was_edited_in_a_contract_stays_in_its_next_version(tmp_path: Path) -> None:
    first = imported(tmp_path, written(HARVEST_ROW), HARVEST)
    assert first.setup_path is not None
    edited = first.setup_path.read_text().replace('"rate":"100"', '"rate":"120"').replace("monthly", "weekly")
    first.setup_path.write_text(edited)
    imported(tmp_path, written(HARVEST_ROW, {"Project": "App"}), HARVEST)
    (second,) = [each for each in events(tmp_path / "out", "ContractSigned") if each["version"] == 2]
    assert second["billing_cycle"] == {"kind": "weekly"}
    assert [line["terms"]["rates"] for line in second["lines"]] == [[{"rate": "120"}], [{"rate": "100"}]]


def test_one_code_of_two_clients_is_two_projects(tmp_path: Path) -> None:
    """Each client is billed its own 750.00, also when the next export has the second client's rows first, or alone."""
    ours, theirs = {**HARVEST_ROW, "Project Code": "DEV"}, {**HARVEST_ROW, "Project Code": "DEV", "Client": "Kessler"}
    result = imported(tmp_path, written(ours, theirs), HARVEST)
    assert result.apart == (Apart("DEV", "Kessler", "Kessler: DEV", 1),)
    projects = {each["project_id"]: each["customer_id"] for each in events(tmp_path / "out", "ProjectActivated")}
    assert projects == {"DEV": "Nordwind", "Kessler: DEV": "Kessler"}
    assert [each["project_id"] for each in entries(result)] == ["Kessler: DEV", "DEV"]
    for name, rows in (("turned", (theirs, ours)), ("alone", (theirs,))):
        again = imported(tmp_path, written(*rows), HARVEST, name)
        assert (again.changes.unchanged, again.events) == (len(rows), ())


def test_one_project_of_the_vendor_for_two_clients_is_refused(tmp_path: Path) -> None:
    """A project that changed hands: whose it is is not for an import to say."""
    rows = written(SOLIDTIME_ROW, {"id": "e-2", "client_id": "c-2"}, {"id": "e-3", "project_id": "p-2"})
    result = imported(tmp_path, rows, SOLIDTIME)
    assert (result.imported.rows, result.refused.rows) == (1, 2)
    reason = 'the project "p-1" has rows of two clients, "c-1" (line 2) and "c-2" (line 3); give each its own project'
    assert [(each.tally.rows, each.first.reason) for each in result.rejected_rows] == [(2, reason)]


def test_an_older_archive_takes_nothing_back(tmp_path: Path) -> None:
    newer = {**SOLIDTIME_ROW, "end": "2026-03-03T02:00:00Z", "updated_at": "2026-03-06T12:00:00Z"}
    imported(tmp_path, written(newer), SOLIDTIME)
    assert imported(tmp_path, written(SOLIDTIME_ROW), SOLIDTIME, "older").events == ()


def test_the_output_of_a_run_below_the_folder_is_not_read(tmp_path: Path) -> None:
    output = tmp_path / "out" / "output" / "log"
    output.mkdir(parents=True)
    (output.parent / "rounds.jsonl").write_text("{}\n")
    (output / "0.avro").write_bytes(b"cut off")
    assert imported(tmp_path, written(HARVEST_ROW), HARVEST).changes.new == 1


def test_events_in_containers_are_known_and_a_damaged_one_stops_the_import(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "crm.avro").write_bytes(b"cut off")
    with pytest.raises(ImportRefused, match=r"crm\.avro: cannot be read, so what was imported before is not known"):
        imported(tmp_path, written(HARVEST_ROW), HARVEST)


def test_a_known_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="--known: expected a folder"):
        imported(tmp_path, written(HARVEST_ROW), HARVEST, known=(tmp_path / "typo",))


def test_what_two_products_imported_does_not_meet(tmp_path: Path) -> None:
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    result = imported(tmp_path, written(TOGGL_ROW), TOGGL, rate=Decimal(100))
    assert (result.changes.new, result.gone) == (1, ())


def test_two_costs_of_one_day_are_said_once(tmp_path: Path) -> None:
    """An hour of a person has one cost a day, that of the day's first row."""
    content = written(HARVEST_ROW, {"Notes": "x", "Cost Rate": "60,0"})
    imported(tmp_path, content, HARVEST)
    assert imported(tmp_path, content, HARVEST).events == ()
    assert [each["rate"] for each in events(tmp_path / "out", "CostRateSet")] == ["45"]
