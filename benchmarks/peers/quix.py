"""The job on Quix Streams: `python -m benchmarks.peers.quix`, in an environment of its own (requirements.txt beside it).

Exactly once, with the sums in its RocksDB store and their changelog topic.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from quixstreams import Application, State

from benchmarks.peers.job import COMMIT_MS, ProjectHours, Task, entry_of, write_hours
from connectors.kafka.names import GENESIS_KEY


def run(task: Task, folder: Path) -> None:
    """On an empty store: what another broker's changelog left there is not taken for this one's."""
    shutil.rmtree(folder / task.output, ignore_errors=True)
    app = Application(
        task.brokers,
        consumer_group=task.output,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=COMMIT_MS / 1_000,
        state_dir=folder / task.output,
        producer_extra_config={"compression.type": "lz4", "linger.ms": 5},
        loglevel="WARNING",
    )
    log = app.topic(task.log, key_deserializer="bytes", value_deserializer="bytes")
    hours = app.topic(task.hours, key_serializer="bytes", value_serializer="bytes")
    entries = app.dataframe(log).filter(_is_entry, metadata=True)
    entries.apply(_add, stateful=True).to_topic(hours)
    app.run(count=task.entries, collect=False)


def _is_entry(_value: bytes, key: bytes, _timestamp: int, _headers: object) -> bool:
    return key != GENESIS_KEY


def _add(value: bytes, state: State) -> bytes:
    entry = entry_of(value)
    entries, hours = state.get(entry.project_id) or (0, 0)
    now = ProjectHours(entry.project_id, entries + 1, hours + (entry.hours or 0))
    state.set(entry.project_id, (now.entries, now.hours))
    return write_hours(now)


if __name__ == "__main__":
    run(Task.of(sys.argv[1:]), Path("build/peers/quix"))
