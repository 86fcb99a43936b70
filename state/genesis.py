"""What stands at the head of every partition of the log and changes only by `RulesActivated`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from domain.reference.zones import database_version


class Genesis(NamedTuple):
    """`rules` are versions by rule, `outputs` fingerprints of the output schemas by name."""

    generation: str
    partition: int = 0
    partitions: int = 1
    rules: Mapping[str, int] = {}
    outputs: Mapping[str, str] = {}
    zone_database: str = database_version()


def to_json(genesis: Genesis) -> str:
    """The same text for equal values."""
    return json.dumps(genesis._asdict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str) -> Genesis:
    """Raises ValueError for what is no genesis record."""
    found = json.loads(text)
    try:
        return Genesis(**found)
    except TypeError as error:
        raise ValueError(f"expected the fields {', '.join(Genesis._fields)}") from error
