"""What is taken back leaves nothing behind, also when it was billed in between."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from domain.events.catalogue import Event
from domain.events.delivery import ExpenseApproved, ExpenseWithdrawn, TimeApproved, TimeWithdrawn
from state.books import CapBucket, CapState, LineTotals, Project
from tests.auditing import check, engagements, entries_of
from tests.folding import Books, Logged, balances, fold, ledger_balances
from tests.histories.draw import histories, settled
from tests.histories.log import History
from tests.histories.scope import HOUR, Scope

# What a customer owes stands at the rate of each invoice, so that its ledger amount is only zero once it is paid.
STATED_BY_INVOICES = {"1100", "7110", "7190"}


def all_withdrawn(history: History) -> History:
    """The history, and a withdrawal of every entry and every expense that ever came."""
    now = max(one.event.recorded_at or 0 for one in history.logged) + HOUR
    header: dict[str, Any] = {"occurred_at": now, "source": "firm", "recorded_at": now, "version": 10_000}
    entries = sorted({one.event.entry_id for one in history.logged if isinstance(one.event, TimeApproved)})
    spent = sorted({one.event.expense_id for one in history.logged if isinstance(one.event, ExpenseApproved)})
    withdrawals: list[Event] = [
        *(TimeWithdrawn(event_id=f"w-{entry_id}", entry_id=entry_id, **header) for entry_id in entries),
        *(ExpenseWithdrawn(event_id=f"x-{expense_id}", expense_id=expense_id, **header) for expense_id in spent),
    ]
    return history._replace(logged=(*history.logged, *(Logged(history.name, event) for event in withdrawals)))


@given(histories(Scope(accounting_periods=False)))
def test_an_entry_and_its_withdrawal_leave_no_balance(history: History) -> None:
    """Once the credits are invoiced every account is at zero, in the contract's currency and in the ledger's."""
    withdraw_all(history)


def withdraw_all(history: History) -> None:
    """Raises where an account, a cap or a line has anything left once everything is withdrawn and the credits are invoiced."""
    whole = settled(all_withdrawn(history))
    books = fold(whole.logged)
    check(books, whole.logged)
    assert balances(books.journals) == {}
    left = ledger_balances(books.journals)
    assert {account for _, account in left} <= STATED_BY_INVOICES, left
    _nothing_is_left(books)


def _nothing_is_left(books: Books) -> None:
    """No room is taken, nothing waits, nothing is burnt."""
    for engagement_id in engagements(books.shard.store):
        for (kind, part_id), part in books.shard.store.engagement(engagement_id).parts.items():
            match part:
                case CapBucket():
                    assert part.bucket.amount == part.bucket.hours == part.refused == 0, (part_id, part)
                case CapState():
                    assert part.over_amount == part.over_entries == 0, (part_id, part)
                    assert part.exception_id is None, (part_id, part)
                case LineTotals():
                    kept = part.hours, part.value, part.recognised, part.billable, part.over, part.issued, part.invoiced
                    assert not any((*kept, part.written_off)), (part_id, part)
                case Project():
                    assert not any(part.burn.__getattribute__(name) for name in ("hours", "billable_hours", "memo")), (
                        part
                    )
                    assert not part.waiting, part
                case _:
                    assert kind
        assert all(
            entry.work is None and entry.behind is None for entry in entries_of(books.shard.store, engagement_id)
        )
        assert books.shard.store.db.execute("SELECT * FROM open_entries").fetchall() == []
        assert books.shard.store.db.execute("SELECT * FROM parked").fetchall() == []
