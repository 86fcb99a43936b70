"""What nobody approved is not billed in silence; where an export cannot say it, events and summary do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.imports.products.product import CLOCKIFY, HARVEST, SOLIDTIME, TOGGL, Product
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports.exporting import entries, imported, listed
from tests.connectors.imports.test_exports_rows import CLOCKIFY_ROW, HARVEST_ROW, SOLIDTIME_ROW, TOGGL_ROW, written

WITHOUT = {column: text for column, text in HARVEST_ROW.items() if column != "Approved?"}
RENAMED = {"Approved" if column == "Approved?" else column: text for column, text in HARVEST_ROW.items()}
SILENT = [(TOGGL, TOGGL_ROW), (CLOCKIFY, CLOCKIFY_ROW), (SOLIDTIME, SOLIDTIME_ROW)]


@pytest.mark.parametrize(("row", "hint"), [(WITHOUT, "not there; export again"), (RENAMED, '"Approved" may be meant')])
def test_without_the_column_nothing_is_imported(tmp_path: Path, row: dict[str, str], hint: str) -> None:
    with pytest.raises(ImportRefused) as fault:
        imported(tmp_path, written(row), HARVEST)
    assert 'march.csv: line 1: expected the column "Approved?"' in str(fault.value)
    assert hint in str(fault.value)
    assert "say --take-unapproved if all rows count as approved" in str(fault.value)
    assert not (tmp_path / "out").exists()


def test_all_rows_count_as_approved_where_somebody_says_so(tmp_path: Path) -> None:
    """The events say that it was taken so, or who vouches for it."""
    result = imported(tmp_path, written(WITHOUT), HARVEST, take_unapproved=True)
    assert [each["approved_by"] for each in entries(result)] == ["harvest:taken-as-approved"]
    assert result.taken_as_approved == (1, "harvest:taken-as-approved", False, False)
    vouched = imported(tmp_path / "out", written(WITHOUT), HARVEST, take_unapproved=True, approved_by="ada")
    assert [each["approved_by"] for each in entries(vouched)] == ["ada"]
    assert vouched.taken_as_approved == (1, "ada", True, False)


def test_of_rows_some_of_which_are_approved_the_others_are_marked(tmp_path: Path) -> None:
    content = written(HARVEST_ROW, {"Approved?": "No", "Notes": "b"}, {"Approved?": "", "Notes": "c"})
    refused = imported(tmp_path, content, HARVEST)
    assert (refused.imported.rows, refused.not_approved.rows, refused.taken_as_approved.rows) == (1, 2, 0)
    assert [each["approved_by"] for each in entries(refused)] == ["harvest"]
    taken = imported(tmp_path, content, HARVEST, take_unapproved=True)
    assert {each["description"]: each["approved_by"] for each in entries(taken)} == {
        "b": "harvest:taken-as-approved",
        "c": "harvest:taken-as-approved",
    }
    assert taken.taken_as_approved.rows == 2


def test_an_approval_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (found,) = listed(imported(tmp_path, written(HARVEST_ROW, {"Approved?": "Vielleicht", "Notes": "b"}), HARVEST))
    assert (found["status"], found["line"], found["column"], found["value"]) == (
        "refused",
        3,
        "Approved?",
        "Vielleicht",
    )
    assert found["reason"].endswith("Yes or No; correct it, or export again in English")


def test_whether_a_row_is_billed_is_not_guessed(tmp_path: Path) -> None:
    (found,) = listed(imported(tmp_path, written(HARVEST_ROW, {"Billable?": "", "Notes": "b"}), HARVEST))
    assert (found["column"], found["reason"]) == ("Billable?", "nothing is there; say Yes or No, and export again")


@pytest.mark.parametrize(("product", "row"), SILENT, ids=[product.key for product, _ in SILENT])
def test_products_that_know_no_approval_mark_every_row(tmp_path: Path, product: Product, row: dict[str, str]) -> None:
    result = imported(tmp_path, written(row), product, rate=Decimal(95))
    assert [each["approved_by"] for each in entries(result)] == [f"{product.key}:taken-as-approved"]
    assert result.taken_as_approved == (1, f"{product.key}:taken-as-approved", False, False)


@pytest.mark.parametrize(("product", "row"), SILENT, ids=[product.key for product, _ in SILENT])
def test_a_column_of_approvals_that_nobody_knows_is_not_passed_over(
    tmp_path: Path, product: Product, row: dict[str, str]
) -> None:
    content = written({**row, "Approval status": "pending"})
    with pytest.raises(ImportRefused, match=r'line 1: column "Approval status": exports of .* cannot be read'):
        imported(tmp_path, content, product)
    assert imported(tmp_path, content, product, take_unapproved=True, rate=Decimal(95)).imported.rows == 1
