"""Reads `project.views`, every partition from the place that is known of it, for whoever keeps the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients, Message
from connectors.kafka.names import Names
from connectors.kafka.partitions import PATIENCE_SECONDS, Place, is_passing
from connectors.kafka.published import published
from connectors.project_views import View, view_of
from domain.outputs import TOPICS
from state.guards import TOPIC_CHANGED, GuardStop

AT_ONCE: Final = 200


class Views(NamedTuple):
    """Views of one partition, from one place to the next.

    A place names generation and topic: another generation, or a topic that was made again, is read from its beginning.
    """

    partition: int
    place: str
    following: str
    views: tuple[View, ...]


class ViewTopic:
    """`places` say where partitions are read on; `unread` takes what none of our shards can have written."""

    def __init__(
        self, clients: Clients, names: Names, places: Mapping[int, str], unread: Callable[[str], None]
    ) -> None:
        self.topic = names.shared(TOPICS["ProjectView"])
        self._generation = names.generation
        self._unread = unread
        state = clients.topics([self.topic])[self.topic]
        if state is None:
            raise GuardStop(TOPIC_CHANGED, f"there is no topic {self.topic}; `milepost topics create` makes it")
        self._head = f"{names.generation}:{state.id}"
        self._places = {partition: places.get(partition, "") for partition in range(state.partitions)}
        self._behind = set(self._places)
        self._seen_to = dict.fromkeys(self._places, 0)
        self._consumer = clients.consumer(group=f"{names.prefix}milepost.view")
        self._consumer.assign(
            [TopicPartition(self.topic, partition, self._begin(partition)) for partition in self._places]
        )

    @property
    def places(self) -> dict[int, str]:
        """By partition, up to where it was read; empty where nothing was."""
        return dict(self._places)

    @property
    def is_caught_up(self) -> bool:
        """Whether the end of every partition was seen since the start."""
        return not self._behind

    def poll(self) -> list[Views]:
        """What is there now. Raises KafkaException."""
        by_partition: dict[int, list[Message]] = {}
        for message in self._consumer.consume(AT_ONCE, 0):
            error = message.error()
            if error is None:
                by_partition.setdefault(message.partition(), []).append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(message.partition())
                self._seen_to[message.partition()] = message.offset()
            elif not is_passing(error):
                raise KafkaException(error)
        return [self._views(partition, by_partition[partition]) for partition in sorted(by_partition)]

    def behind(self, end_of: Callable[[Place], int]) -> dict[int, int]:
        """Records of each partition that were not read, up to the end that is known; for any thread."""
        found = {}
        for partition, place in list(self._places.items()):
            cached = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), cached=True)[1]
            high = max(cached, end_of((self.topic, partition)))
            found[partition] = max(high - max(self._offset(place), self._seen_to[partition]), 0)
        return found

    def close(self) -> None:
        self._consumer.close()

    def _views(self, partition: int, messages: list[Message]) -> Views:
        newest: dict[str, View] = {}
        for message in messages:
            view = self._view(message)
            if view is not None:
                newest.pop(view.project_id, None)
                newest[view.project_id] = view
        before = self._places[partition]
        following = self._places[partition] = f"{self._head}:{messages[-1].offset() + 1}"
        return Views(partition, before, following, tuple(newest.values()))

    def _view(self, message: Message) -> View | None:
        """None for another generation's, and for what cannot be read, which is said."""
        try:
            found = published(message)
            return view_of(found.type_name, found.body) if found.generation == self._generation else None
        except DecodeError as fault:
            place = f"{self.topic}, partition {message.partition()}, offset {message.offset()}"
            self._unread(f"{place}: left out: {fault}")
            return None

    def _begin(self, partition: int) -> int:
        """The place that is known; the beginning where there is none, or the topic was cut off or put back."""
        offset = self._offset(self._places[partition])
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), PATIENCE_SECONDS)
        return offset if low <= offset <= high else OFFSET_BEGINNING

    def _offset(self, place: str) -> int:
        head, _, offset = place.rpartition(":")
        return int(offset) if head == self._head else OFFSET_BEGINNING
