"""Mistakes that connectors to ERPs are known for, each in one place of a delivery that is otherwise as it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, Final
from unittest.mock import patch

from dataflows.delivery import DeliveryAccount, DeliveryRound
from domain.delivery import after_calls, answers, journals, queue, standings
from domain.delivery.documents import JournalDocument
from domain.delivery.order import Order
from domain.delivery.outcomes import Outcome, Taken, Throttled, Uncertain
from domain.delivery.pace import Pace
from domain.delivery.queue import DeliveryQueue
from domain.delivery.recovery import Tree
from domain.delivery.rows import StandingRows
from domain.delivery.standings import Parcel, Standing
from domain.units import Instant
from tests.delivery.world import FIRST_DAY, ModelBooks

Mistake = Callable[[], AbstractContextManager[Any]]


def blind_retry() -> AbstractContextManager[Any]:
    """What nobody knows the end of is sent again."""

    def became(rows: StandingRows, standing: Standing, outcome: Outcome, now: Instant) -> None:
        if isinstance(outcome, Uncertain):
            rows.ready_again(standing._replace(attempt=standing.attempt + 1))
        else:
            after_calls.became(rows, standing, outcome, now)

    return patch.object(queue, "became", became)


def intent_after_call() -> AbstractContextManager[Any]:
    """The call begins, and then it is written down that it does."""

    def carry_out(self: DeliveryAccount, todo: DeliveryRound) -> None:
        self._begin(todo.calls)
        if todo.changes or todo.arrived is not None:
            self._store.keep(todo.changes, todo.arrived)
        self._answers += todo.changes.answers
        if self._answers:
            self.publish()

    return patch.object(DeliveryAccount, "carry_out", carry_out)


def answer_before_it_is_kept() -> AbstractContextManager[Any]:
    """What was said is not known any more by who starts next."""

    def carry_out(self: DeliveryAccount, todo: DeliveryRound) -> None:
        if todo.changes.answers:
            self._books.publish(todo.changes.answers)
        if todo.changes or todo.arrived is not None:
            todo.changes.answers.clear()
            self._store.keep(todo.changes, todo.arrived)
        self._begin(todo.calls)

    return patch.object(DeliveryAccount, "carry_out", carry_out)


def key_changes() -> AbstractContextManager[Any]:
    """A document has a new key each time that it is made."""
    right, number = journals.documents, count()

    def documents(*given: Any) -> Any:
        return tuple(
            each._replace(key=f"{each.key}-{next(number)}") if isinstance(each, JournalDocument) else each
            for each in right(*given)
        )

    return patch("dataflows.delivery.documents", documents)


def not_looked_up_after_a_start() -> AbstractContextManager[Any]:
    """A call that was under way when the process died is taken for not made."""

    right = DeliveryQueue._restored

    def wrong(self: DeliveryQueue, standing: Standing) -> None:
        if standing.state == standings.OPEN:
            standing = self._rows.note(standing._replace(state=standings.READY))
        right(self, standing)

    return patch.object(DeliveryQueue, "_restored", wrong)


def order_ignored() -> AbstractContextManager[Any]:
    """A reversal goes whenever it comes."""
    return patch.object(Order, "waits", lambda self, parcel: False)


def throttled_counts_as_sent() -> AbstractContextManager[Any]:

    def became(rows: StandingRows, standing: Standing, outcome: Outcome, now: Instant) -> None:
        if isinstance(outcome, Throttled):
            outcome = Taken("", FIRST_DAY)
        after_calls.became(rows, standing, outcome, now)

    return patch.object(queue, "became", became)


def retry_after_ignored() -> AbstractContextManager[Any]:
    return patch.object(Pace, "throttled", lambda self, began, now, after_seconds: None)


def nothing_looked_up_for_a_new_store() -> AbstractContextManager[Any]:
    """A delivery without a store takes itself for the first one."""
    right = DeliveryQueue.add

    def add(self: DeliveryQueue, given: Any, now: Instant, *, probe_from: Instant | None = None) -> None:
        right(self, given, now)

    return patch.object(DeliveryQueue, "add", add)


def published_is_not_known() -> AbstractContextManager[Any]:
    """A delivery without a store does not read what was published."""
    return patch.object(ModelBooks, "answered", lambda self: [])


def halves_not_looked_up() -> AbstractContextManager[Any]:
    """For a new store the group alone is looked up, not what became of it."""

    def own_only(self: Tree) -> Any:
        yield from self.own

    return patch.object(Tree, "documents", own_only)


def missing_is_believed_at_once() -> AbstractContextManager[Any]:
    """A call whose answer is lost may still have its effect after the ERP was asked."""

    def missing(rows: StandingRows, standing: Standing, asked_at: Instant, now: Instant, call_seconds: float) -> None:
        after_calls.missing(rows, standing._replace(since=0), asked_at, now, call_seconds)

    return patch.object(queue, "missing", missing)


def closed_period_sent_again() -> AbstractContextManager[Any]:
    """The same journal goes again later, when the period may be open, and its replacement too."""
    right = DeliveryQueue._rejected

    def rejected(self: DeliveryQueue, parcel: Parcel, found: Sequence[Standing], now: Instant) -> None:
        why = next(each.rejection for each in found if each.rejection is not None)
        if why.because == answers.PERIOD and len(parcel.members) == 1:
            self._refuse(parcel, why, now)
        else:
            right(self, parcel, found, now)

    return patch.object(DeliveryQueue, "_rejected", rejected)


def accepted_counts_as_posted() -> AbstractContextManager[Any]:

    def became(rows: StandingRows, standing: Standing, outcome: Outcome, now: Instant) -> None:
        if isinstance(outcome, Taken):
            outcome = outcome._replace(is_posted=True)
        after_calls.became(rows, standing, outcome, now)

    return patch.object(queue, "became", became)


def not_fenced() -> AbstractContextManager[Any]:
    """Who had the account before goes on beside who has it now."""
    return patch.object(ModelBooks, "_check_owner", lambda self: None)


def group_stands_or_falls_together() -> AbstractContextManager[Any]:
    """One journal that is refused holds up all of its group."""
    right = DeliveryQueue._rejected

    def rejected(self: DeliveryQueue, parcel: Parcel, found: Sequence[Standing], now: Instant) -> None:
        why = next(each.rejection for each in found if each.rejection is not None)
        if why.because == answers.DATA:
            self._refuse(parcel, why, now)
        else:
            right(self, parcel, found, now)

    return patch.object(DeliveryQueue, "_rejected", rejected)


def revisions_are_statements() -> AbstractContextManager[Any]:
    """A statement that is issued again is invoiced again."""
    right = DeliveryQueue.add

    def add(self: DeliveryQueue, given: Any, now: Instant, *, probe_from: Instant | None = None) -> None:
        right(self, [each._replace(supersedes=()) for each in given], now, probe_from=probe_from)

    return patch.object(DeliveryQueue, "add", add)


def memos_ignored() -> AbstractContextManager[Any]:
    """What the books took back goes when the ERP takes it."""
    return patch.object(DeliveryQueue, "withdraw", lambda self, journal_id: None)


MISTAKES: Final[tuple[Mistake, ...]] = (
    blind_retry,
    intent_after_call,
    answer_before_it_is_kept,
    key_changes,
    not_looked_up_after_a_start,
    order_ignored,
    throttled_counts_as_sent,
    retry_after_ignored,
    nothing_looked_up_for_a_new_store,
    published_is_not_known,
    halves_not_looked_up,
    missing_is_believed_at_once,
    closed_period_sent_again,
    accepted_counts_as_posted,
    not_fenced,
    group_stands_or_falls_together,
    revisions_are_statements,
    memos_ignored,
)
