"""Work moves between contracts, also of different currencies: each contract comes to zero by itself."""

from __future__ import annotations

from hypothesis import given

from tests.auditing import check
from tests.folding import fold
from tests.histories.draw import histories, settled
from tests.histories.log import History
from tests.histories.scope import Scope

# Work, corrections, moves and what the ERP says; little that parks.
MOVES = Scope(
    late_references=False,
    caps=False,
    holds=False,
    faults=False,
    accounting_periods=False,
    assignments=False,
    waits=False,
)


@given(histories(MOVES))
def test_nothing_is_left_in_the_ledger_alone_wherever_work_moves(history: History) -> None:
    """On the way, when a balance is zero by chance, and at the end, when everything is invoiced."""
    check(fold(history.logged), history.logged)
    whole = settled(history)
    check(fold(whole.logged), whole.logged)
