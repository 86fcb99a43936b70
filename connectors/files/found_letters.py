"""The dead letters of a run, each by a name that people can type: `time.jsonl:17`, or `time.avro@5120` for a record of a container."""

from __future__ import annotations

from pathlib import Path

from connectors.avro_codec import DEAD_LETTER_CODEC
from connectors.containers import read_container, undamaged
from connectors.files.dead_letters import dead_letter_path
from connectors.files.written import shards
from domain.outputs import DeadLetter


def letter_id(letter: DeadLetter) -> str:
    name = letter.source_file or f"{letter.topic}/{letter.partition}"
    return f"{name}:{letter.line}" if letter.line is not None else f"{name}@{letter.offset}"


def letters_of(output: Path) -> dict[str, DeadLetter]:
    """By their names, in the order in which they were found. Raises NoOutputs and ContainerDamaged."""
    path = dead_letter_path(output)
    if not path.exists():
        shards(output)
        return {}
    found: dict[str, DeadLetter] = {}
    for one in undamaged(read_container(path, {DEAD_LETTER_CODEC.fingerprint: DEAD_LETTER_CODEC})):
        letter: DeadLetter = one.record
        found[letter_id(letter)] = letter
    return found
