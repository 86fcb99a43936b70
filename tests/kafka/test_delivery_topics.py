"""Delivery's topics on a real broker: every output comes once, one process claims and publishes, and answers are found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from connectors.erp.adapter import TraceContext
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.delivery_rounds import last_rounds
from connectors.kafka.lag import lags
from connectors.kafka.log_writer import Produced
from connectors.kafka.published import about, headers
from connectors.kafka.registry import SchemaIds
from connectors.kafka.rights import ANSWERS
from connectors.kafka.transactions import Transactions
from connectors.log_records import StoredRecord
from dataflows.accounting_kafka import run
from dataflows.delivery import Came
from dataflows.delivery_kafka import KafkaBooks
from domain.delivery.calls import Intent
from domain.events.finance import InvoicePosted, PostingAccepted
from domain.outputs import ControlTotals, JournalEntry
from state.guards import FENCED, OTHER_GENERATION, TOPIC_CHANGED, GuardStop
from tests.folding import Logged, log_records
from tests.kafka.firm import Site, Until, simulated, site
from tests.kafka.given_log import LogGiver, divided
from tests.kafka.servers import until
from tests.servers.kafka import Broker

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WHEN = 1_775_000_000_000_000


class Firm(NamedTuple):
    """Two shards whose journals stand on the topics."""

    site: Site
    told: list[str]

    def books(self, erp: str = "books") -> KafkaBooks:
        kafka = self.site.settings
        return KafkaBooks(self.site.clients, kafka, SchemaIds.fixed(kafka.prefix), erp, self.told.append)


@pytest.fixture
def firm(broker: Broker, own_name: str, tmp_path: Path) -> Firm:
    made = site(broker, own_name, tmp_path / "stores")
    wanted = ["delivery", *ANSWERS]
    topics.create(made.clients, [topics.planned(topics.BY_NAME[name], made.settings) for name in wanted])
    parts = divided(simulated(), 2)
    giver = made.giver()
    for number, part in enumerate(parts):
        giver.give(number, part)
    end = Until({number: len(part) for number, part in enumerate(parts)})
    run(made.job(), end.reached, end.on_commit)
    return Firm(made, [])


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def all_of(books: KafkaBooks) -> list[Came]:
    found: list[Came] = []

    def read() -> bool:
        found.extend(books.read())
        return books.is_at_end

    until(read)
    return found


def intent(key: str) -> Intent:
    return Intent(key, "LE", 1, "hash", WHEN)


def accepted(journal_id: str) -> PostingAccepted:
    return PostingAccepted(
        event_id=f"accepted/{journal_id}",
        occurred_at=WHEN,
        source="delivery/books",
        correlation_id="C-7",
        erp="books",
        attempt=1,
        erp_reference="4711",
        posted_on=date(2026, 4, 1),
        journal_id=journal_id,
    )


def test_every_journal_and_every_mark_comes_once(firm: Firm, held: ExitStack) -> None:
    """All that the shards wrote to these topics, in their order by shard; a second process goes on in the middle."""
    first = held.enter_context(firm.books())
    first.begin({})
    found = all_of(first)
    for shard in range(2):
        said = firm.site.read(shard)
        for topic, kind in (("erp.postings", JournalEntry), ("control.totals", ControlTotals)):
            ours = [each for each in found if each.partition == f"{topic}/{shard}"]
            assert [each.position.output_seq for each in ours] == [each.output_seq for each in said[topic]]
            assert ours
            assert {type(each.record) for each in ours} == {kind}
    middle = found[: len(found) // 2]
    second = held.enter_context(firm.books())
    second.begin({each.partition: each.following for each in middle})
    places = [(each.partition, each.position.output_seq) for each in (*middle, *all_of(second))]
    assert sorted(places) == sorted((each.partition, each.position.output_seq) for each in found)
    assert len(set(places)) == len(places)


def test_lag_says_what_delivery_has_not_read(firm: Firm, held: ExitStack) -> None:
    """Of each ERP account by itself, from what it said before its last round of calls."""
    ahead, late = held.enter_context(firm.books("ahead")), held.enter_context(firm.books("late"))
    for books in (ahead, late):
        books.begin({})
    late.read()
    late.claim([intent("MP1")])
    all_of(ahead)
    ahead.read()
    ahead.claim([intent("MP2")])
    clients, names = firm.site.clients, firm.site.names
    topics.create(clients, [topics.planned(topics.BY_NAME["directory"], firm.site.settings)])
    found = [each for each in lags(clients, names, 30) if each.topic == "erp.postings"]
    written = [len(firm.site.read(shard)["erp.postings"]) for shard in range(2)]
    assert [(each.dataflow, each.partition, each.records) for each in found][:2] == [
        ("delivery/ahead", 0, 0),
        ("delivery/ahead", 1, 0),
    ]
    assert [each.records >= count for each, count in zip(found[2:], written, strict=True)] == [True, True]
    assert all(each.seconds > 0 for each in found[2:])


def test_a_second_process_takes_over_before_it_calls(firm: Firm, held: ExitStack) -> None:
    first, other = held.enter_context(firm.books()), held.enter_context(firm.books("another account"))
    first.claim([intent("MP1")])
    second = held.enter_context(firm.books())
    for late in (lambda: first.claim([intent("MP2")]), lambda: first.publish([accepted("J-1")])):
        with pytest.raises(GuardStop) as stop:
            late()
        assert stop.value.code == FENCED
    other.claim([intent("MP3")])
    second.claim([intent("MP4")])
    rounds = last_rounds(firm.site.clients, firm.site.names, 30)
    assert {erp: [call.key for call in found.calls] for erp, found in rounds.items()} == {
        "books": ["MP4"],
        "another account": ["MP3"],
    }
    assert list(second.answered()) == []


def test_calls_of_a_process_that_was_killed_are_waited_for(firm: Firm, held: ExitStack) -> None:
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 2

    first = held.enter_context(firm.books())
    first.await_calls(3_600, stopped)
    assert asked == []
    first.claim([intent("MP1")])
    held.enter_context(firm.books()).await_calls(3_600, stopped)
    assert len(asked) == 3
    assert firm.told == [
        "the process before this one did not end in order: calls that it had begun may go on for 3600 seconds and are waited for"
    ]


def test_after_an_end_in_order_nothing_is_waited_for(firm: Firm, held: ExitStack) -> None:
    first = held.enter_context(firm.books())
    first.claim([intent("MP1")])
    first.ended()
    held.enter_context(firm.books()).await_calls(3_600, lambda: pytest.fail("it waits"))


def test_answers_are_found_in_the_log_and_on_the_topics(firm: Firm, held: ExitStack) -> None:
    """One that intake took comes once, though it stands in both."""
    posted = InvoicePosted(
        event_id="posted/S-1",
        occurred_at=WHEN,
        source="delivery/books",
        invoice_id="INV-1",
        posted_on=date(2026, 4, 1),
        amount=1_000_000,
        statement_id="S-1",
    )
    books = held.enter_context(firm.books())
    books.publish([accepted("J-1"), posted, accepted("J-2")])
    books.publish([])
    records: list[StoredRecord] = log_records([Logged("E-1", accepted("J-1"))])
    taken = [each._replace(offset=len(divided(simulated(), 2)[0])) for each in records]
    LogGiver(firm.site.clients, firm.site.names, 2).give(0, taken)
    found = list(books.answered())
    assert sorted(each.event_id for each in found) == ["accepted/J-1", "accepted/J-2", "posted/S-1"]
    assert posted in found
    assert accepted("J-2") in found


def test_what_no_shard_wrote_is_passed_over_and_said(firm: Firm, held: ExitStack) -> None:
    """A forged journal would go into the books."""
    clients, names = firm.site.clients, firm.site.names
    topic = names.shared("erp.postings")
    last = firm.site.read(0)["erp.postings"][-1]
    frame = SchemaIds.fixed(firm.site.settings.prefix).frame("erp.postings", "JournalEntry")
    forged = [
        ("JournalEntry", [], frame + last.body),
        ("ProjectView", headers(about(names.generation, 0, "ProjectView"), 10**6, -1), frame + last.body),
        ("of shard 1", headers(about(names.generation, 1, "JournalEntry"), 10**6, -1), frame + last.body),
        ("no body", headers(about(names.generation, 0, "JournalEntry"), 10**6, -1), frame + b"?"),
    ]
    books = held.enter_context(firm.books())
    books.begin({})
    before = len(all_of(books))
    write(clients, [(topic, value, told) for _, told, value in forged])
    again = held.enter_context(firm.books())
    again.begin({})
    assert len(all_of(again)) == before
    assert len(firm.told) == 4
    assert all("passed over, as no shard of ours wrote it" in each for each in firm.told)


def write(clients: KafkaClients, records: list[tuple[str, bytes, list[tuple[str, bytes]]]]) -> None:
    transactions = Transactions(clients, f"{clients.settings.prefix}forger", 30)
    transactions.begin()
    transactions.produce(Produced(topic, value, b"key", 0, told) for topic, value, told in records)
    transactions.commit()


def test_a_newer_generation_takes_the_place_of_ours(firm: Firm, held: ExitStack) -> None:
    names = firm.site.names
    last = firm.site.read(0)["erp.postings"][-1]
    frame = SchemaIds.fixed(firm.site.settings.prefix).frame("erp.postings", "JournalEntry")
    told = headers(about("next", 0, "JournalEntry"), 0, -1)
    books = held.enter_context(firm.books())
    books.begin({})
    all_of(books)
    write(firm.site.clients, [(names.shared("erp.postings"), frame + last.body, told)])
    with pytest.raises(GuardStop) as stop:
        until(lambda: bool(books.read()))
    assert stop.value.code == OTHER_GENERATION


def test_a_topic_that_was_made_again_gives_nothing_twice(firm: Firm, held: ExitStack) -> None:
    """`milepost repair` fills it with the same outputs at other offsets; what was not given yet comes."""
    books = held.enter_context(firm.books())
    books.begin({})
    found = [each for each in all_of(books) if each.partition == "erp.postings/0"]
    given = found[:5]
    _, offset, last = given[-1].following.rsplit(":", 2)
    again = held.enter_context(firm.books())
    again.begin({"erp.postings/0": f"another id:{offset}:{last}"})
    left = [each for each in all_of(again) if each.partition == "erp.postings/0"]
    assert [each.position for each in left] == [each.position for each in found[5:]]


def test_a_topic_that_was_cut_off_stops(firm: Firm, held: ExitStack) -> None:
    books = held.enter_context(firm.books())
    books.begin({})
    all_of(books)
    topic = firm.site.clients.topics([firm.site.names.shared("erp.postings")])
    (state,) = topic.values()
    assert state is not None
    with pytest.raises(GuardStop) as stop:
        held.enter_context(firm.books()).begin({"erp.postings/0": f"{state.id}:1000000:9"})
    assert stop.value.code == TOPIC_CHANGED
    assert "expected offset 1000000 next" in stop.value.message


def test_the_trace_of_a_journal_comes_with_it(firm: Firm, held: ExitStack) -> None:
    """With the correlation id of the event that it follows from."""
    names = firm.site.names
    last = firm.site.read(0)["erp.postings"][-1]
    frame = SchemaIds.fixed(firm.site.settings.prefix).frame("erp.postings", "JournalEntry")
    told = [*headers(about(names.generation, 0, "JournalEntry"), 10**6, -1), ("traceparent", PARENT.encode())]
    write(firm.site.clients, [(names.shared("erp.postings"), frame + last.body, told)])
    books = held.enter_context(firm.books())
    books.begin({})
    *_, traced = [each for each in all_of(books) if each.partition == "erp.postings/0"]
    assert traced.trace == TraceContext(PARENT, "", traced.position.correlation_id or "")
