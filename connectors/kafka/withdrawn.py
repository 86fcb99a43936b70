"""Records that count, and that readers no longer see: their transaction was committed, and on their partition it was aborted.

A broker that is alone may leave the mark of a transaction out (docs/operations.md, "A hanging transaction"); anyone who then
ends it by hand can only abort it. Brokers keep what was aborted until they compact or drop its segment, so it can be
read, and be written again as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from connectors.kafka.clients import Clients, Message
from connectors.kafka.log_writer import Produced
from connectors.kafka.partitions import PATIENCE_SECONDS, Place, read_to_end


def everything_from(
    clients: Clients, starts: Mapping[Place, int], timeout: float = PATIENCE_SECONDS
) -> dict[Place, list[Message]]:
    """From these offsets on, committed or not."""
    with closing(clients.consumer(committed=False)) as consumer:
        return read_to_end(consumer, starts, timeout) if starts else {}


def as_it_was(message: Message) -> Produced:
    return Produced(message.topic(), message.value(), message.key(), message.partition(), list(message.headers() or ()))
