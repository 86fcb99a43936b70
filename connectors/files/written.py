"""Reads the output files of an embedded run, as far as they are committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from pathlib import Path
from typing import NamedTuple, TypeVar

from connectors.avro_codec import output_versions
from connectors.containers import ContainerDamaged, ContainerRecord, Damage, read_container
from connectors.files.no_outputs import NoOutputs
from connectors.files.outputs import TOPIC_TYPES, parts_of, topic_file
from connectors.files.progress import read_progress, shards_in
from domain.outputs import TOPICS, Output, Position

Record = TypeVar("Record", bound=Output)
DEAD_LETTERS = "dead-letters"


class WrittenOutput(NamedTuple):
    """One output with its bytes, and the fingerprint of the schema that they have."""

    topic: str
    position: Position
    record: Output
    body: bytes
    schema: str


def topics() -> tuple[str, ...]:
    """Of outputs that have a position."""
    return tuple(topic for topic, names in TOPIC_TYPES.items() if names)


def shards(folder: Path) -> tuple[int, ...]:
    """Those that have committed something. Raises NoOutputs."""
    found = shards_in(folder)
    if not found:
        raise NoOutputs(f"{folder}: expected the output folder of `milepost run`, {_instead(folder)}")
    return found


def _instead(folder: Path) -> str:
    if not folder.is_dir():
        return "found a file" if folder.exists() else "found nothing"
    if (folder / "log").is_dir():
        return "found one in which nothing is accounted for yet: its first run reads still, was stopped, or could place no event"
    return "found no progress of one in it"


def committed(folder: Path, topic: str, shard: int) -> dict[str, int]:
    """Bytes of the topic's files that the last commit vouches for, by part, in the order in which they are written."""
    progress = read_progress(folder, shard)
    lengths: dict[str, int] = progress["lengths"] if progress is not None else {}
    return {part: lengths[part] for part in parts_of(topic, lengths)}


def read_topic(folder: Path, topic: str) -> Iterator[WrittenOutput]:
    """Of all shards, one after the other. Raises NoOutputs and ContainerDamaged."""
    for shard in shards(folder):
        yield from read_file(folder, topic, shard)


def records_of(folder: Path, kind: type[Record]) -> Iterator[Record]:
    """Those of one type. Raises NoOutputs and ContainerDamaged."""
    return (record for _, record in placed_of(folder, kind))


def placed_of(folder: Path, kind: type[Record]) -> Iterator[tuple[Position, Record]]:
    """The same with their places."""
    for written in read_topic(folder, TOPICS[kind.__name__]):
        if isinstance(written.record, kind):
            yield written.position, written.record


def stop_at(damage: Damage) -> None:
    raise ContainerDamaged(damage)


def read_shard(folder: Path, shard: int, on_damage: Callable[[Damage], None] = stop_at) -> Iterator[WrittenOutput]:
    """All topics of a shard in the order of `output_seq`. Raises ContainerDamaged, unless `on_damage` lets it go on after the damage."""
    files = [read_file(folder, topic, shard, on_damage) for topic in topics()]
    return merge(*files, key=lambda written: written.position.output_seq)


def read_file(
    folder: Path, topic: str, shard: int, on_damage: Callable[[Damage], None] = stop_at
) -> Iterator[WrittenOutput]:
    """One topic of a shard."""
    for part, length in committed(folder, topic, shard).items():
        path = topic_file(folder, part, shard)
        there = path.stat().st_size if path.exists() else 0
        if there < length:
            on_damage(Damage(path, there, 0, f"ends here, {length} bytes were committed", "", b""))
        if not min(length, there):
            continue
        for found in read_container(path, output_versions(), end=length):
            if not isinstance(found, ContainerRecord):
                on_damage(found)
                continue
            yield written(topic, found)


def written(topic: str, found: ContainerRecord[tuple[Position, Output]]) -> WrittenOutput:
    position, record = found.record
    return WrittenOutput(topic, position, record, found.body, found.schema)
