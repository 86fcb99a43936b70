"""The dead letters of an embedded run, in the output folder beside the other outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from connectors.avro_codec import DEAD_LETTER_CODEC
from connectors.containers import ContainerFormat, read_container, undamaged
from connectors.files.input_reader import InputItem
from connectors.files.log_format import LogEnd
from connectors.files.writing import sync_folder, write_all, writing
from connectors.files.written import shards
from connectors.unreadable import dead_letter_of
from domain.outputs import DeadLetter
from state.guards import INTAKE_STATE_LOST, GuardStop

TOPIC: Final = "dead-letters"
# What stands for the topic of a message that came in a file.
INPUT: Final = "input"
NONE_YET: Final = LogEnd(0, 0)


class DeadLetterFile:
    """Made with its first letter; cut back to what was committed."""

    def __init__(self, output_dir: Path, generation: str, committed: LogEnd) -> None:
        self.path = dead_letter_path(output_dir)
        self.generation = generation
        self.end = committed
        self._format = ContainerFormat([DEAD_LETTER_CODEC], generation, TOPIC)
        self._file: int | None = None
        with writing(self.path):
            if committed == NONE_YET:
                self.path.unlink(missing_ok=True)
            else:
                self._file = os.open(self.path, os.O_RDWR)
                os.ftruncate(self._file, committed.length)
                os.lseek(self._file, 0, os.SEEK_END)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def append(self, item: InputItem) -> None:
        block = self._format.block("DeadLetter", DEAD_LETTER_CODEC.encode(dead_letter(item, self.generation)))
        with writing(self.path):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
                sync_folder(self.path.parent)
                block = self._format.header + block
            write_all(self._file, block)
        self.end = LogEnd(self.end.offset + 1, self.end.length + len(block))

    def sync(self) -> LogEnd:
        if self._file is not None:
            with writing(self.path):
                os.fsync(self._file)
        return self.end


def dead_letter_path(output_dir: Path) -> Path:
    return output_dir / "outputs" / TOPIC / "0.avro"


def dead_letter(item: InputItem, generation: str) -> DeadLetter:
    # Records of one block share its byte; each is longer than a byte, so the sum is a place of its own.
    place = item.offset + item.number
    letter = dead_letter_of(item.unreadable, generation, INPUT, 0, place)
    return letter._replace(source_file=item.name, line=item.line or None)


def is_whole(output_dir: Path, committed: LogEnd) -> bool:
    """Whether the letters that were committed are still there."""
    path = dead_letter_path(output_dir)
    try:
        return committed == NONE_YET or path.stat().st_size >= committed.length
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise GuardStop(INTAKE_STATE_LOST, f"{path}: cannot be read: {fault.strerror}") from fault


def letter_id(letter: DeadLetter) -> str:
    name = letter.source_file or f"{letter.topic}/{letter.partition}"
    return f"{name}:{letter.line}" if letter.line is not None else f"{name}@{letter.offset}"


def letters_of(output: Path) -> dict[str, DeadLetter]:
    """The dead letters of a run, each by a name that people can type: `time.jsonl:17`, or `time.avro@5120` for a record of a container.

    By their names, in the order in which they were found. Raises NoOutputs and ContainerDamaged.
    """
    path = dead_letter_path(output)
    if not path.exists():
        shards(output)
        return {}
    found: dict[str, DeadLetter] = {}
    for one in undamaged(read_container(path, {DEAD_LETTER_CODEC.fingerprint: DEAD_LETTER_CODEC})):
        letter: DeadLetter = one.record
        found[letter_id(letter)] = letter
    return found
