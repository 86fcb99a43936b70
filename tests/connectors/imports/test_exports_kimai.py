"""Kimai's exports: by the hour and at fixed prices, to the second, in its languages, and as its API gives them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.products.product import KIMAI
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports.exporting import entries, events, imported, listed
from tests.connectors.imports.test_exports_rows import written

ROW = {
    "Date": "2026-03-02",
    "From": "09:00",
    "To": "10:30",
    "Duration": "1.5",
    "Currency": "EUR",
    "Price": "135",
    "Internal price": "60",
    "Hourly price": "90",
    "Fixed price": "",
    "Name": "Mia Feld",
    "User": "mia",
    "E-mail": "mia@studio.example",
    "Customer": "Nordwind",
    "Project": "Relaunch",
    "Activity": "Design",
    "Description": "Entwürfe",
    "Billable": "1",
    "Tags": "",
}
GERMAN = {
    "Date": "Datum",
    "From": "Von",
    "To": "Bis",
    "Duration": "Dauer",
    "Currency": "Währung",
    "Price": "Preis",
    "Internal price": "Interner Preis",
    "Hourly price": "Preis pro Stunde",
    "Fixed price": "Festpreis",
    "User": "Benutzer",
    "E-mail": "E-Mail",
    "Customer": "Kunde",
    "Project": "Projekt",
    "Activity": "Tätigkeit",
    "Description": "Beschreibung",
    "Billable": "Abrechenbar",
    "Tags": "Schlagworte",
}


def worth(result: Any) -> Decimal:
    return sum(result.billed.values(), Decimal(0))


def test_an_hour_is_billed_to_its_customer(tmp_path: Path) -> None:
    result = imported(tmp_path, written(ROW), None)
    (entry,) = entries(result)
    assert (result.product, worth(result)) == (KIMAI, Decimal(135))
    assert (entry["person_id"], entry["project_id"], entry["task"], entry["hours"]) == (
        "mia@studio.example",
        "Nordwind: Relaunch",
        "Design",
        "1.5",
    )
    assert events(tmp_path, "ContractSigned")[0]["currency"] == "EUR"


@pytest.mark.parametrize(
    ("cells", "hours", "value"),
    [
        # 1:20 is written 1.33; at 90.00 it is 120.00, not 119.70.
        ({"To": "10:20", "Duration": "1.33", "Price": "120"}, "1.333333", "120"),
        # 1:20:30, of which the clock shows 1:20 or 1:21: the price says it.
        ({"To": "10:20", "Duration": "1.34", "Price": "120.75"}, "1.341667", "120.75"),
        ({"To": "10:20", "Duration": "01:20", "Price": "120"}, "1.333333", "120"),
        # Over midnight.
        ({"From": "23:00", "To": "00:30"}, "1.5", "135"),
        # Half an hour of break between 9 and 11.
        ({"To": "11:00"}, "1.5", "135"),
        ({"Fixed price": "500", "Hourly price": "", "Price": "500"}, "1.5", "500"),
        # A price without a rate by the hour: 500.00 for 1.5 h.
        ({"Hourly price": "", "Price": "500"}, "1.5", "500"),
        ({"Billable": "", "Price": "0", "Hourly price": "0"}, "1.5", "0"),
        ({"Duration": "0", "To": "09:00", "Price": "0"}, "0", "0"),
        ({"Description": 'Über „alles“,\nzweite Zeile 🚀 "Zitat"'}, "1.5", "135"),
    ],
)
def test_odd_entries_end_in_their_money(tmp_path: Path, cells: dict[str, str], hours: str, value: str) -> None:
    result = imported(tmp_path, written({**ROW, **cells}), KIMAI)
    assert [each["hours"] for each in entries(result)] == [hours]
    assert worth(result) == Decimal(value)
    assert result.differing == 0


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"Duration": "-1.5"}, "Duration", "expected hours that are not negative"),
        ({"Duration": ""}, "Duration", "nothing is there; stop the timer"),
        ({"Fixed price": "500", "Price": "500", "Duration": "0"}, "Fixed price", "a fixed price without hours"),
        ({"Hourly price": "-90", "Price": "-135"}, "Hourly price", "expected a rate that is not negative; correct it"),
        ({"Hourly price": "", "Price": "-135"}, "Price", "expected an amount that is not negative; correct it"),
        ({"Fixed price": "-500", "Price": "-500"}, "Price", "expected an amount that is not negative; correct it"),
        ({"Customer": ""}, "Customer", "nothing is there; give the project a client, or say --client"),
        ({"Project": ""}, "Project", "nothing is there"),
        ({"Currency": "€"}, "Currency", "expected a currency"),
    ],
)
def test_what_cannot_be_billed_says_what_to_do(tmp_path: Path, cells: dict[str, str], column: str, reason: str) -> None:
    result = imported(tmp_path, written(ROW, {"From": "13:00", "To": "14:30", **cells}), KIMAI)
    (found,) = listed(result)
    assert (found["column"], found["line"]) == (column, 3)
    assert found["reason"].startswith(reason)
    assert worth(result) == Decimal(135)


def test_a_price_under_an_unknown_name_of_its_rate_is_billed_as_it_is(tmp_path: Path) -> None:
    """135.00 for 1.5 h and 40.00 at a fixed price: 175.00, not both at one of both rates."""
    rows = ROW, {**ROW, "From": "13:00", "To": "14:00", "Duration": "1", "Fixed price": "40", "Price": "40"}
    other = [{"Prix" if name == "Hourly price" else name: value for name, value in row.items()} for row in rows]
    result = imported(tmp_path, written(*other), KIMAI)
    assert (worth(result), result.differing, result.unrated) == (Decimal(175), 0, 0)


def test_an_account_in_german_says_the_same(tmp_path: Path) -> None:
    german = {GERMAN.get(name, name): value for name, value in ROW.items()}
    result = imported(tmp_path, written(german), None)
    assert (result.product, worth(result)) == (KIMAI, Decimal(135))
    english = entries(imported(tmp_path / "out", written(ROW), None))
    assert [{**each, "event_id": ""} for each in entries(result)] == [{**each, "event_id": ""} for each in english]


@pytest.mark.parametrize("column", ["Exported", "Exportiert"])
def test_what_its_invoices_took_is_billed_elsewhere(tmp_path: Path, column: str) -> None:
    """1.5 h at 90.00 are billed here; the 2 h of the afternoon are on an invoice of Kimai, and cost all the same."""
    taken = {**ROW, "From": "14:00", "To": "16:00", "Duration": "2", "Price": "180", column: "1"}
    result = imported(tmp_path, written({**ROW, column: "0"}, taken), KIMAI)
    here, there = sorted(entries(result), key=lambda each: str(each["hours"]))
    assert (here["billable"], here.get("billed_elsewhere"), here["hours"]) == (True, None, "1.5")
    assert (there["billable"], there["billed_elsewhere"], there["hours"]) == (False, True, "2")
    assert (worth(result), result.invoiced_elsewhere.amounts) == (Decimal(135), {"EUR": Decimal(180)})


def test_entries_of_its_api_say_the_same(tmp_path: Path) -> None:
    entry = {
        "id": 7,
        "begin": "2026-03-02T09:00:00+0100",
        "end": "2026-03-02T10:30:00+0100",
        "duration": 5400,
        "description": "Entwürfe",
        "rate": 135.0,
        "hourlyRate": 90.0,
        "fixedRate": None,
        "billable": True,
        "user": {"username": "mia", "alias": "Mia Feld"},
        "activity": {"name": "Design"},
        "project": {"name": "Relaunch", "customer": {"name": "Nordwind", "currency": "EUR"}},
    }
    result = imported(tmp_path, json.dumps([entry]), None)
    assert (result.product, worth(result), entries(result)[0]["hours"]) == (KIMAI, Decimal(135), "1.5")
    later = {"begin": "2026-03-03T14:00:00+0100", "end": "2026-03-03T15:30:00+0100", "exported": True}
    exported = imported(tmp_path, json.dumps([{**entry, **later}]), None, name="exported")
    assert entries(exported)[0]["billed_elsewhere"] is True
    with pytest.raises(ImportRefused, match=r"expected project with its name, found 3.*ask for whole entries: GET"):
        imported(tmp_path, json.dumps([{**entry, "project": 3}]), None, name="april")
