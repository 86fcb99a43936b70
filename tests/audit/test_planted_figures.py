"""Figures that are wrong by less than anybody would notice are found, each by the promise that it breaks, without folding the log again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain.audit.entries import accounts_of
from domain.audit.findings import Checked, SeenOutput, Violation
from domain.audit.journals import balances
from domain.audit.promises import check
from domain.outputs import BillingStatement, JournalEntry, JournalLine
from tests.audited import engagement_of
from tests.told import told

# Two entries of 8 h at 33.33 are billed with 19 % tax and converted at 0.905, and an hour of them is credited; T-3 is taken back.
STORY = (
    "entity LE EUR Europe/Berlin policy rate_staleness_days=60",
    "exchange USD EUR 0.905 on 2026-01-01",
    "customer C region HOME",
    "tax_policy HOME *=19",
    "person bob consultant of LE",
    "cost person bob 10 EUR",
    "project P of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 33.33",
    "2026-01-05 time T-1 bob 8 h",
    "2026-01-06 time T-2 bob 8 h",
    "2026-01-31 day ended",
    "2026-02-02 invoice INV-1 K/C/2026-01-01/1 533.28 tax 101.32",
    "2026-02-04 credit CM-1 INV-1 goodwill line L 1 h",
    "2026-02-05 time T-3 bob 1 h",
    "2026-02-06 withdraw T-3",
)
Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def story() -> Iterator[Any]:
    with told(STORY) as books:
        yield engagement_of(books)


def found(engagement: Any) -> list[Violation]:
    checked: list[Checked] = list(check(engagement, accounts_of(engagement)))
    alone = [
        each
        for seen in engagement.outputs
        if isinstance(seen.record, JournalEntry)
        for each in balances(seen, seen.record)
    ]
    return [*alone, *(violation for each in checked for violation in each.violations)]


def planted(engagement: Any, wanted: Callable[[Any], bool], change: Change) -> list[Violation]:
    """What is found after the last record that is wanted was changed."""
    last = max(place for place, seen in enumerate(engagement.outputs) if wanted(seen.record))
    outputs = [
        SeenOutput(seen.topic, seen.position, change(seen.record)) if place == last else seen
        for place, seen in enumerate(engagement.outputs)
    ]
    return found(engagement._replace(outputs=tuple(outputs)))


def journal(kind: str, affected: str = "E.K/C/2026-01-01/1") -> Callable[[Any], bool]:
    return lambda record: isinstance(record, JournalEntry) and (record.kind, record.affected_id) == (kind, affected)


def moved(one: str, other: str, amount: int = 0, ledger: int = 0) -> Change:
    """So much more on one account and less on the other, so that the journal balances."""

    def change(record: JournalEntry) -> JournalEntry:
        lines = {line.account: line for line in record.lines}
        for account, sign in ((one, 1), (other, -1)):
            had = lines.get(account, JournalLine(account, "rounding", 0, 0, "P"))
            lines[account] = had._replace(
                amount=had.amount + sign * amount, ledger_amount=had.ledger_amount + sign * ledger
            )
        return record._replace(lines=tuple(lines.values()))

    return change


def statement(record: Any) -> bool:
    return isinstance(record, BillingStatement)


def with_tax(record: BillingStatement) -> BillingStatement:
    return record._replace(tax=tuple(each._replace(amount=each.amount + 50) for each in record.tax))


PLANTED: dict[str, tuple[Callable[[Any], bool], Change, str, str]] = {
    "half a cent of revenue": (
        journal("posting", "T-2"),
        moved("1150", "4000", 50, 0),
        "journals",
        "in whole units of 0.01 USD",
    ),
    "a tenth of a cent in the ledger": (
        journal("posting", "T-2"),
        moved("1150", "4000", 0, 10),
        "journals",
        "0.01 EUR",
    ),
    "half a cent of an invoice's tax": (journal("billing"), moved("1100", "2400", 50, 0), "journals", "0.01 USD"),
    "half a cent of a credit": (journal("difference", "CM-1"), moved("4000", "1100", 50, 0), "journals", "0.01 USD"),
    "half a cent of a credit's tax": (
        journal("difference", "CM-1"),
        moved("2400", "1100", 50, 0),
        "journals",
        "0.01 USD",
    ),
    "a tenth of a cent of a receivable in the ledger": (
        journal("billing"),
        moved("1100", "7190", 0, 10),
        "journals",
        "0.01 EUR",
    ),
    "half a cent that is retained": (
        statement,
        lambda record: record._replace(retained=50, amount_due=record.amount_due - 50),
        "statements",
        "retained rounded to 0.01 USD",
    ),
    "half a cent of tax on a statement": (statement, with_tax, "statements", "rounded to 0.01 USD"),
    "a cent too much for the hours that are credited": (
        journal("difference", "CM-1"),
        moved("4000", "1100", 100, 91),
        "invoices",
        "1 h at 33.33 USD credited",
    ),
    "a ledger rest of work that is taken back": (
        journal("reversal", "T-3"),
        moved("1150", "7110", 0, 100),
        "ledger_rest",
        "0 in the ledger, as in contract currency",
    ),
    "revenue in the ledger of value that moves": (
        journal("reversal", "T-3"),
        lambda record: moved("1160", "4000", 0, 100)(record._replace(kind="difference", reverses=None, lines=())),
        "journals",
        "no revenue in EUR",
    ),
}


def test_the_story_holds(story: Any) -> None:
    assert found(story) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_figure_is_found(story: Any, fault: str) -> None:
    wanted, change, name, expected = PLANTED[fault]
    wrong = planted(story, wanted, change)
    assert any(each.check == name and expected in each.expected for each in wrong), wrong
