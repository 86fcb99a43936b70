"""The job as a loop over confluent-kafka's own calls: `python -m benchmarks.peers.plain_loop`.

Offsets and outputs stand in one transaction. The sums are in memory alone: who starts it again has lost them.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.peers.job import COMMIT_MS, PARTITIONS, TIMEOUT, ProjectHours, Task, entry_of, write_hours
from connectors.kafka.names import GENESIS_KEY

AT_ONCE: Final = 2_000


def run(task: Task) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": task.brokers,
            "group.id": task.output,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(task.log, number, 0) for number in range(PARTITIONS)])
    producer = Producer(
        {"bootstrap.servers": task.brokers, "transactional.id": task.output, "linger.ms": 5, "compression.type": "lz4"}
    )
    producer.init_transactions(TIMEOUT)
    sums: dict[str, ProjectHours] = {}
    done = 0
    while done < task.entries:
        producer.begin_transaction()
        until = time.monotonic() + COMMIT_MS / 1_000
        while time.monotonic() < until and done < task.entries:
            for message in consumer.consume(AT_ONCE, COMMIT_MS / 1_000):
                if message.key() == GENESIS_KEY:
                    continue
                entry = entry_of(message.value() or b"")
                project_id = entry.project_id
                _, entries, hours = sums.get(project_id) or ProjectHours(project_id, 0, 0)
                now = sums[project_id] = ProjectHours(project_id, entries + 1, hours + (entry.hours or 0))
                producer.produce(task.hours, write_hours(now), project_id, message.partition() or 0)
                done += 1
            producer.poll(0)
        place = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(place, consumer.consumer_group_metadata())
        producer.commit_transaction(TIMEOUT)
    consumer.close()


if __name__ == "__main__":
    run(Task.of(sys.argv[1:]))
