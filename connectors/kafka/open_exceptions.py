"""Which exceptions of some shards are open, as their topic says: read beside the dataflow, which knows nothing of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from connectors.kafka.clients import Clients, Message
from connectors.kafka.names import Names
from connectors.kafka.partitions import sifted
from connectors.kafka.published import output_of
from domain.outputs import TOPICS, ExceptionClosed, ExceptionRaised
from domain.sums import summed
from domain.units import Amount, Instant

AT_ONCE: Final = 1_000


class WaitingCount(NamedTuple):
    """Of one category: how many, and when the oldest was raised."""

    number: int
    oldest: Instant


class _Open(NamedTuple):
    category: str
    raised_at: Instant
    amount: Amount
    currency: str | None


class OpenExceptionCounts:
    """From the first exception on, at every start: the topic keeps them all, and they are few beside the events."""

    def __init__(self, clients: Clients, names: Names, shards: Iterable[int]) -> None:
        self.topic = names.shared(TOPICS["ExceptionRaised"])
        self._generation = names.generation
        self._open: dict[str, _Open] = {}
        self._behind = set(shards)
        self._consumer = clients.consumer()
        self._consumer.assign([TopicPartition(self.topic, shard, OFFSET_BEGINNING) for shard in sorted(self._behind)])

    @property
    def is_caught_up(self) -> bool:
        """Before that, what is closed later counts as open."""
        return not self._behind

    def follow(self, seconds: float) -> bool:
        """Take in what has come; waits for so long where nothing has. Whether anything came. Raises KafkaException."""
        first = self._consumer.poll(seconds)
        if first is None:
            return False
        for message, is_end in sifted((first, *self._consumer.consume(AT_ONCE, 0))):
            if is_end:
                self._behind.discard(message.partition())
            else:
                self._take(message)
        return True

    def by_category(self) -> dict[str, WaitingCount]:
        """May be asked from another thread than the one that follows."""
        found: dict[str, WaitingCount] = {}
        for each in list(self._open.values()):
            known = found.get(each.category)
            found[each.category] = (
                WaitingCount(1, each.raised_at)
                if known is None
                else WaitingCount(known.number + 1, min(known.oldest, each.raised_at))
            )
        return found

    def at_risk(self, category: str) -> dict[str, Amount]:
        """Money of a category by currency; from any thread."""
        opened = list(self._open.values())
        return summed(
            (one.currency, one.amount) for one in opened if one.category == category and one.currency is not None
        )

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        for _, record in output_of(message, self._generation):
            match record:
                case ExceptionRaised():
                    # Said again with every change; the first time is when it was raised.
                    known = self._open.get(record.exception_id)
                    since = record.raised_at if known is None else min(known.raised_at, record.raised_at)
                    self._open[record.exception_id] = _Open(
                        record.category, since, record.blocks_amount, record.blocks_currency
                    )
                case ExceptionClosed():
                    self._open.pop(record.exception_id, None)
