"""What is earned over time is held against the price in force, with all that its variable parts may add; planted figures are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from domain.audit.engagement import AuditedEngagement
from domain.audit.findings import Checked, Violation
from domain.audit.prices import prices_kept
from domain.outputs import ExceptionRaised, JournalEntry
from domain.units import AMOUNT_ONE
from domain.work.rows import SCHEDULED_REVENUE
from tests.audit.journals import times
from tests.audited import engagement_of
from tests.told import told

FOUNDING = (
    "entity LE USD America/New_York",
    "customer C",
    "project P of LE",
    "contract K C LE USD from 2026-01-01 to 2026-12-31",
)
VARIABLE = (
    *FOUNDING,
    "  line L P revenue reported",
    "    terms FixedPrice price=1,000.00",
    "    each schedule on=2026-01-31 amount=1,000.00",
    "    variable BONUS 60:100.00 40:0.00",
    "    variable REBATE -100.00",
    "2026-01-31 progress L 50",
    "2026-02-03 revise BONUS of K L 120.00",
    "2026-02-20 progress L 100",
    "2026-02-28 revise REBATE of K L 0.00",
)
AMENDED = (
    *FOUNDING,
    "  line L P revenue reported",
    "    terms FixedPrice price=100,000.00",
    "    each schedule on=2026-06-30 amount=100,000.00",
    "2026-02-28 progress L 40",
    "2026-03-02 amend K from 2026-03-01 treatment {treatment}",
    "  line L P revenue reported",
    "    terms FixedPrice price={price}",
    "    each schedule on=2026-06-30 amount={price}",
    "2026-03-31 progress L 70",
    "2026-04-30 progress L 100",
)

FALLEN = (
    *FOUNDING,
    "  line L P revenue reported",
    "    terms FixedPrice price=100,000.00",
    "    each schedule on=2026-06-30 amount=100,000.00",
    "2026-03-10 progress L 80",
    "2026-03-17 amend K from 2026-03-16 treatment prospective",
    "  line L P revenue reported",
    "    terms FixedPrice price=50,000.00",
    "    each schedule on=2026-06-30 amount=50,000.00",
    "2026-03-31 progress L 100",
    "2026-04-30 progress L 90",
)


@pytest.fixture(scope="module")
def variable() -> Iterator[AuditedEngagement]:
    """In the end 1,000.00 and 120.00 are earned."""
    with told(VARIABLE) as books:
        yield engagement_of(books)


def amended(price: str, treatment: str = "prospective") -> AuditedEngagement:
    with told([line.format(price=price, treatment=treatment) for line in AMENDED]) as books:
        return engagement_of(books)


def test_what_a_price_came_to_before_it_fell_within_a_month_may_come_back() -> None:
    """80,000.00 are earned when the price falls to 50,000.00, all of it by March 31. At 90 % half of what was left after the 80 % is done:
    80,000.00 less half of 30,000.00."""
    with told(FALLEN) as books:
        kept = prices_kept(engagement_of(books))
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
    assert kept.violations == ()
    earned = -sum(line.amount for one in journals for line in one.lines if line.account == "4000")
    assert earned == 65_000 * AMOUNT_ONE


def test_a_line_is_worth_its_price_and_the_most_that_each_part_may_add(variable: AuditedEngagement) -> None:
    """Of 1,000.00 and 120.00 all is earned. Twice what came first, 500.00 and 450.00 of it, is 1,620.00."""
    kept = prices_kept(variable)
    assert kept.checked
    assert kept.violations == ()
    wrong = prices_kept(with_one_more(variable, 0, 2)).violations[-1]
    assert wrong.subject == "contract K, line L"
    assert (wrong.expected, wrong.found) == ("at most 1120.00 USD earned over time by 2026-02-28", "1620.00")


def test_a_price_that_rises_counts_from_its_day() -> None:
    """40 % of 100,000.00; then half of the 90,000.00 that are left, and all: 40,000.00, 85,000.00, 130,000.00. By February three times
    40,000.00 are above 100,000.00, and by April another 45,000.00 above 130,000.00."""
    raised = amended("130,000.00")
    assert prices_kept(raised).violations == ()
    first = prices_kept(with_one_more(raised, 0, 3)).violations[0]
    assert (first.expected, first.found) == ("at most 100000.00 USD earned over time by 2026-02-28", "120000.00")
    last = prices_kept(with_one_more(raised, -1, 2)).violations
    assert facts(last) == [("at most 130000.00 USD earned over time by 2026-04-30", "175000.00")]


def test_what_was_earned_of_a_higher_price_may_stay_and_no_more_is_earned() -> None:
    """40,000.00 stay; the price falls to 30,000.00, and March takes 5,000.00 back. Earned instead they are 45,000.00 of 40,000.00."""
    lowered = amended("30,000.00")
    assert prices_kept(lowered).violations == ()
    wrong = prices_kept(with_one_more(lowered, 1, -1)).violations[0]
    assert (wrong.expected, wrong.found) == ("at most 40000.00 USD earned over time by 2026-03-31", "45000.00")


def test_refused_terms_leave_the_price_open() -> None:
    """An audit does not know that it was refused, so that both prices hold: three times 30,000.00 are 160,000.00 of 130,000.00."""
    refused = amended("130,000.00", "separate")
    assert any(isinstance(one.record, ExceptionRaised) for one in refused.outputs)
    assert prices_kept(refused).violations == ()
    wrong = prices_kept(with_one_more(refused, -1, 3)).violations[0]
    assert (wrong.expected, wrong.found) == ("at most 130000.00 USD earned over time by 2026-04-30", "160000.00")


def test_events_that_come_out_of_order_post_before_they_take_back() -> None:
    """All is reported for April first: 100,000.00. The 40,000.00 of February are posted before April takes them back."""
    with told(
        (
            *VARIABLE[:5],
            *AMENDED[5:7],
            "2026-04-30 progress L 100 version 2",
            "2026-04-30 progress L 40 on 2026-02-28 version 1",
        )
    ) as books:
        kept = prices_kept(engagement_of(books))
    assert kept == Checked("prices", 2)


def test_balances_state_another_figure_than_terms_had_earned() -> None:
    """By days 18,100.00 of 36,500.00 by the end of June; stated are 18,000.00, and July has the 100.00: 36,500.00 by December."""
    story = (
        *FOUNDING,
        "  line L P revenue straight_line_days",
        "    terms FixedPrice price=36,500.00",
        "    each schedule on=2026-12-31 amount=36,500.00",
        "2026-06-30 brought forward P",
        "  line L revenue=18,000.00",
        "2026-12-31 day ended",
    )
    with told(story) as books:
        of_balances = engagement_of(books)
    assert prices_kept(of_balances).violations == ()
    wrong = prices_kept(with_one_more(of_balances, -1, 2)).violations
    assert facts(wrong) == [("at most 36500.00 USD earned over time by 2026-12-31", "39600.00")]


def with_one_more(engagement: AuditedEngagement, place: int, factor: int) -> AuditedEngagement:
    """What is earned there is earned so many times."""
    earned = [one for one in engagement.outputs if _is_earned(one.record)]
    one = earned[place]
    assert isinstance(one.record, JournalEntry)
    more = one._replace(record=times(one.record, factor, factor))
    return engagement._replace(outputs=tuple(more if each is one else each for each in engagement.outputs))


def facts(violations: Sequence[Violation]) -> list[tuple[str, str]]:
    return [(one.expected, one.found) for one in violations]


def _is_earned(record: object) -> bool:
    return isinstance(record, JournalEntry) and record.affected_kind == SCHEDULED_REVENUE
