"""Single turns of the queue that histories by chance (tests/delivery/world.py) seldom meet."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from domain.delivery import answers, standings
from domain.delivery.calls import LOOK_UP, SEND, Call, CallTerms, Given
from domain.delivery.chart import Unmapped
from domain.delivery.documents import INVOICE, JOURNAL, Document, InvoiceDocument, JournalDocument, key_of
from domain.delivery.outcomes import (
    LATE,
    NOT_PERMITTED,
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from domain.delivery.pace import seconds
from domain.delivery.queue import INVOICED_BEFORE, REFUSED_AGAIN_SECONDS, DeliveryQueue
from domain.delivery.standings import Parcel, StoredStandings
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE, Instant

DAY = date(2026, 6, 3)
FIRST = Given(INVOICE, "DE", ("S-1",))
SECOND = Given(INVOICE, "DE", ("S-1 revision 2",), supersedes=("S-1",))
THIRD = Given(INVOICE, "DE", ("S-1 revision 3",), supersedes=("S-1", "S-1 revision 2"))


class Making:
    """Documents without lines; `lacks` are journals that the chart has no account for, `parts` of how many documents one is."""

    def __init__(self, lacks: Collection[str] = (), parts: Mapping[str, int] | None = None) -> None:
        self._lacks = frozenset(lacks)
        self._parts = parts or {}
        self.ledger: dict[str, str] = {}

    def documents(self, parcel: Parcel) -> tuple[Document, ...] | tuple[Unmapped, ...]:
        if self._lacks.intersection(parcel.members):
            return (Unmapped("account", "4000"),)
        if parcel.kind == INVOICE:
            return (_invoice(parcel),)
        return tuple(_document(parcel, part) for part in range(self._parts.get(parcel.members[0], 1)))

    def reference(self, key: str) -> str | None:
        return self.ledger.get(key)

    def halves(self, parcel: Parcel) -> Sequence[tuple[str, ...]]:
        middle = len(parcel.members) // 2
        return parcel.members[:middle], parcel.members[middle:]

    def chart(self, entity: str) -> str:
        return entity


def _document(parcel: Parcel, part: int) -> JournalDocument:
    key = key_of(JOURNAL, parcel.members, str(part))
    money = ("EUR", "EUR", "EUR", EXCHANGE_RATE_ONE)
    return JournalDocument(key, parcel.entity, "1", *money, DAY, "2026-06", "2026-06", "", (), parcel.members)


def _invoice(parcel: Parcel) -> InvoiceDocument:
    statement, _, revision = parcel.members[0].partition(" revision ")
    key = key_of(INVOICE, parcel.members)
    money = ("C-1", "EUR", "EUR", statement, int(revision or 1))
    return InvoiceDocument(key, parcel.entity, "1", *money, DAY, None, "", "", "", (), 100 * AMOUNT_ONE, 0)


def journals(*members: str, reverses: tuple[tuple[str, str], ...] = (), entity: str = "DE") -> Given:
    return Given(JOURNAL, entity, members, reverses)


def taken(document: Document) -> Outcome:
    return Taken(document.key, DAY)


def play(queue: DeliveryQueue, now: Instant, outcome: Callable[[Document], Outcome]) -> list[tuple[str, ...]]:
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
    queue = DeliveryQueue("books", Making(lacks=["y"]), CallTerms())
    first = journals("reverses-x", "y", reverses=(("reverses-x", "x"),))
    second = journals("x", "reverses-y", reverses=(("reverses-y", "y"),))
    queue.add([first, second], seconds(1))
    assert play(queue, seconds(2), taken) == [("x",), ("reverses-x",)]
    assert queue.tally()[0] == {"unmapped": 1, "to_send": 1}, "reverses-y waits for y"


def test_a_refused_part_goes_again_a_day_later_while_another_awaits_posting() -> None:
    """The ERP is asked again and again for the part that nobody has posted yet; that puts nothing off."""
    queue = DeliveryQueue("books", Making(parts={"long": 2}), CallTerms(documents=2))
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


def test_what_is_refused_goes_again_when_24_hours_are_over() -> None:
    """Refused at 1 s, sent at 86,401 s and not a second before; then a day later once more."""
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([journals("a")], seconds(1))
    refused = RejectedData("INACTIVE", "department 12 is inactive")
    asked = (1, 2, 3_600, 86_400, 86_401, 172_800, 172_801)
    assert [now for now in asked if play(queue, seconds(now), lambda _: refused)] == [1, 86_401, 172_801]


def test_a_company_that_we_may_not_post_for_is_left_alone_for_a_while() -> None:
    """The caller of the queue waits meanwhile, and knows since when nothing goes."""
    queue = DeliveryQueue("books", Making(), CallTerms())
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


def test_a_call_that_waited_too_long_for_a_thread_is_made_again_and_slows_nothing() -> None:
    queue = DeliveryQueue("erp", Making(), CallTerms(concurrent=4))
    queue.add([journals("A"), journals("B"), journals("C"), journals("D")], seconds(1))
    for now in range(2, 12):
        for call in queue.calls(seconds(now), 9):
            queue.took(call, [NotSent(LATE, "no thread")], seconds(now))
    assert len(queue.calls(seconds(12), 9)) == 4
    assert queue.troubled_since is None


def test_a_batch_that_one_bad_journal_breaks_off_does_not_pause_the_account() -> None:
    """Oracle imports all journals of a group or none: of 49 it says only that another one was wrong."""
    queue = DeliveryQueue("erp", Making(), CallTerms(documents=50))
    queue.add([journals(f"J-{number}") for number in range(50)], seconds(1))
    (call,) = queue.calls(seconds(1), 9)
    outcomes = [Uncertain("another one was wrong") for _ in range(49)]
    queue.took(call, [*outcomes, RejectedData("EF04", "no such account")], seconds(2))
    assert queue.troubled_since is None
    assert queue.pace.paused_until <= seconds(2)


def test_what_was_throttled_with_a_draft_in_the_erp_waits_and_is_looked_up_first() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([journals("a")], seconds(1))
    (begun,) = queue.calls(seconds(1), 1)
    queue.took(begun, [Uncertain("a draft is there and not posted", Throttled(7.0))], seconds(2))
    assert queue.calls(seconds(8), 1) == []
    assert [each.kind for each in queue.calls(seconds(9), 1)] == [LOOK_UP]


def test_what_was_taken_back_before_a_start_is_not_sent_after_it() -> None:
    """Two journals may have been sent together by a delivery whose store is lost; the ERP has neither."""
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([journals("kept", "taken-back"), journals("alone")], seconds(1), probe_from=seconds(60))
    for journal_id in ("taken-back", "alone"):
        queue.withdraw(journal_id)
    stored = tuple(each for each in queue.changed().parcels.values() if each is not None)
    again = DeliveryQueue("books", Making(lacks=["kept"]), CallTerms(), StoredStandings(stored))
    assert play(again, seconds(61), taken) == []
    assert (again.tally()[0], again.at_hand) == ({"unmapped": 1}, 1), "only what is kept waits for its account"


def test_what_is_taken_back_while_its_end_is_unknown_is_not_sent_again() -> None:
    """The ERP is asked 60 seconds after the lost call, and does not have it."""
    queue = DeliveryQueue("books", Making(), CallTerms(call_seconds=60))
    queue.add([journals("a")], seconds(1))
    lose(queue, seconds(1), ended=seconds(1))
    queue.withdraw("a")
    assert play(queue, seconds(62), taken) == []
    assert queue.at_hand == 0


def test_of_what_is_taken_back_in_parts_nothing_goes_before_it_is_known_whether_some_of_it_is_there() -> None:
    def begun() -> tuple[DeliveryQueue, Call]:
        """Of two parts one is lost and one was throttled, and then the journal is taken back."""
        queue = DeliveryQueue("books", Making(parts={"long": 2}), CallTerms(documents=2, call_seconds=60))
        queue.add([journals("long")], seconds(1))
        (call,) = queue.calls(seconds(1), 1)
        queue.took(call, [Uncertain("no answer"), Throttled(0.0)], seconds(1))
        queue.withdraw("long")
        (look_up,) = queue.calls(seconds(100), 9)
        assert (look_up.kind, look_up.documents) == (LOOK_UP, call.documents[:1])
        return queue, look_up

    queue, look_up = begun()
    queue.took(look_up, {}, seconds(100))
    assert (play(queue, seconds(101), taken), queue.at_hand) == ([], 0), "neither part is in the ledger"
    queue, look_up = begun()
    queue.took(look_up, {look_up.documents[0].key: Taken("JE-1", DAY)}, seconds(100))
    assert (play(queue, seconds(101), taken), queue.at_hand) == ([("long",)], 0), "the second part follows the first"


def test_that_a_document_is_missing_is_believed_so_long_after_its_lost_call_ended() -> None:
    """A send of several calls began at 1 s and ended at 50 s; the last of them has its effect at 105 s at the latest."""
    queue = DeliveryQueue("books", Making(), CallTerms(call_seconds=60))
    queue.add([journals("a")], seconds(1))
    lose(queue, seconds(1), ended=seconds(50))
    assert play(queue, seconds(100), taken) == []
    assert play(queue, seconds(110), taken) == [("a",)]


def test_that_a_document_is_missing_is_believed_so_long_after_a_start() -> None:
    """The process died during a send; when is not known."""
    queue = DeliveryQueue("books", Making(), CallTerms(call_seconds=60))
    queue.add([journals("a")], seconds(1))
    queue.calls(seconds(1), 1)
    again = DeliveryQueue("books", Making(), CallTerms(call_seconds=60), kept_of(queue))
    assert play(again, seconds(1_000), taken) == []
    assert play(again, seconds(1_059), taken) == []
    assert play(again, seconds(1_060), taken) == [("a",)]


def test_while_nothing_more_may_begin_nothing_but_the_end_of_a_call_is_waited_for() -> None:
    """After a failure one call goes at a time; of two companies none takes the last place."""
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=4))
    queue.add([journals(name) for name in "abcd"], seconds(1))
    (first,) = queue.calls(seconds(1), 1)
    queue.took(first, [NotSent("unreachable", "no connection")], seconds(1))
    assert queue.next_at(seconds(1)) == seconds(2), "a second's wait"
    assert len(queue.calls(seconds(2), 4)) == 1
    assert queue.next_at(seconds(2)) is None
    several = DeliveryQueue("books", Making(), CallTerms(concurrent=2))
    several.add([journals("a"), journals("b"), journals("c", entity="US")], seconds(1))
    assert [each.entity for each in several.calls(seconds(1), 4)] == ["DE", "US"]
    assert several.next_at(seconds(1)) is None


def test_what_a_look_up_has_found_stays_whatever_comes_of_the_others() -> None:
    """Of four lost documents one is found, one is missing, one was not asked for as it was throttled, and one could not be posted."""
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=4, call_seconds=60))
    queue.add([journals(name) for name in "abcd"], seconds(1))
    for call in queue.calls(seconds(1), 4):
        queue.took(call, [Uncertain("no answer")], seconds(1))
    (look_up,) = queue.calls(seconds(100), 4)
    a, b, c, d = sorted(each.key for each in look_up.documents)
    queue.took(look_up, {a: Taken("JE-1", DAY), c: Throttled(7.0), d: Uncertain("a draft is not posted")}, seconds(100))
    assert (queue.at_hand, queue.calls(seconds(106), 4)) == (3, [])
    again = {(call.kind, each.key) for call in queue.calls(seconds(107), 4) for each in call.documents}
    assert again == {(SEND, b), (LOOK_UP, c), (LOOK_UP, d)}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("trouble", "paused_until", "troubled_since"),
    [
        (Throttled(7.0), seconds(107), seconds(100)),
        (NotSent(UNREACHABLE, "no connection"), seconds(101), seconds(100)),
        (NotSent(NOT_PERMITTED, "no role"), 0, seconds(100)),
    ],
)
def test_trouble_in_a_look_up_is_not_taken_back_by_what_is_not_there(
    place: int, trouble: Throttled | NotSent, paused_until: Instant, troubled_since: Instant
) -> None:
    """Of two documents one is not there and the other could not be asked for; which of them comes first says nothing."""
    queue = DeliveryQueue("erp", Making(), CallTerms(concurrent=2))
    queue.add([journals("A"), journals("B")], seconds(1))
    for call in queue.calls(seconds(1), 2):
        queue.took(call, [Uncertain("no answer")], seconds(1))
    (look_up,) = queue.calls(seconds(100), 2)
    queue.took(look_up, {look_up.documents[place].key: trouble}, seconds(100))
    assert (queue.pace.paused_until, queue.troubled_since) == (paused_until, troubled_since)
    assert queue.pace.is_broken == (trouble == NotSent(UNREACHABLE, "no connection"))


def test_what_becomes_unknown_within_a_second_is_looked_up_in_one_call() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=4))
    queue.add([journals(name) for name in "abcd"], seconds(1))
    for at, call in enumerate(queue.calls(seconds(1), 4)):
        queue.took(call, [Uncertain("no answer")], seconds(1.1) + at)
    assert queue.calls(seconds(1.2), 4) == []
    (look_up,) = queue.calls(seconds(2), 4)
    assert (look_up.kind, len(look_up.documents)) == (LOOK_UP, 4)


def test_a_look_up_says_which_documents_the_erp_had_whole() -> None:
    """So that what somebody left of one of them is not taken for one that never arrived; also where the store was lost."""
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=2))
    queue.add([journals("accepted"), journals("lost")], seconds(1))
    accepted, lost = queue.calls(seconds(1), 2)
    queue.took(accepted, [Taken("JE-1", DAY, is_posted=False)], seconds(1))
    published = queue.changed().answers
    queue.took(lost, [Uncertain("no answer")], seconds(1))
    (look_up,) = queue.calls(seconds(10), 2)
    assert (len(look_up.documents), look_up.accepted) == (2, frozenset({accepted.documents[0].key}))
    again = DeliveryQueue("books", Making(), CallTerms(), known=published)
    again.add([journals("accepted"), journals("lost")], seconds(20), probe_from=seconds(20))
    (probe,) = again.calls(seconds(20), 2)
    assert (len(probe.documents), probe.accepted) == (2, frozenset({accepted.documents[0].key}))


def test_a_rejection_of_what_was_accepted_is_published_and_a_mended_one_goes_again() -> None:
    """A person answers the file a day after it was written: one account is inactive, and of the other journal the month is closed."""
    queue = DeliveryQueue("books", Making(), CallTerms(documents=2))
    queue.add([journals("a"), journals("b")], seconds(1))
    play(queue, seconds(1), lambda each: Taken(each.key, DAY, is_posted=False))
    queue.changed()
    (look_up,) = queue.calls(seconds(86_400), 1)
    inactive, closed = RejectedData("ACCOUNT", "account is inactive"), RejectedPeriod("PERIOD", "June is closed")
    first, second = (each.key for each in look_up.documents)
    queue.took(look_up, {first: inactive, second: closed}, seconds(86_400))
    said = [(type(each).__name__, each.event_id.partition(".")[2]) for each in queue.changed().answers]
    assert said == [("PostingRejected", "1.data"), ("PostingRejected", "1.period")]
    assert queue.tally()[0] == {"rejected": 1}, "b is replaced"
    assert play(queue, seconds(86_400 + REFUSED_AGAIN_SECONDS), taken) == [("a",)]
    assert (queue.at_hand, [each.event_id.partition(".")[2] for each in queue.changed().answers]) == (0, ["2.posted"])


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"exchange_rate": 1}, "exchange_rate"),
        ({"exchange_rate": 1_000_000_001 * EXCHANGE_RATE_ONE}, "exchange_rate"),
        ({"tax_amount": -(10**18)}, "tax_amount"),
        ({"posted_on": date(1970, 1, 1)}, "posted_on"),
        ({"reference": ""}, "reference"),
    ],
    ids=str,
)
def test_an_invoice_of_which_the_erp_says_what_no_event_can_hold_is_rejected_alone(
    stated: dict[str, Any], field: str
) -> None:
    """A rate of 0.000000000001 where the least is 0.000000001; corrected there, it is posted at the next try."""
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([Given(INVOICE, "DE", ("odd",)), Given(INVOICE, "DE", ("plain",))], seconds(1))

    def says(document: Document) -> Outcome:
        assert isinstance(document, InvoiceDocument)
        found = Taken(document.statement_id, DAY, exchange_rate=EXCHANGE_RATE_ONE)
        return found._replace(**stated) if document.statement_id == "odd" else found

    play(queue, seconds(1), says)
    refused, posted = queue.changed().answers
    assert isinstance(refused, InvoiceRejected)
    assert (refused.statement_id, refused.code) == ("odd", "OUT_OF_BOUNDS")
    assert f" with {field}: " in refused.message
    assert isinstance(posted, InvoicePosted)
    assert posted.statement_id == "plain"
    play(queue, seconds(REFUSED_AGAIN_SECONDS + 2), taken)
    assert [each.event_id.rpartition(".")[2] for each in queue.changed().answers] == ["posted"]


def test_a_journal_with_a_date_that_no_event_can_hold_is_asked_for_again_and_never_halved() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([journals("a", "b")], seconds(1))
    (call,) = queue.calls(seconds(1), 1)
    queue.took(call, [Taken("JE-1", date(1970, 1, 1))], seconds(1))
    (again,) = queue.calls(seconds(10), 1)
    assert (again.kind, again.documents) == (LOOK_UP, call.documents)
    queue.took(again, {call.documents[0].key: Taken("JE-1", DAY)}, seconds(10))
    (answer,) = queue.changed().answers
    assert isinstance(answer, PostingAccepted)
    assert answer.journals == ("a", "b")


def test_what_waits_since_the_first_delivery_was_not_sent_and_may_go_into_files() -> None:
    """The ERP was down when delivery began; after a loss of the store nobody knows what was sent before."""
    for probe_from, sent in ((standings.NEVER_SENT, [FIRST.members]), (seconds(1), [])):
        queue = DeliveryQueue("books", Making(), CallTerms())
        queue.add([FIRST, journals("a")], seconds(1), probe_from=probe_from)
        parcels = tuple(each for each in queue.changed().parcels.values() if each is not None)
        in_files = DeliveryQueue("books", Making(), CallTerms(), StoredStandings(parcels=parcels), only=INVOICE)
        assert play(in_files, seconds(2), taken) == sent
        assert in_files.count_to_look_up(INVOICE) == 1 - len(sent)


def test_a_look_up_that_fails_rewrites_no_document() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([journals("a")], seconds(1))
    lose(queue, seconds(1), ended=seconds(1))
    queue.changed()
    (look_up,) = queue.calls(seconds(2), 1)
    queue.took(look_up, Uncertain("no answer"), seconds(3))
    assert not queue.changed()


def test_a_ticket_is_polled_for_its_documents_alone() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms(documents=2, concurrent=2))
    queue.add([journals(name) for name in "abcd"], seconds(1))
    for name, call in zip(("first", "second"), queue.calls(seconds(1), 2), strict=True):
        queue.took(call, [Submitted(name) for _ in call.documents], seconds(1))
    polls = queue.calls(seconds(6), 4)
    assert [(each.ticket, len(each.documents)) for each in polls] == [("first", 2), ("second", 2)]
    queue.took(polls[0], [taken(each) for each in polls[0].documents], seconds(6))
    assert (queue.at_hand, queue.awaits_the_erp) == (2, True)
    queue.took(polls[1], [taken(each) for each in polls[1].documents], seconds(6))
    assert (queue.at_hand, queue.awaits_the_erp) == (0, False)


def lose(queue: DeliveryQueue, now: Instant, *, ended: Instant) -> None:
    (call,) = queue.calls(now, 1)
    queue.took(call, [Uncertain("no answer")], ended)


def kept_of(queue: DeliveryQueue) -> StoredStandings:
    """What a store has that kept all changes so far."""
    changes = queue.changed()
    parcels = tuple(each for each in changes.parcels.values() if each is not None)
    return StoredStandings(parcels, tuple(each for each in changes.standings.values() if each is not None))


def test_of_a_statement_issued_again_before_it_went_the_last_revision_goes() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=3))
    queue.add([FIRST, SECOND], seconds(1))
    queue.add([THIRD], seconds(2))
    assert play(queue, seconds(3), taken) == [("S-1 revision 3",)]
    changes = queue.changed()
    assert [each.members for each in changes.ended if each.standing == standings.WITHDRAWN] == [
        ("S-1",),
        ("S-1 revision 2",),
    ]
    (answer,) = changes.answers
    assert isinstance(answer, InvoicePosted)
    assert answer.statement_id == "S-1"


def test_a_revision_waits_until_it_is_known_what_became_of_the_one_before() -> None:
    """Its call ends without an answer, and the ERP, asked a minute later, does not have it."""
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=3))
    queue.add([FIRST], seconds(1))
    (begun,) = queue.calls(seconds(1), 1)
    queue.add([SECOND], seconds(2))
    assert queue.calls(seconds(2), 1) == []
    queue.took(begun, [Uncertain("no answer")], seconds(3))
    assert play(queue, seconds(4), taken) == []
    assert play(queue, seconds(64), taken) == [("S-1 revision 2",)]


def test_a_revision_goes_once_the_one_before_is_refused() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=3))
    queue.add([FIRST], seconds(1))
    (begun,) = queue.calls(seconds(1), 1)
    queue.add([SECOND], seconds(2))
    queue.took(begun, [RejectedData("INACTIVE", "customer 55 is inactive")], seconds(3))
    assert play(queue, seconds(3), taken) == [("S-1 revision 2",)]


@pytest.mark.parametrize("is_posted", [True, False])
def test_an_invoice_that_the_erp_has_is_not_sent_again(is_posted: bool) -> None:
    """It is billed for 100.00, and issued again while its call is under way, and once more a day later, after a start."""
    making = Making()
    queue = DeliveryQueue("books", making, CallTerms(concurrent=3))
    queue.add([FIRST], seconds(1))
    (begun,) = queue.calls(seconds(1), 1)
    queue.add([SECOND], seconds(2))
    queue.took(begun, [Taken("INV-17", DAY, is_posted=is_posted)], seconds(3))
    assert play(queue, seconds(3), taken) == []
    changes = queue.changed()
    rejected = [each for each in changes.answers if isinstance(each, InvoiceRejected)]
    assert [(each.statement_id, each.code, each.message) for each in rejected] == [
        (
            "S-1",
            INVOICED_BEFORE,
            "the ERP has INV-17 of S-1, expected none of an earlier revision; credit it and bill again",
        )
    ]
    making.ledger = {each.key: each.reference for each in changes.settled}
    parcels = tuple(each for each in changes.parcels.values() if each is not None)
    documents = tuple(each for each in changes.standings.values() if each is not None)
    later = DeliveryQueue("books", making, CallTerms(concurrent=3), StoredStandings(parcels, documents))
    later.add([THIRD], seconds(REFUSED_AGAIN_SECONDS + 10))
    assert play(later, seconds(REFUSED_AGAIN_SECONDS + 10), taken) == []
    (third,) = later.changed().answers
    assert isinstance(third, InvoiceRejected)
    assert {each.event_id for each in changes.answers}.isdisjoint({third.event_id})


def test_after_the_loss_of_the_store_a_revision_knows_the_invoice_before() -> None:
    """The first of S-1 was published; that of S-2 stands in the ERP, and nobody had said so."""
    posted = answers.accepted(
        answers.AnswerSubject("books", INVOICE, ("S-1",), key_of(INVOICE, ["S-1"]), 1),
        [_invoice(Parcel(1, 1, *FIRST[:3]))],
        [Taken("INV-17", DAY)],
        seconds(1),
    )
    assert posted is not None
    queue = DeliveryQueue("books", Making(), CallTerms(), known=[posted])
    other = [Given(INVOICE, "DE", ("S-2",)), Given(INVOICE, "DE", ("S-2 revision 2",), supersedes=("S-2",))]
    queue.add([FIRST, SECOND, *other], seconds(2), probe_from=seconds(2))
    (asked,) = queue.calls(seconds(2), 1)
    queue.took(asked, {key_of(INVOICE, ["S-2"]): Taken("INV-18", DAY)}, seconds(3))
    assert play(queue, seconds(4), taken) == []
    said = [each for each in queue.changed().answers if isinstance(each, InvoicePosted | InvoiceRejected)]
    assert sorted((each.statement_id or "", type(each).__name__) for each in said) == [
        ("S-1", "InvoiceRejected"),
        ("S-2", "InvoicePosted"),
        ("S-2", "InvoiceRejected"),
    ]


def test_what_was_rejected_and_taken_back_before_it_came_is_not_sent() -> None:
    """Its store is lost; the ERP had refused both journals, alone and with another, and has none of the three."""
    refused = tuple(
        answers.rejected(
            answers.AnswerSubject("books", JOURNAL, (each,), key_of(JOURNAL, [each]), 2),
            answers.Rejection(answers.DATA, "INACTIVE", "department 12 is inactive"),
            None,
            seconds(1),
        )
        for each in ("alone", "taken-back")
    )
    queue = DeliveryQueue("books", Making(), CallTerms(), known=refused)
    given = [journals("alone"), journals("kept", "taken-back")]
    queue.add([each._replace(withdrawn=("alone", "taken-back")) for each in given], seconds(2), probe_from=seconds(2))
    assert play(queue, seconds(3), taken) == [("kept",)]
    assert queue.at_hand == 0


def test_a_reversal_waits_for_a_journal_whose_period_has_not_ended() -> None:
    """May goes by period, June by day: the journal of May is there when May is over, after the day of June with its reversal."""
    to_come = {"may"}
    reversal = journals("other", "reversal", reverses=(("reversal", "may"),))
    queue = DeliveryQueue("books", Making(), CallTerms(), is_to_come=to_come.__contains__)
    queue.add([reversal], seconds(1))
    assert play(queue, seconds(1), taken) == [("other",)]
    stored = tuple(each for each in queue.changed().parcels.values() if each is not None)
    queue = DeliveryQueue("books", Making(), CallTerms(), StoredStandings(stored), is_to_come=to_come.__contains__)
    assert play(queue, seconds(2), taken) == []
    to_come.clear()
    queue.add([journals("may")], seconds(3))
    assert play(queue, seconds(3), taken) == [("may",), ("reversal",)]


def test_after_the_loss_of_the_store_no_revision_goes_before_all_is_read() -> None:
    """The second was posted; the first is read again some turns before it, and the ERP does not have it."""
    second = answers.accepted(
        answers.AnswerSubject("books", INVOICE, SECOND.members, key_of(INVOICE, SECOND.members), 1),
        [_invoice(Parcel(1, 1, *SECOND[:3]))],
        [Taken("INV-17", DAY)],
        seconds(1),
    )
    assert second is not None
    queue = DeliveryQueue("books", Making(), CallTerms(), known=[second], is_read_again=True)
    queue.add([FIRST], seconds(2), probe_from=seconds(2))
    assert play(queue, seconds(3), taken) == []
    queue.add([SECOND], seconds(4), probe_from=seconds(2))
    queue.all_read(seconds(4))
    assert play(queue, seconds(5), taken) == []
    assert queue.at_hand == 0


def test_after_the_loss_of_the_store_a_reversal_goes_after_the_last_replacement() -> None:
    """J-1 was refused in a group that is looked up in pieces; that its replacement J-2 was refused too is known before that."""
    queue = DeliveryQueue(
        "books", Making(), CallTerms(), known=[refused_for_its_period("J-1"), refused_for_its_period("J-2")]
    )
    reversal = journals("reversal", reverses=(("reversal", "J-1"),))
    queue.add([journals("J-1", "other"), replacing("J-1", "J-2"), reversal], seconds(1), probe_from=seconds(1))
    assert play(queue, seconds(2), taken) == [("other",)]
    queue.add([replacing("J-2", "J-3")], seconds(3))
    assert play(queue, seconds(4), taken) == [("J-3",), ("reversal",)]
    assert queue.at_hand == 0


@pytest.mark.parametrize("first", ["J-1", "J-2"])
def test_after_the_loss_of_the_store_the_last_replacement_stands_for_all_before_it(first: str) -> None:
    """J-1 and J-2 are looked up in any order when J-3 is there, which is refused in its turn."""
    queue = DeliveryQueue(
        "books", Making(), CallTerms(), known=[refused_for_its_period("J-1"), refused_for_its_period("J-2")]
    )
    reversal = journals("reversal", reverses=(("reversal", "J-1"),))
    for one in (journals("J-1", "a"), replacing("J-1", "J-2", "b")):
        probe_from = seconds(2 if first in one.members else 3)
        queue.add([one], seconds(1), probe_from=probe_from)
    queue.add([replacing("J-2", "J-3"), reversal], seconds(1), probe_from=seconds(4))
    assert play(queue, seconds(2), refusing("J-3")) == [("a",) if first == "J-1" else ("b",)]
    play(queue, seconds(3), refusing("J-3"))
    assert play(queue, seconds(4), refusing("J-3")) == [("J-3",)]
    queue.add([replacing("J-3", "J-4")], seconds(5))
    assert play(queue, seconds(5), taken) == [("J-4",), ("reversal",)]


def replacing(replaced: str, *members: str) -> Given:
    """By the first of the members."""
    return journals(*members)._replace(replaces=((members[0], replaced),))


def refused_for_its_period(journal_id: str) -> answers.Answer:
    about = answers.AnswerSubject("books", JOURNAL, (journal_id,), key_of(JOURNAL, [journal_id]), 1)
    return answers.rejected(about, answers.Rejection(answers.PERIOD, "PERIOD", "June is closed"), None, seconds(1))


def refusing(journal_id: str) -> Callable[[Document], Outcome]:
    key = key_of(JOURNAL, [journal_id], "0")
    return lambda document: RejectedPeriod("PERIOD", "July is closed") if document.key == key else taken(document)


def test_look_ups_that_are_refused_are_trouble_as_sending_is() -> None:
    """The end of one document is unknown, and our user may not ask for it any more: nobody can wait for that."""
    queue = DeliveryQueue("books", Making(), CallTerms())
    queue.add([journals("a")], seconds(1))
    play_one(queue, seconds(1), Uncertain("no answer"))
    for now in range(2, 600):
        for call in queue.calls(seconds(now), 1):
            queue.took(call, NotSent(NOT_PERMITTED, "403"), seconds(now))
    assert not queue.is_done_for_now
    assert queue.troubled_since is not None
    assert queue.troubled_since < seconds(10), "since the first refusal"


def play_one(queue: DeliveryQueue, now: Instant, outcome: Outcome) -> None:
    (call,) = queue.calls(now, 1)
    queue.took(call, [outcome], now)


def test_a_company_that_has_nothing_to_do_keeps_no_place_empty() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms(concurrent=10))
    queue.add([journals("once", entity="US")], seconds(1))
    assert play(queue, seconds(1), taken) == [("once",)]
    queue.add([journals(f"of {number}") for number in range(40)], seconds(2))
    assert len(queue.calls(seconds(2), 10)) == 10


def probed(queue: DeliveryQueue, ledger: Collection[tuple[str, ...]], refuses: Callable[[int], bool]) -> list[int]:
    """How many documents each look-up asks for, until nothing is looked up any more; `refuses` those with these numbers."""
    asked: list[int] = []
    now = 1
    while calls := [each for now in range(now, now + 400) for each in queue.calls(seconds(now), 1)]:
        (call,) = calls
        if call.kind == SEND:
            break
        asked.append(len(call.documents))
        now += 400
        there = {
            each.key: Taken("JE", DAY)
            for each in call.documents
            if isinstance(each, JournalDocument) and each.members in ledger
        }
        queue.took(call, Throttled(1.0) if refuses(len(asked)) else there, seconds(now))
    return asked


def test_what_a_group_became_is_asked_for_in_pieces_that_the_erp_takes() -> None:
    """Of 64 journals 127 documents may have been made; every third call is throttled, and nothing that was found is asked for again."""
    queue = DeliveryQueue("books", Making(), CallTerms(looked_up=20))
    group = journals(*(f"j{number}" for number in range(64)))
    queue.add([group], seconds(1), probe_from=seconds(1))
    asked = probed(queue, (), lambda number: number % 3 == 0)
    assert max(asked) == 20
    assert sum(count for number, count in enumerate(asked, 1) if number % 3) == 127


def test_below_what_the_erp_has_nothing_is_asked_for() -> None:
    queue = DeliveryQueue("books", Making(), CallTerms(looked_up=20))
    group = journals(*(f"j{number}" for number in range(64)))
    queue.add([group], seconds(1), probe_from=seconds(1))
    assert probed(queue, [group.members], lambda _: False) == [1]


def test_of_what_a_group_became_those_that_were_not_found_out_are_asked_for_again() -> None:
    """The ERP has none of two journals that were sent together; of one of them the first look-up was throttled."""
    queue = DeliveryQueue("books", Making(), CallTerms(looked_up=20))
    queue.add([journals("a", "b")], seconds(1), probe_from=seconds(1))
    (whole,) = queue.calls(seconds(1), 1)
    queue.took(whole, {}, seconds(1))
    (halves,) = queue.calls(seconds(2), 1)
    second = halves.documents[1]
    queue.took(halves, {second.key: Throttled(1.0)}, seconds(2))
    assert queue.calls(seconds(2), 1) == []
    (again,) = queue.calls(seconds(3), 1)
    assert (again.kind, again.documents) == (LOOK_UP, (second,))
    queue.took(again, {}, seconds(3))
    assert play(queue, seconds(4), taken) == [("a", "b")]
    assert queue.tally()[0] == {}
