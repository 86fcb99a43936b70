"""Records that an operator passes over, on a compacted topic: a partition a shard, keyed by place in its log."""

from __future__ import annotations

from typing import Any

import orjson
from confluent_kafka import KafkaException

from connectors.kafka.clients import Clients, Producer
from connectors.kafka.names import Names
from connectors.kafka.outputs import check_fenced
from connectors.kafka.partitions import all_records
from connectors.kafka.producing import commit
from state.guards import LOG_DAMAGED, GuardStop
from state.overrides import Override, Overrides, by_place


def read(clients: Clients, names: Names, shard: int, timeout: float) -> Overrides:
    """Raises GuardStop where the topic holds something else."""
    found = []
    for message in all_records(clients, [(names.overrides, shard)], timeout):
        try:
            said: Any = orjson.loads(message.value() or b"")
            found.append(Override(**said))
        except (ValueError, TypeError) as fault:
            raise GuardStop(
                LOG_DAMAGED,
                f"{names.overrides}, partition {shard}, offset {message.offset()}: expected an object with "
                f"{', '.join(Override._fields)}: {fault}. Only `milepost skip` may write to this topic",
            ) from fault
    return by_place(found)


def write(producer: Producer, names: Names, shard: int, override: Override, timeout: float) -> None:
    """In a transaction of its own. Raises GuardStop where another process has taken the shard meanwhile, and KafkaException."""
    key = f"{override.offset}/{override.engagement}".encode()
    try:
        producer.begin_transaction()
        producer.produce(names.overrides, orjson.dumps(override._asdict(), option=orjson.OPT_SORT_KEYS), key, shard)
        commit(producer, timeout)
    except KafkaException as fault:
        check_fenced(shard, fault)
        raise
