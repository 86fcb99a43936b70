"""Progress that falls counts, and delivery is asked whether it is so: 40 % of 10 January, 25 % of 20 January."""

from __future__ import annotations

from itertools import permutations

import pytest

from domain.outputs import ExceptionClosed, ExceptionRaised, JournalEntry
from tests.told import told

CONTRACT = (
    "entity LE USD America/New_York",
    "customer C",
    "project P of LE",
    "contract K C LE USD from 2026-01-01",
    "  line L P revenue reported",
    "    terms FixedPrice price=10,000.00",
    "    each schedule on=2026-06-30 amount=10,000.00",
)
FALLS = ("progress L 40 on 2026-01-10 version 1", "progress L 25 on 2026-01-20 version 2")


def said(*reports: str) -> tuple[list[ExceptionRaised], int, bool]:
    """What was raised of the reports, what is recognised in cents, and whether anything is open."""
    with told([*CONTRACT, *(f"2026-02-0{day + 1} {report}" for day, report in enumerate(reports))]) as books:
        records = [one.record for one in books.folded]
    raised = [one for one in records if isinstance(one, ExceptionRaised) and one.category == "amount_out_of_range"]
    closed = {one.exception_id for one in records if isinstance(one, ExceptionClosed)}
    lines = [line for one in records if isinstance(one, JournalEntry) for line in one.lines if line.account == "4000"]
    open_ = {one.exception_id for one in raised} - closed
    return raised, -sum(line.amount for line in lines) // 100, bool(open_)


def test_it_names_the_field_both_figures_and_who_can_mend_it() -> None:
    (raised,), recognised, is_open = said(*FALLS)
    assert (raised.owner_role, raised.field) == ("delivery", "percent")
    assert raised.message == (
        "progress 2 of line L: expected at least 40 %, as reported as of 2026-01-10, got 25 % as of 2026-01-20; it counts, and the "
        "difference is taken back"
    )
    assert "no less than before, in a higher version" in raised.resolution
    assert (recognised, is_open) == (2_500_00, True)


def test_a_higher_version_corrects_it() -> None:
    assert said(*FALLS, "progress L 45 on 2026-01-20 version 3")[1:] == (4_500_00, False)


def test_a_report_of_the_same_day_is_a_correction() -> None:
    assert said(FALLS[0], "progress L 25 on 2026-01-10 version 2") == ([], 2_500_00, False)


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_whatever_comes_first(order: tuple[int, ...]) -> None:
    """30 % of 15 January between both: 25 % are less than that as well."""
    reports = (FALLS[0], "progress L 30 on 2026-01-15 version 2", "progress L 25 on 2026-01-20 version 3")
    raised, recognised, is_open = said(*(reports[place] for place in order))
    assert (recognised, is_open) == (2_500_00, True)
    assert raised[-1].message.startswith("progress 3 of line L: expected at least 30 %, as reported as of 2026-01-15")


def test_what_is_no_percentage_stays_open_whatever_comes_late() -> None:
    impossible = "progress L 125 on 2026-01-25 version 9"
    raised, recognised, is_open = said(impossible, FALLS[1], FALLS[0])
    assert [one.message for one in raised] == ["progress 9 of line L: expected 0 to 100 %, got 125 %"]
    assert (recognised, is_open) == (2_500_00, True)
