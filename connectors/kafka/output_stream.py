"""One partition of an output topic from its beginning to the end that it has now, whatever generations wrote there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients
from connectors.kafka.partitions import Place, bounds, is_passing, unreachable, waited
from connectors.kafka.published import Published, published


def all_outputs(clients: Clients, place: Place, timeout: float) -> Iterator[Published]:
    """In their order; what none of our shards wrote is passed over. Raises KafkaException, GuardStop."""
    with closing(clients.consumer()) as consumer:
        low, end = bounds(consumer, place, timeout)
        if low == end:
            return
        consumer.assign([TopicPartition(*place, low)])
        silent_since = time.monotonic()
        while True:
            found = waited(consumer)
            if found:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > timeout:
                raise unreachable(f"no answer for {timeout:g} seconds about {place[0]}, partition {place[1]}")
            for message in found:
                fault = message.error()
                if fault is None:
                    try:
                        yield published(message)
                    except DecodeError:
                        continue
                elif fault.code() == KafkaError._PARTITION_EOF:
                    return
                elif not is_passing(fault):
                    raise KafkaException(fault)
