"""The input folder between rounds: what is new in it, and whether what was read is still as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connectors.files.input_files import (
    FileStamp,
    Fingerprint,
    KnownFile,
    ReadingPlace,
    changed,
    check_last_line,
    list_inputs,
    other_input,
    scan,
    see,
    vanished,
    whole_lines,
)
from connectors.files.input_reader import is_avro, left_over
from connectors.files.rounds import RoundFile


class InputFolder:
    """Trusts size and time of a file for what it saw last; else reads it again, in whole once a process.

    `not_read` are the files there that are no input by their names, as it saw them last.
    """

    def __init__(self, input_dir: Path, output_dir: Path) -> None:
        self.input_dir = input_dir
        self.output_dir = output_dir
        self.not_read: list[str] = []
        self._read_whole: set[str] = set()
        self._found: dict[str, KnownFile] = {}

    def news(self, known: Mapping[str, KnownFile], *, is_growing: bool) -> list[KnownFile]:
        """Files that are new, have grown or have something left; stops where one has changed or vanished."""
        names, self.not_read = list_inputs(self.input_dir, self.output_dir)
        gone = sorted(known.keys() - set(names))
        if gone and len(gone) == len(known):
            raise other_input(self.input_dir, self.output_dir, gone)
        if gone:
            raise vanished(self.input_dir / gone[0])
        found = []
        for name in names:
            before = known.get(name)
            news = self._new(name, is_growing) if before is None else self._more(before, is_growing)
            if news is not None:
                self._found[name] = news
                found.append(news)
        return found

    def again(self, fixed: RoundFile, known: KnownFile | None) -> KnownFile:
        """A file of a round that was fixed earlier, with the bytes that it had then."""
        path = self.input_dir / fixed.name
        if not path.is_file():
            raise vanished(path)
        seen = see(path)
        for trusted in (self._found.pop(fixed.name, None), known):
            if trusted is not None and trusted.seen == seen and _is(fixed, trusted.fingerprint):
                return trusted
        before = None if known is None else known.fingerprint
        fingerprint = scan(path, fixed.length, before, thorough=True)
        if not _is(fixed, fingerprint):
            raise changed(path, f"its first {fixed.length} bytes are others now")
        self._read_whole.add(fixed.name)
        place, latest = (ReadingPlace(), 0) if known is None else (known.place, known.latest)
        return KnownFile(fixed.name, fingerprint, seen, place, latest)

    def _new(self, name: str, is_growing: bool) -> KnownFile | None:
        path = self.input_dir / name
        seen = see(path)
        length = _length(path, seen, 0, is_growing)
        if length == 0:
            return None
        fingerprint = scan(path, length, None, thorough=True)
        self._read_whole.add(name)
        return KnownFile(name, fingerprint, seen)

    def _more(self, known: KnownFile, is_growing: bool) -> KnownFile | None:
        path, had = self.input_dir / known.name, known.fingerprint.length
        seen = see(path)
        if seen.size < had:
            raise changed(path, f"it has {seen.size} bytes, {had} were read")
        length = _length(path, seen, had, is_growing)
        rest = length > had or (is_avro(known.name) and not is_growing and known.place.offset < had)
        if seen == known.seen and not rest:
            return None
        if not is_avro(known.name):
            check_last_line(path, had, length)
        thorough = seen != known.seen and known.name not in self._read_whole
        fingerprint = scan(path, length, known.fingerprint, thorough=thorough)
        self._read_whole.add(known.name)
        return known._replace(fingerprint=fingerprint, seen=seen) if rest else None


def place_after(folder: Path, name: str, place: ReadingPlace, length: int, *, is_growing: bool) -> ReadingPlace:
    """Where the next round goes on with a file that was read to its length."""
    if not is_avro(name) or (is_growing and left_over(folder / name, place, length)):
        return place
    return ReadingPlace(length, 0, 0)


def _length(path: Path, seen: FileStamp, had: int, is_growing: bool) -> int:
    return whole_lines(path, seen.size, had) if is_growing and not is_avro(path.name) else seen.size


def _is(fixed: RoundFile, fingerprint: Fingerprint) -> bool:
    return fingerprint.length == fixed.length and fingerprint.digest.hex() == fixed.digest
