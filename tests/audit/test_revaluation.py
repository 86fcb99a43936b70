"""A revalued balance is held against its amount at the rate; a planted figure is found."""

from __future__ import annotations

import pytest

from domain.audit.revaluation import revalued
from domain.capabilities import is_unrealised
from domain.outputs import JournalEntry
from tests.audit.journals import journals_of
from tests.audit.test_engagement_checks import engagement

FIRM = (
    "entity LE EUR Europe/Berlin policy fx_revaluation=reversing policy unbilled_is_monetary=yes policy rate_staleness_days=40",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 EUR",
    "project P of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 200.00",
    "2026-06-01 exchange USD EUR 0.90 on 2026-06-01",
    "2026-06-02 time T-1 bob 8 h",
    "2026-06-30 exchange USD EUR 0.95 on 2026-06-30",
    "2026-06-30 day ended",
)


@pytest.fixture
def journals() -> list[JournalEntry]:
    """1,600.00 USD stand on 1150 at 1,440.00 and are worth 1,520.00; the last two are the revaluation and its reversal."""
    return journals_of(FIRM)


def test_what_is_worth_its_amount_holds(journals: list[JournalEntry]) -> None:
    found = revalued(engagement(*journals))
    assert (found.checked, found.violations) == (2, ())


def test_another_figure_is_found(journals: list[JournalEntry]) -> None:
    changed = [
        one._replace(lines=tuple(line._replace(ledger_amount=line.ledger_amount * 2) for line in one.lines))
        if is_unrealised(one.rule)
        else one
        for one in journals
    ]
    (wrong,) = revalued(engagement(*changed)).violations
    assert wrong.expected == "1150 at 1520.00 EUR, 1600.00 USD at the rate"
    assert wrong.found == "1600.00"


def test_an_amount_in_the_currency_itself_is_found(journals: list[JournalEntry]) -> None:
    changed = [
        one._replace(lines=tuple(line._replace(amount=line.ledger_amount) for line in one.lines))
        if is_unrealised(one.rule) and one.reverses is None
        else one
        for one in journals
    ]
    found = [one.expected for one in revalued(engagement(*changed)).violations]
    assert "ledger amounts alone, on 7100 and what is revalued" in found
