"""Any container file of ours as its records: outputs, dead letters, the engagement log, events for input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.avro_codec import (
    DEAD_LETTER_CODEC,
    EVENT_CODECS,
    OUTPUT_CODECS,
    Decoder,
    event_versions,
    output_versions,
)
from connectors.avro_schema import Bytes, MapType
from connectors.avro_walk import read_value
from connectors.containers import MAGIC, ContainerRecord, read_container, undamaged
from connectors.decode_error import DecodeError
from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import GENESIS, log_path
from connectors.files.outputs import TOPIC_TYPES
from connectors.files.written import DEAD_LETTERS, WrittenOutput, read_topic
from connectors.json_records import record_to_json
from domain.outputs import TOPICS, ForecastUpdate

HEADER_BYTES_MAX: Final = 1024 * 1024
LOG_TOPIC: Final = "engagement.log"
# Compacted on a broker; in a folder it is what remains of the updates.
CURRENT_TOPIC: Final = "forecast.current"
_UPDATES: Final = TOPICS["ForecastUpdate"]


class Dumped(NamedTuple):
    type_name: str
    json: dict[str, Any]


def dump_file(path: Path) -> Iterator[Dumped]:
    """Raises ContainerDamaged; OSError where there is no file."""
    if _is_log(path):
        yield from _log(EngagementLog(path))
        return
    known: Mapping[str, Decoder[Any]] = {
        **output_versions(),
        **event_versions(),
        DEAD_LETTER_CODEC.fingerprint: DEAD_LETTER_CODEC,
    }
    yield from map(_dumped, undamaged(read_container(path, known)))


def dump_topic(output: Path, topic: str) -> Iterator[Dumped]:
    """What of a topic is committed. Raises NoOutputs and ContainerDamaged."""
    if topic == LOG_TOPIC:
        numbers = sorted(int(each.stem) for each in log_path(output).parent.glob("*.avro") if each.stem.isdigit())
        for shard in numbers or (0,):
            yield from _log(EngagementLog.open(output, shard))
    elif topic == DEAD_LETTERS:
        path = output / "outputs" / DEAD_LETTERS / "0.avro"
        if path.exists():
            yield from dump_file(path)
    elif topic == CURRENT_TOPIC:
        yield from _current(output)
    else:
        for written in read_topic(output, topic):
            yield _told(written)


def _current(output: Path) -> Iterator[Dumped]:
    """The latest of each project."""
    newest: dict[str, WrittenOutput] = {}
    for written in read_topic(output, _UPDATES):
        if isinstance(written.record, ForecastUpdate):
            newest[written.record.project_id] = written
    for project_id in sorted(newest):
        yield _told(newest[project_id])


def _told(written: WrittenOutput) -> Dumped:
    return Dumped(type(written.record).__name__, record_to_json(written.record, written.position))


def topics() -> tuple[str, ...]:
    return (*TOPIC_TYPES, CURRENT_TOPIC, LOG_TOPIC)


def types_in(topic: str | None) -> tuple[str, ...]:
    """Names of the records that a topic may hold; None: those of all of them."""
    dead_letter = (DEAD_LETTER_CODEC.record.title,)
    match topic:
        case None:
            return (*sorted(EVENT_CODECS), *sorted(OUTPUT_CODECS), *dead_letter)
        case "engagement.log":
            return tuple(sorted(EVENT_CODECS))
        case "dead-letters":
            return dead_letter
        case "forecast.current":
            return tuple(TOPIC_TYPES[_UPDATES])
        case _:
            return tuple(TOPIC_TYPES[topic])


def _dumped(found: ContainerRecord[Any]) -> Dumped:
    """The record of an output comes with its position."""
    record = found.record
    if type(record) is tuple:
        position, output = record
        return Dumped(found.type_name, record_to_json(output, position))
    return Dumped(found.type_name, record_to_json(record))


def _log(log: EngagementLog) -> Iterator[Dumped]:
    """Events with their place; an event stands there once for each engagement that it concerns."""
    with log:
        for record in log.records():
            yield Dumped(record.type_name, {**record_to_json(record.event), "log_offset": record.offset})


def _is_log(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES_MAX)
    if not head.startswith(MAGIC):
        return False
    try:
        meta, _ = read_value(MapType(Bytes()), head, len(MAGIC))
    except DecodeError:
        return False
    return GENESIS in meta
