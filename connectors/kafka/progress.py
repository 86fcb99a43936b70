"""How far the outputs of a shard are good: one record in the transaction of every batch, on a compacted topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from state.batch import OutputProgress


class WrittenProgress(NamedTuple):
    """What the last commit of a shard said.

    `log_at` is where on the log's partition the record numbered `offset` stands, or where it may come; `topics` are the
    numbers of the last outputs by topic; `genesis`, `overrides` and `last_record` (of the record before `offset`) are
    digests; `topic_ids` are another's after a topic was deleted and made again; `rules` is the version in force; `starts`
    are the first offsets that were there, by topic of the outputs, where not 0; `foreign` are the offsets there of what
    somebody else has written, which a person has named (`milepost repair --foreign`).
    """

    generation: str
    shard: int
    offset: int
    log_at: int
    engagement: str
    next_output_seq: int
    topics: Mapping[str, int]
    input_chain: str
    output_chain: str
    genesis: str
    overrides: str
    topic_ids: Mapping[str, str]
    rules: str
    last_record: str = ""
    starts: Mapping[str, int] = {}
    foreign: Mapping[str, Sequence[int]] = {}

    @property
    def place(self) -> tuple[int, str]:
        return self.offset, self.engagement

    @property
    def for_shard(self) -> OutputProgress:
        return OutputProgress(
            self.offset,
            self.engagement,
            self.next_output_seq,
            bytes.fromhex(self.output_chain),
            bytes.fromhex(self.input_chain),
        )


def to_bytes(written: WrittenProgress) -> bytes:
    """The same bytes for equal values. Releases that know nothing of foreign records read what has none."""
    told = written._asdict()
    if not written.foreign:
        del told["foreign"]
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def from_bytes(value: bytes) -> WrittenProgress:
    """Raises ValueError for what no commit has written."""
    found: Any = orjson.loads(value)
    try:
        return WrittenProgress(**found)
    except TypeError as fault:
        raise ValueError(f"expected an object with {', '.join(WrittenProgress._fields)}") from fault
