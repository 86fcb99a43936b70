"""Deposits: what the customer pays in all is the work, and what is kept; nothing of the deposit is left, in either currency."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.explained import not_explained
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
