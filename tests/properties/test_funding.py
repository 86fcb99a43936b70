"""Sources: together they are billed what one payer would be, none above its limit, and each gets back what it paid."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.audited import violations
from tests.properties.test_bill_tos import LAST, changes, story, works
from tests.told import all_approved, balances, invoiced, ledger_balances, statements, told

CUSTOMERS = {"G": "A", "H": "B", "O": "C", "R": "A"}
# Limits of sources G and H, and the rules; O has none.
RULES = ("G:60+O:40,O", "G:50+H:30+O:20,H:1+O:99,O", "G:33.333333+H:33.333333+R:33.333334,R", "G,H,O")
limits = st.tuples(st.integers(0, 900), st.integers(0, 900))


def came_on(one: tuple[int, int, int]) -> str:
    return f"2026-{one[0]:02}-{one[1]:02}"


def terms(most: tuple[int, int], rules: str) -> str:
    return f"funding G:A:{most[0]},H:B:{most[1]},O:C,R:A rules {rules}"


@given(limits, st.sampled_from(RULES), st.sampled_from(("USD", "JPY", "KWD")), works, changes)
def test_sources_pay_every_statement_up_to_their_limits(
    most: tuple[int, int], rules: str, code: str, came: list[tuple[int, int, int]], changed: list[tuple[int, int, int]]
) -> None:
    billed = []
    for whose in ("", terms(most, rules)):
        found: Counter[date] = Counter()
        with told(story(whose, code, came, changed)) as books:
            paid: Counter[str] = Counter()
            for statement in statements(books):
                found[statement.period] += statement.total
                for line in statement.lines:
                    assert sum(one.amount for one in line.sources) == (line.amount if whose else 0)
                    for one in line.sources:
                        assert CUSTOMERS[one.source_id] == statement.bill_to
                        paid[one.source_id] += one.amount
                assert all(paid[source] <= limit * 10_000 for source, limit in zip("GH", most, strict=True))
            assert not violations(books)
        billed.append({period: amount for period, amount in found.items() if amount})
    assert billed[0] == billed[1]


@given(limits, st.sampled_from(RULES), st.sampled_from(("USD", "JPY", "KWD")), works, changes, st.booleans())
def test_each_source_gets_back_what_it_paid(
    most: tuple[int, int],
    rules: str,
    code: str,
    came: list[tuple[int, int, int]],
    changed: list[tuple[int, int, int]],
    hold: bool,
) -> None:
    """Everything is withdrawn in the end, in another currency than the ledger's, one payer being held for a month."""
    held = [(number, 5, 0) for number in range(len(came))]
    before = [each for each in changed if each[1] < 5 and each[2]]
    lines = story(terms(most, rules), code, came, [*before, *held], ledger="EUR")
    if hold:
        first = next(place for place, line in enumerate(lines) if line.startswith("2026"))
        lines.insert(first, "2026-01-01 hold H-1 bill_to B")
        lines.insert(lines.index("2026-04-30 day ended"), "2026-04-29 release H-1")
    with told(lines) as books:
        paid: Counter[tuple[str, str]] = Counter()
        for statement in statements(books):
            for line in statement.lines:
                for one in line.sources:
                    paid[statement.bill_to, one.source_id] += one.amount
        assert not any(paid.values())
        assert books.part("line", "K/L") is None or books.part("line", "K/L").funded == {}
        assert not violations(books)
        invoiced(books, date(2026, 6, 4))
        assert all(books.part("statement", one.statement_id).invoice_id for one in statements(books))
        assert {"1100", "1150", "4000"}.isdisjoint(balances(books, code))
        assert "1150" not in ledger_balances(books, "EUR")


# Month, day, amount.
refunds = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 27), st.integers(-500, 600).filter(bool)), min_size=2, max_size=6
)
# Which of them is another amount from when on, 0 takes it back; whether it is held until the last month.
turns = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(-500, 600)), max_size=5)


@given(limits, st.sampled_from(RULES), refunds, turns, st.sets(st.integers(0, 5)), st.booleans())
def test_no_source_stands_above_its_limit_when_refunds_are_taken_back(
    most: tuple[int, int],
    rules: str,
    came: list[tuple[int, int, int]],
    changed: list[tuple[int, int, int]],
    held: set[int],
    asks: bool,
) -> None:
    """Each statement keeps within the limits, whatever made room for another; in the end what stands is billed, once nothing is held."""
    policy = " policy statement_approval=required" if asks else ""
    lines = story(f"{terms(most, rules)}{policy}", "USD", [], [])
    place = lines.index("    rate 77.77")
    lines[place - 1 : place + 1] = ["  line X P", "    terms Expenses"]
    now = dict[int, int]()
    for month, last in LAST.items():
        said = []
        for number, (of, day, amount) in enumerate(came):
            if of == month:
                said.append((day, f"expense E-{number} travel {amount}.00 USD person bob"))
                now[number] = amount
        for number, of, amount in changed:
            if of == month and number in now and (now[number] or amount):
                what = f"expense E-{number} travel {amount}.00 USD person bob on {came_on(came[number])}"
                said.append((28, what if amount else f"withdraw_expense E-{number}"))
                now[number] = amount
        if month == 2:
            said += [(28, f"hold H-{number} entry expense/E-{number}") for number in sorted(held & now.keys())]
        if month == 5:
            said += [(1, f"release H-{number}") for number in sorted(held & now.keys())]
        end = lines.index(f"{last} day ended")
        lines[end:end] = [f"2026-{month:02}-{day:02} {what}" for day, what in sorted(said, key=lambda one: one[0])]
    lines = all_approved(lines, (6, 7, 8)) if asks else lines
    with told(lines) as books:
        paid: Counter[str] = Counter()
        for statement in statements(books):
            if statement.status == "issued":
                for one in (one for line in statement.lines for one in line.sources):
                    paid[one.source_id] += one.amount
                assert all(paid[source] <= limit * 10_000 for source, limit in zip("GH", most, strict=True))
        assert not violations(books)
        assert sum(paid.values()) == sum(now.values()) * 10_000
