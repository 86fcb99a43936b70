"""What is withheld less what is released is never below zero, and nothing is left of it once all is released, in either currency."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.events.common import CreditMemoLine
from domain.events.finance import CreditMemoIssued
from domain.money import smallest_unit
from domain.outputs import JournalEntry
from tests.explained import not_explained
from tests.harness import Books
from tests.told import balances, invoiced, ledger_balances, statements, told

PERCENTS = st.integers(0, 100)
STEPS = st.dictionaries(st.integers(1, 99), st.tuples(PERCENTS, PERCENTS), max_size=3)
# Month in which it is told, day of January, minutes.
WORKS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 28), st.integers(1, 240)), max_size=6)


@given(
    st.sampled_from(("USD", "JPY", "KWD")),
    st.tuples(PERCENTS, PERCENTS),
    STEPS,
    st.sampled_from(("", "2026-03-10", "2026-03-31")),
    st.sampled_from(("2026-04-30", "2026-02-20")),
    WORKS,
    st.sets(st.integers(0, 5)),
    st.booleans(),
    st.booleans(),
)
def test_nothing_is_left_when_all_is_released(
    currency: str,
    first: tuple[int, int],
    later: dict[int, tuple[int, int]],
    release_on: str,
    ends: str,
    works: list[tuple[int, int, int]],
    withdrawn: set[int],
    deposit: bool,
    over_time: bool,
) -> None:
    """Work is told in four months and taken back in the third; each month has another exchange rate."""
    steps = [(at, *percents) for at, percents in sorted({**later, 0: first}.items())]
    written = ",".join(f"{at}/{withhold}/{0 if release_on else release}" for at, withhold, release in steps)
    day = f" release_on {release_on}" if release_on else ""
    terms = [
        "entity LE EUR America/New_York",
        *(f"exchange {currency} EUR 0.{70 + 7 * month} on 2026-0{month}-01" for month in range(1, 7)),
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100 EUR",
        "project P of LE",
        "project Q of LE",
        f"contract K C LE {currency} to {ends} retention {written}{day} policy rate_staleness_days=60",
        "  line L P takes time",
        "    rate 77",
        "    cap soft 500",
        *(("  line S Q", "    terms Subscription fee=100") if over_time else ()),
        *(("  line D P", "    terms Deposit amount=100 due_on=2026-01-01") if deposit else ()),
    ]
    lines = list(terms)
    for month, last in ((1, 31), (2, 28), (3, 31), (4, 30)):
        lines += [
            f"2026-0{month}-28 time T-{number} bob {minutes / 60:.6f} h on 2026-01-{day:02}"
            for number, (of, day, minutes) in enumerate(works)
            if of == month
        ]
        if month == 3:
            told_by_now = [number for number, (of, _, _) in enumerate(works) if of <= month]
            lines += [f"2026-03-29 withdraw T-{number}" for number in sorted(withdrawn & set(told_by_now))]
        lines.append(f"2026-0{month}-{last} day ended")
    with told([*lines, "2026-06-30 day ended"]) as books:
        kept = 0
        for statement in statements(books):
            assert 0 <= statement.released <= max(kept, 0)
            kept += statement.retained - statement.released
            assert kept >= 0
        assert kept == 0
        invoiced(books, date(2026, 7, 4))
        for found in (balances(books, currency), ledger_balances(books, "EUR")):
            assert {"1170", "1150", "1160", "2300"}.isdisjoint(found)
        assert balances(books, currency).get("1100", 0) == -balances(books, currency).get("4000", 0)
        assert not_explained(books, "1100", "1150", "1170", "7110", "7190") == []


@given(
    st.sampled_from(("USD", "JPY", "KWD")),
    st.tuples(PERCENTS, PERCENTS),
    st.lists(st.integers(1, 240), min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(("error_rebill", "goodwill", "rebate")), PERCENTS), max_size=5),
    st.booleans(),
)
def test_nothing_is_left_where_some_is_credited(
    currency: str, steps: tuple[int, int], minutes: list[int], memos: list[tuple[str, int]], by_february: bool
) -> None:
    """Memos of January's invoice, before or after February's bill released some of it; what is retained in the end is of what is billed."""
    lines = [
        "entity LE EUR America/New_York",
        *(f"exchange {currency} EUR 0.{70 + 7 * month} on 2026-0{month}-01" for month in range(1, 7)),
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100 EUR",
        "project P of LE",
        f"contract K C LE {currency} to 2026-04-30 retention 0/{steps[0]}/0,50/{steps[1]}/40 policy rate_staleness_days=60",
        "  line L P takes time",
        "    rate 77",
        "    cap soft 500",
        *(f"2026-01-28 time T-{number} bob {one / 60:.6f} h on 2026-01-12" for number, one in enumerate(minutes)),
        "2026-01-31 day ended",
    ]
    with told(lines) as books:
        (january,) = statements(books)
        invoiced(books, date(2026, 2, 3))
        if by_february:
            books.end_day(date(2026, 2, 28))
        for number, (kind, percent) in enumerate(memos):
            step = smallest_unit(currency)
            books.fold(memo(f"CM-{number}", kind, january.total * percent // 100 // step * step))
        for day in (date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 6, 30)):
            books.end_day(day)
        rest = [one for one in statements(books) if one.statement_id != january.statement_id]
        invoiced(books, date(2026, 7, 4))
        assert sum(one.retained - one.released for one in (january, *rest)) == credited_of_retained(books, currency)
        for found in (balances(books, currency), ledger_balances(books, "EUR")):
            assert {"1170", "1150"}.isdisjoint(found)
        owed = balances(books, currency)
        assert owed.get("1100", 0) == -owed.get("4000", 0) - owed.get("2320", 0)
        assert not_explained(books, "1100", "1150", "1170", "7110", "7190") == []


def memo(memo_id: str, kind: str, amount: int) -> CreditMemoIssued:
    return CreditMemoIssued(
        event_id=memo_id,
        occurred_at=1_772_600_000_000_000,
        source="erp",
        credit_memo_id=memo_id,
        invoice_id="INV-0",
        kind=kind,
        lines=(CreditMemoLine(line_id="L", amount=amount),),
        issued_on=date(2026, 3, 4),
        requested_by="ann",
        approved_by="ben",
    )


def credited_of_retained(books: Books, currency: str) -> int:
    """What credit memos took from 1170."""
    journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
    of_memos = [one for one in journals if one.affected_kind == "credit_memo" and one.currency == currency]
    return -sum(line.amount for one in of_memos for line in one.lines if line.account == "1170")
