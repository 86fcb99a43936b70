"""What the ERP answers, in any order: journals stand alike in the end, and what the ERP has or will have is what the books say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.engagement import AuditedEngagement
from domain.audit.findings import SeenOutput
from domain.audit.reversals import journals_once, reversals_mirror
from domain.events.catalogue import Event
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.events.finance import PostingAccepted, PostingRejected
from domain.outputs import TOPICS, JournalEntry
from state.books import JournalStanding, OpenException
from state.ledger.standings import GONE
from tests.harness import ENGAGEMENT, Books
from tests.told import told

FIRM = [
    "entity LE USD America/New_York",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 USD",
    "project P of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 200.00",
    "2026-05-04 time T-0 bob 1 h",
]
HOUR = 10_000
DAY = date(2026, 5, 29)


class Answer(NamedTuple):
    """`said` is posted, accepted, or why it is rejected."""

    said: str
    attempt: int
    number: int


class Worked(NamedTuple):
    """An entry in its next version; of no hours it is withdrawn."""

    entry: int
    hours: int
    day: int


def answers(*said: str) -> st.SearchStrategy[Answer]:
    return st.builds(Answer, st.sampled_from(said), st.integers(1, 3), st.integers(1, 2))


def event_of(books: Books, journal_id: str, answer: Answer) -> Event:
    head: dict[str, Any] = {
        "event_id": f"{journal_id}-{answer}",
        "occurred_at": books.now + 1,
        "source": "books",
        "erp": "books",
        "attempt": answer.attempt,
        "journal_id": journal_id,
    }
    if answer.said in ("posted", "accepted"):
        day = DAY + timedelta(days=answer.number)
        return PostingAccepted(**head, erp_reference=f"JE-{answer.number}", posted_on=day, state=answer.said)
    return PostingRejected(**head, code=f"E{answer.number}", message="scenario", because=answer.said, field="5000")


def work_of(books: Books, work: Worked, version: int) -> Event:
    head: dict[str, Any] = {
        "event_id": f"w-{work.entry}-{version}",
        "occurred_at": books.now + 1,
        "source": "psa",
        "entry_id": f"T-{work.entry}",
        "version": version,
    }
    if not work.hours:
        return TimeWithdrawn(**head)
    day = DAY + timedelta(days=work.day)
    return TimeApproved(
        **head, project_id="P", person_id="bob", approved_by="boss", worked_on=day, hours=work.hours * 100 * HOUR
    )


def journals(books: Books) -> list[JournalEntry]:
    return [one for _, one in books.folded if isinstance(one, JournalEntry)]


def standing(books: Books, journal_id: str) -> JournalStanding:
    store = books.shard.store
    found = store.journal(store.engagement(ENGAGEMENT).no, journal_id)
    assert found is not None
    return found


def open_exceptions(books: Books) -> set[tuple[Any, ...]]:
    parts = books.parts().values()
    found = (one for one in parts if isinstance(one, OpenException))
    return {(one.exception_id, one.message, one.count, tuple(one.amounts.items()), one.entries) for one in found}


def balance(entries: Iterable[JournalEntry]) -> Counter[str]:
    found: Counter[str] = Counter()
    for entry in entries:
        for line in entry.lines:
            found[line.account] += line.amount
    return Counter({account: amount for account, amount in found.items() if amount})


def of_first_entry() -> str:
    with told(FIRM) as books:
        return journals(books)[0].journal_id


FIRST = of_first_entry()


def after(said: Sequence[Answer], before_the_journal: int) -> tuple[JournalStanding, set[tuple[Any, ...]]]:
    with told([*FIRM[:-1], "2026-05-03 close period LE 2026-04"]) as books:
        for answer in said[:before_the_journal]:
            books.fold(event_of(books, FIRST, answer))
        entry: dict[str, Any] = {"entry_id": "T-0", "version": 1, "project_id": "P", "person_id": "bob"}
        books.fold(
            TimeApproved(
                event_id="e",
                occurred_at=books.now + 1,
                source="scenario",
                **entry,
                approved_by="boss",
                worked_on=date(2026, 5, 4),
                hours=100 * HOUR,
            )
        )
        assert journals(books)[0].journal_id == FIRST
        for answer in said[before_the_journal:]:
            books.fold(event_of(books, FIRST, answer))
        return standing(books, FIRST), open_exceptions(books)


@given(st.lists(answers("posted", "accepted", "data", "account"), max_size=5), st.data())
def test_answers_in_any_order_also_before_the_journal_come_to_the_same(said: list[Answer], data: st.DataObject) -> None:
    other = data.draw(st.permutations(said))
    assert after(said, len(said)) == after(other, data.draw(st.integers(0, len(said))))


def test_an_answer_of_the_attempt_that_was_rejected_comes_too_late_to_count() -> None:
    """The ERP had taken the journal to post it later, and then its period was closed: in any order, and twice, it is replaced once."""
    taken, closed = Answer("accepted", 1, 1), Answer("period", 1, 1)
    for said in ([taken, closed], [closed, taken], [closed, taken, closed, taken]):
        with told(FIRM) as books:
            for answer in said:
                books.fold(event_of(books, FIRST, answer))
            assert standing(books, FIRST).standing == "replaced"
            assert [one.rule for one in journals(books)] == ["time", "never_accepted", "time"]


def test_an_erp_that_takes_what_it_had_rejected_has_it() -> None:
    with told(FIRM) as books:
        for answer in (Answer("period", 1, 1), Answer("accepted", 2, 1), Answer("period", 1, 1)):
            books.fold(event_of(books, FIRST, answer))
        assert standing(books, FIRST).standing == "accepted"


@given(
    st.lists(
        st.one_of(
            st.builds(Worked, st.integers(0, 2), st.integers(0, 9), st.integers(0, 4)),
            st.tuples(st.integers(0, 40), answers("posted", "accepted", "data", "account", "period")),
        ),
        max_size=12,
    )
)
def test_what_goes_to_the_erp_is_what_the_books_say(steps: list[Worked | tuple[int, Answer]]) -> None:
    """Whatever the ERP answers, also nonsense: journals that it has, or will be sent, sum up to all journals by account."""
    with told(FIRM) as books:
        versions: Counter[int] = Counter({0: 1})
        for step in steps:
            made = journals(books)
            if isinstance(step, Worked):
                versions[step.entry] += 1
                books.fold(work_of(books, step, versions[step.entry]))
            else:
                number, answer = step
                delivered = [one for one in made if one.deliver]
                books.fold(event_of(books, delivered[number % len(delivered)].journal_id, answer))
            made = journals(books)
            sent = [one for one in made if one.deliver and standing(books, one.journal_id).standing not in GONE]
            assert balance(sent) == balance(made)
        outputs = tuple(SeenOutput(TOPICS[type(one).__name__], position, one) for position, one in books.folded)
        engagement = AuditedEngagement(ENGAGEMENT, outputs)
        assert not journals_once(engagement).violations
        assert not reversals_mirror(engagement).violations
        counted = books.part("project", "P").standings.values()
        assert sum(count for count, _ in counted) == sum(one.deliver for one in journals(books))


def test_the_invariant_finds_a_journal_that_was_sent_and_replaced() -> None:
    with told(FIRM) as books:
        books.fold(event_of(books, FIRST, Answer("period", 1, 1)))
        made = journals(books)
        with pytest.raises(AssertionError):
            assert balance(one for one in made if one.deliver) == balance(made)
