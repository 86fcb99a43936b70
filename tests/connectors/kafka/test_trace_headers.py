"""The headers of tracing go from a producer's message beside the log to the outputs; nothing that is compared knows of them."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from random import Random

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.kafka.log import KafkaLog
from connectors.kafka.names import DEAD_LETTERS, NUMBER_HEADER, Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.published import Headers
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.trace_headers import correlated, trace_headers
from dataflows.accounting_kafka import Job, run
from dataflows.intake import IntakeSetup, KafkaIntake
from dataflows.settings import AccountingSettings
from domain.events.catalogue import TOPICS, Event
from state.genesis import Genesis
from state.rules import RULES
from tests.brokers import Brokers, ModelClients
from tests.intake_inputs import activated, entity, worked
from tests.kafka.firm import Until
from tests.kafka.intake_story import DOMAIN, WHEN
from tests.kafka.intake_world import MORNING, until_idle
from tests.plain_intake import run_plain

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACED: Headers = [("traceparent", PARENT), ("tracestate", b"psa=7"), ("ce_correlationid", b"import-12")]


def test_what_else_a_producer_says_in_headers_stays_there() -> None:
    assert trace_headers([("ce_id", b"1"), *TRACED, ("authorization", b"secret")]) == TRACED
    assert trace_headers(None) == []


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        PARENT.upper(),
        PARENT + b"\r\nx: y",
        PARENT.replace(b"4bf92f3577b34da6a3ce929d0e0e4736", b"0" * 32),
        PARENT.replace(b"00f067aa0ba902b7", b"0" * 16),
        b"ff" + PARENT[2:],
    ],
)
def test_what_is_no_trace_context_goes_no_further(parent: bytes) -> None:
    """It would stand in the head of a call to the ERP."""
    assert trace_headers([("traceparent", parent), ("tracestate", b"psa=7")]) == []
    assert trace_headers([("tracestate", b"a=1\r\nx: y"), ("ce_correlationid", b"one two")]) == []


def test_the_correlation_id_of_the_event_itself_counts() -> None:
    assert correlated(TRACED, "E-9") == [*TRACED[:2], ("ce_correlationid", b"E-9")]
    assert correlated(TRACED, None) == TRACED


class Firm:
    """One shard on a model of brokers."""

    def __init__(self, folder: Path) -> None:
        self.brokers = Brokers(Random(1))
        self.brokers.now = MORNING // 1_000
        self.clients = ModelClients(self.brokers)
        self.kafka = KafkaSettings(partitions=1)
        self.names = Names.of(self.kafka)
        self.schemas = SchemaIds.fixed("")
        self.folder = folder
        self._numbers = count()
        for topic in (*DOMAIN, DEAD_LETTERS, self.names.log, self.names.directory, self.names.progress):
            self.brokers.create(topic, 1)
        for topic in (self.names.overrides, *SHARD_TOPICS):
            self.brokers.create(topic, 1)

    def send(self, event: Event, headers: Headers) -> None:
        name = type(event).__name__
        topic = TOPICS[name]
        self.brokers.now += 1_000
        known = event._replace(event_id=f"event {next(self._numbers)}")
        value = self.schemas.frame(topic, name) + EVENT_CODECS[name].encode(known)
        self.brokers.append(topic, 0, b"", value, headers)

    def take_in(self) -> None:
        setup = IntakeSetup(Genesis("1", partitions=1, rules=RULES), self.folder / "intake")
        with KafkaIntake(self.clients, self.kafka, self.schemas, setup, lambda _: None, now=lambda: MORNING) as intake:
            run_plain(intake, until_idle(intake, 3))

    def account(self, records: int) -> None:
        end = Until({0: records})
        job = Job(self.clients, self.kafka, AccountingSettings(), self.folder / "shards", (0,), self.schemas.frame)
        run(job, end.reached, end.on_commit)

    def headers_in_the_log(self) -> list[Headers]:
        slots = self.brokers.partition(self.names.log, 0).committed
        return [[each for each in slot.headers if each[0] != NUMBER_HEADER] for slot in slots()[1:]]


def test_from_the_message_to_the_outputs(tmp_path: Path) -> None:
    """Time that is traced, between a project and time that are not."""
    firm = Firm(tmp_path)
    firm.send(entity(WHEN), [])
    firm.send(activated(WHEN, "P-1"), [("ce_id", b"x")])
    firm.send(worked(WHEN, "T-1", "P-1"), TRACED)
    firm.send(worked(WHEN, "T-2", "P-1", correlation_id="own"), [])
    firm.take_in()
    assert firm.headers_in_the_log() == [[], [], TRACED, []]
    log = KafkaLog(firm.clients, firm.names.log, 0)
    log.read(0)
    assert log.traces == {2: TRACED, 3: [("ce_correlationid", b"own")]}
    firm.account(4)
    by_record: dict[int, list[Headers]] = {}
    for topic in SHARD_TOPICS:
        for slot in firm.brokers.partition(firm.names.shared(topic), 0).committed():
            traced = trace_headers(slot.headers)
            by_record.setdefault(len(traced), []).append(traced)
    assert by_record[3] == [TRACED] * len(by_record[3])
    assert by_record[1] == [[("ce_correlationid", b"own")]] * len(by_record[1])


def test_nothing_that_is_hashed_knows_of_them(tmp_path: Path) -> None:
    """The log and all outputs, progress with its chains included."""
    traced, plain = Firm(tmp_path / "traced"), Firm(tmp_path / "plain")
    for firm, headers in ((traced, TRACED), (plain, [])):
        for event in (entity(WHEN), activated(WHEN, "P-1"), worked(WHEN, "T-1", "P-1")):
            firm.send(event, headers)
        firm.take_in()
        firm.account(3)
    for topic in (traced.names.log, traced.names.progress, *SHARD_TOPICS):
        values = [[slot.value for slot in firm.brokers.partition(topic, 0).committed()] for firm in (traced, plain)]
        assert values[0] == values[1]


def test_an_event_that_waited_is_not_of_the_request_that_it_waited_for(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.send(entity(WHEN), [])
    firm.send(worked(WHEN, "T-1", "P-1"), [])
    firm.take_in()
    firm.send(activated(WHEN, "P-1"), TRACED)
    firm.take_in()
    assert [bool(each) for each in firm.headers_in_the_log()].count(True) == 1
