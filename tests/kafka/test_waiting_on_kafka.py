"""What waits for people, listed from the topics, and decisions that go to their topic."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Producer, TopicPartition
from typer.testing import CliRunner, Result

from connectors.event_bodies import WRITERS
from connectors.kafka import topics
from connectors.kafka.domain_messages import DomainMessage, dead_letter_record, read_message
from connectors.kafka.found_on_topics import exceptions_on
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import read_to_end
from connectors.kafka.registry import SchemaIds
from connectors.log_records import StoredRecord
from connectors.unreadable import unreadable
from dataflows.accounting_kafka import run as account
from domain.events.control import ExceptionAssigned, ExceptionWaived
from milepost.cli import app
from milepost.exceptions.effects import refusal_to_waive
from tests.intake_inputs import activated, entity, worked
from tests.kafka.firm import Site, Until, accounted, first_weeks, site
from tests.kafka.given_log import divided
from tests.kafka.intake_world import World
from tests.kafka.servers import PATIENCE
from tests.servers.kafka import Broker

WHEN = "2026-03-02 09:00"


@pytest.fixture(scope="module")
def records() -> list[StoredRecord]:
    return first_weeks()


@pytest.fixture
def two(broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]) -> Site:
    """Two shards, folded, with the topics of decisions and dead letters."""
    of = site(broker, own_name, tmp_path / "stores")
    topics.create(
        of.clients,
        [topics.planned(topics.BY_NAME[name], of.settings) for name in ("control.decisions", "dead-letters")],
    )
    accounted(of, records)
    return of


def run(line: str, of: Site) -> Result:
    return CliRunner().invoke(app, [*shlex.split(line)[1:], *of.options()])


def done(line: str, of: Site) -> Any:
    result = run(f"{line} --json", of)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def sent(of: Site) -> list[Any]:
    """As intake reads them, in their order."""
    topic = of.names.shared("control.decisions")
    state = of.clients.topics([topic])[topic]
    assert state is not None
    consumer = of.clients.consumer()
    places = {(topic, number): OFFSET_BEGINNING for number in range(state.partitions)}
    try:
        found = read_to_end(consumer, places)
    finally:
        consumer.close()
    ids = SchemaIds.fixed(of.settings.prefix)
    read = [read_message(each, "control.decisions", ids) for place in places for each in found[place]]
    assert [each.unreadable for each in read] == [None] * len(read)
    return [each.event for each in read]


def test_exceptions_are_listed_from_all_shards(two: Site) -> None:
    found = exceptions_on(two.clients, two.names, 20)
    still_open = {name for name, each in found.items() if each.is_open}
    assert {each.position.shard for each in found.values()} == {0, 1}
    told = done("milepost exceptions list --kafka --all", two)
    assert {each["exception_id"] for each in told["exceptions"]} == still_open
    assert done("milepost exceptions list --kafka --state all", two)["count"] == len(found)
    kind = told["exceptions"][0]["category"]
    of_kind = done(f"milepost exceptions list --kafka --kind {kind}", two)
    assert {each["category"] for each in of_kind["exceptions"]} == {kind}
    assert kind in run("milepost exceptions list --kafka", two).stdout


def test_decisions_go_to_their_topic_and_follow_each_other(two: Site) -> None:
    found = exceptions_on(two.clients, two.names, 20)
    known = [each.raised for each in found.values() if each.is_open]
    one = next(each for each in known if refusal_to_waive(each) is None)
    waive = f"milepost exceptions waive {one.exception_id} --reason 'on call' --as ann --approved-by ben --kafka"
    assert done(f"{waive} --plan", two)["count"] == 1
    assert sent(two) == []
    done(f"milepost exceptions assign {one.exception_id} --to cleo --as ann --kafka", two)
    result = run(waive, two)
    assert (result.exit_code, "1 event sent to " in result.stdout) == (0, True), result.output
    again = run(waive, two)
    assert "has a decision already, ExceptionWaived by ann" in again.output
    events = sorted(sent(two), key=lambda event: event.version)
    assert [(type(event), event.version) for event in events] == [
        (ExceptionAssigned, 1),
        (ExceptionWaived, 2),
        (ExceptionWaived, 3),
    ]
    waived = events[1]
    assert (waived.exception_id, waived.requested_by, waived.approved_by, waived.reason) == (
        one.exception_id,
        "ann",
        "ben",
        "on call",
    )


def test_accounting_answers_a_decision(broker: Broker, own_name: str, tmp_path: Path) -> None:
    """From the command by way of intake and log to the exception, which is published again with the person."""
    world = World(broker.bootstrap, own_name, tmp_path / "intake", partitions=1)
    world.make_topics(["finance.reference", "psa.projects", "psa.time", "control.decisions"])
    of = Site(world.kafka, world.clients, tmp_path / "stores")
    wanted = [*SHARD_TOPICS, "shard.progress", "overrides"]
    topics.create(of.clients, [topics.planned(topics.BY_NAME[name], of.settings) for name in wanted])
    world.send(entity(WHEN), activated(WHEN, "P-1"), worked(WHEN, "T-1", "P-1"))
    take_in_and_account(world, of)
    (one,) = done("milepost exceptions list --kafka", of)["exceptions"]
    assert one["assignee"] is None
    done(f"milepost exceptions assign {one['exception_id']} --to cleo --as ann --kafka", of)
    take_in_and_account(world, of)
    (again,) = done("milepost exceptions list --kafka --owner cleo", of)["exceptions"]
    assert (again["exception_id"], again["assignee"]) == (one["exception_id"], "cleo")
    assert world.letters() == []


def take_in_and_account(world: World, of: Site) -> None:
    world.run()
    end = Until({0: len(world.log()[0])})
    account(of.job(), end.reached, end.on_commit)


def test_where_the_topic_has_dropped_its_oldest_the_log_says_which_version_comes_next(
    two: Site, records: list[StoredRecord]
) -> None:
    """A decision of the log is known although it is on no topic any more."""
    found = exceptions_on(two.clients, two.names, 20)
    one = next(each for each in found.values() if each.is_open)
    name = one.raised.exception_id
    done(f"milepost exceptions assign {name} --to cleo --as ann --kafka", two)
    assert [event.version for event in sent(two)] == [1]
    topic = two.names.shared("control.decisions")
    state = two.clients.topics([topic])[topic]
    assert state is not None
    cut = [TopicPartition(topic, number, -1) for number in range(state.partitions)]
    for deleted in two.clients.admin.delete_records(cut).values():
        deleted.result()
    assert sent(two) == []
    log = divided(records, 2)[one.position.shard]
    event = ExceptionAssigned(
        "ev-assigned", records[-1].event.occurred_at, "example", name, 7, "cleo", "ann", recorded_at=None
    )
    taken = records[-1]._replace(
        offset=len(log),
        engagement_id=one.raised.engagement_id or name.partition(".")[0],
        type_name="ExceptionAssigned",
        event=event,
        body=WRITERS[type(event)].encode(event),
        own=None,
    )
    two.giver().give(one.position.shard, [taken])
    done(f"milepost exceptions assign {name} --to dan --as ann --kafka", two)
    assert [event.version for event in sent(two)] == [8]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "milepost exceptions waive E.0 --reason x --approved-by ben --kafka",
            "expected the id of an exception, got E.0",
        ),
        ("milepost exceptions list", "expected the output folder of a run, or --kafka"),
        ("milepost exceptions list --kafka --output x", "expected it or --kafka, got both"),
        ("milepost exceptions assign E.0 --to ann --input x --kafka", "expected it or --kafka, got both"),
        ("milepost dead-letters list --kafka --waiting", "expected --output with it"),
    ],
)
def test_what_is_asked_wrongly_is_refused(two: Site, line: str, said: str) -> None:
    result = run(line, two)
    assert (result.exit_code, said in " ".join(result.output.split())) == (2, True), result.output


def test_dead_letters_are_listed_with_what_came(two: Site) -> None:
    frame = SchemaIds.fixed(two.settings.prefix).frame("dead-letters", "DeadLetter")
    topic = two.names.shared("dead-letters")
    producer = Producer({"bootstrap.servers": two.settings.brokers})
    for offset, generation in ((17, "1"), (18, "1"), (3, "0")):
        wrong = unreadable("expected a date: 2026-13-01", "worked_on", b"raw", "TimeApproved")
        made = dead_letter_record(DomainMessage("psa.time", 0, offset, None, None, wrong, 3), generation, topic, frame)
        producer.produce(topic, made.value, made.key)
    assert producer.flush(PATIENCE) == 0
    told = done("milepost dead-letters list --kafka", two)
    assert [each["id"] for each in told["dead_letters"]] == ["psa.time/0@17", "psa.time/0@18"]
    assert told["groups"] == [
        {"topic": "psa.time", "type": "TimeApproved", "field": "worked_on", "reason": "expected a date", "letters": 2}
    ]
    assert "psa.time/0@17" in run("milepost dead-letters list --kafka --limit 1", two).stdout
    assert done("milepost dead-letters list --kafka --type ContractSigned", two)["count"] == 0
