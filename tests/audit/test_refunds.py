"""What is owed back is held against invoices; planted figures are found."""

from __future__ import annotations

import pytest

from domain.audit import refunds
from domain.outputs import JournalEntry
from domain.revenue.refund import is_refund
from tests.audit.journals import journals_of, times
from tests.audit.test_engagement_checks import engagement
from tests.audited import engagement_of
from tests.told import told

FIRM = (
    "entity LE USD America/New_York",
    "customer C",
    "project P of LE",
    "contract K C LE EUR from 2026-01-01 to 2026-12-31",
    "  line L P revenue reported",
    "    terms FixedPrice price=1,000.00",
    "    each schedule on=2026-01-31 amount=1,000.00",
    "    variable REBATE -100.00",
    "2026-01-01 exchange EUR USD 1.10 on 2026-01-31",
    "2026-01-31 day ended",
    "2026-02-02 invoice INV-1 K/C/2026-01-01/1 1,000.00",
    "2026-02-03 revise REBATE of K L 0.00",
)

GIVES_MORE = (
    *FIRM[:3],
    "contract K C LE EUR from 2026-01-01 to 2026-12-31",
    "  line L P revenue reported",
    "    terms FixedPrice price=1,000.00",
    "    each schedule on=2026-01-31 amount=100.00",
    "    each schedule on=2026-12-31 amount=900.00",
    "    variable PENALTY -500.00",
    "    variable REBATE -100.00",
    FIRM[8],
    "2026-01-01 exchange EUR USD 1.10 on 2026-01-20",
    "2026-01-20 revise PENALTY of K L -500.00 settled",
    "2026-01-31 day ended",
    "2026-02-02 invoice INV-1 K/C/2026-01-01/1 -400.00",
)

GIVES_ALL = (
    *GIVES_MORE[:12],
    "2026-01-20 revise PENALTY of K L -100.00 settled",
    "2026-01-31 day ended",
    "2026-02-02 invoice INV-1 K/C/2026-01-01/1 0.00",
)


@pytest.fixture
def journals() -> list[JournalEntry]:
    """100.00 EUR are owed back at 110.00, and no more a day later."""
    return journals_of(FIRM)


def test_what_came_and_went_holds(journals: list[JournalEntry]) -> None:
    found = refunds.check(engagement(*journals))
    assert (found.checked, found.violations) == (2, ())


def test_an_invoice_asks_for_what_it_charges_also_where_it_gives_more_back() -> None:
    """100.00 of 1,000.00 are charged and 500.00 given back: of the rebate of 100.00 that is expected 10.00 are owed."""
    with told(GIVES_MORE) as books:
        found = refunds.check(engagement_of(books))
    assert (found.checked, found.violations) == (1, ())


def test_an_invoice_of_nothing_asks_for_what_it_charges() -> None:
    """100.00 are charged and 100.00 given back, and the invoice posts nothing to 1100: of the rebate 10.00 are owed."""
    with told(GIVES_ALL) as books:
        found = refunds.check(engagement_of(books))
    assert (found.checked, found.violations) == (1, ())


def test_more_than_invoices_asked_for_is_found(journals: list[JournalEntry]) -> None:
    first = next(one for one in journals if is_refund(one.rule))
    changed = [times(one, 11, 11) if one is first else one for one in journals]
    wrong = refunds.check(engagement(*changed)).violations[0]
    assert wrong.expected == "no more owed back than the 1000.00 EUR that invoices asked for"
    assert wrong.found == "1100.00"


def test_what_stays_in_the_ledger_alone_is_found(journals: list[JournalEntry]) -> None:
    last = next(one for one in reversed(journals) if is_refund(one.rule))
    changed = [times(one, 1, 0) if one is last else one for one in journals]
    (wrong,) = refunds.check(engagement(*changed)).violations
    assert (wrong.expected, wrong.found) == ("nothing in USD where nothing is owed back", "110.00")


def test_another_account_is_found(journals: list[JournalEntry]) -> None:
    last = next(one for one in reversed(journals) if is_refund(one.rule))
    lines = (last.lines[0]._replace(account="4000"), *last.lines[1:])
    changed = [last._replace(lines=lines) if one is last else one for one in journals]
    assert "lines on 1160, 2300, 2320, 7110" in [one.expected for one in refunds.check(engagement(*changed)).violations]
