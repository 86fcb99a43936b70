"""What embedded intake knows between events and between runs, in one SQLite file that is committed with the log.

All of it follows from the rounds and their input files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from connectors.files.input_files import FileStamp, Fingerprint, KnownFile, ReadingPlace
from connectors.files.log_format import LogEnd
from connectors.intake_memory import TABLES, IntakeMemory
from domain.units import Instant
from state.guards import INTAKE_STATE_LOST, GuardStop
from state.intake.clock import Clock

VERSION: Final = 2

# `own_days` is always 0; the input of an earlier release could end its days.
_TABLES: Final = f"""
CREATE TABLE progress (round INTEGER, finished INTEGER, log_offset INTEGER, log_length INTEGER,
    dead_letters INTEGER, dead_letters_length INTEGER, latest INTEGER, own_days INTEGER,
    events INTEGER);
{TABLES}CREATE TABLE files (name TEXT PRIMARY KEY, length INTEGER, chain BLOB, digest BLOB, size INTEGER, modified INTEGER,
    inode INTEGER, offset INTEGER, number INTEGER, line INTEGER, latest INTEGER) WITHOUT ROWID;
"""


class StoredProgress(NamedTuple):
    """Where intake is: in or after which round, how long its files are, and the running maximum of `recorded_at`."""

    round: int
    finished: bool
    log: LogEnd
    dead_letters: LogEnd
    latest: Instant
    events: int = 0


class IntakeStore(IntakeMemory):
    """Intake's `Memory`; nothing counts before `commit`."""

    tables = _TABLES
    version = VERSION

    def progress(self) -> StoredProgress | None:
        """None before anything was committed."""
        found = self._ask("SELECT * FROM progress")
        if not found:
            return None
        number, finished, offset, length, letters, letters_length, latest, _, events = found[0]
        ends = LogEnd(offset, length), LogEnd(letters, letters_length)
        return StoredProgress(number, bool(finished), *ends, latest, events)

    def commit(self, progress: StoredProgress, clock: Clock, files: Iterable[KnownFile]) -> None:
        """One transaction ends and the next begins."""
        with self.storing():
            self._flush()
            self._rows.execute("DELETE FROM progress")
            self._rows.execute(
                "INSERT INTO progress VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
                (progress.round, progress.finished, *progress.log, *progress.dead_letters, *progress[4:]),
            )
            self.keep_clock(clock)
            self._rows.executemany(
                "REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(file.name, *file.fingerprint, *file.seen, *file.place, file.latest) for file in files],
            )
            self._rows.execute("COMMIT")
            self._rows.execute("BEGIN IMMEDIATE")

    def files(self) -> dict[str, KnownFile]:
        rows = self._ask("SELECT * FROM files")
        return {
            name: KnownFile(name, Fingerprint(*rest[:3]), FileStamp(*rest[3:6]), ReadingPlace(*rest[6:9]), rest[9])
            for name, *rest in rows
        }

    def lost(self, how: str) -> GuardStop:
        message = f"{self.path}: {how}; delete it and run again, and it is made again from the input files"
        return GuardStop(INTAKE_STATE_LOST, message)
