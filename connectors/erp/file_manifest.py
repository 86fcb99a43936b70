"""What a file ledger has written: a line of JSON a file, which names its documents.

A file is written in three steps: whole under a hidden name; named in the manifest, which decides that it is written; given its name.
A process that dies between them leaves a hidden file: the next one gives it its name where the manifest has it, and removes it where
it has not. So the same key is never written twice, also where files are moved away after that.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from connectors.files.output_lock import lock_within
from connectors.files.writing import sync_names, write_all, write_synced
from domain.delivery.documents import Document, InvoiceDocument

NAME: Final = "manifest.jsonl"
# As a file is called that a line of the manifest names; a part of one is hidden.
_NUMBERED: Final = "[!.]*_" + "[0-9]" * 6 + ".*"


class ManifestDamaged(Exception):
    """The manifest holds something else; it is never guessed what was written."""


class WrittenLine(msgspec.Struct, frozen=True, array_like=True):
    account: str
    amount: int
    ledger_amount: int


class WrittenDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document in a file: its rows from 1, head included, and the digest of what it says.

    `after` names the rejections that had come before, of a document that is written again.
    """

    key: str
    kind: str
    first_row: int
    last_row: int
    sha256: str
    subsidiary: str
    posted_on: date
    period: str
    currency: str
    lines: tuple[WrittenLine, ...]
    after: tuple[str, ...] = ()


class WrittenFile(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    file: str
    sha256: str
    documents: tuple[WrittenDocument, ...]


class Manifest:
    """Owns the names of the folder; a writer or reader holds the lock."""

    def __init__(self, folder: Path, lock_seconds: float) -> None:
        self._folder = folder
        self._lock_seconds = lock_seconds
        self._path = folder / NAME
        self._read_to = 0
        self.files: list[WrittenFile] = []
        self._places: dict[str, tuple[WrittenFile, WrittenDocument]] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """For this process alone, with all that others have written. Raises ManifestDamaged, and OSError also where another holds it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock(file)
            self._catch_up(file)
            self._finish()
            yield
        finally:
            os.close(file)

    def find(self, key: str) -> tuple[WrittenFile, WrittenDocument] | None:
        """Where it was written last."""
        return self._places.get(key)

    def latest(self) -> Iterator[tuple[WrittenFile, WrittenDocument]]:
        yield from self._places.values()

    def write(self, file: str, content: bytes, documents: Sequence[WrittenDocument]) -> None:
        """The lock is held. Raises OSError: nothing is written where it came before the manifest had it."""
        part = self._part(file)
        write_synced(part, content)
        written = WrittenFile(number=self.next_number, file=file, sha256=digest(content), documents=tuple(documents))
        self._append(msgspec.json.encode(written) + b"\n")
        self._take(written)
        part.rename(self._folder / file)
        sync_names(self._folder)

    @property
    def next_number(self) -> int:
        return self.files[-1].number + 1 if self.files else 1

    def _lock(self, file: int) -> None:
        try:
            lock_within(file, self._lock_seconds)
        except BlockingIOError as fault:
            raise TimeoutError(f"another process has held {NAME} for {self._lock_seconds:g} seconds") from fault

    def _append(self, line: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.lseek(file, self._read_to, os.SEEK_SET)
            try:
                write_all(file, line)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, self._read_to)
                raise
        finally:
            os.close(file)
        self._read_to += len(line)
        sync_names(self._folder)

    def _catch_up(self, file: int) -> None:
        """A line without its end was never committed."""
        size = os.fstat(file).st_size
        if size < self._read_to:
            raise ManifestDamaged(
                f"{self._path}: expected {self._read_to:,} bytes at least, found {size:,}; put back a copy"
            )
        added = os.pread(file, size - self._read_to, self._read_to)
        whole = added.rfind(b"\n") + 1
        for found in [self._read(*line) for line in enumerate(added[:whole].splitlines(), len(self.files) + 1)]:
            self._take(found)
        if not self.files and (left := sorted(path.name for path in self._folder.glob(_NUMBERED))):
            raise ManifestDamaged(
                f"{self._path}: expected a line for {left[0]} at least, found none; put back a copy, or name an empty folder"
            )
        self._read_to += whole
        if whole < len(added):
            os.ftruncate(file, self._read_to)
            os.fsync(file)

    def _read(self, number: int, line: bytes) -> WrittenFile:
        try:
            return msgspec.json.decode(line, type=WrittenFile)
        except msgspec.MsgspecError as fault:
            raise ManifestDamaged(
                f"{self._path}: line {number}: {fault}. Only Milepost may write it; put back a copy"
            ) from None

    def _take(self, written: WrittenFile) -> None:
        self.files.append(written)
        self._places |= {document.key: (written, document) for document in written.documents}

    def _finish(self) -> None:
        """What a process that died has left."""
        parts = list(self._folder.glob(".*.part"))
        if not parts:
            return
        known = {self._part(written.file): written.file for written in self.files}
        for part in parts:
            if name := known.get(part):
                part.rename(self._folder / name)
            else:
                part.unlink()
        sync_names(self._folder)

    def _part(self, file: str) -> Path:
        return self._folder / f".{file}.part"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def body_digest(document: Document) -> str:
    return digest(msgspec.json.encode(document))


def written(document: Document, first_row: int, rows: int, after: Sequence[str]) -> WrittenDocument:
    if isinstance(document, InvoiceDocument):
        kind, posted_on = "invoice", document.invoice_date
        lines = tuple(WrittenLine(line.account, -line.amount, -line.amount) for line in document.lines)
    else:
        kind, posted_on = "journal", document.accounting_date
        lines = tuple(WrittenLine(line.account, line.amount, line.ledger_amount) for line in document.lines)
    return WrittenDocument(
        key=document.key,
        kind=kind,
        first_row=first_row,
        last_row=first_row + rows - 1,
        sha256=body_digest(document),
        subsidiary=document.subsidiary,
        posted_on=posted_on,
        period=document.period,
        currency=document.currency,
        lines=lines,
        after=tuple(after),
    )
