"""Which input files there are, and that what was read of them has not changed since.

A file may grow between rounds. Its first bytes are fingerprinted a mebibyte at a time, each with the digest of those
before, so that growth is hashed without reading again what was there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from domain.counting import named
from state.guards import INPUT_CHANGED, INPUT_UNREADABLE, GuardStop

SUFFIXES: Final = (".avro", ".jsonl")
# Rows that an import could not read are kept in files of this name; they are no events.
REJECTED_SUFFIX: Final = ".rejected.jsonl"
# Of editors and of programs that are still writing.
UNFINISHED_SUFFIXES: Final = ("~", ".tmp")
NAMES_SHOWN: Final = 3
MEND_LINK: Final = "mend the link or take it away"
SEGMENT_BYTES: Final = 1024 * 1024
TAIL_BYTES: Final = 64 * 1024


class Fingerprint(NamedTuple):
    """Of the first `length` bytes; `chain` is that of their whole segments."""

    length: int
    chain: bytes
    digest: bytes


class FileStamp(NamedTuple):
    """What the file system says of a file; equal says of equal files are taken on trust."""

    size: int
    modified: int
    inode: int


class ReadingPlace(NamedTuple):
    """Where reading goes on: a byte, the number of a record in the block that begins there, a line counted from 1."""

    offset: int = 0
    number: int = 0
    line: int = 1


class KnownFile(NamedTuple):
    """A file that was read, how far, and the `recorded_at` that its records had reached."""

    name: str
    fingerprint: Fingerprint
    seen: FileStamp
    place: ReadingPlace = ReadingPlace()
    latest: int = 0


class Listed(NamedTuple):
    """Names below the input folder, in their order: inputs, and files that no run reads."""

    inputs: list[str]
    not_read: list[str]


def list_inputs(input_dir: Path, output_dir: Path) -> Listed:
    """Hidden files, unfinished ones, refused rows of imports and the output folder are left out."""
    if not input_dir.is_dir():
        raise GuardStop(INPUT_UNREADABLE, f"{input_dir}: expected a folder with .avro and .jsonl files")
    listed = Listed([], [])
    for path in _walk(input_dir, output_dir.resolve()):
        names = listed.inputs if path.name.endswith(SUFFIXES) else listed.not_read
        names.append(path.relative_to(input_dir).as_posix())
    for name in listed.inputs:
        if not name.isprintable():
            raise GuardStop(
                INPUT_UNREADABLE, f"{input_dir}: {name!r}: expected a name in readable characters; rename it"
            )
    return Listed(sorted(listed.inputs), sorted(listed.not_read))


def see(path: Path) -> FileStamp:
    with reading(path) as file:
        found = os.fstat(file.fileno())
    return FileStamp(found.st_size, found.st_mtime_ns, found.st_ino)


def reading(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as fault:
        raise GuardStop(INPUT_UNREADABLE, f"{path}: cannot be read: {fault.strerror}") from fault


def scan(path: Path, length: int, known: Fingerprint | None, *, thorough: bool) -> Fingerprint:
    """Fingerprint of the first `length` bytes.

    Raises GuardStop where the known first bytes are others now: all of them are compared when `thorough`, else those
    after the last whole segment.
    """
    begin = 0 if known is None or thorough else known.length // SEGMENT_BYTES * SEGMENT_BYTES
    chain = b"" if begin == 0 or known is None else known.chain
    with reading(path) as file:
        file.seek(begin)
        for at in range(begin, length + 1, SEGMENT_BYTES):
            segment = file.read(min(SEGMENT_BYTES, length - at))
            if len(segment) < min(SEGMENT_BYTES, length - at):
                raise changed(path, f"it ends at byte {at + len(segment)}, {length} were there")
            if known is not None and at == known.length // SEGMENT_BYTES * SEGMENT_BYTES:
                _check(path, known, _digest(chain, segment[: known.length - at]))
            if len(segment) < SEGMENT_BYTES:
                return Fingerprint(length, chain, _digest(chain, segment))
            chain = _digest(chain, segment)
    raise AssertionError("the last segment is shorter than the others")


def whole_lines(path: Path, size: int, at_least: int) -> int:
    """Length of the file without a last line that is not finished yet."""
    with reading(path) as file:
        while size > at_least:
            begin = max(at_least, size - TAIL_BYTES)
            file.seek(begin)
            newline = file.read(size - begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            size = begin
    return at_least


def check_last_line(path: Path, known_length: int, length: int) -> None:
    """A last line that was read without its end must not have gone on."""
    if not 0 < known_length < length:
        return
    with reading(path) as file:
        file.seek(known_length - 1)
        last, *following = file.read(3)
    if last != ord("\n") and bytes(following[:1]) != b"\n" and bytes(following) != b"\r\n":
        raise changed(path, f"its last line, at byte {known_length}, was read and has gone on since")


def changed(path: Path, how: str) -> GuardStop:
    return GuardStop(
        INPUT_CHANGED,
        f"{path}: this input was read before and has changed: {how}. Put it back as it was; new events go into a new "
        "file or after the last line",
    )


def vanished(path: Path) -> GuardStop:
    return GuardStop(INPUT_CHANGED, f"{path}: this input was read before and is no longer there. Put it back")


def other_input(input_dir: Path, output_dir: Path, names: Sequence[str]) -> GuardStop:
    return GuardStop(
        INPUT_CHANGED,
        f"{output_dir}: this output folder is of other input: it has read {named(names, NAMES_SHOWN)}, of which nothing is in "
        f"{input_dir}. Put them back, say the folder that has them as --input, or another --output for this input",
    )


def _walk(folder: Path, left_out: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as fault:
        raise GuardStop(INPUT_UNREADABLE, f"{folder}: cannot be read: {fault.strerror}") from fault
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            if path.resolve() == left_out:
                continue
            if entry.is_symlink():
                raise GuardStop(
                    INPUT_UNREADABLE,
                    f"{path}: links to folders are not followed; put the folder itself here, or links to its files",
                )
            yield from _walk(path, left_out)
        elif not entry.name.endswith((REJECTED_SUFFIX, *UNFINISHED_SUFFIXES)):
            if entry.is_file():
                yield path
            elif entry.is_symlink() and entry.name.endswith(SUFFIXES):
                raise GuardStop(INPUT_UNREADABLE, f"{path}: it links to a file that is not there; {MEND_LINK}")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as fault:
        raise GuardStop(INPUT_UNREADABLE, f"{entry.path}: cannot be read: {fault.strerror}; {MEND_LINK}") from fault


def _digest(chain: bytes, segment: bytes) -> bytes:
    return blake2b(chain + segment, digest_size=32).digest()


def _check(path: Path, known: Fingerprint, digest: bytes) -> None:
    if digest != known.digest:
        raise changed(path, f"its first {known.length} bytes are others now")
