"""Revaluation in any order of arrival: books end alike, and once all is settled what was realised is the cash less the revenue."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.audit.revaluation import revalued
from domain.money import format_amount
from domain.outputs import JournalEntry
from domain.units import Amount
from tests.audit.test_engagement_checks import engagement
from tests.auditing import check_journals
from tests.harness import Books
from tests.told import told

ENDS = ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30")
CARRIED = ("1100", "1120", "1150", "1160")


class Story(NamedTuple):
    """Hours by month, the rate at each month's end, what is paid by month in per cent of what is open, and what is bounced."""

    policy: str
    unbilled: bool
    hours: tuple[int, ...]
    rates: tuple[int, ...]
    paid: tuple[int, ...]
    bounced: bool
    late: tuple[int, ...]


stories = st.builds(
    Story,
    st.sampled_from(["reversing", "cumulative"]),
    st.booleans(),
    st.tuples(*[st.integers(1, 24)] * 2),
    st.tuples(*[st.integers(80, 99)] * 4),
    st.tuples(*[st.integers(0, 100)] * 2),
    st.booleans(),
    st.permutations(range(4)).map(tuple),
)


def played(story: Story, *, in_order: bool) -> list[str]:
    """Work of January and February, invoiced on the second of the next month, paid in parts, and the rest in April. Rates of the months'
    ends come on their day; or all of them at the end, one after the other."""
    stated = (
        f"fx_revaluation={story.policy}",
        f"unbilled_is_monetary={'yes' if story.unbilled else 'no'}",
        "rate_staleness_days=2",
    )
    policies = " ".join(f"policy {one}" for one in stated)
    lines = [
        f"entity LE EUR Europe/Berlin {policies}",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100.00 EUR",
        "project P of LE",
        "contract K C LE USD from 2026-01-01",
        "  line L P",
        "    rate 99.99",
    ]
    first = "2026-01-05"
    days = ("01-05", "02-02", "02-05", "02-15", "03-02", "03-15", "04-10", "04-11", "04-12")
    lines += [f"{first} exchange USD EUR 0.{90 + int(day[-1]) % 7} on 2026-{day}" for day in days]
    rates = [f"exchange USD EUR 0.{rate} on {day}" for rate, day in zip(story.rates, ENDS, strict=True)]
    lines.append(f"{first} time T-1 bob {story.hours[0]} h")
    lines += [f"{ENDS[0]} {rates[0]}"] * in_order + [f"{ENDS[0]} day ended"]
    owed = [9_999 * hours for hours in story.hours]
    lines.append(f"2026-02-02 invoice INV-1 K/C/2026-01-01/1 {owed[0] / 100:.2f}")
    lines.append(f"2026-02-05 time T-2 bob {story.hours[1]} h")
    left = owed[0]
    part = left * story.paid[0] // 100
    if part:
        lines.append(f"2026-02-15 pay P-1 C {part / 100:.2f} USD for INV-1={part / 100:.2f}")
        left -= part
    lines += [f"{ENDS[1]} {rates[1]}"] * in_order + [f"{ENDS[1]} day ended"]
    lines.append(f"2026-03-02 invoice INV-2 K/C/2026-02-01/1 {owed[1] / 100:.2f}")
    part = owed[1] * story.paid[1] // 100
    if part:
        lines.append(f"2026-03-15 pay P-2 C {part / 100:.2f} USD for INV-2={part / 100:.2f}")
        if story.bounced:
            lines.append("2026-03-15 bounce payment P-2")
            part = 0
    lines += [f"{ENDS[2]} {rates[2]}"] * in_order + [f"{ENDS[2]} day ended"]
    if left:
        lines.append(f"2026-04-10 pay P-3 C {left / 100:.2f} USD for INV-1={left / 100:.2f}")
    if owed[1] - part:
        lines.append(f"2026-04-11 pay P-4 C {(owed[1] - part) / 100:.2f} USD for INV-2={(owed[1] - part) / 100:.2f}")
    if not in_order:
        lines += [f"2026-04-12 {rates[place]}" for place in story.late]
    return [*lines, *[f"2026-04-30 {rates[3]}"] * in_order, "2026-04-30 day ended", "2026-05-31 day ended"]


def ledger(books: Books, until: str = "9999") -> dict[str, Amount]:
    found: Counter[str] = Counter()
    for one in books.folded:
        if isinstance(one.record, JournalEntry) and one.record.accounting_date.isoformat() <= until:
            for line in one.record.lines:
                found[line.account] += line.ledger_amount
    return {account: amount for account, amount in sorted(found.items()) if amount}


def open_at(books: Books, until: str, accounts: tuple[str, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in books.folded:
        if isinstance(one.record, JournalEntry) and one.record.accounting_date.isoformat() <= until:
            for line in one.record.lines:
                if line.account in accounts:
                    found[line.account] += line.amount
    return found


@given(stories)
def test_what_is_unrealised_comes_to_nothing_and_what_is_realised_to_cash_less_revenue(story: Story) -> None:
    for in_order in (True, False):
        with told(played(story, in_order=in_order)) as books:
            check_journals([one.record for one in books.folded if isinstance(one.record, JournalEntry)])
            assert not revalued(engagement(*(one.record for one in books.folded))).violations
            found = ledger(books)
            assert "7100" not in found, f"unrealised {format_amount(found['7100'])}"
            assert not {account: amount for account, amount in found.items() if account in CARRIED}
            realised = found.get("7110", 0) + found.get("7190", 0)
            assert -realised == found["1010"] + found["4000"], "cash less revenue"


@given(stories)
def test_a_month_ends_at_its_rate_whenever_that_came(story: Story) -> None:
    """By either policy; what is not monetary stays as it is carried."""
    ended: list[dict[str, Amount]] = []
    for in_order in (True, False):
        with told(played(story, in_order=in_order)) as books:
            for day, rate in zip(ENDS, story.rates, strict=True):
                accounts = ("1100", "1150") if story.unbilled else ("1100",)
                for account, amount in open_at(books, day, accounts).items():
                    worth = (amount * rate // 100 + 50) // 100 * 100
                    assert abs(ledger(books, day).get(account, 0) - worth) <= 100, (day, account)
            ended.append(ledger(books))
    assert ended[0] == ended[1]
