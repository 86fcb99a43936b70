"""Several bill-tos: together they are billed what one payer would be, line by line, and each gets back what it paid."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.money import smallest_unit
from tests.told import balances, invoiced, ledger_balances, statements, told

SHARES = (
    "A:50:rounding,B:50",
    "A:50,B:30,C:20:rounding",
    "A:33.333334,B:33.333333:rounding,C:33.333333",
    "A:99.99,B:0.01:rounding",
)
# Month, day, minutes.
works = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(1, 240)), min_size=1, max_size=6)
# Which work, in which month it is corrected, and to how many minutes; 0 withdraws it.
changes = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5), st.integers(0, 240)), max_size=5)
LAST = {1: "2026-01-31", 2: "2026-02-28", 3: "2026-03-31", 4: "2026-04-30", 5: "2026-05-31"}


def story(
    bill_to: str, code: str, came: list[tuple[int, int, int]], changed: list[tuple[int, int, int]], *, ledger: str = ""
) -> list[str]:
    lines = [
        f"entity LE {ledger or code} America/New_York policy rate_staleness_days=60",
        *(f"customer {each}" for each in "ABC"),
        "person bob consultant of LE",
        f"cost person bob 100 {ledger or code}",
        "project P of LE",
        f"contract K A LE {code} {bill_to}",
        "  line L P",
        "    rate 77.77",
    ]
    if ledger:
        lines += [f"exchange {code} {ledger} 1.{month}7 on 2026-{month:02}-01" for month in LAST]
    for month, last in LAST.items():
        days = sorted((day, number, minutes) for number, (of, day, minutes) in enumerate(came) if of == month)
        lines += [f"2026-{month:02}-{day:02} time T-{n} bob {minutes / 60:.6f} h" for day, n, minutes in days]
        for number, of, minutes in changed:
            if of == month and number < len(came) and came[number][0] <= month:
                what = f"correct T-{number} {minutes / 60:.6f} h" if minutes else f"withdraw T-{number}"
                lines.append(f"2026-{month:02}-28 {what}")
        lines.append(f"{last} day ended")
    return lines


@given(st.sampled_from(SHARES), st.sampled_from(("USD", "JPY", "KWD")), works, changes)
def test_shares_of_any_statement_sum_to_its_lines(
    shares: str, code: str, came: list[tuple[int, int, int]], changed: list[tuple[int, int, int]]
) -> None:
    """Of 1 JPY one of two payers has nothing. What it is billed of that work later corrects nothing of its own: flags are not compared."""
    billed = []
    for bill_to in ("", f"bill_to {shares}"):
        found: Counter[tuple[date, tuple[str, ...]]] = Counter()
        with told(story(bill_to, code, came, changed)) as books:
            for statement in statements(books):
                assert statement.total == sum(line.amount for line in statement.lines)
                assert all(line.amount % smallest_unit(code) == 0 for line in statement.lines)
                for line in statement.lines:
                    found[statement.period, line.entries] += line.amount
        billed.append({place: amount for place, amount in found.items() if amount})
    assert billed[0] == billed[1]


@given(st.sampled_from(SHARES), st.sampled_from(("USD", "JPY", "KWD")), works, changes, st.booleans())
def test_each_payer_gets_back_what_it_paid(
    shares: str, code: str, came: list[tuple[int, int, int]], changed: list[tuple[int, int, int]], hold: bool
) -> None:
    """Everything is withdrawn in the end, in another currency than the ledger's, one payer being held for a month."""
    held = [(number, 5, 0) for number in range(len(came))]
    before = [each for each in changed if each[1] < 5 and each[2]]
    lines = story(f"bill_to {shares}", code, came, [*before, *held], ledger="EUR")
    if hold:
        first = next(place for place, line in enumerate(lines) if line.startswith("2026"))
        lines.insert(first, "2026-01-01 hold H-1 bill_to B")
        lines.insert(lines.index("2026-04-30 day ended"), "2026-04-29 release H-1")
    with told(lines) as books:
        paid: Counter[str] = Counter()
        for statement in statements(books):
            paid[statement.bill_to] += statement.amount_due
        assert not any(paid.values())
        assert paid or all(minutes == 0 for _, _, minutes in came)
        invoiced(books, date(2026, 6, 4))
        assert all(books.part("statement", one.statement_id).invoice_id for one in statements(books))
        found = balances(books, code)
        assert {"1100", "1150", "4000"}.isdisjoint(found)
        assert "1150" not in ledger_balances(books, "EUR")
