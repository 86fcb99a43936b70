"""Whatever is paid, applied later, taken back and given up: what is settled in its currency is settled in the ledger's, and nothing is
settled twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.outputs import ExceptionClosed, ExceptionRaised, JournalEntry
from state.books import Receivable
from tests.harness import Books
from tests.told import ledger_balances, told

PAID_FROM = date(2026, 7, 6)
RATES = ("0.90", "0.3333", "1.01", "149.5")
INVOICES = ("INV-1", "INV-2")
CASH = ("payment", "payment_application")


class Move(NamedTuple):
    """`kind` pay, apply, take_off, bounce or write_off; cents; `on` numbers the invoice, or the payment that is applied or taken back."""

    kind: str
    first: int
    second: int
    unapplied: int
    rate: str
    on: int


moves = st.lists(
    st.builds(
        Move,
        st.sampled_from(("pay", "pay", "apply", "take_off", "bounce", "write_off")),
        st.integers(0, 170_000),
        st.integers(0, 90_000),
        st.integers(0, 60_000),
        st.sampled_from(RATES),
        st.integers(0, 5),
    ),
    max_size=12,
)
SETUP = (
    "entity LE {currency} America/New_York",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 {currency}",
    "project P of LE",
    "project Q of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 200.00",
    "contract M C LE USD",
    "  line L Q",
    "    rate 90.55",
    "2026-05-30 exchange USD {currency} {rate} on 2026-05-30",
    "2026-06-03 exchange USD {currency} {rate} on 2026-06-03",
    "2026-06-03 time T-1 bob 8 h project P",
    "2026-06-03 time T-2 bob 7.77 h project Q",
    "2026-06-30 day ended",
    "2026-07-03 invoice INV-1 K/C/2026-06-01/1 1,600.00 tax 77.77 rate {rate}",
    "2026-07-03 invoice INV-2 M/C/2026-06-01/1 703.57 rate {rate}",
)


def lines_of(story: list[Move], currency: str, rate: str) -> list[str]:
    lines = [line.format(currency=currency, rate=rate) for line in SETUP]
    if currency == "USD":
        lines = [
            line.partition(" rate ")[0] if " invoice " in line else line for line in lines if " exchange " not in line
        ]
    for number, move in enumerate(story):
        day, cents = PAID_FROM + timedelta(days=number), move.first + move.second + move.unapplied
        if move.kind == "pay":
            applied = f"INV-1={move.first / 100:.2f} INV-2={move.second / 100:.2f}"
            lines.append(f"{day} pay PAY-{number} C {cents / 100:.2f} USD rate {move.rate} for {applied}")
        elif move.kind in {"apply", "take_off"}:
            sign = "-" if move.kind == "take_off" else ""
            applied = f"INV-1={sign}{move.first / 100:.2f} INV-2={sign}{move.second / 100:.2f}"
            lines.append(f"{day} apply AP-{number} PAY-{move.on} C USD for {applied}")
        elif move.kind == "bounce":
            lines.append(f"{day} bounce payment PAY-{move.on}")
        elif move.first:
            invoice = INVOICES[move.on % 2]
            lines.append(f"{day} write_off receivable W-{number} {invoice} {move.first / 100:.2f} USD")
    return lines


def on_accounts(books: Books, *kinds: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in books.folded:
        if isinstance(one.record, JournalEntry) and one.record.affected_kind in kinds:
            for line in one.record.lines:
                found[line.account] = found.get(line.account, 0) + line.amount
    return found


@given(moves, st.sampled_from(("EUR", "USD", "JPY", "KWD")), st.sampled_from(RATES))
def test_receivables_agree_with_journals(story: list[Move], currency: str, rate: str) -> None:
    with told(lines_of(story, currency, rate)) as books:
        held: list[Receivable] = [books.part("receivable", invoice_id) for invoice_id in INVOICES]
        owed = sum(one.open[0] for one in held)
        assert owed == sum(
            line.amount
            for one in books.folded
            if isinstance(one.record, JournalEntry)
            for line in one.record.lines
            if line.account == "1100"
        )
        assert sum(one.open[1] for one in held) == ledger_balances(books, currency).get("1100", 0)
        for one in held:
            amount, ledger = one.open
            assert 0 <= amount <= one.gross[0]
            assert 0 <= ledger <= one.gross[1]
            assert ledger == 0 or amount != 0
        paid = on_accounts(books, *CASH)
        assert sum(paid.values()) == 0
        assert paid.get("1120", 0) <= 0
        assert -paid.get("1100", 0) == sum(one.paid[0] for one in held)


@given(moves, st.sampled_from(("EUR", "JPY", "KWD")))
def test_payments_taken_back_leave_no_balance(story: list[Move], currency: str) -> None:
    """Also those that wait, and those that were posted when another one was taken back."""
    moved = [one if one.kind in {"apply", "take_off"} else one._replace(kind="pay") for one in story]
    lines = lines_of(moved, currency, "0.3333")
    last = PAID_FROM + timedelta(days=30)
    paid = [number for number, one in enumerate(moved) if one.kind == "pay"]
    lines += [f"{last} bounce payment PAY-{number}" for number in paid]
    with told(lines) as books:
        assert not any(on_accounts(books, *CASH).values())
        left = ledger_balances(books, currency)
        assert not any(left.get(account, 0) for account in ("1010", "1120", "7110"))
        assert all(books.part("receivable", invoice_id).paid == (0, 0) for invoice_id in INVOICES)
        waiting = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
        assert {one.category for one in waiting if one.subject_kind == "payment"} <= {"misapplied"}


pieces = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(INVOICES), st.integers(1, 11_000)), min_size=1, max_size=6, unique=True
)


@given(pieces, st.data())
def test_cash_is_applied_alike_whatever_comes_first(found: list[tuple[int, str, int]], data: st.DataObject) -> None:
    """There is enough of every payment, and open of every invoice."""
    setup = [line for line in SETUP if " exchange " not in line and " invoice " not in line]
    setup = [line.format(currency="USD") for line in setup]
    facts = ["2026-07-06 invoice INV-1 K/C/2026-06-01/1 1,600.00", "2026-07-06 invoice INV-2 M/C/2026-06-01/1 703.57"]
    facts += [f"2026-07-06 pay PAY-{number} C 700.00 USD on 2026-07-01" for number in range(3)]
    for place, (number, invoice_id, cents) in enumerate(found):
        facts.append(f"2026-07-06 apply AP-{place} PAY-{number} C USD for {invoice_id}={cents / 100:.2f}")
    applied = sum(cents for _, _, cents in found) * 100
    with told([*setup, *data.draw(st.permutations(facts))]) as books:
        assert on_accounts(books, *CASH) == {"1010": 21_000_000, "1120": applied - 21_000_000, "1100": -applied}
        ended = {one.record.exception_id for one in books.folded if isinstance(one.record, ExceptionClosed)}
        raised = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
        assert {one.exception_id for one in raised if one.subject_kind in CASH} <= ended
