"""What a start finds on the topics and does not go on from; on a model of brokers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.decode_error import DecodeError
from connectors.kafka import overrides
from connectors.kafka.clients import Headers
from connectors.kafka.names import Names
from connectors.kafka.output_reader import OutputReader
from connectors.kafka.outputs import SHARD_TOPICS, KafkaOutputs
from connectors.kafka.partitions import LOOK_AGAIN_SECONDS, untold
from connectors.kafka.progress import WrittenProgress, from_bytes, to_bytes
from connectors.kafka.published import about, headers
from connectors.kafka.registry import SchemaIds
from connectors.kafka.resume import ResumeTarget, take_over
from state.batch import Encoded, Mark
from state.guards import (
    BROKER_UNREACHABLE,
    FENCED,
    HANGING_TRANSACTION,
    OTHER_GENERATION,
    PROGRESS_MISSING,
    TOPIC_CHANGED,
    TORN_OUTPUTS,
    WRONG_TOPIC_SETTINGS,
    GuardStop,
)
from state.overrides import Override
from tests.brokers import ABORTED, CONTROL, Brokers, Chances, ModelClients, fault

NAMES = Names("", "1")
IDS = SchemaIds.fixed("")
FRAME = IDS.frame("alerts", "Alert")


def frame_of(topic: str, type_name: str, _rules: int) -> bytes:
    return IDS.frame(topic, type_name)


TARGET = ResumeTarget(NAMES, 0, 2, "genesis", "1", frame_of, transaction_timeout=0.1, timeout=0.1)


class Log:
    """Without gaps; every record is as its number."""

    def place_of(self, number: int) -> int:
        return number + 1

    @property
    def traces(self) -> dict[int, list[tuple[str, bytes]]]:
        return {}

    def digest_before(self, number: int) -> str:
        return str(number - 1)


class Topics:
    """All that two shards write, on a model of brokers."""

    def __init__(self) -> None:
        self.brokers = Brokers(Random(1))
        self.clients = ModelClients(self.brokers)
        for topic in (NAMES.log, NAMES.progress, NAMES.overrides, *SHARD_TOPICS):
            self.brokers.create(topic, 2)

    def take_over(self, tell: Callable[[str], None] = untold, **other: Any) -> KafkaOutputs:
        return take_over(self.clients, TARGET._replace(**other), Log(), tell=tell).outputs

    def append(self, output_seq: int, before: int, shard: int = 0, generation: str = "1") -> None:
        """An alert that is just there."""
        told = headers(about(generation, shard, "Alert"), output_seq, before)
        self.brokers.append("alerts", 0, b"P", FRAME + b"body", told)

    def stop(self, **other: Any) -> GuardStop:
        with pytest.raises(GuardStop) as stop:
            self.take_over(**other)
        return stop.value


@pytest.fixture
def topics() -> Topics:
    return Topics()


def alert(output_seq: int, body: bytes = b"body") -> Encoded:
    return Encoded("alerts", "P", output_seq, "Alert", body)


def mark(offset: int, next_seq: int) -> Mark:
    return Mark(offset, "", 0, next_seq, b"in", b"out", {}, 0)


def write(outputs: KafkaOutputs, offset: int, *several: Encoded) -> None:
    outputs.write(several)
    outputs.commit(mark(offset, max(one.output_seq for one in several) + 1))


def test_progress_says_where_the_next_start_goes_on(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0), alert(3))
    again = topics.take_over()
    assert again.written is not None
    assert (again.written.offset, again.written.log_at, again.written.topics) == (5, 6, {"alerts": 3})
    assert (again.progress.offset, again.progress.next_seq, again.progress.output_chain) == (5, 4, b"out")


def test_a_topic_that_is_missing_is_named(topics: Topics) -> None:
    del topics.brokers.topics["alerts"]
    stop = topics.stop()
    assert (stop.code, "topics are missing: alerts" in stop.message) == (WRONG_TOPIC_SETTINGS, True)


def test_more_partitions_of_an_output_are_refused_once_something_is_in_them(topics: Topics) -> None:
    topics.brokers.create("alerts", 3)
    write(topics.take_over(), 5, alert(0))
    topics.brokers.append("alerts", 2, b"P", b"somebody's", [])
    stop = topics.stop()
    assert (stop.code, "alerts has 3 partitions, expected 2" in stop.message) == (TOPIC_CHANGED, True)


@pytest.mark.parametrize(("topic", "partitions"), [("alerts", 1), (NAMES.log, 3)])
def test_fewer_partitions_of_an_output_and_more_of_the_log_are_refused(
    topics: Topics, topic: str, partitions: int
) -> None:
    topics.brokers.create(topic, partitions)
    assert topics.stop().code == TOPIC_CHANGED


def test_brokers_that_do_not_answer_are_said_to(topics: Topics) -> None:
    silent = KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all brokers are down"))
    with patch.object(ModelClients, "topics", side_effect=silent):
        assert topics.stop().code == BROKER_UNREACHABLE


def test_another_log_under_the_same_outputs_is_refused(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0))
    assert topics.stop(genesis="another").code == OTHER_GENERATION


def leave_open(topics: Topics) -> None:
    """A stranger's transaction that never expires, however often it is looked at."""
    topics.brokers.chances = Chances(transaction_ticks=1 << 62)
    stranger = topics.clients.producer("stranger")
    stranger.init_transactions(1)
    stranger.begin_transaction()
    stranger.produce("alerts", b"x", b"", 0)
    stranger.poll(0)


def test_an_open_transaction_is_waited_for_no_longer_than_somebody_wants(topics: Topics) -> None:
    """The process is asked to stop after two looks; the progress that it would write first is not there."""
    leave_open(topics)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        take_over(topics.clients, TARGET, Log(), wait=wait)
    assert waited == [LOOK_AGAIN_SECONDS] * 2
    assert topics.brokers.partition(NAMES.progress, 0).committed() == []


def test_somebody_elses_open_transaction_is_waited_for_and_named(topics: Topics) -> None:
    leave_open(topics)
    told: list[str] = []
    with (
        patch("connectors.kafka.resume.TIMED_OUT_MARGIN_SECONDS", 0.1),
        patch("connectors.kafka.partitions.LOOK_AGAIN_SECONDS", 0.0),
        patch("connectors.kafka.partitions.WAITED_UNTOLD_SECONDS", 0.01),
    ):
        stop = topics.stop(tell=told.append)
    assert (stop.code, "alerts, partition 0" in stop.message) == (HANGING_TRANSACTION, True)
    (line,) = told
    assert line.startswith("alerts, partition 0: somebody's transaction is open at offset 0")


def test_an_output_that_progress_knows_and_nobody_has_stops_the_shard(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0), alert(3))
    topics.brokers.partition("alerts", 0).slots[1].state = CONTROL
    stop = topics.stop()
    assert stop.code == TORN_OUTPUTS
    assert "output 3 was written, the last one there is 0" in stop.message


def test_outputs_that_count_and_were_aborted_by_hand_are_written_again(topics: Topics) -> None:
    """What was aborted before it counted comes first; output 2 was made again then, with another body."""
    write(topics.take_over(), 5, alert(0))
    for number, before, body in ((2, 0, b"of another batch"), (2, 0, b"two"), (4, 2, b"four")):
        told = headers(about("1", 0, "Alert"), number, before)
        at = topics.brokers.append("alerts", 0, b"P", FRAME + body, told)
        topics.brokers.partition("alerts", 0).slots[at].state = ABORTED
    known = topics.take_over().written
    assert known is not None
    topics.brokers.append(NAMES.progress, 0, b"1", to_bytes(known._replace(topics={"alerts": 4}, next_output_seq=5)))
    assert topics.take_over().progress.next_seq == 5
    seen = [each.value for each in topics.brokers.partition("alerts", 0).committed()]
    assert seen == [FRAME + b"body", FRAME + b"two", FRAME + b"four"]


@pytest.mark.parametrize("left", [(2, 0), (4, 2)])
def test_where_one_of_them_is_gone_nothing_is_written(topics: Topics, left: tuple[int, int]) -> None:
    write(topics.take_over(), 5, alert(0))
    at = topics.brokers.append("alerts", 0, b"P", FRAME + b"body", headers(about("1", 0, "Alert"), *left))
    topics.brokers.partition("alerts", 0).slots[at].state = ABORTED
    known = topics.take_over().written
    assert known is not None
    topics.brokers.append(NAMES.progress, 0, b"1", to_bytes(known._replace(topics={"alerts": 4}, next_output_seq=5)))
    assert topics.stop().code == TORN_OUTPUTS
    assert len(topics.brokers.partition("alerts", 0).committed()) == 1


def test_a_hole_before_the_last_output_stops_the_shard(topics: Topics) -> None:
    write(topics.take_over(), 5, *(alert(number) for number in range(4)))
    topics.brokers.partition("alerts", 0).slots[2].state = "aborted"
    stop = topics.stop()
    assert (stop.code, "output 2, which comes before 3, is missing" in stop.message) == (TORN_OUTPUTS, True)


def test_a_topic_that_was_emptied_stops_the_shard(topics: Topics) -> None:
    """Topics of outputs keep everything, so nothing that is gone went with age."""
    write(topics.take_over(), 5, alert(0), alert(3))
    topics.brokers.partition("alerts", 0).start = 3
    stop = topics.stop()
    assert (stop.code, "output 3 was written, the last one there is none" in stop.message) == (TORN_OUTPUTS, True)


def test_a_topic_that_lost_its_beginning_stops_the_shard(topics: Topics) -> None:
    """Also where its end, which is what a start reads, is whole."""
    write(topics.take_over(), 5, *(alert(number) for number in range(600)))
    topics.brokers.partition("alerts", 0).start = 3
    stop = topics.stop()
    assert stop.code == TORN_OUTPUTS
    assert "begins at offset 3 with output 3 now; what stood before it is missing" in stop.message


def test_what_was_missing_at_the_beginning_is_not_missed_again(topics: Topics) -> None:
    """`repair` has written it after the others, and says from where on the topic is whole."""
    write(topics.take_over(), 5, *(alert(number) for number in range(4)))
    known = topics.take_over().written
    assert known is not None
    topics.brokers.partition("alerts", 0).start = 3
    for number in range(3):
        topics.append(number, number - 1)
    assert topics.stop().code == TORN_OUTPUTS
    topics.brokers.append(NAMES.progress, 0, b"1", to_bytes(known._replace(starts={"alerts": 3})))
    again = topics.take_over()
    write(again, 6, alert(4))
    assert again.written is not None
    assert again.written.starts == {"alerts": 3}
    topics.brokers.partition("alerts", 0).start = 4
    assert topics.stop().code == TORN_OUTPUTS


def test_a_beginning_of_an_earlier_generation_may_go(topics: Topics) -> None:
    topics.append(0, -1, generation="0")
    topics.append(1, 0, generation="0")
    write(topics.take_over(), 5, alert(0), alert(3))
    topics.brokers.partition("alerts", 0).start = 1
    assert topics.take_over().progress.next_seq == 4


@pytest.mark.parametrize(("shard", "said"), [(1, "holds an output of shard 1"), (0, "output 3 is there twice")])
def test_what_the_shard_cannot_have_written_stops_it(topics: Topics, shard: int, said: str) -> None:
    write(topics.take_over(), 5, alert(0), alert(3))
    topics.append(3, 0, shard=shard)
    stop = topics.stop()
    assert (stop.code, said in stop.message) == (TORN_OUTPUTS, True)


def test_outputs_of_an_earlier_generation_stand_before_ours(topics: Topics) -> None:
    topics.append(7, 6, generation="0")
    assert topics.take_over().progress.next_seq == 0


def test_a_generation_that_was_replaced_does_not_go_on(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0))
    topics.append(0, -1, generation="2")
    stop = topics.stop()
    assert (stop.code, "generation 2 has written after generation 1" in stop.message) == (OTHER_GENERATION, True)


def test_a_new_generation_fences_whoever_still_writes_for_the_old(topics: Topics) -> None:
    old = topics.take_over()
    second = Names("", "2")
    for topic in (second.log, second.progress, second.overrides):
        topics.brokers.create(topic, 2)
    new = take_over(topics.clients, TARGET._replace(names=second), Log())
    assert new.outputs.written is not None
    with pytest.raises(GuardStop) as stop:
        write(old, 5, alert(0))
    assert stop.value.code == FENCED


def test_who_is_fenced_in_the_middle_of_a_batch_hears_that_and_not_that_brokers_are_away(topics: Topics) -> None:
    """The client learns of it between two of a hundred outputs, takes no more, and does not say why."""
    outputs = topics.take_over()
    topics.take_over()
    with pytest.raises(GuardStop, match="another process has taken it over") as stop:
        outputs.write([alert(number) for number in range(100)])
    assert stop.value.code == FENCED


def test_a_commit_that_comes_between_the_two_steps_of_a_fence_is_fenced(topics: Topics) -> None:
    """The broker takes it for a fault of its own, and nothing of it counts."""
    outputs = topics.take_over()
    inside = fault(KafkaError.UNKNOWN, "EndTxn commit failed: Unknown broker error")
    with patch.object(topics.brokers, "end", side_effect=inside), pytest.raises(GuardStop) as stop:
        write(outputs, 5, alert(0))
    assert stop.value.code == FENCED
    assert topics.take_over().progress.offset == 0


def test_what_is_passed_over_is_read_when_nobody_can_change_it(topics: Topics) -> None:
    """The operator's `skip` takes the shard over, too: it comes before this start, or fails."""
    skip = topics.clients.producer(NAMES.shard_writer(0))
    skip.init_transactions(1)

    def read() -> dict[tuple[int, str], Override]:
        with pytest.raises(GuardStop, match="another process has taken it over") as stop:
            overrides.write(skip, NAMES, 0, Override(7, "", "why", "as", "by"), 1)
        assert stop.value.code == FENCED
        return {}

    assert take_over(topics.clients, TARGET, Log(), read).passed_over == {}


def test_what_is_visible_early_is_compared_and_written_once(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0))
    topics.append(2, 0)
    outputs = topics.take_over()
    assert outputs.early_count == 1
    write(outputs, 9, alert(2), alert(4))
    assert outputs.suppressed == 1
    values = [slot.headers[3] for slot in topics.brokers.partition("alerts", 0).committed()]
    assert values == [("ce_id", b"0"), ("ce_id", b"2"), ("ce_id", b"4")]


def test_what_is_visible_early_with_other_bytes_stops_the_shard(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0))
    topics.append(2, 0)
    with pytest.raises(GuardStop, match="was written with other bytes"):
        topics.take_over().write([alert(2, b"other")])


def test_far_more_outputs_than_progress_knows_are_lost_progress(topics: Topics) -> None:
    topics.take_over()
    for number in range(5):
        topics.append(number, number - 1)
    assert topics.stop(early_max=4).code == PROGRESS_MISSING
    assert topics.take_over(early_max=5).early_count == 5


def test_one_output_without_progress_is_lost_progress(topics: Topics) -> None:
    """A shard writes progress before anything else."""
    topics.append(0, -1)
    assert topics.stop().code == PROGRESS_MISSING


def test_progress_that_cannot_be_read_stops_the_shard(topics: Topics) -> None:
    topics.brokers.append(NAMES.progress, 0, b"1", b"{}")
    assert topics.stop().code == PROGRESS_MISSING


def named(topics: Topics, **foreign: list[int]) -> None:
    """Progress as `milepost repair --foreign` leaves it."""
    known: WrittenProgress = from_bytes(topics.brokers.partition(NAMES.progress, 0).committed()[-1].value or b"")
    topics.brokers.append(NAMES.progress, 0, b"1", to_bytes(known._replace(foreign=foreign)))


JUNK = [("ce_source", b"somebody")]


@pytest.mark.parametrize("told", [JUNK, headers(about("1", 1, "Alert"), 9, 3), headers(about("1", 0, "Alert"), 3, 0)])
def test_what_somebody_else_has_written_is_passed_over_once_it_is_named(topics: Topics, told: Headers) -> None:
    """Junk, an output of another shard, an output that is there already; what comes after it is looked at as before."""
    write(topics.take_over(), 5, alert(0), alert(3))
    at = topics.brokers.append("alerts", 0, b"P", FRAME + b"body", told)
    stop = topics.stop()
    assert (stop.code, f"alerts, partition 0, offset {at}: " in stop.message) == (TORN_OUTPUTS, True)
    assert "milepost repair --shard 0 --dry-run" in stop.message
    named(topics, alerts=[at])
    outputs = topics.take_over()
    write(outputs, 6, alert(4))
    assert outputs.written is not None
    assert outputs.written.foreign == {"alerts": [at]}
    second = topics.brokers.append("alerts", 0, b"P", b"more of it", JUNK)
    assert f"offset {second}: " in topics.stop().message
    named(topics, alerts=[at, second])
    assert topics.take_over().progress.next_seq == 5


def test_a_record_that_only_says_it_is_of_another_generation_can_be_named(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0))
    topics.append(0, -1, generation="9")
    stop = topics.stop()
    assert (stop.code, "alerts, partition 0, offset 2: generation 9" in stop.message) == (OTHER_GENERATION, True)
    named(topics, alerts=[2])
    assert topics.take_over().progress.next_seq == 1


def test_what_is_named_does_not_hide_what_was_cut_off(topics: Topics) -> None:
    """The first record that is left is foreign, the one after it is ours."""
    outputs = topics.take_over()
    write(outputs, 5, alert(0))
    junk = topics.brokers.append("alerts", 0, b"P", b"junk", JUNK)
    write(outputs, 6, *(alert(number) for number in range(1, 600)))
    named(topics, alerts=[junk])
    assert topics.take_over().progress.next_seq == 600
    topics.brokers.partition("alerts", 0).start = junk
    stop = topics.stop()
    assert (stop.code, "with output 1 now" in stop.message) == (TORN_OUTPUTS, True)


def test_whoever_reads_outputs_passes_over_what_is_named(topics: Topics) -> None:
    write(topics.take_over(), 5, alert(0))
    junk = topics.brokers.append("alerts", 0, b"P", b"junk", JUNK)
    for foreign, found in (({}, None), ({"alerts": [junk]}, 3)):
        with closing(OutputReader(topics.clients, NAMES, 0, {"alerts": 0}, timeout=0.1)) as reader:
            reader.pass_over(foreign)
            if found is None:
                with pytest.raises(DecodeError):
                    reader.peek("alerts")
                topics.append(3, 0)
            else:
                seen = reader.peek("alerts")
                assert seen is not None
                assert seen.output_seq == found
