"""What an audit finds of who pays a charge."""

from __future__ import annotations

from pathlib import Path

from domain.audit.entries import accounts_of
from domain.audit.findings import BILLED_ONCE
from domain.outputs import BillingStatement
from tests.audited import engagement_of
from tests.scenario_play import play
from tests.scenario_text import read_scenarios

BILL_TOS = Path(__file__).parents[1] / "scenarios" / "bill_tos.md"


def test_a_cent_that_no_payer_is_billed_is_found() -> None:
    """Each statement foots by itself; only together they miss a cent."""
    (scenario,) = [one for one in read_scenarios(BILL_TOS) if one.name == "The payer of the rounding takes the cent"]
    books = play(scenario)
    for place, folded in enumerate(books.folded):
        statement = folded.record
        if isinstance(statement, BillingStatement) and statement.bill_to == "A":
            less = statement.total - 100
            lines = (statement.lines[0]._replace(amount=less),)
            changed = statement._replace(lines=lines, total=less, control_total=less, amount_due=less)
            books.folded[place] = folded._replace(record=changed)
    found = accounts_of(engagement_of(books)).checked.violations
    books.close()
    assert [one.check for one in found] == [BILLED_ONCE]
    assert "over all payers" in found[0].expected
