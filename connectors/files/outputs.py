"""Outputs as Avro container files, one a topic and shard, and the progress that says how far they are good.

Each record is a block of its own and the sync marker follows from generation and topic, so bytes do not depend on where commits fell.
A commit is: blocks appended and synced, then the progress file replaced. What a crash left behind it is cut off at the next start.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from connectors.avro_codec import OUTPUT_CODECS
from connectors.containers import ContainerFormat
from domain.outputs import OUTPUTS, TOPICS
from state.guards import LOG_DAMAGED, OTHER_GENERATION, OUTPUT_UNWRITABLE, GuardStop
from state.shard import Encoded, Mark, Progress

TOPIC_TYPES: dict[str, tuple[str, ...]] = {
    topic: tuple(name for name in OUTPUTS if TOPICS[name] == topic and name in OUTPUT_CODECS)
    for topic in sorted({TOPICS[name] for name in OUTPUTS})
}


PROGRESS_FIELDS = frozenset(
    {
        "generation",
        "shard",
        "offset",
        "engagement",
        "next_output_seq",
        "topics",
        "input_chain",
        "output_chain",
        "lengths",
    }
)


def topic_file(folder: Path, topic: str, shard: int) -> Path:
    return folder / "outputs" / topic / f"{shard}.avro"


class OutputFiles:
    """The output files of one shard, opened at what the last commit left."""

    def __init__(self, folder: Path, generation: str, shard: int) -> None:
        self.folder = folder
        self.generation = generation
        self.shard = shard
        self._progress_path = folder / "progress" / f"{shard}.json"
        self._formats = {
            topic: ContainerFormat([OUTPUT_CODECS[name] for name in names], generation, topic)
            for topic, names in TOPIC_TYPES.items()
            if names
        }
        self._files: dict[str, BinaryIO] = {}
        self._lengths: dict[str, int] = {}
        self._blocks: dict[str, list[bytes]] = {}
        try:
            self.progress = self._resume()
        except OSError as error:
            raise _unwritable(folder, error) from error

    def write(self, items: Iterable[Encoded | Mark]) -> Mark | None:
        """Keep outputs until their mark, which is returned for `commit`."""
        mark = None
        for item in items:
            if isinstance(item, Mark):
                mark = item
            else:
                self._blocks.setdefault(item.topic, []).append(
                    self._formats[item.topic].block(item.type_name, item.body)
                )
        return mark

    def commit(self, mark: Mark) -> None:
        """Make everything before the mark durable. A mark below what is written already changes nothing."""
        try:
            for topic, blocks in self._blocks.items():
                file = self._file(topic)
                data = b"".join(blocks)
                file.write(data)
                file.flush()
                os.fdatasync(file.fileno())
                self._lengths[topic] += len(data)
            self._blocks.clear()
            if (mark.offset, mark.engagement) > (self.progress.offset, self.progress.engagement):
                self._save(mark)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def close(self) -> None:
        """Commits nothing."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, topic: str) -> BinaryIO:
        if topic not in self._files:
            path = topic_file(self.folder, topic, self.shard)
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
            if topic not in self._lengths:
                file.truncate(0)
                file.write(self._formats[topic].header)
                self._lengths[topic] = len(self._formats[topic].header)
                for folder in (path.parent, path.parent.parent):
                    _sync_folder(folder)
            self._files[topic] = file
        return self._files[topic]

    def _save(self, mark: Mark) -> None:
        self.progress = Progress(mark.offset, mark.engagement, mark.next_seq, mark.output_chain, mark.input_chain)
        text = json.dumps(
            {
                "generation": self.generation,
                "shard": self.shard,
                "offset": mark.offset,
                "engagement": mark.engagement,
                "next_output_seq": mark.next_seq,
                "topics": dict(sorted(mark.topic_seqs.items())),
                "input_chain": mark.input_chain.hex(),
                "output_chain": mark.output_chain.hex(),
                "lengths": dict(sorted(self._lengths.items())),
            },
            indent=1,
        )
        self._progress_path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._progress_path.with_suffix(".tmp")
        with beside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._progress_path)
        _sync_folder(self._progress_path.parent)

    def _resume(self) -> Progress:
        """Cut every file back to what progress says."""
        found = read_progress(self.folder, self.shard)
        if found is not None and found["generation"] != self.generation:
            raise GuardStop(
                OTHER_GENERATION,
                f"{self._progress_path}: outputs are of generation {found['generation']}, the log of {self.generation}; "
                "use another output folder",
            )
        lengths: dict[str, int] = found["lengths"] if found is not None else {}
        for topic in self._formats:
            path = topic_file(self.folder, topic, self.shard)
            there = path.stat().st_size if path.exists() else 0
            good = lengths.get(topic, 0)
            if there < good:
                raise GuardStop(
                    LOG_DAMAGED,
                    f"{path} has {there} bytes, progress says {good}: outputs were removed or cut; delete the folder "
                    f"{self.folder / 'outputs'}, {self.folder / 'progress'} and {self.folder / 'store'} to make them anew from the log",
                )
            if there > good:
                with path.open("r+b") as file:
                    file.truncate(good)
            if good:
                self._lengths[topic] = good
        if found is None:
            return Progress()
        return Progress(
            found["offset"],
            found["engagement"],
            found["next_output_seq"],
            bytes.fromhex(found["output_chain"]),
            bytes.fromhex(found["input_chain"]),
        )


def read_progress(folder: Path, shard: int) -> dict[str, Any] | None:
    """What the last commit said; None before the first. Raises GuardStop where it says nothing that can be used."""
    path = progress_path(folder, shard)
    if not path.exists():
        return None
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise _no_progress(folder, path, str(fault)) from fault
    if not isinstance(found, dict) or not found.keys() >= PROGRESS_FIELDS:
        raise _no_progress(folder, path, f"expected an object with {', '.join(sorted(PROGRESS_FIELDS))}")
    return found


def progress_path(folder: Path, shard: int) -> Path:
    return folder / "progress" / f"{shard}.json"


def _no_progress(folder: Path, path: Path, reason: str) -> GuardStop:
    return GuardStop(
        LOG_DAMAGED,
        f"{path}: cannot be read: {reason}. Delete the folders {folder / 'outputs'}, {folder / 'progress'} and "
        f"{folder / 'store'}, and the next run makes them anew from the log",
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> GuardStop:
    return GuardStop(
        OUTPUT_UNWRITABLE,
        f"{folder} cannot be written: {error.strerror or error} ({error.filename or folder}); nothing is half done, "
        "make room or give access and run again",
    )
