"""The audit finds a release of more than is retained, and an invoice that moves something else on 1170."""

from __future__ import annotations

from datetime import date

from domain.audit.invoices import invoices_match
from domain.audit.statements import statements_foot
from domain.outputs import JournalEntry, JournalLine
from tests.audit.test_engagement_checks import engagement, posted, printed, stated

UNIT = 10_000


def test_no_more_is_released_than_is_retained() -> None:
    withheld = stated(printed(100, "T"), retained=10 * UNIT, amount_due=90 * UNIT)
    released = stated(sequence=2, released=10 * UNIT, amount_due=10 * UNIT)
    assert not statements_foot(engagement(posted("T", 100), withheld, released)).violations
    again = stated(sequence=3, released=1 * UNIT, amount_due=1 * UNIT)
    (found,) = statements_foot(engagement(posted("T", 100), withheld, released, again)).violations
    assert (found.expected, found.found) == ("at most 0.00 USD released, as is retained before", "1.00")


def test_what_a_credit_memo_gives_back_is_released_no_more() -> None:
    withheld = stated(printed(100, "T"), retained=10 * UNIT, amount_due=90 * UNIT)
    released = stated(sequence=2, released=10 * UNIT, amount_due=10 * UNIT)
    (found,) = statements_foot(engagement(posted("T", 100), withheld, credited(36, 4), released)).violations
    assert (found.expected, found.found) == ("at most 6.00 USD released, as is retained before", "10.00")


def credited(off: int, kept_back: int) -> JournalEntry:
    amounts = (("1150", off + kept_back), ("1100", -off), ("1170", -kept_back))
    lines = tuple(JournalLine(account, "credit", units * UNIT, units * UNIT, "P") for account, units in amounts)
    return posted("T", 100, lines=lines)._replace(
        kind="difference", affected_kind="credit_memo", affected_id="CM-1", rule="credit/error_rebill/T/L"
    )


def test_an_invoice_moves_what_its_statement_retains() -> None:
    withheld = stated(printed(100, "T"), retained=10 * UNIT, amount_due=90 * UNIT)
    assert not invoices_match(engagement(posted("T", 100), withheld, billing(90, 10))).violations
    (found,) = invoices_match(engagement(posted("T", 100), withheld, billing(90, 0))).violations
    assert (found.expected, found.found) == ("10.00 USD retained less released", "0.00 on 1170")


def billing(due: int, kept: int) -> JournalEntry:
    amounts = (("1100", due), ("1170", kept), ("1150", -100))
    lines = tuple(JournalLine(account, "billing", units * UNIT, units * UNIT, "P") for account, units in amounts)
    return posted("T", 100, lines=lines)._replace(
        kind="billing", affected_kind="statement", affected_id="E.K/C/2026-01-01/1", accounting_date=date(2026, 4, 2)
    )
