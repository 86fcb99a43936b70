"""Sources: together they are billed what one payer would be, none above its limit, and each gets back what it paid."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.audited import violations
from tests.properties.test_bill_tos import changes, story, works
from tests.told import balances, invoiced, ledger_balances, statements, told

CUSTOMERS = {"G": "A", "H": "B", "O": "C", "R": "A"}
# Limits of sources G and H, and the rules; O has none.
RULES = ("G:60+O:40,O", "G:50+H:30+O:20,H:1+O:99,O", "G:33.333333+H:33.333333+R:33.333334,R", "G,H,O")
limits = st.tuples(st.integers(0, 900), st.integers(0, 900))


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
