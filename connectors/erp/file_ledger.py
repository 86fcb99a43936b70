"""An ERP that reads files: journals and invoices in the layout that it imports, each key once.

A written file is what the options say: accepted, posted, or submitted until a person's answer comes (`Answers`).
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, Self, TypeAlias, get_args

from pydantic import Field, model_validator

from connectors.erp.adapter import NO_TRACE, ErpFinding, ErpUnreadable, Limits, TraceContext
from connectors.erp.connection import Connection
from connectors.erp.file_manifest import (
    Manifest,
    ManifestDamaged,
    WrittenDocument,
    WrittenFile,
    body_digest,
    digest,
    written,
)
from connectors.erp.layouts.d365_csv import D365Csv
from connectors.erp.layouts.datev import Datev
from connectors.erp.layouts.fixed_width import FixedWidth
from connectors.erp.layouts.layout import FileMade, Layout, Unfit
from connectors.erp.layouts.netsuite_csv import NetSuiteCsv
from connectors.section import Section
from domain.counting import counted
from domain.delivery.documents import Document
from domain.delivery.ledgers import LedgerEntry, LedgerLine, LedgerScope
from domain.delivery.outcomes import (
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Said,
    Submitted,
    Taken,
    Uncertain,
)

ACCEPTED: Final = "accepted"
POSTED: Final = "posted"
SUBMITTED: Final = "submitted"

# Its invoices are what was written: neither their tax nor what the customer owes is there.
LIMITS: Final = Limits(lines=1_000, call_seconds=60.0, reads_invoices=False)
# A call that has waited for a quarter of its time has the rest for what it is to do.
LOCK_SHARE: Final = 4
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9-]+")


LayoutName: TypeAlias = Literal["netsuite_csv", "d365_csv", "datev", "fixed_width"]
LAYOUTS: Final[tuple[str, ...]] = get_args(LayoutName)
FOLDER: Final = "answers"
COLUMNS: Final = ("key", "reference", "date", "code", "message")
PERIOD: Final = "PERIOD"
# Answers of a million journals have less.
LARGEST_BYTES: Final = 256 * 1024 * 1024


class FileAnswer(NamedTuple):
    """`mark` is this row's own, so that a rejection counts once."""

    key: str
    mark: str
    reference: str = ""
    posted_on: date | None = None
    code: str = ""
    message: str = ""

    @property
    def is_posted(self) -> bool:
        return bool(self.reference or self.posted_on)


class UnreadAnswer(NamedTuple):
    """A file or a row that says nothing we know; it is left out, all others count."""

    place: str
    found: str


class Answers:
    """What people answer to the files of a file ledger: CSV files in its folder `answers`.

        key,reference,date,code,message
        MPK7Q2V5C4T3N6W2XYZA,JE-1042,2026-06-30,,
        MPT2M4D6R8P3S5V7X9Z2,,,ACCOUNT,account 4010 is inactive
        MPA3C5E7G2J4L6N8Q3S5,,,PERIOD,June is closed

    A row with a reference or a date says that the document is posted; one with a code that it was rejected: PERIOD where the period is
    closed, any other where the data are wrong. A last line without its end is not read yet, for it may still be copied.

    Read again where a file has changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._known: dict[str, tuple[tuple[int, int], dict[str, list[FileAnswer]], list[UnreadAnswer]]] = {}

    def refresh(self) -> None:
        """Raises OSError."""
        paths = {path.name: path for path in sorted(self._folder.glob("*.csv"))} if self._folder.is_dir() else {}
        for name in self._known.keys() - paths.keys():
            del self._known[name]
        for name, path in paths.items():
            status = path.stat()
            seen = (status.st_size, status.st_mtime_ns)
            if name in self._known and self._known[name][0] == seen:
                continue
            answers: dict[str, list[FileAnswer]] = {}
            unread: list[UnreadAnswer] = []
            for found in _read(path, status.st_size):
                if isinstance(found, FileAnswer):
                    answers.setdefault(found.key, []).append(found)
                else:
                    unread.append(found)
            self._known[name] = (seen, answers, unread)

    def of(self, key: str) -> list[FileAnswer]:
        """In the order of the files' names."""
        return [answer for name in sorted(self._known) for answer in self._known[name][1].get(key, ())]

    def answered(self) -> set[str]:
        return {key for _, answers, _ in self._known.values() for key in answers}

    def unread(self) -> Iterator[UnreadAnswer]:
        for _, _, unread in self._known.values():
            yield from unread


class FileOptions(Section):
    """`[erp.NAME.options]`; the layout's own stand in a table of its name."""

    folder: Path
    layout: LayoutName
    written_means: Literal["accepted", "posted", "submitted"] = ACCEPTED
    documents_a_file: Annotated[int, Field(ge=1, le=10_000)] = 500
    netsuite_csv: NetSuiteCsv = NetSuiteCsv()
    d365_csv: D365Csv = D365Csv()
    datev: Datev | None = None
    fixed_width: FixedWidth | None = None

    @model_validator(mode="after")
    def _has_its_layout(self) -> Self:
        if getattr(self, self.layout) is None:
            raise ValueError(f"layout {self.layout} has options that must be set: add a table options.{self.layout}")
        return self

    @property
    def of_layout(self) -> Layout:
        found: Layout = getattr(self, self.layout)
        return found


class FileLedger:
    """One folder. Several threads and processes may use it: the manifest's lock lets one write at a time."""

    def __init__(
        self, options: FileOptions, now: Callable[[], datetime] = lambda: datetime.now(UTC), limits: Limits = LIMITS
    ) -> None:
        self.limits = limits._replace(documents=options.documents_a_file, segments=options.of_layout.taken)
        self._options = options
        self._layout = options.of_layout
        self._now = now
        self._manifest = Manifest(options.folder, limits.call_seconds / LOCK_SHARE)
        self._answers = Answers(options.folder)

    def send(self, documents: Sequence[Document], trace: TraceContext = NO_TRACE) -> Sequence[Outcome]:
        """Nobody reads a trace in a file."""
        del trace
        outcomes: dict[str, Outcome] = {}
        try:
            with self._manifest.held():
                self._answers.refresh()
                for of_one_file in self._files_of(documents, outcomes):
                    outcomes |= self._write(of_one_file)
        except (OSError, ManifestDamaged) as fault:
            failed = self._unusable(fault)
            return [outcomes.get(document.key, failed) for document in documents]
        return [outcomes[document.key] for document in documents]

    def poll(self, ticket: str, documents: Sequence[Document]) -> Sequence[Outcome] | None:
        """By the answers; what is not answered yet stays submitted."""
        found: list[Outcome] = []
        try:
            with self._manifest.held():
                self._answers.refresh()
                for document in documents:
                    place = self._manifest.find(document.key)
                    found.append(Uncertain("not in the manifest") if place is None else self._outcome(*place))
        except TimeoutError:
            return None
        except ManifestDamaged as fault:
            # What was submitted stays so: looked up it would count as accepted without an answer.
            return [NotSent(UNREACHABLE, str(fault)) for _ in documents]
        except OSError as fault:
            return [self._unusable(fault) for _ in documents]
        return None if all(outcome == Submitted(ticket) for outcome in found) else found

    def look_up(self, documents: Sequence[Document], accepted: Collection[str] = ()) -> Mapping[str, Said] | Outcome:
        del accepted  # what was written stays
        found: dict[str, Said] = {}
        try:
            with self._manifest.held():
                self._answers.refresh()
                for document in documents:
                    if (place := self._manifest.find(document.key)) is not None:
                        outcome = self._outcome(*place)
                        if isinstance(outcome, Submitted):
                            outcome = Taken(place[0].file, place[1].posted_on, is_posted=False)
                        if isinstance(outcome, Taken):
                            outcome = outcome._replace(is_duplicate=True)
                        if isinstance(outcome, Taken | RejectedData | RejectedPeriod):
                            found[document.key] = outcome
        except (OSError, ManifestDamaged) as fault:
            return self._unusable(fault)
        return found

    def ledger(self, scope: LedgerScope) -> Iterator[LedgerEntry]:
        """What was written and not rejected; changed, and without lines, where its file lies there with other contents."""
        try:
            with self._manifest.held():
                self._answers.refresh()
                found = [
                    (place, outcome)
                    for place in self._manifest.latest()
                    if place[1].subsidiary == scope.subsidiary
                    and scope.since <= place[1].posted_on <= scope.until
                    and not isinstance(outcome := self._outcome(*place), RejectedData | RejectedPeriod)
                ]
                changed = {
                    file.file
                    for file in {place[0].file: place[0] for place, _ in found}.values()
                    if self._is_changed(file)
                }
        except (OSError, ManifestDamaged) as fault:
            raise ErpUnreadable(f"{self._options.folder}: {fault}") from fault
        for (file, document), outcome in found:
            yield _entry(document, file, outcome, file.file in changed)

    def check(self, _subsidiaries: Sequence[str], _on: date) -> Iterator[ErpFinding]:
        """Files have no companies and no periods."""
        folder = self._options.folder
        try:
            with self._manifest.held():
                self._answers.refresh()
                files, documents = len(self._manifest.files), sum(1 for _ in self._manifest.latest())
        except (OSError, ManifestDamaged) as fault:
            way_out = f"give this user write access to {folder}, or put back the manifest"
            if isinstance(fault, TimeoutError):
                way_out = "see which, and ask again"
            yield ErpFinding("folder", False, str(fault), way_out)
            return
        yield ErpFinding("folder", True, f"{folder}: {counted(files, 'file')} with {counted(documents, 'document')}")
        for unread in self._answers.unread():
            yield ErpFinding(
                "answers", False, f"{FOLDER}/{unread.place}: {unread.found}", "correct the row, end each line"
            )
        if strange := sorted(key for key in self._answers.answered() if self._manifest.find(key) is None):
            yield ErpFinding(
                "answers",
                False,
                f"{len(strange)} for keys never written, the first {strange[0]}",
                "correct the key or remove it",
            )

    def close(self) -> None:
        """Holds nothing open."""

    def _unusable(self, fault: Exception) -> Outcome:
        if isinstance(fault, TimeoutError):
            return NotSent(UNREACHABLE, f"{self._options.folder}: {fault}")
        if isinstance(fault, OSError):
            return NotSent(UNREACHABLE, f"{self._options.folder}: {fault.strerror or fault}; make room or give access")
        return Uncertain(str(fault))

    def _files_of(self, documents: Sequence[Document], outcomes: dict[str, Outcome]) -> list[list[Document]]:
        """What is to be written, by file; of all others the outcome."""
        files: dict[tuple[str, ...], dict[str, Document]] = {}
        probe = FileMade(self._manifest.next_number, self._now())
        for document in documents:
            place = self._manifest.find(document.key)
            if place is not None:
                outcome = self._outcome(*place)
                if not isinstance(outcome, RejectedData | RejectedPeriod):
                    outcomes[document.key] = self._again(document, place, outcome)
                    continue
            try:
                self._layout.rows(document, probe)
            except Unfit as fault:
                outcomes[document.key] = RejectedData(fault.code, str(fault), fault.field)
                continue
            files.setdefault(self._layout.shared(document), {})[document.key] = document
        return [list(each.values()) for each in files.values()]

    def _again(self, document: Document, place: tuple[WrittenFile, WrittenDocument], outcome: Outcome) -> Outcome:
        file, before = place
        if before.sha256 != body_digest(document):
            return RejectedData(
                "WRITTEN_OTHERWISE", f"{document.key} stands otherwise in {file.file}, row {before.first_row}"
            )
        return outcome._replace(is_duplicate=True) if isinstance(outcome, Taken) else outcome

    def _write(self, documents: Sequence[Document]) -> dict[str, Outcome]:
        made = FileMade(self._manifest.next_number, self._now())
        content = bytearray(self._layout.head(documents, made))
        row = content.count(b"\n") + 1
        entries = []
        for document in documents:
            rows = self._layout.rows(document, made._replace(row=row))
            after = [answer.mark for answer in self._answers.of(document.key)]
            entries.append(written(document, row, len(rows), after))
            content += b"".join(rows)
            row += len(rows)
        words = (_NOT_IN_NAMES.sub("-", word) for word in self._layout.shared(documents[0]))
        name = f"{self._layout.prefix}{'_'.join(words)}_{made.number:06d}{self._layout.suffix}"
        self._manifest.write(name, bytes(content), entries)
        return {entry.key: self._outcome(self._manifest.files[-1], entry) for entry in entries}

    def _outcome(self, file: WrittenFile, document: WrittenDocument) -> Outcome:
        answers = [answer for answer in self._answers.of(document.key) if answer.mark not in document.after]
        if posted := [answer for answer in answers if answer.is_posted]:
            last = posted[-1]
            return Taken(last.reference or file.file, last.posted_on or document.posted_on)
        if answers:
            return _rejected(answers[-1])
        if self._options.written_means == SUBMITTED:
            return Submitted(file.file)
        return Taken(file.file, document.posted_on, is_posted=self._options.written_means == POSTED)

    def _is_changed(self, file: WrittenFile) -> bool:
        path = self._options.folder / file.file
        return path.is_file() and digest(path.read_bytes()) != file.sha256


def _rejected(answer: FileAnswer) -> Outcome:
    if answer.code.upper() == PERIOD:
        return RejectedPeriod(answer.code, answer.message)
    return RejectedData(answer.code, answer.message)


def _entry(document: WrittenDocument, file: WrittenFile, outcome: Outcome, is_changed: bool) -> LedgerEntry:
    taken = outcome if isinstance(outcome, Taken) else Taken(file.file, document.posted_on, is_posted=False)
    return LedgerEntry(
        document.key,
        taken.reference,
        document.posted_on,
        document.period,
        document.currency,
        taken.is_posted,
        ()
        if is_changed
        else tuple(LedgerLine(each.account, each.amount, each.ledger_amount) for each in document.lines),
        is_changed,
    )


def open_erp(name: str, connection: Connection) -> FileLedger:
    """Raises WrongConnection."""
    return FileLedger(connection.checked_options(name, FileOptions), limits=connection.limits(LIMITS))


def _read(path: Path, size: int) -> Iterator[FileAnswer | UnreadAnswer]:
    if size > LARGEST_BYTES:
        yield UnreadAnswer(path.name, f"{size:,} bytes, expected at most {LARGEST_BYTES:,}")
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        yield UnreadAnswer(path.name, "its last line has no end yet")
    try:
        text = data[:whole].decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data[:whole].decode("cp1252", "replace")
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = [column.strip().lower() for column in next(rows, [])]
        if missing := [column for column in COLUMNS[:2] if column not in columns]:
            yield UnreadAnswer(
                path.name, f"expected the columns {', '.join(COLUMNS)}, {' and '.join(missing)} are missing"
            )
            return
        for row in rows:
            yield from _answered(path.name, rows.line_num, dict(zip(columns, map(str.strip, row), strict=False)))
    except csv.Error as fault:
        yield UnreadAnswer(f"{path.name}:{rows.line_num}", str(fault))


def _answered(name: str, line: int, row: dict[str, str]) -> Iterator[FileAnswer | UnreadAnswer]:
    key, reference, day, code, message = (row.get(column, "") for column in COLUMNS)
    place = f"{name}:{line}"
    if not any(row.values()):
        return
    try:
        posted_on = date.fromisoformat(day) if day else None
    except ValueError:
        yield UnreadAnswer(place, f"expected a date such as 2026-06-30, found {day!r}")
        return
    said = "\x1f".join((name, str(line), key, code, message))
    answer = FileAnswer(
        key, hashlib.blake2b(said.encode(), digest_size=8).hexdigest(), reference, posted_on, code, message
    )
    if not key or answer.is_posted == bool(code):
        yield UnreadAnswer(place, "expected a key, and either a reference or a code")
        return
    yield answer
