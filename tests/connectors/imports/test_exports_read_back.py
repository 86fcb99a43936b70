"""An export that is written out in any form reads back as the same hours and amounts."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.imports.products.product import CLOCKIFY, HARVEST, KIMAI, SOLIDTIME, TOGGL, Product
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports import made_exports
from tests.connectors.imports.exporting import entries, import_file, imported, listed
from tests.connectors.imports.made_exports import LOCALES, Locale, Work, made_work
from tests.connectors.imports.test_exports_rows import CLOCKIFY_ROW, HARVEST_ROW, SOLIDTIME_ROW, TOGGL_ROW, written

PRODUCTS = [
    (HARVEST, made_exports.harvest),
    (TOGGL, made_exports.toggl),
    (CLOCKIFY, made_exports.clockify),
    (KIMAI, made_exports.kimai),
]


def hours_by_day(work: list[Work]) -> Counter[tuple[str, Decimal]]:
    return Counter((each.start.date().isoformat(), each.hours) for each in work)


@pytest.mark.parametrize(("product", "write"), PRODUCTS, ids=[product.key for product, _ in PRODUCTS])
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 40), locale=st.sampled_from(LOCALES))
@settings(max_examples=25, deadline=None)
def test_every_form_says_the_same(
    product: Product, write: Callable[[list[Work], Locale], str], seed: int, rows: int, locale: Locale
) -> None:
    work = made_work(seed, rows)
    order = {"%d": "dmy", "%m": "mdy", "%Y": "ymd"}[locale.date_format[:2]]
    sign = "point" if locale.decimal == "." else "comma"
    with TemporaryDirectory() as folder:
        result = imported(Path(folder), write(work, locale), product, rate=Decimal(100), date_order=order, decimal=sign)
        found = entries(result)
    assert (result.imported.rows, result.refused.rows) == (rows, 0)
    if product is KIMAI:
        # By a clock without seconds, where no price says the time.
        assert abs(result.imported.hours - sum(each.hours for each in work)) <= rows * Decimal("0.005")
        assert result.billed == {"EUR": sum(each.amount for each in work)}
        return
    assert result.imported.hours == sum(each.hours for each in work)
    if product is not TOGGL:
        assert result.imported.amounts == {"EUR": sum(each.amount for each in work)}
        assert result.billed == result.imported.amounts
    assert Counter((each["worked_on"], Decimal(each["hours"])) for each in found) == hours_by_day(work)


@given(seed=st.integers(0, 2**32), locale=st.sampled_from(LOCALES))
@settings(max_examples=15, deadline=None)
def test_the_form_is_settled_from_the_file(seed: int, locale: Locale) -> None:
    work = made_work(seed, 30)
    with TemporaryDirectory() as folder:
        result = imported(Path(folder), made_exports.harvest(work, locale), None)
    assert result.imported.hours == sum(each.hours for each in work)
    assert result.forms.decimal == locale.decimal


@given(seed=st.integers(0, 2**32), rows=st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_the_archive_of_solidtime_says_the_same(seed: int, rows: int) -> None:
    work = made_work(seed, rows)
    with TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(folder / "export.zip", "w") as archive:
            for file, text in made_exports.solidtime(work).items():
                archive.writestr(file, text)
                (folder / file).write_text(text, encoding="utf-8")
        zipped = import_file(folder / "export.zip", folder / "out", SOLIDTIME)
        unpacked = import_file(folder / "time_entries.csv", folder / "other", SOLIDTIME)
        assert entries(zipped) == entries(unpacked)
    assert zipped.imported.hours == sum(each.hours for each in work)
    assert zipped.imported.amounts == {"EUR": sum(each.amount for each in work)}


JUNK = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12),
    st.sampled_from(
        ["", "-1", "25:00:00", "1.5", "1,5", "2.000", "99/99/2026", "03/04/2026", "No", "Break", "~2", "\x00"]
    ),
)


@given(
    row=st.sampled_from([HARVEST_ROW, TOGGL_ROW, CLOCKIFY_ROW, SOLIDTIME_ROW]),
    faults=st.lists(st.dictionaries(st.integers(0, 19), JUNK, max_size=4), min_size=1, max_size=6),
)
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_the_cells_every_row_is_accounted_for(
    row: dict[str, str], faults: list[dict[int, str]]
) -> None:
    """Listed or imported, never lost; or the file is refused with a reason. What is written is read again as it was."""
    columns = tuple(row)
    broken = [{columns[at % len(columns)]: text for at, text in fault.items()} for fault in faults]
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            result = imported(folder, written(row, *broken), None, rate=Decimal(100))
        except ImportRefused:
            assert not (folder / "out").exists()
            return
        again = imported(folder, written(row, *broken), None, rate=Decimal(100))
        assert (again.changes.new, again.changes.changed, again.changes.moved, again.events) == (0, 0, 0, ())
        assert len(listed(result)) == result.read.rows - result.imported.rows
    parts = (result.imported, result.not_approved, result.not_work, result.refused)
    assert sum(part.rows for part in parts) == result.read.rows == len(faults) + 1
    assert sum(part.hours for part in parts) == result.read.hours


@given(seed=st.integers(0, 2**32), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_is_nothing(seed: int, shuffle: object) -> None:
    """The entries have the same ids, so that an export sorted otherwise changes nothing."""
    work = made_work(seed, 30)
    work += [each._replace(note="", hours=each.hours + 1) for each in work[:5]]
    other = list(work)
    shuffle.shuffle(other)  # type: ignore[attr-defined]
    with TemporaryDirectory() as name:
        folder = Path(name)
        first = imported(folder, made_exports.harvest(work), HARVEST)
        again = imported(folder, made_exports.harvest(other), HARVEST, "sorted")
    assert first.changes.new == 35
    assert (again.changes.new, again.changes.changed, again.changes.unchanged) == (0, 0, 35)
    assert again.events == ()
