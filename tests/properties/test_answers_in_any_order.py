"""The ERP's answers come among all else that happens, in any order, early and late: the books come to the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.outputs import LedgerComparison
from state.books import JournalStanding, OpenException
from tests.auditing import check
from tests.folding import Books, Logged, balances, fold, ledger_balances
from tests.histories.answers import REFUSED, TAKEN, Placed, answers
from tests.histories.draw import histories
from tests.histories.log import History, woven
from tests.histories.scope import Scope

UNANSWERED = Scope(answers=False)
# Nothing is taken back, so that each journal stands as the ERP's answers to it say.
ONCE = Scope(
    rare=False,
    amendments=False,
    caps=False,
    accounting_periods=False,
    requests=False,
    invoices=False,
    answers=False,
    on_request=True,
    write_offs=False,
    corrections=False,
    withdrawals=False,
    faults=False,
)


def logs(history: History, data: st.DataObject, outcomes: tuple[str, ...]) -> tuple[tuple[Logged, ...], ...]:
    """The history with the same answers in two orders."""
    usual: list[Placed] = data.draw(answers(history.logged, history.name, outcomes))
    places = st.integers(0, len(history.logged))
    other = [one._replace(at=data.draw(places)) for one in data.draw(st.permutations(usual))]
    return tuple(woven(history.logged, [(one.at, [one.answer]) for one in each]) for each in (usual, other))


@given(histories(UNANSWERED), st.data())
def test_all_that_may_happen_comes_to_the_same_balances(history: History, data: st.DataObject) -> None:
    """Also what a closed period moves to the next one, and what is taken back before the ERP has it."""
    one, other = map(fold, logged := logs(history, data, (*TAKEN, *REFUSED, "period")))
    for books, came in zip((one, other), logged, strict=True):
        check(books, came)
    assert balances(one.journals) == balances(other.journals)
    assert ledger_balances(one.journals) == ledger_balances(other.journals)


@given(histories(ONCE), st.data())
def test_journals_and_exceptions_stand_alike(history: History, data: st.DataObject) -> None:
    one, other = (stands(history, fold(each)) for each in logs(history, data, (*TAKEN, *REFUSED)))
    assert one == other


def stands(history: History, books: Books) -> tuple[Any, ...]:
    store = books.shard.store
    no = store.engagement(history.name).no
    journals: dict[str, JournalStanding | None] = {
        each.journal_id: store.journal(no, each.journal_id) for each in books.journals
    }
    parts = [store.engagement(name).parts.values() for name in ("", history.name)]
    found = (each for several in parts for each in several if isinstance(each, OpenException))
    exceptions = {
        (one.exception_id, one.message, one.count, tuple(sorted(one.amounts.items())), tuple(sorted(one.entries)))
        for one in found
    }
    return journals, exceptions, books.records(LedgerComparison)[-1:]
