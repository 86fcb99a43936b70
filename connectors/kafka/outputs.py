"""Outputs and progress of one shard, a transaction a batch.

An error that the same call cannot get over ends the process; a transaction is never aborted on a live producer, as an
abort that arrives late could take away what was written after it. The next start fences whatever is left of this one.

What progress of the last run does not cover may be visible already, topic by topic a part of one batch. It is made again
from the log, compared byte for byte and passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, NoReturn, Protocol, TypeVar

from confluent_kafka import KafkaException

from connectors.avro_source import MadeTable
from connectors.kafka.clients import Sender
from connectors.kafka.names import FORECAST_CURRENT, Names
from connectors.kafka.partitions import unreachable
from connectors.kafka.producing import FENCES, commit, produce, reason
from connectors.kafka.progress import WrittenProgress, to_bytes
from connectors.kafka.published import About, Headers, about, headers
from domain.outputs import TOPICS
from state.batch import Encoded, Mark, OutputProgress
from state.guards import FENCED, OUTPUTS_DIFFER, GuardStop

Answer = TypeVar("Answer")

FORECAST_UPDATES: Final = TOPICS["ForecastUpdate"]
# Intake writes the dead letters.
WRITTEN: Final = (
    *sorted((topic, name) for name, topic in TOPICS.items() if name != "DeadLetter"),
    (FORECAST_CURRENT, "ForecastUpdate"),
)
SHARD_TOPICS: Final = tuple(dict.fromkeys(topic for topic, _ in WRITTEN))
NONE_BEFORE: Final = -1


# Key, type, number, number of the one before it in its topic, body.
Output = tuple[bytes, str, int, int, bytes]


class Identity(NamedTuple):
    """What every progress record of a shard says alike: whose it is, and what it was made under.

    `rules` is where the log begins, `starts` where the topics of the outputs do, where not at 0; `foreign` is as in `WrittenProgress`.
    """

    generation: str
    shard: int
    genesis: str
    rules: str
    topic_ids: Mapping[str, str]
    starts: Mapping[str, int] = {}
    foreign: Mapping[str, Sequence[int]] = {}


class Places(Protocol):
    """What is known of a record beside its number: where it stands, which one comes before it, whose request it belongs to."""

    def place_of(self, number: int) -> int: ...
    def digest_before(self, number: int) -> str | None:
        """None where that record was not read last."""

    @property
    def traces(self) -> Mapping[int, Headers]:
        """By number; most have none."""


class Visible(NamedTuple):
    """The outputs of a topic after progress that readers see already, by number.

    Those below `kept_from` may have been dropped by the brokers. What else is missing among them is written again where
    `fills_holes`, else it is a fault.
    """

    last: int
    records: Mapping[int, Output]
    kept_from: int = 0
    fills_holes: bool = False


Early = Mapping[str, Visible]
# What stands before the bodies of a type on a topic that a version of the rules makes. Raises GuardStop where its schema is not registered.
FrameOf = Callable[[str, str, int], bytes]
# The whole name of a topic, and what stands before each body of a type there, and in its headers.
Way = tuple[str, bytes, About]


class KafkaOutputs:
    """Where a shard's outputs go. `suppressed` counts those that were visible already."""

    def __init__(
        self,
        producer: Sender,
        names: Names,
        identity: Identity,
        frame_of: FrameOf,
        written: WrittenProgress | None,
        early: Early,
        timeout: float,
        places: Places,
        overrides_before: Callable[[int, str], str],
    ) -> None:
        """`producer` has taken the shard's transactional id. Raises GuardStop for an output whose schema is not registered."""
        self.identity = identity
        self.written = written
        self.progress = written.for_shard if written is not None else OutputProgress()
        self.suppressed = 0
        self.produced = dict.fromkeys(SHARD_TOPICS, 0)
        self._shard = identity.shard
        self._places = places
        self._overrides_before = overrides_before
        self._producer = producer
        self._full = {topic: names.shared(topic) for topic in SHARD_TOPICS}
        self._progress_topic = names.progress
        self._frame_of = frame_of
        rules = int(written.rules if written is not None else identity.rules)
        self._ways = MadeTable(self._way, {(*each, rules): self._way((*each, rules)) for each in WRITTEN})
        self._last = dict(written.topics) if written is not None else {}
        self._early = dict(early)
        self.early_count = sum(len(visible.records) for visible in early.values())
        self._is_open = False
        self._timeout = timeout

    def write(self, items: Sequence[Encoded | Mark]) -> Mark | None:
        """Send outputs on their way; the mark, which is returned for `commit`, makes them good."""
        mark, traces = None, self._places.traces
        for item in items:
            if isinstance(item, Mark):
                mark = item
                continue
            topic = item[0]
            self._send(topic, item, traces)
            if topic == FORECAST_UPDATES:
                self._send(FORECAST_CURRENT, item, traces)
        return mark

    def commit(self, mark: Mark) -> None:
        """Make everything before the mark visible at once. A mark at or below progress changes nothing."""
        if not self._is_open and (mark.offset, mark.engagement) <= (self.progress.offset, self.progress.engagement):
            return
        self._begin()
        self._await_delivery()
        self._tell_progress(mark)

    def _tell_progress(self, mark: Mark) -> None:
        """The last record of the transaction, and its end."""
        written = self._progress_at(mark)
        key = self.identity.generation.encode()
        self._produce(self._progress_topic, to_bytes(written), key, None)
        self._end_transaction()
        self.written, self.progress = written, written.for_shard

    def claim(self) -> None:
        """The first thing that a shard writes: progress of nothing. From then on outputs without progress say that it was lost."""
        if self.written is None:
            self._begin()
            self._tell_progress(Mark(0, "", 0, 0, b"", b"", {}, 0, int(self.identity.rules)))

    def close(self) -> None:
        """Commits nothing: what is open is ended by the one who takes the shard next."""

    def _send(self, topic: str, item: Encoded, traces: Mapping[int, Headers]) -> None:
        _, key, number, type_name, body, rules, log_offset, _ = item
        before = self._last.get(topic, NONE_BEFORE)
        self._last[topic] = number
        if self._early and topic in self._early and self._is_visible(topic, item, before):
            self.suppressed += 1
            return
        if not self._is_open:
            self._begin()
        full, frame, about = self._ways[topic, type_name, rules]
        all_headers = headers(about, number, before)
        if traces and (trace := traces.get(log_offset)):
            all_headers += trace
        self._produce(full, frame + body, key.encode(), all_headers)
        self.produced[topic] += 1

    def _way(self, place: tuple[str, str, int]) -> Way:
        topic, type_name, _ = place
        return self._full[topic], self._frame_of(*place), about(self.identity.generation, self._shard, type_name)

    def _is_visible(self, topic: str, item: Encoded, before: int) -> bool:
        visible = self._early[topic]
        if item.output_seq > visible.last:
            del self._early[topic]
            return False
        found = visible.records.get(item.output_seq)
        if found is None and item.output_seq < visible.kept_from:
            return True
        if found is None and visible.fills_holes:
            return False
        if found is None or found != (item.key.encode(), item.type_name, item.output_seq, before, item.body):
            what = "is not there, though later ones are" if found is None else "was written with other bytes"
            raise GuardStop(
                OUTPUTS_DIFFER,
                f"{self._full[topic]}, partition {self.identity.shard}: output {item.output_seq} ({item.type_name}), made again "
                f"from record {self.progress.offset} of the log on, {what}; the code or its data changed without an activated "
                "rules version. Nothing was written; go back to the version that wrote it",
            )
        return True

    def _progress_at(self, mark: Mark) -> WrittenProgress:
        one = self.identity
        return WrittenProgress(
            generation=one.generation,
            shard=one.shard,
            offset=mark.offset,
            log_at=self._places.place_of(mark.offset),
            engagement=mark.engagement,
            next_output_seq=mark.next_seq,
            topics=dict(self._last),
            input_chain=mark.input_chain.hex(),
            output_chain=mark.output_chain.hex(),
            genesis=one.genesis,
            overrides=self._overrides_before(mark.offset, mark.engagement),
            topic_ids=one.topic_ids,
            rules=str(mark.rules),
            last_record=self._last_record(mark.offset),
            starts=one.starts,
            foreign=one.foreign,
        )

    def _last_record(self, offset: int) -> str:
        """As the log has just read it; while a record is folded in parts it is the same."""
        found = self._places.digest_before(offset)
        if found is None and self.written is not None and self.written.offset == offset:
            return self.written.last_record
        return found or ""

    # The transaction

    def _begin(self) -> None:
        if not self._is_open:
            self._ask(self._producer.begin_transaction)
            self._is_open = True

    def _produce(self, topic: str, value: bytes, key: bytes, headers: Headers | None) -> None:
        try:
            try:
                # Through `produce`, or by its name, it would take 0.3 us longer, for every output.
                self._producer.produce(topic, value, key, self._shard, None, None, 0, headers)
            except BufferError:
                produce(self._producer, self._timeout, topic, value, key, self._shard, headers=headers)
        except KafkaException as fault:
            raise_reason(self._shard, self._producer, fault)

    def _await_delivery(self) -> None:
        """Progress reaches the brokers last: an end of the transaction before its time shows outputs without it, never the reverse."""
        left = self._ask(self._producer.flush, self._timeout)
        if left:
            raise unreachable(
                f"{left} outputs of shard {self.identity.shard} were not taken within {self._timeout:g} seconds"
            )

    def _end_transaction(self) -> None:
        """An end in doubt ends the process."""
        self._ask(commit, self._producer, self._timeout)
        self._is_open = False

    def _ask(self, call: Callable[..., Answer], *arguments: Sender | float) -> Answer:
        try:
            return call(*arguments)
        except KafkaException as fault:
            check_fenced(self._shard, fault)
            raise


def raise_reason(shard: int, producer: Sender, fault: KafkaException) -> NoReturn:
    """Why a record was not taken, as a stop where somebody else has the shard."""
    why = reason(producer, fault)
    check_fenced(shard, why)
    raise why


def check_fenced(shard: int, fault: KafkaException) -> None:
    """Raises GuardStop where it says that somebody else has the shard."""
    if fault.args[0].code() in FENCES:
        raise GuardStop(
            FENCED,
            f"shard {shard}: another process has taken it over, or this one stood still for longer than a transaction may take "
            f"({fault.args[0].str()}). What was not committed is not visible. See that one process alone has the shard, then start it",
        ) from fault
