"""Planned hours that are charged at cost follow the exchange rate, also by terms that an amendment ends, in a process that goes on as in
one that begins again; others follow the people who are to work them."""

from __future__ import annotations

import pytest

from domain.outputs import ForecastUpdate
from tests.told import told

LINES = (
    "entity LE USD America/New_York",
    "customer C",
    "project P of LE",
    "person ann consultant of LE",
    "cost person ann 100.00 EUR",
    "exchange EUR USD 1.10 on 2026-06-01",
    "exchange EUR USD 1.10 on 2026-07-01",
    "contract K C LE USD",
    "  line L P",
    "    terms CostPlus fee_percent=10",
    "2026-06-02 amend K from 2026-09-01",
    "  line L P",
    "    rate 300.00",
    "2026-06-02 assign A-1 ann consultant from 2026-07-01 to 2026-08-31 planned 2026-07=10,2026-08=10",
    "2026-06-02 day ended",
    "2026-06-10 exchange EUR USD 1.50 on 2026-07-01",
    "2026-06-11 exchange EUR USD 1.10 on 2026-06-11",
    "2026-06-11 assign A-2 ann consultant from 2026-07-01 to 2026-08-31 planned 2026-07=10,2026-08=10",
    "2026-06-11 day ended",
)


@pytest.mark.parametrize("reopens", [False, True])
def test_planned_hours_at_cost_follow_the_exchange_rate(*, reopens: bool) -> None:
    """20 h at 100.00 EUR, 1.10 and 10 % are 2,420.00; 40 h at 1.50 are 6,600.00."""
    with told(LINES, reopens=reopens) as books:
        updates = [each.record for each in books.folded if isinstance(each.record, ForecastUpdate)]
    assert [update.project.eac_revenue for update in updates] == [2_420_0000, 6_600_0000]


PRACTICES = (
    "entity LE USD America/New_York",
    "customer C",
    "project P of LE",
    "person ann consultant of LE practice data",
    "cost person ann 100.00 USD",
    "card DATA practice:data USD",
    "  rate 200.00",
    "card LAW practice:law USD",
    "  rate 300.00",
    "contract K C LE USD",
    "  line L P",
    "2026-06-02 assign A-1 ann consultant from 2026-07-01 to 2026-07-31 planned 2026-07=10",
    "2026-06-02 day ended",
    "2026-06-10 person ann consultant of LE practice law",
    "2026-06-10 assign A-2 ann consultant from 2026-07-01 to 2026-07-31 planned 2026-07=10",
    "2026-06-10 day ended",
)


def test_planned_hours_follow_the_practice_of_who_is_assigned() -> None:
    """10 h at 200.00 are 2,000.00; 20 h at 300.00, once she is in another practice, are 6,000.00."""
    with told(PRACTICES) as books:
        updates = [each.record for each in books.folded if isinstance(each.record, ForecastUpdate)]
    assert [update.project.eac_revenue for update in updates] == [2_000_0000, 6_000_0000]
