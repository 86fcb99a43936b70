"""What is earned over time is held against prices with all that their variable parts may add; planted figures are found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.audit.engagement import AuditedEngagement
from domain.audit.prices import prices_kept
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.work.rows import SCHEDULED_REVENUE
from tests.audit.journals import times
from tests.audited import engagement_of
from tests.told import told

FIRM = (
    "entity LE USD America/New_York",
    "customer C",
    "project P of LE",
    "contract K C LE USD from 2026-01-01 to 2026-12-31",
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


@pytest.fixture(scope="module")
def firm() -> Iterator[AuditedEngagement]:
    """In the end 1,000.00 and 120.00 are earned."""
    with told(FIRM) as books:
        yield engagement_of(books)


def test_a_line_is_worth_its_price_and_the_most_that_each_part_may_add(firm: AuditedEngagement) -> None:
    terms = firm.terms_of("K")
    assert (terms.priced, format_amount(terms.worth)) == (frozenset({"L"}), "1120.00")
    found = prices_kept(firm)
    assert found.checked
    assert found.violations == ()


def test_more_than_that_is_found(firm: AuditedEngagement) -> None:
    """What was earned first stands there twice: 500.00 more, of 1,620.00 in all."""
    first = next(one for one in firm.outputs if _is_earned(one.record))
    assert isinstance(first.record, JournalEntry)
    twice = first._replace(record=times(first.record, 2, 2))
    changed = tuple(twice if one is first else one for one in firm.outputs)
    wrong = prices_kept(firm._replace(outputs=changed)).violations[-1]
    assert (wrong.subject, wrong.expected) == ("contract K", "at most 1120.00 USD earned over time")
    assert wrong.found == "1620.00"


def _is_earned(record: object) -> bool:
    return isinstance(record, JournalEntry) and record.affected_kind == SCHEDULED_REVENUE
