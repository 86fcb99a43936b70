"""Delivery on Kafka: the outputs of all shards come from their topics, the ERP's answers go to those that intake reads.

A start takes the ERP account's transactional id, so a process that had it before is fenced: it claims no further round, and
publishes nothing. Calls that it had begun may go on for as long as a call may last, and are waited for, before anything is looked up.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final
from zlib import crc32

from connectors.avro_codec import EVENT_CODECS
from connectors.closing import Closable
from connectors.erp.adapter import TraceContext
from connectors.kafka import delivery_rounds
from connectors.kafka.clients import Clients
from connectors.kafka.delivery_rounds import SendIntent, StoredRound, last_rounds
from connectors.kafka.log import KafkaLog
from connectors.kafka.log_writer import Produced
from connectors.kafka.names import Names
from connectors.kafka.outputs_followed import Followed, FollowedTopics
from connectors.kafka.partitions import Place, all_records, await_ends
from connectors.kafka.registry import SchemaIds
from connectors.kafka.rights import ANSWERS
from connectors.kafka.settings import TIMED_OUT_MARGIN_SECONDS, KafkaSettings
from connectors.kafka.trace_headers import CORRELATION, TRACEPARENT, TRACESTATE, correlated
from connectors.kafka.transactions import Transactions
from dataflows.delivery import Came
from domain.delivery.answers import KINDS, Answer
from domain.delivery.calls import Intent
from domain.delivery.documents import DELIVERED
from domain.events.catalogue import TOPICS as EVENT_TOPICS
from domain.events.finance import InvoicePosted, InvoiceRejected, PostingAccepted, PostingRejected
from domain.outputs import BillingStatement, ControlTotals, JournalEntry
from state.guards import HANGING_TRANSACTION, LOG_MISSING, WRONG_TOPIC_SETTINGS, GuardStop

# How far reading is, is shown to `milepost lag` at least so often while nothing is sent.
SHOW_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.2


class KafkaBooks(Closable):
    """The topics of a generation, for the one process that delivers to an ERP account."""

    def __init__(
        self, clients: Clients, kafka: KafkaSettings, schemas: SchemaIds, erp: str, tell: Callable[[str], None]
    ) -> None:
        """From here on nobody who had the account before can claim or publish. Raises GuardStop and KafkaException."""
        self._clients = clients
        self._kafka = kafka
        self._schemas = schemas
        self._erp = erp
        self._names = names = Names.of(kafka)
        self._timeout = kafka.request_timeout_seconds
        for topic in ANSWERS:
            for name in [each.__name__ for each in KINDS if EVENT_TOPICS[each.__name__] == topic]:
                schemas.frame(topic, name)
        self._transactions = Transactions(clients, names.delivery_writer(erp), self._timeout)
        self._await_others()
        self._round = last_rounds(clients, names, self._timeout).get(erp, StoredRound())
        self._partitions = _partitions(clients, names)
        self._topics = FollowedTopics(clients, names, DELIVERED, names.delivery_group, tell)
        self._stored: Mapping[str, int] = self._round.places
        self._show_at = time.monotonic() + SHOW_SECONDS
        self._tell = tell

    def await_calls(self, call_seconds: float, stopped: Callable[[], bool]) -> None:
        """Until no call of the process before can be under way any more; at once where that ended in order."""
        if not self._round.is_open:
            return
        self._tell(
            f"the process before this one did not end in order: calls that it had begun may go on for {call_seconds:g} seconds and "
            "are waited for"
        )
        until = time.monotonic() + call_seconds
        while time.monotonic() < until and not stopped():
            time.sleep(LOOK_SECONDS)

    @property
    def holder(self) -> str:
        """The token of the process that had the account last; empty where none had it."""
        return self._round.holder

    def hold(self, token: str) -> None:
        """From here on the last one is this process."""
        self._write(self._round._replace(holder=token))

    # Books, as `dataflows.delivery` has them

    @property
    def generation(self) -> str:
        return self._kafka.generation

    @property
    def shards(self) -> int:
        return self._kafka.partitions

    def begin(self, places: Mapping[str, str]) -> None:
        self._topics.begin(places)

    def read(self) -> Sequence[Came]:
        # A reader that goes on has stored what it was given before.
        self._stored = self._topics.offsets
        self._show()
        return [_came(each) for each in self._topics.read()]

    @property
    def is_at_end(self) -> bool:
        return self._topics.is_at_end

    def answered(self) -> Iterator[Answer]:
        """The log has all that intake took, the topics what it did not take yet; each comes once."""
        seen: set[str] = set()
        for event in (*self._in_the_log(), *self._on_topics()):
            if event.event_id not in seen:
                seen.add(event.event_id)
                yield event

    def claim(self, intents: Sequence[Intent]) -> None:
        calls = tuple(SendIntent(each.key, each.attempt, each.body_hash) for each in intents)
        self._write(self._round._replace(number=self._round.number + 1, is_open=True, calls=calls))

    def publish(self, answers: Sequence[Answer]) -> None:
        if answers:
            self._transactions.write(self._record(each) for each in answers)

    def ended(self) -> None:
        """No call is under way: the next process has nothing to wait for."""
        if self._round.is_open:
            self._write(self._round._replace(is_open=False))

    def close(self) -> None:
        self._topics.close()

    # For those who measure

    @property
    def places(self) -> list[Place]:
        return self._topics.places

    def unread(self, end_of: Callable[[Place], int]) -> dict[Place, int]:
        """Records of each partition that were not read, up to the end that is known; for any thread."""
        return self._topics.behind(end_of)

    # Writing

    def _show(self) -> None:
        if time.monotonic() > self._show_at and self._stored != self._round.places:
            self._write(self._round)

    def _write(self, now: StoredRound) -> None:
        written = now._replace(places=self._stored)
        record = Produced(self._names.delivery, delivery_rounds.to_bytes(written), self._erp.encode(), 0, [])
        self._transactions.write([record])
        self._round = written
        self._show_at = time.monotonic() + SHOW_SECONDS

    def _record(self, event: Answer) -> Produced:
        name = type(event).__name__
        topic = EVENT_TOPICS[name]
        key = _about(event).encode()
        value = self._schemas.frame(topic, name) + EVENT_CODECS[name].encode(event)
        partition = crc32(key) % self._partitions[topic]
        return Produced(self._names.shared(topic), value, key, partition, correlated([], event.correlation_id))

    def _await_others(self) -> None:
        """Other ERP accounts write to the topic too; nothing can be read past a transaction that they have open."""
        patience = self._kafka.transaction_timeout_seconds + TIMED_OUT_MARGIN_SECONDS
        left = await_ends(self._clients, [(self._names.delivery, 0)], patience)
        for (topic, partition), offset in left.items():
            raise GuardStop(
                HANGING_TRANSACTION,
                f"{topic}, partition {partition}: a transaction that holds offset {offset} has not ended within {patience:g} seconds. "
                f"See whose it is, and end it with `kafka-transactions.sh abort --topic {topic} --partition {partition} "
                f"--start-offset {offset}`",
            )

    # What was published before

    def _in_the_log(self) -> Iterator[Answer]:
        for shard in range(self._kafka.partitions):
            try:
                log = KafkaLog(self._clients, self._names.log, shard, self._timeout)
            except GuardStop as stop:
                if stop.code != LOG_MISSING:
                    raise
                continue
            with closing(log):
                offset = 0
                while found := log.read_on(offset):
                    yield from (each.event for each in found if isinstance(each.event, KINDS))
                    offset = found[-1].offset + 1

    def _on_topics(self) -> Iterator[Answer]:
        places = [
            (self._names.shared(topic), number) for topic, count in self._partitions.items() for number in range(count)
        ]
        for message in all_records(self._clients, places, self._timeout, self._names.delivery_group):
            event = self._schemas.event(message.value())
            if isinstance(event, KINDS):
                yield event


def _partitions(clients: Clients, names: Names) -> dict[str, int]:
    """Of the topics that answers go to."""
    states = clients.topics([names.shared(topic) for topic in ANSWERS])
    found = {topic: states[names.shared(topic)] for topic in ANSWERS}
    if missing := [topic for topic, state in found.items() if state is None]:
        raise GuardStop(
            WRONG_TOPIC_SETTINGS, f"topics are missing: {', '.join(missing)}; `milepost topics create` makes them"
        )
    return {topic: state.partitions for topic, state in found.items() if state is not None}


def _about(event: Answer) -> str:
    match event:
        case PostingAccepted() | PostingRejected():
            return event.batch_id or event.journal_id or event.event_id
        case InvoicePosted() | InvoiceRejected():
            return event.statement_id or event.invoice_id or event.event_id


def _came(found: Followed) -> Came:
    record = found.record
    assert isinstance(record, JournalEntry | ControlTotals | BillingStatement), "these topics carry nothing else"
    said = {name: value.decode("ascii") for name, value in found.trace}
    trace = TraceContext(
        said.get(TRACEPARENT, ""), said.get(TRACESTATE, ""), found.position.correlation_id or said.get(CORRELATION, "")
    )
    return Came(found.partition, found.following, found.position, record, trace)
