"""Reads `project.views`, every partition from the place that is known of it, for the one who keeps the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients, Message
from connectors.kafka.names import Names
from connectors.kafka.partitions import Place, behind, bounds, sifted
from connectors.kafka.published import published
from connectors.project_views import View, view_of
from domain.outputs import TOPICS
from state.guards import OTHER_GENERATION, TOPIC_CHANGED, GuardStop

AT_ONCE: Final = 200
# In the place of a partition in which something of our generation was read.
BEGUN: Final = "begun"


class Views(NamedTuple):
    """Views of one partition, from one place to the next.

    A place names generation and topic: another generation, or a topic that was made again, is read from its beginning. It
    also says whether something of the generation stands before it: whatever other one comes after that has replaced it.
    """

    partition: int
    place: str
    following: str
    views: tuple[View, ...]


class ViewTopic:
    """`places` say where partitions are read on; `unread` takes what none of our shards can have written.

    `kept` are the places up to which Redis has what was read, by partition: who takes it writes them.
    """

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
        self._replaced: GuardStop | None = None
        self._places = {partition: places.get(partition, "") for partition in range(state.partitions)}
        self.kept = self.places
        self._begun = {partition for partition, place in self._places.items() if self._is_begun(place)}
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
        """What is there now. Raises KafkaException, and GuardStop where another generation has taken the place of ours."""
        if self._replaced is not None:
            raise self._replaced
        by_partition: dict[int, list[Message]] = {}
        for message, is_end in sifted(self._consumer.consume(AT_ONCE, 0)):
            if is_end:
                self._behind.discard(message.partition())
                self._seen_to[message.partition()] = message.offset()
            else:
                by_partition.setdefault(message.partition(), []).append(message)
        found = [self._views(partition, by_partition[partition]) for partition in sorted(by_partition)]
        return [each for each in found if each.following != each.place]

    def behind(self, end_of: Callable[[Place], int]) -> dict[int, int]:
        """Records of each partition that are not kept, up to the end that is known; for any thread."""
        found = {}
        for partition, place in list(self._places.items()):
            kept, at = self.kept[partition], (self.topic, partition)
            passed = max(self._offset(kept), self._seen_to[partition] if kept == place else 0)
            found[partition] = behind(self._consumer, at, passed, end_of(at))
        return found

    def close(self) -> None:
        self._consumer.close()

    def _views(self, partition: int, messages: list[Message]) -> Views:
        newest: dict[str, View] = {}
        before = self._places[partition]
        for message in messages:
            view = self._view(message)
            if self._replaced is not None:
                break
            if view is not None:
                newest.pop(view.project_id, None)
                newest[view.project_id] = view
            self._places[partition] = self._place(partition, message.offset() + 1)
        return Views(partition, before, self._places[partition], tuple(newest.values()))

    def _view(self, message: Message) -> View | None:
        """None for another generation's, and for what cannot be read, which is said."""
        place = f"{self.topic}, partition {message.partition()}, offset {message.offset()}"
        try:
            found = published(message)
            if found.generation == self._generation:
                self._begun.add(message.partition())
                return view_of(found.type_name, found.body)
        except DecodeError as fault:
            self._unread(f"{place}: left out: {fault}")
            return None
        if message.partition() in self._begun:
            self._replaced = GuardStop(
                OTHER_GENERATION,
                f"{place}: generation {found.generation} has written after generation {self._generation}, which these settings "
                "name, and has taken its place: Redis keeps what that held last, and nothing more comes of it. Correct [kafka] "
                "generation and start the view again; it fills Redis with what the new generation says",
            )
        return None

    def _place(self, partition: int, offset: int) -> str:
        return ":".join((self._head, *([BEGUN] if partition in self._begun else []), str(offset)))

    def _is_begun(self, place: str) -> bool:
        return place.rpartition(":")[0] == f"{self._head}:{BEGUN}"

    def _begin(self, partition: int) -> int:
        """The place that is known; the beginning where there is none, or the topic was cut off or put back."""
        offset = self._offset(self._places[partition])
        low, high = bounds(self._consumer, (self.topic, partition))
        return offset if low <= offset <= high else OFFSET_BEGINNING

    def _offset(self, place: str) -> int:
        head, _, offset = place.rpartition(":")
        return int(offset) if head in (self._head, f"{self._head}:{BEGUN}") else OFFSET_BEGINNING
