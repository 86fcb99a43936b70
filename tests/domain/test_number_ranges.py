"""Number ranges that are refused: they would give a number twice, run backwards, or leave a gap."""

from datetime import date

import pytest

from domain.events.common import FiscalCalendar, NumberRange
from domain.events.reference import LegalEntityDefined
from domain.outputs import StatementNumber
from domain.reference.book import EMPTY_BOOK, ReferenceBook, apply, fixed_faults
from domain.reference.numbers import next_place, text_of
from domain.reference_faults import faults

INVOICES = NumberRange("R", "INV-{number:5}", first_number=100)
CREDITS = NumberRange("C", "CR-{number}", takes="credit")


def entity(version: int, *ranges: NumberRange, july: bool = False) -> LegalEntityDefined:
    calendar = FiscalCalendar("calendar_month", "07-01" if july else "01-01")
    made = LegalEntityDefined(f"e-{version}", 0, "erp", "LE", version, "Firm", "EUR", "UTC", calendar)
    return made._replace(number_ranges=ranges)


def book(*ranges: NumberRange, partitions: int = 1) -> ReferenceBook:
    return apply(EMPTY_BOOK._replace(partitions=partitions), entity(1, *ranges))


@pytest.mark.parametrize(
    ("number_range", "field", "said"),
    [
        (NumberRange("R", "INV"), "number_ranges[0].format", "expected {number} once, got 'INV'"),
        (NumberRange("R", "INV-{day}-{number}"), "number_ranges[0].format", "expected {number}, {year}"),
        (NumberRange("R", "INV{number"), "number_ranges[0].format", "got 'INV{number'"),
        (NumberRange("R", "2026{number}"), "number_ranges[0].format", "no digit between 2026 and {number}"),
        (NumberRange("R", "{year}{number}"), "number_ranges[0].format", "no digit between {year} and {number}"),
        (NumberRange("R", "{number}", restarts="year"), "number_ranges[0].format", "expected {year}, since the range"),
        (NumberRange("R", "{number}", first_number=0), "number_ranges[0].first_number", "got 0"),
        (CREDITS, "number_ranges", "got only one for credits"),
    ],
)
def test_a_range_that_cannot_count_is_refused(number_range: NumberRange, field: str, said: str) -> None:
    ((found, message),) = faults(entity(1, number_range))
    assert found == field
    assert said in message


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        (
            INVOICES._replace(first_number=1),
            "first_number",
            "expected 100, with which range R began, got 1: it would run",
        ),
        (INVOICES._replace(first_number=500), "first_number", "it would run over a gap"),
        (INVOICES._replace(takes="credit"), "takes", "expected statement, as range R began with, got credit"),
        (
            NumberRange("S", "INV-{number:4}"),
            "format",
            "differ from those of range R (INV-{number:5}), got INV-{number:4}",
        ),
        (NumberRange("S", "INV-{year}"), "format", "differ from those of range R"),
    ],
)
def test_a_range_keeps_what_it_began_with_and_no_other_gives_its_numbers(
    changed: NumberRange, field: str, said: str
) -> None:
    found = dict(fixed_faults(book(INVOICES), entity(2, changed)))
    assert said in found[f"number_ranges[0].{field}"]


def test_a_format_that_was_given_up_is_taken_for_good() -> None:
    """Its numbers may stand on statements."""
    later = apply(book(INVOICES), entity(2, NumberRange("S", "N-{number}")))
    assert dict(fixed_faults(later, entity(3, NumberRange("T", "INV-{number}"))))


def test_a_range_may_be_written_otherwise() -> None:
    assert fixed_faults(book(INVOICES), entity(2, INVOICES._replace(format="RE/{year}/{number:7}"), CREDITS)) == ()


def test_a_log_of_several_partitions_needs_the_series_in_the_format() -> None:
    ((field, said),) = fixed_faults(EMPTY_BOOK._replace(partitions=3), entity(1, INVOICES))
    assert field == "number_ranges[0].format"
    assert said == "expected {series}, since this log has 3 partitions that each count a series, got 'INV-{number:5}'"
    assert fixed_faults(book(partitions=3), entity(2, INVOICES._replace(format="INV-{series}-{number}"))) == ()


def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends() -> None:
    """A year from July: 2026-08-01 is in fiscal year 2027, and the range begins again at 1 with it."""
    yearly = NumberRange("R", "INV-{fiscal_year}-{number:3}", first_number=7, restarts="fiscal_year")
    firm = entity(1, yearly, july=True)
    june, july = date(2026, 6, 30), date(2026, 7, 1)
    first = next_place({}, firm, yearly, june, 1)
    assert (first, text_of(firm, yearly, june, first)) == (StatementNumber("R", 1, "2026", 7), "INV-2026-007")
    counted = {"LE/R/2026": 7}
    assert next_place(counted, firm, yearly, june, 1).value == 8
    again = next_place(counted, firm, yearly, july, 1)
    assert (again.value, text_of(firm, yearly, july, again)) == (1, "INV-2027-001")


def test_a_year_of_weeks_is_named_by_the_year_that_holds_most_of_its_days() -> None:
    """It ends on Sunday, 2027-01-03; the day of issue is in calendar year 2027 and in fiscal year 2026."""
    yearly = NumberRange("R", "{fiscal_year}/{number}", restarts="fiscal_year")
    firm = entity(1, yearly)._replace(fiscal_calendar=FiscalCalendar("four_four_five", "01-01"))
    friday, monday = date(2027, 1, 1), date(2027, 1, 4)
    counted = {"LE/R/2026": 7}
    places = [next_place(counted, firm, yearly, day, 1) for day in (friday, monday)]
    assert [text_of(firm, yearly, friday, places[0]), text_of(firm, yearly, monday, places[1])] == ["2026/8", "2027/1"]
