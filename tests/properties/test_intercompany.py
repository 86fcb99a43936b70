"""What companies of a group charge each other is nothing in the group, whatever comes in whatever order, and nothing of it is left of work
that is withdrawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from domain.audit import pairs
from domain.audit.engagement import AuditedEngagement
from domain.audit.findings import SeenOutput
from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY_COST, INTERCOMPANY_REVENUE
from domain.ledger.group import Group
from domain.outputs import TOPICS, ExceptionClosed, ExceptionRaised, JournalEntry
from tests.harness import Books
from tests.told import told

COMPANIES = (
    "entity US USD America/New_York policy intercompany_transfer={way}",
    "entity GB GBP Europe/London",
    "entity FR EUR Europe/Paris",
    "customer C",
    "person eva consultant of GB",
    "person luc consultant of FR",
    "person bob consultant of US",
    "cost person eva 80.00 GBP",
    "cost person luc 90.00 EUR",
    "cost person bob 100.00 USD",
    "contract K C US USD",
    "  line L P",
    "    rate 200.00",
    "  line X P",
    "    terms Expenses markup=5",
)
DAY = "2026-06-15"
# What work may wait for: the order in which it comes must not matter.
MISSING = (
    f"{DAY} project P of US",
    f"{DAY} transfer TG GB US {{price}} USD from 2026-01-01",
    f"{DAY} transfer TF FR US {{price}} EUR from 2026-01-01",
    *(f"{DAY} exchange EUR USD 1.1{day} on 2026-06-0{day}" for day in range(1, 5)),
    *(f"{DAY} exchange EUR GBP 0.8{day} on 2026-06-0{day}" for day in range(1, 5)),
)
PRICES = {"rate": "150.00", "cost_plus": "markup 12.5", "percent_of_bill": "of_bill 70"}
ways = st.sampled_from(sorted(PRICES))
persons = st.sampled_from(["eva", "luc", "bob"])
days = st.integers(1, 4)
hours = st.sampled_from(["1 h", "7.3 h", "0:20:07"])
works = st.lists(
    st.tuples(persons, days, hours, st.sampled_from(["", " not_billable", " billable 2"])), min_size=1, max_size=4
)


def worked(number: int, work: tuple[str, int, str, str]) -> str:
    person, day, time, how = work
    return f"{DAY} time T-{number} {person} {time} on 2026-06-0{day} project P{how}"


def firm(way: str) -> list[str]:
    return [line.format(way=way) for line in COMPANIES]


def missing(way: str) -> list[str]:
    return [line.format(price=PRICES[way]) for line in MISSING]


def journals(books: Books) -> list[JournalEntry]:
    return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


def balances(books: Books) -> dict[tuple[str, str, str], int]:
    """By company, currency and account, without those at zero."""
    found: Counter[tuple[str, str, str]] = Counter()
    for journal in journals(books):
        for line in journal.lines:
            found[journal.legal_entity_id, journal.currency, line.account] += line.amount
    return {key: amount for key, amount in found.items() if amount}


def check_pairs(books: Books) -> None:
    """By the audit, and by sums over all companies."""
    seen = tuple(SeenOutput(TOPICS[type(one.record).__name__], one.position, one.record) for one in books.folded)
    assert pairs.check(AuditedEngagement("E", seen)).violations == ()
    sums: Counter[tuple[str, str]] = Counter()
    for (_, currency, account), amount in balances(books).items():
        sums[currency, account] += amount
    for currency in ("USD", "EUR", "GBP"):
        assert sums[currency, DUE_FROM] + sums[currency, DUE_TO] == 0
        assert sums[currency, INTERCOMPANY_REVENUE] + sums[currency, INTERCOMPANY_COST] == 0
    group = Group()
    for journal in journals(books):
        group.add(journal)
    assert all(pair.differences == (0, 0) and pair.lender and pair.borrower for pair in group.pairs())


def waiting(books: Books) -> list[tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for one in books.folded:
        if isinstance(one.record, ExceptionRaised) and one.record.subject_kind == "time_entry":
            found[one.record.exception_id] = one.record.category, one.record.subject_id
        elif isinstance(one.record, ExceptionClosed):
            found.pop(one.record.exception_id, None)
    return sorted(found.values())


@given(ways, works, st.data())
def test_work_and_what_it_waits_for_come_in_any_order(
    way: str, work: Sequence[tuple[str, int, str, str]], data: st.DataObject
) -> None:
    """Also over a store that is opened again after each event. Exchange rates come before: work that finds an older one takes it."""
    told_work = [worked(number, one) for number, one in enumerate(work)]
    rates, others = missing(way)[3:], missing(way)[:3]
    steps = data.draw(st.permutations([*told_work, *others]))
    with told([*firm(way), *rates, *others, *told_work, f"{DAY} day ended"]) as books:
        expected, left = balances(books), waiting(books)
    with told([*firm(way), *rates, *steps, f"{DAY} day ended"], reopens=True) as books:
        check_pairs(books)
        assert (balances(books), waiting(books)) == (expected, left)


@given(ways, works, st.data())
def test_what_comes_after_the_work_comes_in_any_order(
    way: str, work: Sequence[tuple[str, int, str, str]], data: st.DataObject
) -> None:
    """Exchange rates last: what finds an older one when its price comes takes it."""
    told_work = [worked(number, one) for number, one in enumerate(work)]
    steps = [*data.draw(st.permutations(missing(way)[:3])), *data.draw(st.permutations(missing(way)[3:]))]
    with told([*firm(way), *told_work, *missing(way), f"{DAY} day ended"]) as books:
        expected, left = balances(books), waiting(books)
    with told([*firm(way), *told_work, *steps, f"{DAY} day ended"]) as books:
        check_pairs(books)
        assert (balances(books), waiting(books)) == (expected, left)


def changes(number: int) -> st.SearchStrategy[str]:
    return st.sampled_from(
        (
            f"correct T-{number} 3 h",
            f"correct T-{number} 5 h on 2026-06-02",
            f"correct T-{number} not_billable",
            f"withdraw T-{number}",
            "close period GB 2026-06",
            "close period US 2026-06",
            "reopen period GB 2026-06",
            "transfer TG GB US 111.11 USD from 2026-01-01",
            "person eva consultant of FR",
            "project P of FR",
            "amend K from 2026-06-01\n  line L P\n    rate 210.00",
        )
    )


@given(ways, works, st.data())
def test_whatever_becomes_of_the_work_the_group_has_nothing_of_it_and_a_withdrawal_leaves_nothing(
    way: str, work: Sequence[tuple[str, int, str, str]], data: st.DataObject
) -> None:
    steps = [worked(number, one) for number, one in enumerate(work)]
    drawn = data.draw(st.lists(st.integers(0, len(work) - 1).flatmap(changes), max_size=6))
    lines = [f"2026-07-01 {one}" for one in drawn]
    spent = [f"{DAY} expense E-1 travel 33.33 GBP on 2026-06-02 person eva", "2026-07-02 withdraw_expense E-1"]
    ends = [f"2026-07-02 withdraw T-{number}" for number in range(len(work))]
    rate = f"{DAY} exchange GBP USD 1.27 on 2026-06-02"
    with told([*firm(way), *missing(way), rate, *steps, spent[0], *"\n".join(lines).splitlines()]) as books:
        check_pairs(books)
    with told(
        [*firm(way), *missing(way), rate, *steps, spent[0], *"\n".join(lines).splitlines(), *ends, spent[1]]
    ) as books:
        check_pairs(books)
        assert balances(books) == {}
