"""An invoice credited in any split of parts nets to nothing in contract and in ledger currency, and is billed again once and whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.events.common import CreditMemoLine
from domain.events.finance import CreditMemoIssued, InvoicePosted
from domain.money import HALF_UP, extend, smallest_unit
from domain.outputs import BillingStatement, JournalEntry
from tests.explained import not_explained
from tests.harness import Books
from tests.told import statements, told

NOON = int(datetime(2026, 2, 3, 12, tzinfo=UTC).timestamp()) * 1_000_000
SETUP = (
    "entity LE {ledger} America/New_York policy rate_staleness_days=60",
    "exchange {code} {ledger} 0.9137 on 2026-01-01",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100 {ledger}",
    "project P of LE",
    "contract K C LE {code}",
    "  line L P",
    "    rate 77.77",
)
# Of each credit: by hours of an entry or by amount of the line, and how many tenths of what is left.
Part = tuple[str, int, int]


@given(
    st.sampled_from((("USD", "USD"), ("USD", "EUR"), ("JPY", "EUR"), ("KWD", "JPY"), ("EUR", "KWD"))),
    st.lists(st.integers(1, 600), min_size=1, max_size=4),
    st.integers(0, 5_000),
    st.lists(st.tuples(st.sampled_from(("hours", "amount")), st.integers(0, 3), st.integers(1, 9)), max_size=4),
    st.sampled_from(("error_rebill", "price_concession", "rebate")),
)
def test_any_split_nets_to_nothing(
    currencies: tuple[str, str], minutes: list[int], tax: int, parts: list[Part], kind: str
) -> None:
    code, ledger = currencies
    worked = [f"2026-01-{1 + place:02} time T-{place} bob {each / 60:.6f} h" for place, each in enumerate(minutes)]
    setup = [line.format(code=code, ledger=ledger) for line in SETUP if code != ledger or "exchange" not in line]
    with told([*setup, *worked, "2026-01-31 day ended"]) as books:
        (statement,) = statements(books)
        _invoice(books, statement, tax * smallest_unit(code))
        left = _credited(books, statement, parts, kind, minutes, smallest_unit(code))
        if left:
            _credit(books, "last", kind, CreditMemoLine(line_id="L", amount=left))
        found = _sums(books)
        gone = set(found) if kind == "error_rebill" else {"1100", "2400"}
        assert all(found[account][0] == 0 for account in gone)
        assert all(found[account][1] == 0 for account in gone)
        books.end_day(date(2026, 2, 28))
        again = statements(books)[1:]
        assert sum(one.total for one in again) == (statement.total if kind == "error_rebill" else 0)
        assert not_explained(books, *found, "1150", "7110", "7190") == []


def _credited(
    books: Books, statement: BillingStatement, parts: Sequence[Part], kind: str, minutes: Sequence[int], step: int
) -> int:
    """What is left of the invoice's net amount after these."""
    credits_before = 0
    for number, (how, place, tenths) in enumerate(parts):
        if how == "hours":
            hours = round(minutes[place % len(minutes)] / 60 * 10**6) * tenths // 100
            line = CreditMemoLine(entry_id=f"T-{place % len(minutes)}", hours=hours)
        else:
            amount = (statement.total - credits_before) * tenths // 10 // step * step
            line = CreditMemoLine(line_id="L", amount=amount)
        if line.hours or line.amount:
            _credit(books, f"CM-{number}", kind, line)
        credits_before = -_net(books)
    return statement.total - credits_before


def _net(books: Books) -> int:
    journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
    lines = [line for each in journals if each.affected_kind == "credit_memo" for line in each.lines]
    return sum(line.amount for line in lines if line.account in {"1100", "2400"})


def _sums(books: Books) -> dict[str, list[int]]:
    """By account, of the invoice and its credits, in contract and in ledger currency."""
    amounts: Counter[str] = Counter()
    ledgers: Counter[str] = Counter()
    for one in books.folded:
        record = one.record
        if isinstance(record, JournalEntry) and (record.kind == "billing" or record.affected_kind == "credit_memo"):
            for line in record.lines:
                amounts[line.account] += line.amount
                ledgers[line.account] += line.ledger_amount
    return {account: [amounts[account], ledgers[account]] for account in {"1100", "2400", *amounts}}


def _invoice(books: Books, statement: BillingStatement, tax: int) -> None:
    books.fold(
        InvoicePosted(
            event_id="i",
            occurred_at=NOON,
            source="erp",
            statement_id=statement.statement_id,
            invoice_id="INV-1",
            posted_on=date(2026, 2, 3),
            amount=statement.amount_due,
            tax_amount=tax,
            exchange_rate=937_300_000_000 if statement.currency != "USD" else None,
        )
    )


def _credit(books: Books, memo: str, kind: str, line: CreditMemoLine) -> None:
    books.fold(
        CreditMemoIssued(
            event_id=memo,
            occurred_at=NOON,
            source="erp",
            credit_memo_id=memo,
            invoice_id="INV-1",
            kind=kind,
            lines=(line,),
            issued_on=date(2026, 2, 4),
            requested_by="ann",
            approved_by="controller",
        )
    )


@given(
    st.sampled_from(("USD", "JPY", "KWD")),
    st.lists(st.integers(1, 40), min_size=2, max_size=6),
    st.integers(400, 9_999),
    st.integers(1, 99),
)
def test_hours_of_a_line_come_to_hours_times_rate(code: str, quarters: list[int], rate: int, percent: int) -> None:
    """Whatever the entries were rounded to; only where they were billed with less than that, with all of it."""
    setup = [line.format(code=code, ledger=code).replace("77.77", f"{rate / 100:.2f}") for line in SETUP]
    worked = [f"2026-01-{1 + place:02} time T-{place} bob {each / 4} h" for place, each in enumerate(quarters)]
    with told([*(line for line in setup if "exchange" not in line), *worked, "2026-01-31 day ended"]) as books:
        (statement,) = statements(books)
        _invoice(books, statement, 0)
        hours = sum(quarters) * 250_000 * percent // 100
        _credit(books, "CM", "rebate", CreditMemoLine(line_id="L", hours=hours))
        wanted = extend(hours, rate * 10_000, 0, code, HALF_UP)
        assert -_net(books) == min(wanted, statement.total)
