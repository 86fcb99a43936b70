"""The log on a topic: numbers are dense, offsets are not; what does not fit stops the shard with a reason."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from connectors.kafka.log import KafkaLog
from connectors.kafka.names import GENESIS_KEY, Names
from connectors.log_records import StoredRecord
from state.guards import BROKER_UNREACHABLE, LOG_DAMAGED, LOG_MISSING, TOPIC_CHANGED, GuardStop
from tests.brokers import Brokers, Chances, ModelClients
from tests.folding import Logged, log_records
from tests.intake_inputs import entity
from tests.kafka.given_log import LogGiver, as_stored, numbered

NAMES = Names("", "1")


class Topic:
    """A log of one partition, on a model of brokers."""

    def __init__(self) -> None:
        self.brokers = Brokers(Random(1))
        self.brokers.create(NAMES.log, 1)
        self.clients = ModelClients(self.brokers)
        self.giver = LogGiver(self.clients, NAMES, 1)
        self.giver.begin()

    def log(self) -> KafkaLog:
        return KafkaLog(self.clients, NAMES.log, 0, timeout=1.0)

    def append(self, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.brokers.append(NAMES.log, 0, key, value, headers)


@pytest.fixture
def topic() -> Topic:
    return Topic()


def some(count: int, engagement_id: str = "E") -> list[StoredRecord]:
    return log_records(Logged(engagement_id, entity("2026-03-02 09:00")) for _ in range(count))


def guarded(call: Any) -> GuardStop:
    with pytest.raises(GuardStop) as stop:
        call()
    return stop.value


def test_records_are_numbered_from_zero_whatever_offsets_the_transactions_left(topic: Topic) -> None:
    """Each transaction leaves an offset without a record after it."""
    records = some(10)
    topic.giver.give(0, records, a_transaction=3)
    log = topic.log()
    assert log.read(0) == records
    assert [log.place_of(number) for number in (0, 3, 9, 10)] == [2, 6, 14, 15]


def test_what_is_not_folded_is_given_again(topic: Topic) -> None:
    records = some(6)
    topic.giver.give(0, records)
    log = topic.log()
    assert log.read(0, max_records=4) == records[:4]
    assert log.read(2, max_records=3) == records[2:4]
    assert log.read(4) == records[4:]
    assert log.read(6) == []


def test_a_batch_is_bounded_by_bytes_but_holds_one_record(topic: Topic) -> None:
    records = some(6)
    topic.giver.give(0, records)
    size = len(records[0].body)
    assert len(topic.log().read(0, max_bytes=3 * size)) == 3
    assert len(topic.log().read(0, max_bytes=1)) == 1


@pytest.mark.parametrize("a_transaction", [1, 7, 100])
def test_any_number_is_found_again(topic: Topic, a_transaction: int) -> None:
    """Without a hint, and with what progress remembers of a place further on."""
    records = some(100)
    topic.giver.give(0, records, a_transaction)
    whole = topic.log()
    whole.read(0)
    for number in (0, 1, 6, 7, 50, 99):
        assert topic.log().read(number)[0].offset == number
        hinted = topic.log()
        hinted.remember(80, whole.place_of(80))
        assert hinted.read(number)[0].offset == number
    assert topic.log().read(100) == []


def test_brokers_that_fall_silent_are_not_waited_for_for_ever(topic: Topic) -> None:
    """A second, as long as a question may take here."""
    topic.giver.give(0, some(3))
    log = topic.log()
    assert len(log.read_on(0)) == 3
    assert log.read_on(3) == []
    topic.brokers.chances = Chances(no_answer=1.0)
    stop = guarded(lambda: log.read_patiently(1, 10, 1_000))
    assert stop.code == BROKER_UNREACHABLE
    assert "no answer for 1 seconds about engagement.log.1, partition 0" in stop.message


def test_a_log_without_its_genesis_is_refused(topic: Topic) -> None:
    topic.brokers.create(NAMES.log, 1)
    assert guarded(topic.log).code == LOG_MISSING
    topic.append(b"E", as_stored(some(1)[0]), numbered(some(1)[0]))
    assert guarded(topic.log).code == TOPIC_CHANGED


def test_a_log_that_was_cut_off_behind_the_reader_is_noticed(topic: Topic) -> None:
    topic.giver.give(0, some(10))
    log = topic.log()
    log.read(0, max_records=2)
    topic.brokers.partition(NAMES.log, 0).start = 9
    stop = guarded(lambda: [log.read(2), log.read(7)])
    assert (stop.code, "was expected at offset" in stop.message) == (TOPIC_CHANGED, True)


@pytest.mark.parametrize(
    ("headers", "key", "value", "said"),
    [
        ([("n", b"0")], b"E", b"", "cannot be read"),
        ([("n", b"1")], b"E", None, "expected number 0, found 1: records are missing, or twice"),
        ([], b"E", None, "the record has no number"),
        ([("n", b"-1")], b"E", None, "the record has no number"),
        ([("n", b"0")], b"F", None, "has another key than its engagement E"),
        ([("n", b"0")], b"E", b"\x00" * (3 * 1024 * 1024 + 1), "expected at most 3,145,728 bytes"),
    ],
)
def test_a_record_that_intake_cannot_have_written_stops_the_shard(
    topic: Topic, headers: list[tuple[str, bytes]], key: bytes, value: bytes | None, said: str
) -> None:
    topic.append(key, as_stored(some(1)[0]) if value is None else value, headers)
    stop = guarded(lambda: topic.log().read(0))
    assert stop.code == LOG_DAMAGED
    assert said in stop.message
    assert f"{NAMES.log}, partition 0, offset 2" in stop.message


def test_what_comes_before_a_damaged_record_of_the_same_batch_is_read(topic: Topic) -> None:
    records = some(4)
    topic.giver.give(0, records)
    topic.append(b"E", as_stored(records[3]), numbered(records[3]))
    topic.giver.give(0, some(5)[4:])
    seen: list[int] = []
    log = KafkaLog(topic.clients, NAMES.log, 0, 1.0, lambda number, _value: seen.append(number))
    assert "expected number 4, found 3" in guarded(lambda: log.read(0)).message
    assert log.read(0) == records
    assert seen[:4] == [0, 1, 2, 3]


def test_headers_of_tracing_beside_the_number_of_some(topic: Topic) -> None:
    records = some(3)
    topic.giver.give(0, records[:1])
    trace = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    topic.append(b"E", as_stored(records[1]), [*numbered(records[1]), trace])
    topic.giver.give(0, records[2:])
    log = topic.log()
    assert log.read(0) == records
    assert log.traces == {1: [trace]}


def test_a_record_that_is_longer_than_what_it_says_stops_the_shard(topic: Topic) -> None:
    topic.append(b"E", as_stored(some(1)[0]) + b"\x00", [("n", b"0")])
    assert guarded(lambda: topic.log().read(0)).code == LOG_DAMAGED


def test_the_genesis_is_not_a_record(topic: Topic) -> None:
    topic.giver.give(0, some(1))
    assert topic.brokers.partition(NAMES.log, 0).slots[0].key == GENESIS_KEY
    assert [one.offset for one in topic.log().read(0)] == [0]
