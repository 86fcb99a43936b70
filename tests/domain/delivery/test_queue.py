"""Single turns of the queue that histories by chance (tests/delivery/world.py) seldom meet."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from domain.delivery import standings
from domain.delivery.chart import Unmapped
from domain.delivery.documents import JOURNAL, Document, JournalDocument, key_of
from domain.delivery.outcomes import NOT_PERMITTED, NotSent, Outcome, RejectedData, Taken
from domain.delivery.pace import seconds
from domain.delivery.queue import REFUSED_AGAIN_SECONDS, SEND, Given, Queue, Terms
from domain.delivery.standings import Kept, Parcel
from domain.units import EXCHANGE_RATE_ONE, Instant

DAY = date(2026, 6, 3)


class Making:
    """Documents without lines; `lacks` are journals that the chart has no account for, `parts` of how many documents one is."""

    def __init__(self, lacks: Collection[str] = (), parts: Mapping[str, int] | None = None) -> None:
        self._lacks = frozenset(lacks)
        self._parts = parts or {}

    def documents(self, parcel: Parcel) -> tuple[Document, ...] | tuple[Unmapped, ...]:
        if self._lacks.intersection(parcel.members):
            return (Unmapped("account", "4000"),)
        return tuple(_document(parcel, part) for part in range(self._parts.get(parcel.members[0], 1)))

    def halves(self, parcel: Parcel) -> Sequence[tuple[str, ...]]:
        middle = len(parcel.members) // 2
        return parcel.members[:middle], parcel.members[middle:]

    def chart(self, entity: str) -> str:
        return entity


def _document(parcel: Parcel, part: int) -> JournalDocument:
    key = key_of(JOURNAL, parcel.members, str(part))
    money = ("EUR", "EUR", "EUR", EXCHANGE_RATE_ONE)
    return JournalDocument(key, parcel.entity, "1", *money, DAY, "2026-06", "2026-06", "", (), parcel.members)


def journals(*members: str, reverses: tuple[tuple[str, str], ...] = (), entity: str = "DE") -> Given:
    return Given(JOURNAL, entity, members, reverses)


def taken(document: Document) -> Outcome:
    return Taken(document.key, DAY)


def play(queue: Queue, now: Instant, outcome: Callable[[Document], Outcome]) -> list[tuple[str, ...]]:
    """The members of what is sent until nothing more can be done at this time; no look-up finds anything."""
    sent = []
    while calls := queue.calls(now, 1):
        for call in calls:
            if call.kind == SEND:
                sent += [queue.members(each.key) for each in call.documents]
                queue.took(call, [outcome(each) for each in call.documents], now)
            else:
                queue.took(call, {}, now)
    return sent


def test_what_a_refusal_sets_free_goes_although_it_came_before() -> None:
    """Two groups each reverse a journal of the other; one of these has no account, and the rest goes without it."""
    queue = Queue("books", Making(lacks=["y"]), Terms())
    first = journals("reverses-x", "y", reverses=(("reverses-x", "x"),))
    second = journals("x", "reverses-y", reverses=(("reverses-y", "y"),))
    queue.add([first, second], seconds(1))
    assert play(queue, seconds(2), taken) == [("x",), ("reverses-x",)]
    assert queue.tally()[0] == {"unmapped": 1, "to_send": 1}, "reverses-y waits for y"


def test_a_refused_part_goes_again_a_day_later_while_another_awaits_posting() -> None:
    """The ERP is asked again and again for the part that nobody has posted yet; that puts nothing off."""
    queue = Queue("books", Making(parts={"long": 2}), Terms(documents=2))
    queue.add([journals("long")], seconds(1))
    begun = queue.calls(seconds(1), 1)[0]
    there = Taken("JE-1", DAY, is_posted=False)
    queue.took(begun, [there, RejectedData("INACTIVE", "department 12 is inactive")], seconds(1))
    again = []
    for now in range(seconds(600), seconds(REFUSED_AGAIN_SECONDS + 1_800), seconds(600)):
        for call in queue.calls(now, 1):
            if call.kind == SEND:
                again += [each.key for each in call.documents]
                queue.took(call, [RejectedData("INACTIVE", "department 12 is inactive")], now)
            else:
                queue.took(call, {begun.documents[0].key: there}, now)
    assert again == [begun.documents[1].key]


def test_a_company_that_we_may_not_post_for_is_left_alone_for_a_while() -> None:
    """Whoever runs the queue waits meanwhile, and knows since when nothing goes."""
    queue = Queue("books", Making(), Terms())
    queue.add([journals("a")], seconds(1))
    play(queue, seconds(1), lambda _: NotSent(NOT_PERMITTED, "no role"))
    assert queue.next_at(seconds(1)) == seconds(2)
    play(queue, seconds(2), lambda _: NotSent(NOT_PERMITTED, "no role"))
    assert (queue.next_at(seconds(2)), queue.troubled_since) == (seconds(4), seconds(1))
    queue.add([journals("b", entity="US")], seconds(3))
    assert (queue.next_at(seconds(3)), queue.troubled_since) == (seconds(3), None), "another company's can go"
    assert play(queue, seconds(4), taken) == [("b",), ("a",)]
    assert queue.troubled_since is None
    assert not queue.tally()[0].get(standings.TO_SEND)


def test_what_was_taken_back_before_a_start_is_not_sent_after_it() -> None:
    """Two journals may have been sent together by a delivery whose store is lost; the ERP has neither."""
    queue = Queue("books", Making(), Terms())
    queue.add([journals("kept", "taken-back"), journals("alone")], seconds(1), probe_from=seconds(60))
    for journal_id in ("taken-back", "alone"):
        queue.withdraw(journal_id)
    stored = tuple(each for each in queue.changed().parcels.values() if each is not None)
    again = Queue("books", Making(lacks=["kept"]), Terms(), Kept(stored))
    assert play(again, seconds(61), taken) == []
    assert (again.tally()[0], again.at_hand) == ({"unmapped": 1}, 1), "only what is kept waits for its account"
