"""What an audit promises holds of expenses, units, fees and work at cost: every scenario of these is audited after its last day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.audit.engagement import Engagement
from domain.audit.entries import retell
from domain.audit.findings import BILLED_ONCE, Checked, Seen, Violation
from domain.audit.forecasts import ForecastSeries
from domain.audit.promises import check
from domain.audit.terms import TermsEvent, terms_of
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Policies
from domain.events.delivery import BillingHoldPlaced
from domain.events.reference import LegalEntityDefined
from domain.outputs import TOPICS, BillingStatement, ForecastUpdate, ProjectView
from state.book_checks import EngagementBooks, books_agree
from tests.harness import ENGAGEMENT, Books
from tests.scenario_play import play
from tests.scenario_text import Scenario, read_scenarios

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = (
    *("expenses", "unit_price", "cost_plus", "fixed_price", "milestones", "retainer", "deposit"),
    *("credits", "bill_tos", "approval", "retention", "receivables"),
)
SCENARIOS = [(name, scenario) for name in FILES for scenario in read_scenarios(FOLDER / f"{name}.md")]
LAST = date(2027, 3, 31)


@pytest.mark.parametrize(
    "scenario", [scenario for _, scenario in SCENARIOS], ids=[f"{name}: {one.name}" for name, one in SCENARIOS]
)
def test_an_audit_finds_nothing(scenario: Scenario, tmp_path: Path) -> None:
    books = play(scenario, tmp_path)
    last = max((day.date for day in books.clock.days), default=LAST)
    books.end_day(max(LAST, last + timedelta(days=1)))
    assert any(isinstance(each.record, ProjectView) for each in books.folded)
    assert not [violation for checked in audited(books) for violation in checked.violations]
    assert not list(forecasts(books))
    books.close()


def audited(books: Books) -> list[Checked]:
    found = _engagement(books)
    retold = retell(found)
    kept = books.shard.store.engagement(ENGAGEMENT)
    rows = list(books.shard.store.entries(kept).everything())
    return [*check(found, retold), books_agree(EngagementBooks(ENGAGEMENT, kept.parts, rows), retold.entries)]


def forecasts(books: Books) -> list[Violation]:
    series = ForecastSeries()
    return [
        wrong
        for each in _seen(books)
        if isinstance(each.record, ForecastUpdate)
        for wrong in series.see(each, each.record)
    ]


def _seen(books: Books) -> tuple[Seen, ...]:
    return tuple(Seen(TOPICS[type(each.record).__name__], each.position, each.record) for each in books.folded)


def _engagement(books: Books) -> Engagement:
    entities: dict[str, list[Policies]] = {}
    told: list[TermsEvent] = []
    for record in books.log:
        match record.event:
            case LegalEntityDefined() as entity:
                entities.setdefault(entity.legal_entity_id, []).append(entity.policies or Policies())
            case ContractSigned() | ContractAmended() as terms:
                told.append(terms)
            case _:
                pass
    has_holds = any(isinstance(record.event, BillingHoldPlaced) for record in books.log)
    return Engagement(ENGAGEMENT, _seen(books), terms_of(told, entities), has_holds)


def test_a_cent_that_no_payer_is_billed_is_found(tmp_path: Path) -> None:
    """Each statement foots by itself; only together they miss a cent."""
    (scenario,) = [one for name, one in SCENARIOS if one.name == "The payer of the rounding takes the cent"]
    books = play(scenario, tmp_path)
    for place, folded in enumerate(books.folded):
        statement = folded.record
        if isinstance(statement, BillingStatement) and statement.bill_to == "A":
            less = statement.total - 100
            lines = (statement.lines[0]._replace(amount=less),)
            changed = statement._replace(lines=lines, total=less, control_total=less, amount_due=less)
            books.folded[place] = folded._replace(record=changed)
    found = retell(_engagement(books)).checked.violations
    books.close()
    assert [one.check for one in found] == [BILLED_ONCE]
    assert "over all payers" in found[0].expected
