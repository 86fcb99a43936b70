"""How far intake is: one record in the transaction of every batch, in the directory topic under the key `progress`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Final, NamedTuple

import orjson

from connectors.kafka.partitions import Place
from domain.units import Instant
from state.guards import TORN_OUTPUTS, GuardStop

KEY: Final = b"progress"


class IntakeProgress(NamedTuple):
    """What the last transaction of intake said.

    `following` has the number of the next record of each partition of the log, and `inputs` the next offset of each
    partition of the domain topics. `places` counts what was appended, a broadcast once; `topic_ids` are another's after
    a topic was deleted and made again. `genesis` is the text of the log's first record, that of partition 0. `skipped` are numbers of
    transactions that never count: a log that was begun before transactions had plans may have some.
    """

    generation: str
    genesis: str
    transaction: int
    following: tuple[int, ...]
    places: int
    inputs: Mapping[Place, int]
    topic_ids: Mapping[str, str]
    latest: Instant = 0
    events: int = 0
    dead_letters: int = 0
    skipped: tuple[int, ...] = ()

    @property
    def next_transaction(self) -> int:
        return next(number for number in count(self.transaction + 1) if number not in self.skipped)


def to_bytes(progress: IntakeProgress) -> bytes:
    """The same bytes for equal values."""
    inputs: dict[str, dict[str, int]] = {}
    for (topic, partition), offset in progress.inputs.items():
        inputs.setdefault(topic, {})[str(partition)] = offset
    return orjson.dumps({**progress._asdict(), "inputs": inputs}, option=orjson.OPT_SORT_KEYS)


def from_bytes(value: bytes) -> IntakeProgress:
    """Raises ValueError for what no transaction of intake has written."""
    found: Any = orjson.loads(value)
    if found.pop("early", None):
        raise GuardStop(
            TORN_OUTPUTS,
            "intake's progress is of a release without plans, and names records of the log that came before their time. Let that "
            "release take in what is there, and start this one then",
        )
    try:
        inputs = {
            (topic, int(partition)): offset
            for topic, offsets in found.pop("inputs").items()
            for partition, offset in offsets.items()
        }
        read = {"inputs": inputs, "following": tuple(found["following"]), "skipped": tuple(found.get("skipped", ()))}
        return IntakeProgress(**{**found, **read})
    except (TypeError, KeyError, AttributeError) as fault:
        raise ValueError(f"expected an object with {', '.join(IntakeProgress._fields)}") from fault
