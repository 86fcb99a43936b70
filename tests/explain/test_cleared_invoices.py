"""Scenarios once more with invoices that clear the unbilled receivable: no balance is another, and every figure is explained.

What such an invoice posts by itself is the ERP's; all that the books have beyond it is delivered.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from connectors.avro_codec import EVENT_CODECS
from domain.accounts import CUSTOMER_DEPOSIT, RETENTION_RECEIVABLE, UNBILLED_RECEIVABLE
from domain.billing.statement import ISSUED
from domain.delivery.chart import AccountRule, EntityChart
from domain.delivery.documents import InvoiceDocument
from domain.delivery.invoices import invoice
from domain.events.finance import InvoicePosted
from domain.identity import is_opening_statement
from domain.ledger.clearing import CLEARED, OWED
from domain.ledger.journal import BILLING
from domain.outputs import (
    BillingStatement,
    CloseCertificate,
    ControlTotals,
    ExceptionRaised,
    JournalEntry,
    Output,
    ProjectView,
)
from milepost.explain.recompute import recompute, unexplained
from tests.audited import violations
from tests.explained import engagements, explainer_of, together
from tests.harness import Books, Record
from tests.scenario_play import play
from tests.scenario_text import Scenario
from tests.scenarios.test_scenarios import NAMES, SCENARIOS
from tests.thoroughness import tried

# An ERP that has our accounts.
CLEARING = (UNBILLED_RECEIVABLE, CUSTOMER_DEPOSIT, RETENTION_RECEIVABLE)
CHART = EntityChart("LE", "ours", accounts={account: (AccountRule(account),) for account in CLEARING})
# Of two feeds the first says that the invoice clears nothing, and counts.
SAYS_BOTH = "Two feeds state one invoice"
# One in so many of those with invoices.
SCENARIOS_TRIED = 3
CHOSEN = {
    name: scenario
    for name, (_, scenario) in zip(NAMES, SCENARIOS, strict=True)
    if any(step.words[:1] == ("invoice",) for step in scenario.steps) and scenario.name != SAYS_BOTH
    if tried(scenario.name, SCENARIOS_TRIED)
}


@pytest.mark.parametrize("scenario", CHOSEN.values(), ids=list(CHOSEN))
def test_no_balance_is_another(scenario: Scenario, tmp_path: Path) -> None:
    stated = play(scenario)
    cleared = Books(tmp_path, stated.engagement_id)
    cleared.replay([_clearing(record) for record in stated.log])
    assert _balances(cleared) == _balances(stated)
    assert _beside_journals(cleared) == _beside_journals(stated)
    assert violations(cleared) == violations(stated)
    statements = _statements(cleared)
    for journal in _journals(cleared):
        if journal.kind == BILLING and not journal.deliver and not is_opening_statement(journal.affected_id):
            net = Counter(
                {account: amount for account, amount in _on_invoice(statements[journal.affected_id]).items() if amount}
            )
            assert _net(journal) == net
        if journal.rule == CLEARED:
            assert journal.deliver
            assert len({(line.account, line.purpose, line.project_id) for line in journal.lines}) == len(journal.lines)
    for engagement_id in engagements(cleared):
        with closing(explainer_of(cleared, engagement_id)) as explainer:
            every = together(explainer)
            assert recompute(every) == []
            assert unexplained(every) == []
    stated.close()
    cleared.close()


def _clearing(record: Record) -> Record:
    if not isinstance(record.event, InvoicePosted):
        return record
    event = record.event._replace(clears_unbilled=True)
    return record._replace(event=event, body=EVENT_CODECS[record.type_name].encode(event))


def _journals(books: Books) -> list[JournalEntry]:
    return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


def _net(journal: JournalEntry) -> Counter[str]:
    """By account, credit positive, but for what the customer owes."""
    found: Counter[str] = Counter()
    for line in journal.lines:
        if line.account not in OWED:
            found[line.account] -= line.amount
    return Counter({account: amount for account, amount in found.items() if amount})


def _on_invoice(statement: BillingStatement) -> Counter[str]:
    """What delivery's document of it has on each account of ours."""
    document = invoice(statement, CHART)
    assert isinstance(document, InvoiceDocument)
    found: Counter[str] = Counter()
    for line in document.lines:
        found[line.account] += line.amount
    return found


def _statements(books: Books) -> dict[str, BillingStatement]:
    """As they were issued last, whole."""
    found: dict[str, BillingStatement] = {}
    for one in books.folded:
        if isinstance(one.record, BillingStatement) and one.record.status == ISSUED:
            had = found.get(one.record.statement_id)
            earlier = had.lines if had is not None and one.record.part > 1 else ()
            found[one.record.statement_id] = one.record._replace(lines=(*earlier, *one.record.lines))
    return found


def _beside_journals(books: Books) -> list[Output]:
    """What else came out, but how many journals were posted, and which of them an exception is about."""
    return [
        _without_journals(one.record)
        for one in books.folded
        if not isinstance(one.record, JournalEntry | ControlTotals | CloseCertificate)
    ]


def _without_journals(record: Output) -> Output:
    match record:
        case ProjectView():
            return record._replace(postings=())
        case ExceptionRaised(subject_kind="journal"):
            return record._replace(exception_id="", subject_id="")
        case _:
            return record


def _balances(books: Books) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """In transaction and in ledger currency."""
    amounts: Counter[tuple[str, ...]] = Counter()
    ledger: Counter[tuple[str, ...]] = Counter()
    for journal in _journals(books):
        for line in journal.lines:
            place = (
                journal.legal_entity_id,
                journal.period,
                journal.contract_id or "",
                line.project_id or "",
                line.account,
                journal.currency,
            )
            amounts[place] += line.amount
            ledger[place] += line.ledger_amount
    return _open(amounts), _open(ledger)


def _open(sums: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    return Counter({place: amount for place, amount in sums.items() if amount})
