"""What an export says of money: what is billed elsewhere, rounded hours, amounts without rates, days that have not come."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.imports.products.product import CLOCKIFY, HARVEST, TOGGL, Product
from connectors.imports.readings import read_instant
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import RowSums
from connectors.json_records import event_from_json
from domain.outputs import ExceptionRaised, ForecastUpdate
from tests.connectors.imports.exporting import entries, events, imported, listed
from tests.connectors.imports.test_exports_rows import CLOCKIFY_ROW, HARVEST_ROW, TOGGL_ROW, written
from tests.harness import Books

INVOICED = {"Invoiced?": "Yes", "Notes": "billed in Harvest"}
NOON = read_instant("2026-03-02T12:00:00Z", ("iso",), "UTC")


def test_what_is_invoiced_counts_in_cost_and_is_billed_elsewhere(tmp_path: Path) -> None:
    """Two rows of 7.5 h at 100.00: 750.00 is billed here, 750.00 is not, and both keep their rate for the memo value."""
    result = imported(tmp_path, written(HARVEST_ROW, INVOICED), HARVEST)
    said = sorted((each["billable"], each.get("billed_elsewhere"), each["hours"]) for each in entries(result))
    assert said == [(False, True, "7.5"), (True, None, "7.5")]
    assert result.billed == {"EUR": Decimal(750)}
    assert result.invoiced_elsewhere == RowSums(1, Decimal("7.5"), {"EUR": Decimal(750)})


@pytest.mark.parametrize("billed_here_on", ["2026-03-02", "2026-03-09"])
def test_a_project_of_which_the_tracker_has_invoiced_most_makes_no_loss(tmp_path: Path, billed_here_on: str) -> None:
    """30 h cost 1,350.00, and 7.5 h of them are billed here, for 750.00; the tracker has invoiced 2,250.00."""
    invoiced = [{**INVOICED, "Date": f"2026-03-0{day}"} for day in (4, 5, 6)]
    imported(tmp_path, written({**HARVEST_ROW, "Date": billed_here_on}, *invoiced), HARVEST)
    books = Books()
    for event in sorted(events(tmp_path), key=lambda each: str(each["occurred_at"])):
        event.pop("engagement_id", None)
        books.fold(event_from_json(event))
    books.end_day(date(2026, 3, 31))
    raised = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
    costs = [one.record.project.eac_cost for one in books.folded if isinstance(one.record, ForecastUpdate)]
    books.close()
    assert (raised, costs[-1]) == ([], 1_350_0000)


def test_clockify_says_it_in_another_column(tmp_path: Path) -> None:
    result = imported(tmp_path, written({**CLOCKIFY_ROW, "Invoiced": "Yes"}), CLOCKIFY)
    said = [(each["billable"], each["billed_elsewhere"]) for each in entries(result)]
    assert (result.invoiced_elsewhere.rows, said) == (1, [(False, True)])


def test_what_is_invoiced_is_billed_here_where_somebody_says_so(tmp_path: Path) -> None:
    elsewhere = imported(tmp_path, written(HARVEST_ROW, INVOICED), HARVEST)
    result = imported(tmp_path, written(HARVEST_ROW, INVOICED), HARVEST, "again", bill_invoiced=True)
    assert (elsewhere.changes.new, result.changes.changed, result.changes.unchanged) == (2, 1, 1)
    assert [(each["version"], each["billable"], "billed_elsewhere" in each) for each in entries(result)] == [
        (2, True, False)
    ]
    assert result.billed == {"EUR": Decimal(1500)}


def test_what_was_imported_to_be_billed_here_stays_so_when_it_is_marked_as_invoiced(tmp_path: Path) -> None:
    """The mark may be for our own statement; taking the work off it would credit the customer in silence."""
    imported(tmp_path, written(HARVEST_ROW), HARVEST)
    result = imported(tmp_path, written({**HARVEST_ROW, "Invoiced?": "Yes"}), HARVEST, "again")
    assert (result.changes.unchanged, result.events) == (1, ())
    assert (result.invoiced_here.rows, result.invoiced_elsewhere.rows) == (1, 0)


def test_an_invoice_that_is_deleted_in_the_tracker_makes_its_work_billable(tmp_path: Path) -> None:
    imported(tmp_path, written({**HARVEST_ROW, "Invoiced?": "Yes"}), HARVEST)
    result = imported(tmp_path, written(HARVEST_ROW), HARVEST, "again")
    assert [(each["version"], each["billable"], "billed_elsewhere" in each) for each in entries(result)] == [
        (2, True, False)
    ]


def test_rounded_hours_are_billed_and_worked_ones_cost(tmp_path: Path) -> None:
    """0.20 h that Harvest shows as 0.25 at 1,000 are 250.00."""
    rounded = {"Hours": "0,2", "Hours Rounded": "0,25", "Billable Rate": "1.000,0", "Billable Amount": "250,0"}
    result = imported(tmp_path, written({**HARVEST_ROW, **rounded}, {"Billable?": "No", "Notes": "x"}), HARVEST)
    assert {(each["billable"], each["hours"], each.get("billable_hours")) for each in entries(result)} == {
        (True, "0.2", "0.25"),
        (False, "0.2", None),
    }
    assert (result.billed, result.differing) == ({"EUR": Decimal(250)}, 1)
    assert result.rounded == (1, Decimal("0.2"), Decimal("0.25"))


@pytest.mark.parametrize(
    ("duration", "end", "amount", "rate"),
    [
        ("01:15:00", "10:15:00", "118.75", "95"),
        ("00:10:00", "09:10:00", "15.01", "90.06"),
        ("00:00:04", "09:00:04", "0.00", "0"),
    ],
)
def test_the_amounts_of_toggl_give_its_rates(tmp_path: Path, duration: str, end: str, amount: str, rate: str) -> None:
    """118.75 for 1:15 is 95 an hour; the plainest rate that gives the amount is taken."""
    first = {**TOGGL_ROW, "Start time": "09:00:00", "End time": end, "Duration": duration, "Amount (EUR)": amount}
    other = {"Start time": "11:00:00", "End time": "12:00:00", "Duration": "01:00:00", "Amount (EUR)": "80.00"}
    result = imported(tmp_path, written(first, other), TOGGL)
    assert result.billed == {"EUR": Decimal(amount) + 80}
    (line,) = events(tmp_path / "out", "ContractSigned")[0]["lines"]
    stated = {each.get("rate") for each in entries(result)} | {each["rate"] for each in line["terms"]["rates"]}
    assert {rate, "80"} <= stated
    assert result.amounts_unused == ()


@pytest.mark.parametrize("column", ["Amount ()", "Amount (EUR)"])
def test_amounts_of_toggl_that_say_nothing_are_not_used_and_it_is_told(tmp_path: Path, column: str) -> None:
    result = imported(tmp_path, written({**TOGGL_ROW, column: "0.00"}), TOGGL, rate=Decimal(100))
    assert result.amounts_unused == (column,)
    assert result.rated_by_option == 1


def test_work_of_a_day_that_has_not_come_is_refused(tmp_path: Path) -> None:
    """2062 for 2026 would move the clock of the log by 36 years."""
    content = written(HARVEST_ROW, {"Date": "2062-03-02"}, {"Date": "2026-03-03"})
    result = imported(tmp_path, content, HARVEST, now=NOON)
    assert [(each["line"], each["value"]) for each in listed(result)] == [(3, "2062-03-02"), (4, "2026-03-03")]
    (refusal,) = result.rejected_rows
    assert refusal.first.reason.startswith(
        "the work is of a day after today, 2026-03-02; correct the date, or say --allow"
    )
    assert refusal.tally == RowSums(2, Decimal(15), {"EUR": Decimal(1500)})


def test_nothing_is_known_later_than_now(tmp_path: Path) -> None:
    """Neither work of the running day, whose end is still to come, nor work that is planned."""
    content = written(HARVEST_ROW, {"Date": "2026-12-24"})
    result = imported(tmp_path, content, HARVEST, now=NOON, allow_future=True)
    assert (result.imported.rows, result.refused.rows) == (2, 0)
    assert {each["occurred_at"] for each in entries(result)} == {"2026-03-02T12:00:00Z"}
    assert max(each["occurred_at"] for each in events(tmp_path / "out")) == "2026-03-02T12:00:00Z"


def test_a_project_whose_rows_name_two_currencies_is_refused(tmp_path: Path) -> None:
    content = written(HARVEST_ROW, {"Currency": "Dollar - USD", "Notes": "x"}, {"Client": "Kessler", "Notes": "y"})
    result = imported(tmp_path, content, HARVEST)
    assert (result.imported.rows, result.refused.rows) == (1, 2)
    assert 'has rows in two currencies, "EUR" (line 2) and "USD" (line 3)' in result.rejected_rows[0].first.reason


def test_all_that_has_to_be_said_is_told_at_once(tmp_path: Path) -> None:
    row = {**HARVEST_ROW, "Date": "03/04/2026", "Billable Rate": "", "Billable Amount": "", "Cost Rate": ""}
    del row["Approved?"]
    with pytest.raises(ImportRefused) as refused:
        imported(tmp_path, written(row), HARVEST, entity=None, currency=None, zone=None, cost_rate=None)
    said = str(refused.value)
    assert "5 things have to be said" in said
    for option in ("--entity and --currency and --zone", "--take-unapproved", "--date-order", "--rate", "--cost-rate"):
        assert option in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("product", "row"), [(HARVEST, HARVEST_ROW), (TOGGL, {**TOGGL_ROW, "Amount (EUR)": "100.00"})])
def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, product: Product, row: dict[str, str]) -> None:
    dry = imported(tmp_path, written(row), product, dry_run=True)
    assert not (tmp_path / "out").exists()
    wet = imported(tmp_path, written(row), product)
    assert dry._replace(is_dry_run=False) == wet
