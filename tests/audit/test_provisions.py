"""What is provided for is held against zero; planted figures are found."""

from __future__ import annotations

import pytest

from domain.audit import provisions
from domain.outputs import JournalEntry
from domain.revenue.provision import is_provision
from tests.audit.journals import journals_of, times
from tests.audit.test_engagement_checks import engagement

FIRM = (
    "entity LE EUR Europe/Berlin policy rate_staleness_days=40",
    "customer C",
    "person ann consultant of LE",
    "project P of LE",
    "contract K C LE USD from 2026-01-01 policy loss_provision=contract",
    "  line L P revenue cost_to_cost",
    "    terms FixedPrice price=10,000.00",
    "    each schedule on=2026-12-31 amount=10,000.00",
    "2026-01-01 exchange USD EUR 0.90 on 2026-01-01",
    "2026-01-01 estimate P 240 h 12,000.00 line L",
    "2026-01-20 expense E-1 work 3,000.00 USD person ann",
    "2026-01-31 day ended",
    "2026-01-31 exchange USD EUR 0.95 on 2026-01-31",
    "2026-02-20 expense E-2 work 9,000.00 USD person ann",
    "2026-02-28 day ended",
)


@pytest.fixture
def journals() -> list[JournalEntry]:
    """1,500.00 USD are provided for at 1,350.00 in January, and released in February."""
    return journals_of(FIRM)


def test_what_is_released_in_full_holds(journals: list[JournalEntry]) -> None:
    found = provisions.check(engagement(*journals))
    assert (found.checked, found.violations) == (2, ())


def test_a_firm_that_provides_for_nothing_has_nothing_to_look_at(journals: list[JournalEntry]) -> None:
    found = provisions.check(engagement(*[one for one in journals if not is_provision(one.rule)]))
    assert (found.checked, found.violations) == (0, ())


def test_more_released_than_there_is_is_found(journals: list[JournalEntry]) -> None:
    last = max((one for one in journals if is_provision(one.rule)), key=lambda one: one.accounting_date)
    changed = [times(one, 2, 2) if one is last else one for one in journals]
    (wrong,) = provisions.check(engagement(*changed)).violations
    assert (wrong.expected, wrong.found) == ("nothing provided below zero", "-1500.00 USD")


def test_what_stays_in_the_ledger_alone_is_found(journals: list[JournalEntry]) -> None:
    last = max((one for one in journals if is_provision(one.rule)), key=lambda one: one.accounting_date)
    changed = [times(one, 1, 0) if one is last else one for one in journals]
    (wrong,) = provisions.check(engagement(*changed)).violations
    assert (wrong.expected, wrong.found) == ("nothing in EUR where nothing is provided for", "1350.00")


def test_another_account_is_found(journals: list[JournalEntry]) -> None:
    last = max((one for one in journals if is_provision(one.rule)), key=lambda one: one.accounting_date)
    debit, credit = last.lines
    wrong = last._replace(lines=(debit, credit._replace(account="4000")))
    found = provisions.check(engagement(*[wrong if one is last else one for one in journals]))
    assert [one.expected for one in found.violations] == ["lines on 5900 and 2350"]
