"""Deposits: what the customer pays in all is the work, and what is kept; nothing of the deposit is left."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.told import balances, invoiced, statements, told

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
        for statement in statements(books):
            assert statement.amount_due == statement.total - statement.deposits_applied
            assert 0 <= statement.deposits_applied <= max(statement.total, 0)
        invoiced(books, date(2026, 6, 4))
        found = balances(books)
        assert {"2300", "2310", "1150", "1160"}.isdisjoint(found)
        assert found.get("1100", 0) == -found.get("4000", 0)
