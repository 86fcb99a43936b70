"""Deposits: what the customer pays in all is the work, and what is kept; nothing of the deposit is left, in either currency. What is
corrected goes back to the customer and to deposits, as much as each has paid."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.outputs import BillingStatement
from tests.explained import not_explained
from tests.harness import ENGAGEMENT, Books
from tests.told import balances, invoiced, ledger_balances, statements, told

APPLIED = ("oldest", "percent percent=33.333", "end")


@given(
    st.sampled_from((("USD", "1,000.01"), ("JPY", "100,001"), ("KWD", "1,000.001"))),
    st.sampled_from(APPLIED),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(1, 240)), max_size=6),
    st.integers(0, 2),
)
def test_what_is_paid_is_the_work_and_what_is_kept(
    currency: tuple[str, str], applied: str, refundable: bool, works: list[tuple[int, int, int]], withdrawn: int
) -> None:
    code, amount = currency
    setup = [
        f"entity LE {code} America/New_York",
        "customer C",
        "person bob consultant of LE",
        f"cost person bob 100 {code}",
        "project P of LE",
        f"contract K C LE {code} to 2026-03-31",
        "  line L P",
        "    rate 77.77",
        "  line D P",
        f"    terms Deposit amount={amount} due_on=2026-01-01 refundable={'yes' if refundable else 'no'} applied={applied}",
    ]
    told_lines = list(setup)
    for month, last in ((1, "2026-01-31"), (2, "2026-02-28"), (3, "2026-03-31")):
        days = sorted((day, number, minutes) for number, (of, day, minutes) in enumerate(works) if of == month)
        told_lines += [f"2026-{month:02}-{day:02} time T-{n} bob {minutes / 60:.6f} h" for day, n, minutes in days]
        if month == 3:
            told_lines += [f"2026-03-30 withdraw T-{number}" for number in range(min(withdrawn, len(works)))]
        told_lines.append(f"{last} day ended")
    with told([*told_lines, "2026-05-31 day ended"]) as books:
        used = 0
        for statement in statements(books):
            assert statement.amount_due == statement.total - statement.deposits_applied
            assert max(-used, min(statement.total, 0)) <= statement.deposits_applied <= max(statement.total, 0)
            used += statement.deposits_applied
        invoiced(books, date(2026, 6, 4))
        found = balances(books)
        assert {"2300", "2310", "1150", "1160"}.isdisjoint(found)
        assert found.get("1100", 0) == -found.get("4000", 0)
        assert not_explained(books, "1100", "2300", "2310", "7110") == []


@given(
    st.sampled_from(APPLIED),
    st.booleans(),
    st.sampled_from(("02-10", "03-01", "03-20", "05-10")),
    st.sampled_from(("", "02-10", "03-20", "05-10")),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 28), st.integers(2, 5), st.integers(1, 240)), max_size=5),
    st.booleans(),
)
def test_it_is_spent_once_whatever_ends_and_comes_late(
    applied: str,
    refundable: bool,
    ends: str,
    ends_then: str,
    left_out: bool,
    late: list[tuple[int, int, int]],
    over_time: bool,
) -> None:
    """Work of January is told in the months after; the contract ends, or ends on another day, and is invoiced at another rate."""
    terms = (
        f"terms Deposit amount=1,000.01 due_on=2026-01-01 refundable={'yes' if refundable else 'no'} applied={applied}"
    )
    line = ["  line L P takes time", "    rate 77.77"]
    if over_time:
        line += ["  line S Q", "    terms Subscription fee=100.00"]
    told_lines = [
        "entity LE EUR America/New_York",
        *(f"exchange USD EUR 0.{70 + 7 * month} on 2026-0{month}-01" for month in range(1, 8)),
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100 EUR",
        "project P of LE",
        "project Q of LE",
        "contract K C LE USD policy rate_staleness_days=60",
        *line,
        "  line D P",
        f"    {terms}",
        "2026-01-31 day ended",
        f"2026-02-01 invoice I-1 K/C/2026-01-01/1 {'1,100.01' if over_time else '1,000.01'}",
    ]
    for month, last in ((2, 28), (3, 31), (4, 30), (5, 31)):
        if month == 2:
            told_lines += [f"2026-02-05 terminate K on 2026-{ends}"]
            told_lines += ["2026-02-06 amend K from 2026-02-01", *line] if left_out else []
        if month == 4 and ends_then:
            told_lines += [f"2026-04-05 terminate K on 2026-{ends_then}"]
        told_lines += [
            f"2026-0{month}-20 time T-{number} bob {minutes / 60:.6f} h on 2026-01-{day:02}"
            for number, (day, of, minutes) in enumerate(late)
            if of == month
        ]
        told_lines.append(f"2026-0{month}-{last} day ended")
    with told([*told_lines, "2026-07-31 day ended"]) as books:
        invoiced(books, date(2026, 8, 4))
        for found in (balances(books, "USD"), ledger_balances(books, "EUR")):
            assert {"2300", "2310", "1150", "1160"}.isdisjoint(found)
        assert balances(books, "USD").get("1100", 0) == -balances(books, "USD").get("4000", 0)
        assert not_explained(books, "2300", "2310") == []


class Bill(NamedTuple):
    """A statement less what it bills of deposits: its total, what it asks for, and of each deposit's line what is set against it."""

    total: int
    asked: int
    paid: dict[str, int]
    issued: BillingStatement


def _bills(books: Books) -> Iterator[Bill]:
    store = books.shard.store
    for one in statements(books):
        rows = store.entries(store.engagement(ENGAGEMENT)).statement(one.statement_id)
        state = books.part("statement", one.statement_id)
        of_deposits = sum(line.amount for line in one.lines if line.line_id in "DE")
        paid = {row.line_id: -row.amount for row in rows[len(rows) - state.set_against :]}
        yield Bill(one.total - of_deposits, one.amount_due - of_deposits, paid, one)


RETAINED = (" retention 10", " retention 10 release_on 2026-05-15", " retention 100 release_on 2026-12-31")
DEPOSITS = st.tuples(st.sampled_from(APPLIED), st.booleans(), st.sampled_from((1_000_100, 3_000_100)))
WORKS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(60, 600)), max_size=4)
# Which work, the month in which it is said, and the minutes that it has from then on.
CORRECTIONS = st.lists(st.tuples(st.integers(0, 4), st.integers(2, 5), st.integers(0, 600)), max_size=4)
# Of January's invoice, in March.
MEMOS = st.lists(st.sampled_from(("error_rebill", "goodwill")), min_size=1, max_size=2)
# With a deposit that pays the oldest first, and is kept: one that is given back pays nothing of what comes then.
ALONE, CREDITED, ANOTHER = "alone", "memos", "another"


@pytest.mark.parametrize("case", [ALONE, CREDITED, "retained", ANOTHER, "all"])
@given(DEPOSITS, DEPOSITS, st.sampled_from(RETAINED), st.integers(240, 600), WORKS, CORRECTIONS, MEMOS)
def test_what_is_corrected_goes_back_as_it_was_paid(
    case: str,
    first: tuple[str, bool, int],
    second: tuple[str, bool, int],
    retained: str,
    minutes_first: int,
    works: list[tuple[int, int, int]],
    corrections: list[tuple[int, int, int]],
    memos: list[str],
) -> None:
    """Work is corrected while the contract goes on and after its end, in March, and all of it is withdrawn in June."""
    if case in (ALONE, CREDITED):
        first = ("oldest", False, first[2])
    deposits = {"D": first} | ({"E": second} if case in (ANOTHER, "all") else {})
    retained, memos = retained if case in ("retained", "all") else "", memos if case in (CREDITED, "all") else []
    works = [(1, 5, minutes_first), *works]
    # What is corrected before a memo takes it back as well is credited twice.
    corrections = [(0, 3, minutes_first // 2), *(one for one in corrections if one[1] > 2 or not memos)]
    head = [
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100 USD",
        "project P of LE",
        f"contract K C LE USD to 2026-03-31{retained}",
        "  line L P",
        "    rate 77.77",
    ]
    for (line, (applied, refundable, amount)), due_on in zip(deposits.items(), ("01-01", "02-10"), strict=False):
        terms = f"amount={amount / 10_000:.2f} due_on=2026-{due_on} refundable={'yes' if refundable else 'no'}"
        head += [f"  line {line} P", f"    terms Deposit {terms} applied={applied}"]
    months = {
        month: [
            *(
                f"2026-{month:02}-{day:02} time T-{n} bob {minutes / 60:.6f} h"
                for n, (of, day, minutes) in sorted(enumerate(works), key=lambda one: one[1][1])
                if of == month
            ),
            *(
                f"2026-{month:02}-28 correct T-{n} {minutes / 60:.6f} h"
                for n, of, minutes in corrections
                if of == month and n < len(works) and works[n][0] < month
            ),
            *(f"2026-06-28 withdraw T-{number}" for number in range(len(works) if month == 6 else 0)),
            f"2026-{month:02}-{monthrange(2026, month)[1]} day ended",
        ]
        for month in range(1, 7)
    }
    with told([*head, *months[1]]) as books:
        (january,) = _bills(books)
    part = january.asked // 10_000 // 4
    credited = [f"2026-03-01 invoice I-1 {january.issued.statement_id[2:]} {january.issued.amount_due / 10_000:.2f}"]
    credited += [f"2026-03-01 credit CM-{n} I-1 {kind} line L {part}.00" for n, kind in enumerate(memos) if part > 0]
    with told([*head, *months[1], *months[2], *credited, *(line for m in range(3, 7) for line in months[m])]) as books:
        had: Counter[str] = Counter()
        total = asked = 0
        for bill in _bills(books):
            had.update(bill.paid)
            total, asked = total + bill.total, asked + bill.asked
            assert all(0 <= had[line] <= amount for line, (_, _, amount) in deposits.items())
            assert bill.asked + sum(bill.paid.values()) == bill.total - bill.issued.retained + bill.issued.released
            assert bill.total > 0 or bill.asked <= bill.issued.released
            if case == ANOTHER and any(
                bill.paid.get(line, 0) < 0 for line, of in deposits.items() if of[0] == "oldest"
            ):
                assert asked <= 0, "what was asked for is owed first"
            if case == ALONE:
                assert had["D"] == min(max(total, 0), first[2]), "what it would have paid of all on one statement"
        assert not any(had.values())
        assert total == memos.count("error_rebill") * max(part, 0) * 10_000
        assert retained or asked == total
        assert not_explained(books, "1100", "2300", "2310") == []
