"""Some output topics, every partition from the place that is known of it, for those who act on each output once.

A place names the topic's id, an offset and the highest number that was given: a topic that was made again, and filled by
`milepost repair`, is read from its beginning, and what was given before is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from confluent_kafka import TopicPartition

from connectors.avro_codec import OUTPUT_CODECS, read_output
from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients, Message
from connectors.kafka.names import Names
from connectors.kafka.partitions import Place, behind, bounds, sifted, topic_state
from connectors.kafka.published import Headers, Published, published
from connectors.kafka.trace_headers import trace_headers
from domain.outputs import TOPICS as OUTPUT_TOPICS
from domain.outputs import Output, Position
from state.guards import OTHER_GENERATION, TOPIC_CHANGED, GuardStop

AT_ONCE: Final = 1_000


class Followed(NamedTuple):
    """An output as it stands on its topic, and the place that follows it; `partition` is such as `erp.postings/3`."""

    partition: str
    following: str
    position: Position
    record: Output
    trace: Headers


class _Stretch:
    """One partition: what is read next, how far its end was seen, and what was given."""

    def __init__(self, place: Place, name: str, topic_id: str, start: int, end: int, last: int) -> None:
        self.place = place
        self.name = name
        self.topic_id = topic_id
        self.next = start
        self.end_seen = 0
        # Where it ended when reading began.
        self.until = end
        self.last = last
        # Up to which number outputs are passed over; of a topic that was made again.
        self.known = -1
        self.is_begun = False

    @property
    def passed(self) -> int:
        """At the end of a partition there may be marks that are no records."""
        return max(self.next, self.end_seen)

    @property
    def following(self) -> str:
        return f"{self.topic_id}:{self.next}:{self.last}"


class FollowedTopics:
    """`unread` is called for each record that none of our shards can have written; it is passed over."""

    def __init__(
        self, clients: Clients, names: Names, topics: Sequence[str], group: str, unread: Callable[[str], None]
    ) -> None:
        self._clients = clients
        self._names = names
        self._topics = topics
        self._unread = unread
        self._consumer = clients.consumer(group=group)
        self._stretches: dict[Place, _Stretch] = {}

    def begin(self, places: Mapping[str, str]) -> None:
        """Raises GuardStop where what comes next is gone, and KafkaException."""
        with closing(self._clients.consumer()) as asking:
            for topic in self._topics:
                full = self._names.shared(topic)
                state = topic_state(self._clients, full)
                for partition in range(state.partitions):
                    name = f"{topic}/{partition}"
                    low, end = bounds(asking, (full, partition))
                    stretch = _begun((full, partition), name, state.id, (low, end), places.get(name, ""))
                    self._stretches[full, partition] = stretch
        self._consumer.assign([TopicPartition(*place, each.next) for place, each in self._stretches.items()])

    @property
    def is_at_end(self) -> bool:
        """Whether all was given that stood there when reading began."""
        return all(each.passed >= each.until for each in self._stretches.values())

    @property
    def offsets(self) -> dict[str, int]:
        """What is read next of each partition."""
        return {each.name: each.passed for each in self._stretches.values()}

    @property
    def places(self) -> list[Place]:
        return list(self._stretches)

    def behind(self, end_of: Callable[[Place], int]) -> dict[Place, int]:
        """Records of each partition that were not read, up to the end that is known; for any thread."""
        found = {}
        for place, each in list(self._stretches.items()):
            found[place] = behind(self._consumer, place, each.passed, end_of(place))
        return found

    def read(self) -> list[Followed]:
        """What has come. Raises KafkaException, and GuardStop where another generation has taken the place of ours."""
        return list(self._given(self._consumer.consume(AT_ONCE, 0)))

    def close(self) -> None:
        self._consumer.close()

    def _given(self, messages: Sequence[Message]) -> Iterator[Followed]:
        for message, is_end in sifted(messages):
            stretch = self._stretches[message.topic(), message.partition()]
            if is_end:
                stretch.end_seen = max(stretch.end_seen, message.offset())
                continue
            stretch.next = message.offset() + 1
            found = self._ours(message, stretch)
            if found is not None and found[0].output_seq > stretch.known:
                stretch.last = max(stretch.last, found[0].output_seq)
                yield Followed(stretch.name, stretch.following, *found, trace_headers(message.headers()))

    def _read(self, message: Message) -> tuple[Published, tuple[Position, Output]]:
        """Raises DecodeError for what no shard of ours can have written there."""
        found = published(message)
        topic = message.topic().removeprefix(self._names.prefix)
        if found.type_name not in OUTPUT_CODECS or OUTPUT_TOPICS[found.type_name] != topic:
            raise DecodeError(f"expected an output of {topic}, got {found.type_name[:64]!r}")
        if found.shard != message.partition():
            raise DecodeError(f"it holds an output of shard {found.shard}")
        return found, read_output(found.type_name, found.body)

    def _ours(self, message: Message, stretch: _Stretch) -> tuple[Position, Output] | None:
        """None for another generation's, and for what cannot be read, which is said."""
        where = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
        try:
            found, output = self._read(message)
        except DecodeError as fault:
            self._unread(f"{where}: passed over, as no shard of ours wrote it: {fault}")
            return None
        if found.generation == self._names.generation:
            stretch.is_begun = True
            return output
        if stretch.is_begun:
            raise GuardStop(
                OTHER_GENERATION,
                f"{where}: generation {found.generation} has written after generation {self._names.generation}, which these settings "
                "name, and has taken its place: nothing more is delivered of it. Correct [kafka] generation and start again",
            )
        return None


def _begun(place: Place, name: str, topic_id: str, now: tuple[int, int], known: str) -> _Stretch:
    """Where reading goes on; `known` is the place that was kept."""
    low, end = now
    if not known:
        return _Stretch(place, name, topic_id, low, end, -1)
    before, offset, last = known.rsplit(":", 2)
    if before != topic_id:
        stretch = _Stretch(place, name, topic_id, low, end, int(last))
        stretch.known = int(last)
        return stretch
    if not low <= int(offset) <= end:
        raise GuardStop(
            TOPIC_CHANGED,
            f"{place[0]}, partition {place[1]}: expected offset {offset} next, found {low} to {end}: it was cut off, or what was "
            "written last is lost. Put it back from its copy, or see docs/operations.md, code 24",
        )
    stretch = _Stretch(place, name, topic_id, int(offset), end, int(last))
    stretch.is_begun = int(last) >= 0
    return stretch
