"""Outputs as Avro container files, one a topic and shard, and the progress that says how far they are good.

Each record is a block of its own and the sync marker follows from generation and topic, so bytes do not depend on where commits fell.
A file has the schemas that stand at its head; where rules are activated that write others, the topic goes on in a part of its own.
A commit is: blocks appended and synced, then the progress file replaced. What a crash left is cut off at the next start.
"""

import json
import os
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Final

from connectors.avro_codec import OUTPUT_CODECS
from connectors.containers import ContainerFormat
from connectors.files.overrides import NAME as OVERRIDES
from connectors.files.progress import progress_path, read_progress
from connectors.files.writing import sync_names, unwritable, way_out, write_synced
from connectors.output_schemas import output_codecs
from domain.outputs import OUTPUTS, TOPICS
from state.batch import Encoded, Mark, OutputProgress
from state.genesis import Genesis
from state.guards import LOG_DAMAGED, OTHER_GENERATION, OUTPUTS_DIFFER, GuardStop
from state.overrides import Overrides, digest_before
from state.rules import begun_under

# Before the version of the rules that brought other schemas, in the name of a part: `erp.postings@2` is `erp.postings/0.2.avro`.
SINCE: Final = "@"
TOPIC_TYPES: dict[str, tuple[str, ...]] = {
    topic: tuple(name for name in OUTPUTS if TOPICS[name] == topic and name in OUTPUT_CODECS)
    for topic in sorted({TOPICS[name] for name in OUTPUTS})
}


def topic_file(folder: Path, part: str, shard: int) -> Path:
    """Of a topic, or of a later part of it."""
    topic, _, rules = part.partition(SINCE)
    return folder / "outputs" / topic / (f"{shard}.{rules}.avro" if rules else f"{shard}.avro")


def parts_of(topic: str, parts: Iterable[str]) -> list[str]:
    """Those of a topic among several, in the order in which they are written."""
    return sorted((part for part in parts if topic_of(part) == topic), key=since)


def topic_of(part: str) -> str:
    return part.partition(SINCE)[0]


def since(part: str) -> int:
    """The version of the rules that a part begins with; 0 for the one that the log begins with."""
    return int(part.partition(SINCE)[2] or 0)


class OutputFiles:
    """The output files of one shard, opened at what the last commit left."""

    def __init__(self, folder: Path, genesis: Genesis, passed_over: Overrides | None = None) -> None:
        self.folder = folder
        self.generation = genesis.generation
        self.shard = genesis.partition
        self._genesis = genesis
        self._passed_over = passed_over or {}
        self._progress_path = progress_path(folder, self.shard)
        self._parts: dict[tuple[str, int], str] = {}
        self._formats: dict[str, ContainerFormat] = {}
        self._files: dict[str, BinaryIO] = {}
        self._lengths: dict[str, int] = {}
        self._kept: dict[str, list[tuple[bytes, Encoded]]] = {}
        # Of the last commit: the outputs by part, each with the byte at which its block begins, and how long the parts were before.
        self.placed: dict[str, list[tuple[int, Encoded]]] = {}
        self.lengths_before: dict[str, int] = {}
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
                part = self._parts.get((item.topic, item.rules)) or self._part(item.topic, item.rules)
                block = self._formats[part].block(item.type_name, item.body)
                self._kept.setdefault(part, []).append((block, item))
        return mark

    def commit(self, mark: Mark) -> None:
        """Make everything before the mark durable. A mark below what is written already changes nothing."""
        self.lengths_before, self.placed = dict(self._lengths), {}
        try:
            for part, kept in self._kept.items():
                file = self._file(part)
                ends = accumulate((len(block) for block, _ in kept), initial=self._lengths[part])
                self.placed[part] = [(begin, item) for begin, (_, item) in zip(ends, kept, strict=False)]
                data = b"".join(block for block, _ in kept)
                file.write(data)
                file.flush()
                os.fdatasync(file.fileno())
                self._lengths[part] += len(data)
            self._kept.clear()
            if (mark.offset, mark.engagement) > (self.progress.offset, self.progress.engagement):
                self._save(mark)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    @property
    def lengths(self) -> dict[str, int]:
        """Bytes of each part that are committed."""
        return dict(sorted(self._lengths.items()))

    def close(self) -> None:
        """Commits nothing."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _part(self, topic: str, rules: int) -> str:
        """Where the outputs of a topic go that these rules make: on after those of earlier rules that wrote them alike."""
        begun = begun_under(self._genesis)
        wanted = self._fingerprints(topic, rules)
        first = rules
        while first > begun and self._fingerprints(topic, first - 1) == wanted:
            first -= 1
        part = topic if first == begun else f"{topic}{SINCE}{first}"
        codecs = output_codecs(self._genesis, rules)
        names = TOPIC_TYPES[topic]
        self._formats[part] = ContainerFormat([codecs[name] for name in names], self.generation, part)
        self._parts[topic, rules] = part
        return part

    def _fingerprints(self, topic: str, rules: int) -> list[str]:
        codecs = output_codecs(self._genesis, rules)
        return [codecs[name].fingerprint for name in TOPIC_TYPES[topic]]

    def _file(self, part: str) -> BinaryIO:
        if part not in self._files:
            path = topic_file(self.folder, part, self.shard)
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
            if part not in self._lengths:
                file.truncate(0)
                file.write(self._formats[part].header)
                self._lengths[part] = len(self._formats[part].header)
                for folder in (path.parent, path.parent.parent):
                    sync_names(folder)
            self._files[part] = file
        return self._files[part]

    def _there(self, lengths: Mapping[str, int]) -> list[str]:
        """Parts that are committed, and what else lies in their folders."""
        found = set(lengths)
        for topic in [topic for topic, names in TOPIC_TYPES.items() if names]:
            found.add(topic)
            later = [
                file.stem.partition(".")[2]
                for file in topic_file(self.folder, topic, self.shard).parent.glob(f"{self.shard}.*.avro")
            ]
            found.update(f"{topic}{SINCE}{rules}" for rules in later if rules.isdigit())
        return sorted(found)

    def _check_overrides(self, found: Mapping[str, Any]) -> None:
        if digest_before(self._passed_over, found["offset"], found["engagement"]) != found.get("overrides", ""):
            raise GuardStop(
                OUTPUTS_DIFFER,
                f"{self.folder / OVERRIDES}: the records passed over before record {found['offset']} are not those that the outputs "
                "were made with. Put back a copy of the file; nothing was written",
            )

    def _save(self, mark: Mark) -> None:
        self.progress = OutputProgress(mark.offset, mark.engagement, mark.next_seq, mark.output_chain, mark.input_chain)
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
                "overrides": digest_before(self._passed_over, mark.offset, mark.engagement),
                "lengths": dict(sorted(self._lengths.items())),
            },
            indent=1,
        )
        self._progress_path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._progress_path.with_suffix(".tmp")
        write_synced(beside, text.encode())
        beside.replace(self._progress_path)
        sync_names(self._progress_path.parent)

    def _resume(self) -> OutputProgress:
        """Cut every file back to what progress says."""
        found = read_progress(self.folder, self.shard)
        if found is not None and found["generation"] != self.generation:
            raise GuardStop(
                OTHER_GENERATION,
                f"{self._progress_path}: outputs are of generation {found['generation']}, the log of {self.generation}; "
                "use another output folder",
            )
        if found is not None:
            self._check_overrides(found)
        lengths: dict[str, int] = found["lengths"] if found is not None else {}
        for part in self._there(lengths):
            path = topic_file(self.folder, part, self.shard)
            there = path.stat().st_size if path.exists() else 0
            good = lengths.get(part, 0)
            if there < good:
                raise GuardStop(
                    LOG_DAMAGED,
                    f"{path} has {there} bytes, progress says {good}: outputs were removed or cut; delete the folder "
                    f"{self.folder / 'outputs'}, {self.folder / 'progress'} and {self.folder / 'store'} to make them again from the log",
                )
            if there > good:
                with path.open("r+b") as file:
                    file.truncate(good)
            if good:
                self._lengths[part] = good
        if found is None:
            return OutputProgress()
        return OutputProgress(
            found["offset"],
            found["engagement"],
            found["next_output_seq"],
            bytes.fromhex(found["output_chain"]),
            bytes.fromhex(found["input_chain"]),
        )


def _unwritable(folder: Path, error: OSError) -> GuardStop:
    return unwritable(Path(error.filename or folder), error.strerror or str(error), way_out(error))
