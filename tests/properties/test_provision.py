"""Whatever is spent and estimated, and when: at each month's end the whole loss is in the books, and the provision ends at nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.audit import provisions
from domain.outputs import JournalEntry
from domain.units import Amount
from tests.audit.test_engagement_checks import engagement
from tests.auditing import check_journals
from tests.harness import Books
from tests.told import told

PRICES = (10_000, 6_000)
LINES = ("L", "M")
MONTHS = (1, 2, 3, 4)


class Month(NamedTuple):
    """By line what was spent, and what remained at its end, in units of 10.00; whether either comes in the month after."""

    spent: tuple[int, int]
    remains: tuple[int, int]
    is_late: bool


class Story(NamedTuple):
    months: tuple[Month, ...]
    is_foreign: bool
    by_hours: bool


pairs = st.tuples(st.integers(1, 300), st.integers(1, 300))
left = st.tuples(st.integers(0, 1_500), st.integers(0, 1_500))
stories = st.builds(Story, st.tuples(*[st.builds(Month, pairs, left, st.booleans())] * 4), st.booleans(), st.booleans())


def ends(month: int) -> date:
    return date(2026, month + 1, 1) - timedelta(days=1)


def played(story: Story) -> list[str]:
    """Four months of a contract with two lines; in May it turns out that nothing remains."""
    ledger = "EUR Europe/Berlin" if story.is_foreign else "USD America/New_York"
    lines = [
        f"entity LE {ledger} policy rate_staleness_days=400",
        "customer C",
        "person ann consultant of LE",
        "cost person ann 10.00 USD",
        "project P of LE",
        "project Q of LE",
        "contract K C LE USD from 2026-01-01 policy loss_provision=contract",
    ]
    for line, project, price in zip(LINES, "PQ", PRICES, strict=True):
        method = "hours" if story.by_hours and line == "M" else "cost_to_cost"
        lines += [
            f"  line {line} {project} revenue {method}",
            f"    terms FixedPrice price={price}.00",
            f"    each schedule on=2026-12-31 amount={price}.00",
        ]
    lines.append("2026-01-01 exchange USD EUR 0.90 on 2026-01-01")
    waiting: list[str] = []
    for month, one in zip(MONTHS, story.months, strict=True):
        lines.append(f"2026-{month:02}-10 exchange USD EUR 0.{90 + month} on 2026-{month:02}-10")
        facts = []
        for line, project, spent, remains in zip(LINES, "PQ", one.spent, one.remains, strict=True):
            facts.append(
                f"expense E-{line}{month} work {spent * 10}.00 USD person ann project {project} on 2026-{month:02}-05"
            )
            facts.append(f"time T-{line}{month} ann 1 h project {project} on 2026-{month:02}-05")
            facts.append(f"estimate {project} {remains} h {remains * 10}.00 line {line} on {ends(month)}")
        came = [f"2026-{month:02}-12 {fact}" for fact in waiting]
        waiting = facts if one.is_late else []
        here = [] if one.is_late else [f"{ends(month)} {fact}" for fact in facts]
        lines += [*came, *here, f"{ends(month)} day ended"]
    lines += [f"2026-05-12 {fact}" for fact in waiting]
    lines += [f"2026-05-20 estimate {project} 0 h 0.00 line {line}" for line, project in zip(LINES, "PQ", strict=True)]
    return [*lines, "2026-05-31 day ended"]


def balance(books: Books, account: str, until: date, *, in_ledger: bool = False) -> Amount:
    return sum(
        line.ledger_amount if in_ledger else line.amount
        for one in books.folded
        if isinstance(one.record, JournalEntry) and one.record.accounting_date <= until
        for line in one.record.lines
        if line.account == account
    )


@given(stories)
def test_the_whole_loss_is_in_the_books_at_each_months_end(story: Story) -> None:
    with told(played(story)) as books:
        for month in MONTHS:
            day = ends(month)
            cost = balance(books, "5000", day) + balance(books, "5100", day)
            earned, provided = -balance(books, "4000", day), -balance(books, "2350", day)
            remains = sum(story.months[month - 1].remains) * 10_0000
            loss = cost + remains - sum(PRICES) * 1_0000
            assert provided == max(loss - (cost - earned), 0)
            assert provided == balance(books, "5900", day)
            if provided:
                # All of it: what the books show is the loss of the whole contract.
                assert cost - earned + provided == loss
        assert balance(books, "2350", date.max) == balance(books, "5900", date.max) == 0
        assert balance(books, "2350", date.max, in_ledger=True) == 0
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
        assert provisions.check(engagement(*journals)).violations == ()
        check_journals(journals)
