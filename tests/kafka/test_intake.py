"""Domain topics into the log: in one order, with days that end by themselves, and stops where something does not agree."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.files.engagement_log import EngagementLog
from connectors.kafka import intake_plan
from connectors.kafka.clients import KafkaClients
from connectors.kafka.directory import TRANSACTION
from connectors.kafka.domain_messages import DomainMessage
from connectors.kafka.log_writer import Produced
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from dataflows.intake import IntakeBatch, IntakeEffects, KafkaIntake
from domain.events.control import IntakeNoticed
from domain.events.delivery import TimeApproved
from domain.events.reference import DayEnded
from state.genesis import Genesis
from state.guards import (
    HANGING_TRANSACTION,
    OTHER_GENERATION,
    POISON,
    PROGRESS_MISSING,
    TOPIC_CHANGED,
    TORN_OUTPUTS,
    WRONG_TOPIC_SETTINGS,
    GuardStop,
)
from tests.forked import Forked
from tests.intake_inputs import activated, at, customer, entity, line_of, signed, worked
from tests.kafka.intake_story import DOMAIN, story
from tests.kafka.intake_world import MORNING, SECOND, TABLES, World, types_of, until_idle
from tests.kafka.servers import PATIENCE
from tests.plain_intake import run_plain
from tests.servers.kafka import Broker

WHEN = "2026-03-02 09:00"
HOUR = 3600 * SECOND


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "store")
    made.make_topics(DOMAIN)
    yield made
    made.delete()


@pytest.fixture
def small(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    """One partition of everything."""
    made = World(broker.bootstrap, own_name, tmp_path / "store", partitions=1)
    made.make_topics(DOMAIN, partitions=1)
    yield made
    made.delete()


def stopped(world: World) -> GuardStop:
    with pytest.raises(GuardStop) as stop:
        world.run()
    return stop.value


# Order


def test_topics_are_merged_by_time_and_reference_data_goes_to_every_partition(world: World) -> None:
    """Sent topic by topic, with times that say another order; ties: reference, contracts, the rest."""
    for topic, event, seconds in (
        ("psa.time", worked(WHEN, "T-2", "P-1"), 30),
        ("psa.time", worked(WHEN, "T-3", "P-1"), 40),
        ("psa.projects", activated(WHEN, "P-1"), 10),
        ("crm.contracts", signed(WHEN, "C-1", "P-1"), 30),
        ("finance.reference", entity(WHEN), 5),
        ("finance.reference", customer(WHEN), 30),
    ):
        world.send_at(seconds, topic, event)
    world.run()
    found = world.log()
    assert [["* LegalEntityDefined", "* CustomerDefined"]] * 3 + [
        [
            "* LegalEntityDefined",
            "P-1 ProjectActivated",
            "* CustomerDefined",
            "P-1 ContractSigned",
            *["P-1 TimeApproved"] * 2,
        ]
    ] == sorted(types_of(found), key=len)
    recorded = [each.event.recorded_at for each in max(found, key=len)]
    assert recorded == [MORNING + seconds * SECOND for seconds in (5, 10, 30, 30, 30, 40)]


def test_a_partition_far_ahead_of_the_others_is_held_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kilobytes are held of each: most of the work stays with the brokers until its time has come."""
    monkeypatch.setattr("connectors.kafka.domain_topics.HELD_BYTES_ALL", 1)
    monkeypatch.setattr("connectors.kafka.domain_topics.HELD_BYTES_MIN", 2_000)
    monkeypatch.setattr("connectors.kafka.domain_topics.AT_ONCE", 40)
    world.send_at(1, "psa.projects", activated(WHEN, "P-1"))
    world.send(*(worked(WHEN, f"T-{number}", "P-1") for number in range(800)))
    world.send_at(400, "finance.reference", customer(WHEN, "K-1"))
    world.send_at(900, "finance.reference", customer(WHEN, "K-2"))
    held: list[int] = []
    with world.intake(records_max=50) as intake:
        intake._topics._hold_back = counted(intake._topics._hold_back, held, intake)  # type: ignore[method-assign]
        world.take_all(intake)
    (found,) = [each for each in world.log() if len(each) > 2]
    recorded = [each.event.recorded_at or 0 for each in found]
    assert recorded == sorted(recorded)
    assert [each.stored.type for each in found].index("CustomerDefined") == 399
    taken = [each.event.entry_id for each in found if isinstance(each.event, TimeApproved)]
    assert sorted(taken) == sorted(f"T-{number}" for number in range(800))
    assert max(held) > 0


def counted(hold_back: Callable[[], None], held: list[int], intake: KafkaIntake) -> Callable[[], None]:
    def counting() -> None:
        hold_back()
        held.append(sum(stretch.is_paused for stretch in intake._topics._stretches.values()))

    return counting


def test_a_topic_that_comes_later_is_read_when_it_is_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflows.intake.LOOK_AGAIN_SECONDS", 0.1)
    with world.intake() as intake:
        assert "psa.expenses" in world.told[0]
        world.send(activated(WHEN, "P-1"))
        world.take_all(intake)
        world.make_topic("hr.people")
        world.send_person()
        time.sleep(0.2)
        world.take_all(intake)
    assert all("* PersonDefined" in each for each in types_of(world.log()))


def test_events_in_files_and_on_topics_come_to_the_same_log(small: World, tmp_path: Path) -> None:
    """One partition, one order: body by body what the embedded intake writes, but for places and the ids made of them."""
    events = list(story(5, 150))
    small.send(*events)
    small.run()
    (found,) = small.log()
    lines = b"".join(line_of(event._replace(recorded_at=MORNING + (n + 1) * SECOND)) for n, event in enumerate(events))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(lines)
    with EmbeddedIntake(tmp_path / "in", tmp_path / "out", EmbeddedSettings(Genesis("1"))) as intake:
        intake.run_round()
    with EngagementLog.open(tmp_path / "out") as log:
        expected = [(each.engagement_id, _placeless(each.event), each.own) for each in log.records()]
        bodies = [each.body for each in log.records() if not isinstance(each.event, IntakeNoticed)]
    stored = [each.stored for each in found]
    assert [(each.stored.engagement_id, _placeless(each.event), each.stored.own) for each in found] == expected
    assert [each.body for each in stored if each.type != "IntakeNoticed"] == bodies
    assert len(expected) > 150


def _placeless(event: object) -> object:
    return event._replace(event_id="", place="") if isinstance(event, IntakeNoticed) else event


# Days


class Now:
    """A wall clock that a test sets."""

    def __init__(self, text: str) -> None:
        self.now = at(text)

    def __call__(self) -> int:
        return self.now


def test_a_day_ends_when_something_is_recorded_after_midnight(small: World) -> None:
    small.send_at(0, "finance.reference", entity(WHEN))
    small.send_at(30 * 3600, "psa.projects", activated(WHEN, "P-1"))
    small.run()
    (found,) = small.log()
    assert types_of([found]) == [["* LegalEntityDefined", "* DayEnded", "P-1 ProjectActivated"]]
    ended = found[1].event
    assert isinstance(ended, DayEnded)
    assert (ended.zone, ended.date, ended.recorded_at) == ("Europe/Berlin", date(2026, 3, 2), at("2026-03-02 23:00"))


def test_days_end_by_the_wall_clock_when_nothing_comes(small: World) -> None:
    """Midnight in Berlin is 23:00 UTC. Two days pass: two days end, once each, also after another start."""
    small.send_at(0, "finance.reference", entity(WHEN))
    now = Now("2026-03-02 22:59")
    small.run(now=now)
    assert small.types() == ["* LegalEntityDefined"]
    now.now = at("2026-03-02 23:00")
    small.run(now=now)
    assert small.types() == ["* LegalEntityDefined", "* DayEnded"]
    now.now = at("2026-03-04 10:00")
    small.run(now=now)
    small.run(now=now)
    assert small.types() == ["* LegalEntityDefined", "* DayEnded", "* DayEnded"]
    # What comes with an earlier time is recorded when the day had ended.
    small.send_at(60, "psa.projects", activated(WHEN, "P-1"))
    small.run(now=now)
    assert small.log()[0][-1].event.recorded_at == at("2026-03-03 23:00")


def test_a_day_does_not_end_before_what_the_topics_held_at_midnight(small: World) -> None:
    """Taken in first, although the wall clock is past midnight when intake starts."""
    small.send_at(0, "finance.reference", entity(WHEN))
    small.run()
    small.send(*(activated(WHEN, f"P-{number}") for number in range(50)))
    small.run(now=Now("2026-03-03 08:00"), records_max=7)
    assert small.types() == [
        "* LegalEntityDefined",
        *(f"P-{number} ProjectActivated" for number in range(50)),
        "* DayEnded",
    ]


def test_after_two_hours_a_day_ends_without_them(small: World) -> None:
    """The exception `intake_behind` is raised, and cleared when they have come."""
    small.send_at(0, "finance.reference", entity(WHEN))
    small.run()
    now = Now("2026-03-02 23:00")
    with small.intake(now) as intake:
        small.take_all(intake)
        topics = intake._topics
        small.send(activated(WHEN, "P-1"))
        read, ends = topics.read, topics.ends
        topics.read = lambda *_: []  # type: ignore[method-assign]
        now.now = at("2026-03-03 23:00")
        assert intake.read() is None
        now.now += 2 * HOUR - 1
        assert intake.read() is None
        now.now += 1
        batch = intake.read()
        assert batch is not None
        intake.commit(intake.take(batch))
        topics.read = read  # type: ignore[method-assign]
        small.take_all(intake)
        assert ends() == ends()
    found = [each.event for each in small.log()[0]]
    noticed = [each for each in found if isinstance(each, IntakeNoticed)]
    assert [type(each).__name__ for each in found] == [
        *("LegalEntityDefined", "DayEnded", "IntakeNoticed", "DayEnded", "ProjectActivated", "IntakeNoticed")
    ]
    assert [(each.category, each.subject, each.cleared) for each in noticed] == [
        ("intake_behind", "psa.projects", False),
        ("intake_behind", "psa.projects", True),
    ]


# What fits into a transaction


def test_a_batch_ends_before_its_broadcasts_are_too_many(broker: Broker, own_name: str, tmp_path: Path) -> None:
    """Forty reference records for 64 partitions: eight transactions of 320 or 384 records instead of one of 2,560."""
    world = World(broker.bootstrap, own_name, tmp_path / "store", partitions=64)
    world.make_topics(DOMAIN, partitions=1)
    try:
        world.send(*(customer(WHEN, f"K-{number}") for number in range(40)))
        world.run(log_records_max=319)
        assert {len(partition) for partition in world.log()} == {40}
        with world.intake() as intake:
            assert intake.progress.transaction == 1 + 8
    finally:
        world.delete()


# Nothing is written where something does not agree


def test_topics_have_to_be_there(broker: Broker, own_name: str, tmp_path: Path) -> None:
    world = World(broker.bootstrap, own_name, tmp_path / "store")
    stop = stopped(world)
    assert stop.code == WRONG_TOPIC_SETTINGS
    assert world.names.log in stop.message


def test_a_domain_topic_that_was_made_again_is_not_read_from_its_beginning(world: World) -> None:
    """Its records would be others; a person who knows that all was taken in accepts it by its id."""
    world.send(activated(WHEN, "P-1"))
    world.run()
    name = world.names.shared("psa.projects")
    world.remake(name)
    stop = stopped(world)
    assert stop.code == TOPIC_CHANGED
    world.send(activated(WHEN, "P-2"))
    state = world.clients.topics([name])[name]
    assert state is not None
    assert state.id in stop.message
    world.run(accepted={name: state.id})
    world.run()
    assert sorted(each for partition in types_of(world.log()) for each in partition) == [
        *("P-1 ProjectActivated", "P-2 ProjectActivated")
    ]


def test_records_that_were_deleted_unread_are_missed(world: World) -> None:
    world.send(activated(WHEN, "P-1"))
    world.run()
    world.send(*(activated(WHEN, f"P-{number}") for number in range(20)))
    world.delete_records("psa.projects")
    assert stopped(world).code == TOPIC_CHANGED


def test_a_log_without_its_directory_is_not_gone_on_with(world: World) -> None:
    world.send(activated(WHEN, "P-1"))
    world.run()
    world.remake(world.names.directory, **{"cleanup.policy": "compact"})
    assert stopped(world).code == PROGRESS_MISSING


def test_another_number_of_partitions_is_another_generation(world: World) -> None:
    world.run()
    world.kafka = world.kafka.model_copy(update={"partitions": 8})
    assert stopped(world).code == OTHER_GENERATION


def test_a_log_that_is_shorter_than_progress_says(world: World) -> None:
    world.send(*story(1, 40))
    world.run()
    world.delete_records(None)
    assert stopped(world).code == TORN_OUTPUTS


def test_a_transaction_that_somebody_left_open_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as brokers may take to end it; if it stays, the stop names where it is."""
    world.run()
    monkeypatch.setattr("connectors.kafka.intake_resume.TIMED_OUT_MARGIN_SECONDS", 1.0 - 10.0)
    longer = KafkaClients(world.kafka.model_copy(update={"transaction_timeout_seconds": 600.0}))
    other = longer.producer("somebody else")
    other.init_transactions(PATIENCE)
    other.begin_transaction()
    other.produce(world.names.log, b"?", b"?", 2)
    assert other.flush(PATIENCE) == 0
    stop = stopped(world)
    assert stop.code == HANGING_TRANSACTION
    assert f"on 1 partitions: {world.names.log}/2" in stop.message
    # Anyone who takes its id ends it; what it wrote was never there for readers.
    world.clients.producer("somebody else").init_transactions(PATIENCE)
    world.run()


def test_whoever_started_last_has_intake(world: World) -> None:
    """The one before cannot write any more; what it had in flight is taken in by the other."""
    world.send(activated(WHEN, "P-1"))
    with world.intake() as first:
        batch = None
        while batch is None:
            batch = first.read()
        effects = first.take(batch)
        world.folder = world.folder.with_name("other")
        world.run()
        with pytest.raises(GuardStop) as stop:
            first.commit(effects)
    assert "another process has taken over" in stop.value.message
    assert sum(map(len, world.log())) == 1


@pytest.mark.parametrize("seen", [0, 9])
def test_what_stands_on_the_topics_before_its_time_is_not_written_twice(world: World, seen: int) -> None:
    """As brokers leave it that end a transaction early: its plan, half of its log, `seen` changes of the directory."""
    world.send(*story(6, 60))
    world.run(records_max=20)
    world.send(*list(story(7, 30))[1:])
    early = write_early(world, seen)
    world.told.clear()
    # The file is lost, too, when it is made again.
    shutil.rmtree(world.folder)
    world.run(records_max=7)
    assert any(f"{early} records of the log; it is made again" in each for each in world.told)
    check_against_plain(world)


def test_a_plan_that_was_aborted_by_hand_is_read_all_the_same(world: World) -> None:
    """As it is where the mark of a transaction was left out on the directory: a part of the log is there, and no plan to be seen."""
    world.send(*story(6, 60))
    world.run(records_max=20)
    world.send(*list(story(7, 30))[1:])
    with world.intake() as intake:
        effects = intake.take(read_batch(intake))
        begin_planned(intake, effects)
        intake._transactions.await_delivery()
    written = records_of(world, effects)
    del written[len(written) // 2 :]
    in_one_transaction(world, "somebody", written)
    world.told.clear()
    world.run(records_max=7)
    assert any(f"{len(written)} records of the log; it is made again" in each for each in world.told)
    check_against_plain(world)


def test_records_that_count_and_were_aborted_by_hand_are_written_again(world: World) -> None:
    """As they are where the mark of a transaction was left out on a partition of the log."""
    world.send(*story(6, 60))
    world.run(records_max=20)
    world.send(*list(story(7, 30))[1:])
    with world.intake() as intake:
        effects = intake.take(read_batch(intake))
        written = records_of(world, effects)
        of_one = [each for each in written if each.partition == written[-1].partition]
        intake._transactions.begin()
        intake._transactions.produce(of_one)
        intake._transactions.await_delivery()
    rest = [each for each in written if each not in of_one]
    rest += changes_of(world, effects)
    in_one_transaction(world, world.names.intake_writer, [*rest, intake._progress_record(effects.progress)])
    world.told.clear()
    world.run(records_max=7)
    assert any(
        each.startswith(f"{len(of_one)} records of {world.names.log} count and were aborted") for each in world.told
    )
    check_against_plain(world)


def in_one_transaction(world: World, writer: str, records: Sequence[Produced]) -> None:
    producer = world.clients.producer(writer)
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    for topic, value, key, partition, told in records:
        producer.produce(topic, value, key, partition, headers=told)
    producer.commit_transaction(PATIENCE)


def check_against_plain(world: World) -> None:
    """The log, and what intake remembers, is that of a plain loop over the same topics."""
    other = World(
        world.kafka.brokers, world.kafka.prefix.removesuffix("."), world.folder.with_name("plain"), generation="plain"
    )
    other.make_log()
    other.run(plain=True)
    assert world.bodies() == other.bodies()
    assert all([each.number for each in partition] == list(range(len(partition))) for partition in world.log())
    assert [world.rows(name) for name in TABLES] == [other.rows(name) for name in TABLES]


def test_an_event_that_is_seen_early_keeps_its_engagement(world: World) -> None:
    """Contract K and work on its project came live; the project's activation for E1 has an earlier time and comes later.

    Read by time it would come first, and bring contract and work to E1 as well: both engagements would bill the hours.
    """
    world.send_at(10, "crm.contracts", signed(WHEN, "K", "P-1"))
    world.send_at(11, "psa.time", worked(WHEN, "T-1", "P-1"))
    with world.intake() as intake:
        inputs: list[DomainMessage] = []
        while len(inputs) < 2:
            inputs += read_batch(intake).inputs
        effects = intake.take(IntakeBatch(inputs))
        commit_early(world, intake, effects, len(records_of(world, effects)), 0)
    world.send_at(9, "psa.projects", activated(WHEN, "P-1", "E1"))
    world.run()
    found = sorted(each for partition in types_of(world.log()) for each in partition)
    assert found == ["K ContractSigned", "K IntakeNoticed", "K ProjectActivated", "K TimeApproved"]


def test_what_is_seen_early_has_to_be_made_again_as_it_was(world: World) -> None:
    """Another [ownership] would leave the work out: nothing is written, and with the one of then all is well."""
    world.send(activated(WHEN, "P-1"), worked(WHEN, "T-1", "P-1"))
    early = write_early(world, 0)
    assert early == 1
    with pytest.raises(GuardStop) as stop:
        world.run(ownership={"project": ("kantata",)})
    assert stop.value.code == TORN_OUTPUTS
    assert "made again it is not the same" in stop.value.message
    world.run()
    found = sorted(each for partition in types_of(world.log()) for each in partition)
    assert found == ["P-1 ProjectActivated", "P-1 TimeApproved"]


def test_records_of_the_log_without_a_plan_are_somebody_elses(world: World) -> None:
    world.send(activated(WHEN, "P-1"))
    with world.intake() as intake:
        transactions = intake._transactions
        effects = intake.take(read_batch(intake))
        transactions.begin()
        transactions.produce(records_of(world, effects))
        transactions.commit()
    stop = stopped(world)
    assert stop.code == TORN_OUTPUTS
    assert "no plan of intake tells of" in stop.message


def write_early(world: World, seen: int) -> int:
    with world.intake() as intake:
        effects = intake.take(read_batch(intake))
        count = len(records_of(world, effects)) // 2
        commit_early(world, intake, effects, count, seen)
        return count


def commit_early(world: World, intake: KafkaIntake, effects: IntakeEffects, count: int, seen: int) -> None:
    """So many records of the log, and changes of the directory."""
    transactions = intake._transactions
    begin_planned(intake, effects)
    transactions.produce(records_of(world, effects)[:count])
    transactions.produce(changes_of(world, effects)[:seen])
    transactions.await_delivery()
    transactions.commit()


def begin_planned(intake: KafkaIntake, effects: IntakeEffects) -> None:
    said = [(TRANSACTION, b"%d" % effects.progress.transaction)]
    intake._transactions.begin()
    intake._transactions.produce(
        [Produced(intake.names.directory, intake_plan.to_bytes(effects.plan), intake_plan.KEY, 0, said)]
    )


def changes_of(world: World, effects: IntakeEffects) -> list[Produced]:
    said = [(TRANSACTION, b"%d" % effects.progress.transaction)]
    return [Produced(world.names.directory, value, key, 0, said) for key, value in effects.changes.items()]


def records_of(world: World, effects: IntakeEffects) -> list[Produced]:
    return [record for each in effects.log for record in each.records(world.names.log)]


def read_batch(intake: KafkaIntake) -> IntakeBatch:
    batch = None
    while batch is None:
        batch = intake.read()
    return batch


def read_and_commit(intake: KafkaIntake) -> None:
    intake.commit(intake.take(read_batch(intake)))


def test_an_error_of_our_own_names_the_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not passed over: nothing of the batch counts, and the next start meets it again."""
    world.send(activated(WHEN, "P-1"))
    monkeypatch.setattr("state.intake.intake.zones_named", lambda event: 1 // 0)
    stop = stopped(world)
    assert stop.code == POISON
    assert f"{world.names.shared('psa.projects')}, partition" in stop.message
    assert "ProjectActivated cannot be taken in" in stop.message
    assert "ZeroDivisionError" in stop.message
    assert world.log() == [[], [], [], []]
    monkeypatch.undo()
    world.run()
    assert sum(map(len, world.log())) == 1


def test_sigterm_ends_it_in_order(world: World) -> None:
    world.send(*story(8, 100))
    arguments = [world.kafka.brokers, world.kafka.prefix.removesuffix("."), str(world.folder)]
    with Forked([sys.executable, "-m", "tests.kafka.running_intake", *arguments], stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        # A broker that has just started lets a client try again, which says so.
        assert any(b"caught up" in line for line in running.stderr), "it ended by itself"
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(PATIENCE) == 0
    assert sum(map(len, world.log())) > 100


def test_tools_see_how_far_it_is(world: World) -> None:
    """Shown outside of its transactions, and once more when nothing comes."""
    world.send(*story(7, 40))
    with world.intake() as intake:
        run_plain(intake, until_idle(intake, 40))
        places = [TopicPartition(*place) for place in intake.progress.inputs]
        ends = {(each.topic, each.partition): each.offset for each in reader_of(world).committed(places, 30)}
        assert ends == intake.progress.inputs


def reader_of(world: World) -> Consumer:
    return Consumer({**world.clients.common(), "group.id": world.names.intake_group})
