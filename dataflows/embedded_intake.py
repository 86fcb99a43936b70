"""Files in, engagement log out: the embedded intake, a round at a time.

A round fixes the input files and their lengths and writes that down; then it takes their records into the log in one
order. Every so many records the log is synced first and intake's own state committed second, so that a run that was
killed goes on with the same bytes. State, log and dead letters follow from the rounds and the input files: what of them
is lost is made again, and must agree with what is left of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from connectors.closing import Closable
from connectors.files import rebuilt, rounds
from connectors.files.dead_letters import NONE_YET, DeadLetterFile
from connectors.files.far_ahead import ReadAhead, check_ahead
from connectors.files.input_files import KnownFile
from connectors.files.input_folder import InputFolder, place_after
from connectors.files.input_reader import InputItem
from connectors.files.intake_store import IntakeStore, StoredProgress
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import LogEnd
from connectors.files.lookup import nearest
from connectors.files.merged_inputs import InputFile, merged
from connectors.files.rebuilt import STORE
from connectors.files.rounds import InputRound, RoundFile
from connectors.files.writing import writing
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.reference.zones import midnight
from domain.units import Instant
from domain.work.rows import spoken
from state import genesis
from state.genesis import Genesis
from state.guards import INTAKE_STATE_LOST, OTHER_GENERATION, RULES_MISSING, GuardStop
from state.intake.clock import DATE_LAST, Clock
from state.intake.directory import named_fact
from state.intake.intake import Intake

REBUILD: Final = "intake.rebuild"
# Small, so that its events are still in the processor's cache when they are written.
BATCH_RECORDS: Final = 200
BATCH_BYTES: Final = 4 * 1024 * 1024
CHUNK_RECORDS: Final = 20_000
CHUNK_BYTES: Final = 16 * 1024 * 1024
NOTHING_READ: Final[Mapping[str, ReadAhead]] = {}

Taken = tuple[InputFile, Instant, InputItem]


class EmbeddedSettings(NamedTuple):
    """`genesis` is for a new log; one that exists keeps its own. A chunk is what one commit takes."""

    genesis: Genesis
    ownership: Mapping[str, tuple[str, ...]] = {}
    chunk_records: int = CHUNK_RECORDS


class RoundProgress(NamedTuple):
    """How far a round is."""

    round: int
    events: int
    bytes_read: int
    bytes_total: int


# How many of the events that wait are named.
WAITING_NAMED: Final = 3
# Of more ids none that looks like another is looked for.
ALIKE_OF_MOST: Final = 20_000


def first_waiting(store: IntakeStore) -> tuple[str, ...]:
    """In words, with what it waits for and ids that look like that."""
    return tuple(
        f"{named_fact(waiting.event)} for {spoken(waiting.subject[0])} {waiting.subject[1]}{_alike(store, waiting.subject)}"
        for waiting in store.first_waiting(WAITING_NAMED)
    )


def _alike(store: IntakeStore, subject: tuple[str, str]) -> str:
    kind, wanted = subject
    near = nearest(wanted, store.ids(kind, ALIKE_OF_MOST))
    return f" (the nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)})" if near else ""


class LateLines(NamedTuple):
    """Records that stand in their file after one of a later day: how many were taken in, and where the first of them is."""

    lines: int = 0
    first: str = ""

    def and_then(self, later: LateLines) -> LateLines:
        return LateLines(self.lines + later.lines, self.first or later.first)


class RoundSummary(NamedTuple):
    """What was taken in. `unrouted` is all that waits now, `unrouted_first` the first of it in words; `log_end` is the offset after the
    last record; `not_read` names the files of the input folder that are no input.
    """

    rounds: int = 0
    files: int = 0
    events: int = 0
    days_ended: int = 0
    dead_letters: int = 0
    unrouted: int = 0
    unrouted_first: tuple[str, ...] = ()
    log_start: int = 0
    log_end: int = 0
    latest: Instant = 0
    events_total: int = 0
    dead_letters_total: int = 0
    not_read: tuple[str, ...] = ()
    late_lines: LateLines = LateLines()


OnProgress = Callable[[RoundProgress], None]


class EmbeddedIntake(Closable):
    """The log, the dead letters and `intake.db` of an output folder, which no other process may write meanwhile."""

    def __init__(self, input_dir: Path, output_dir: Path, settings: EmbeddedSettings) -> None:
        self.output_dir = output_dir
        self.settings = settings
        self._folder = InputFolder(input_dir, output_dir)
        self._late = LateLines()
        with writing(output_dir):
            output_dir.mkdir(parents=True, exist_ok=True)
        self._rounds = rounds.read_rounds(output_dir)
        self._refuse_days_of_input()
        self._make_again_what_is_lost()
        self._is_open = True
        self._open()

    def close(self) -> None:
        """What is not committed is taken in again by the next start."""
        if self._is_open:
            self._is_open = False
            self._store.close()
            self._log.close()
            self._letters.close()

    @property
    def events(self) -> int:
        """Taken in so far, in all rounds."""
        return self._events

    def run_round(
        self,
        until: date | None = None,
        on_progress: OnProgress | None = None,
        *,
        is_growing: bool = False,
        last_day: date | None = None,
    ) -> RoundSummary:
        """Finishes a round that was interrupted, then takes in what is new.

        `until` ends that day in every zone. With `is_growing` the unfinished end of a file waits for a later round.
        Raises FarAhead, and takes nothing in, where something new would end a day after `last_day`.
        A fault closes the intake; what was committed before it stays, and the next start goes on from there.
        """
        if until is not None and until > DATE_LAST:
            raise ValueError(f"until: expected a date up to {DATE_LAST}, got {until}")
        start, letters = self._log.offset, self._letters.end.offset
        self._late = LateLines()
        try:
            done = self._finish_rounds(on_progress)
            fixed = self._fix_round(until, last_day, is_growing=is_growing)
            if fixed is not None:
                new, read = fixed
                rounds.add_round(self.output_dir, new)
                self._rounds.append(new)
                done += self._finish_rounds(on_progress, read)
            unrouted, unrouted_first = self._store.waiting_count(), first_waiting(self._store)
        except BaseException:
            self.close()
            raise
        return RoundSummary(
            rounds=len(done),
            files=sum(each.files for each in done),
            events=sum(each.events for each in done),
            days_ended=sum(each.days_ended for each in done),
            dead_letters=self._letters.end.offset - letters,
            unrouted=unrouted,
            unrouted_first=unrouted_first,
            log_start=start,
            log_end=self._log.offset,
            latest=self._progress.latest,
            events_total=self._events,
            dead_letters_total=self._letters.end.offset,
            not_read=tuple(self._folder.not_read),
            late_lines=self._late,
        )

    def _open(self) -> None:
        found = self.settings.genesis
        if self._rounds and self._rounds[0].genesis is not None:
            found = genesis.from_json(self._rounds[0].genesis)
        self._store = IntakeStore(self.output_dir / STORE)
        progress = self._store.progress()
        self._log = LogAppender.open(self.output_dir, found, None if progress is None else progress.log)
        letters = NONE_YET if progress is None else progress.dead_letters
        self._letters = DeadLetterFile(self.output_dir, found.generation, letters)
        if progress is not None and progress.round > len(self._rounds):
            self._store.close()
            raise GuardStop(
                INTAKE_STATE_LOST,
                f"{self.output_dir / rounds.NAME}: expected {progress.round} rounds, which were taken in, found {len(self._rounds)}. "
                "Put back a copy of it, or start again with an empty output folder",
            )
        self._progress = progress or StoredProgress(0, True, LogEnd(0, self._log.position), letters, 0)
        self._events = self._progress.events
        wanted = self.settings.genesis
        if (wanted.generation, wanted.partition, wanted.partitions) != found[:3]:
            self.close()
            raise GuardStop(
                OTHER_GENERATION,
                f"{self.output_dir}: the log is of generation {found.generation}, partition {found.partition} of "
                f"{found.partitions}; the settings say {wanted.generation}, {wanted.partition} of {wanted.partitions}. "
                "Use another output folder for another generation",
            )

    def _refuse_days_of_input(self) -> None:
        """Earlier releases let `DayEnded` in the input end days, and nothing else from then on."""
        for each in self._rounds:
            if each.own_days:
                raise GuardStop(
                    RULES_MISSING,
                    f"{self.output_dir}: from round {each.number} on the input ended the days itself, by DayEnded events. This release "
                    "ends them by recorded time and --until. Start again with an empty output folder; such events become dead letters",
                )

    def _make_again_what_is_lost(self) -> None:
        progress = None
        if (self.output_dir / STORE).exists():
            store = IntakeStore(self.output_dir / STORE)
            progress = store.progress()
            store.close()
        if rebuilt.is_lost(self.output_dir, progress, has_rounds=bool(self._rounds)):
            folder = self.output_dir / REBUILD
            rebuilt.begin(self.output_dir, folder)
            with EmbeddedIntake(self._folder.input_dir, folder, self.settings) as again:
                again._finish_rounds(None)
            rebuilt.put_in_place(self.output_dir, folder)

    # Rounds

    def _fix_round(
        self, until: date | None, last_day: date | None, *, is_growing: bool
    ) -> tuple[InputRound, Mapping[str, ReadAhead]] | None:
        """With what was read of its files already; None where there is nothing to do."""
        news = self._folder.news(self._store.files(), is_growing=is_growing)
        days_left = until is not None and any(day.date <= until for day in self._store.clock().days)
        if not news and not days_left:
            return None
        read: Mapping[str, ReadAhead] = {}
        if last_day is not None:
            zones = [day.zone for day in self._store.clock().days]
            read = check_ahead(self._folder.input_dir, news, last_day, zones, is_growing=is_growing)
        fingerprints = [(found.name, found.fingerprint) for found in news]
        new = InputRound(
            number=len(self._rounds) + 1,
            files=tuple(RoundFile(name, of.length, of.digest.hex()) for name, of in fingerprints),
            until=until,
            is_growing=is_growing,
            own_days=False,
            ownership=self.settings.ownership,
            genesis=None if self._rounds else genesis.to_json(self._log.genesis),
        )
        return new, read

    def _finish_rounds(
        self, on_progress: OnProgress | None, read: Mapping[str, ReadAhead] = NOTHING_READ
    ) -> list[RoundSummary]:
        had = self._progress
        ahead = self._rounds[had.round - 1 if not had.finished else had.round :]
        return [self._finish(found, on_progress, read) for found in ahead]

    def _finish(self, found: InputRound, on_progress: OnProgress | None, read: Mapping[str, ReadAhead]) -> RoundSummary:
        """A round from where it is to its end."""
        known = self._store.files()
        files = [self._folder.again(file, known.get(file.name)) for file in found.files]
        intake = Intake(self._store, self._log, found.ownership, self._store.clock(), self._progress.latest)
        self._progress = self._progress._replace(round=found.number, finished=False)
        self._commit(intake, files)
        work = _RoundWork(found, self._folder.input_dir, files, intake, read)
        for batch in _batches(merged(work.inputs)):
            self._take(work, batch)
            if self._is_chunk_full():
                self._commit(intake, work.known())
                if on_progress is not None:
                    on_progress(work.progress())
        if found.until is not None:
            intake.end_days_until(found.until)
        self._progress = self._progress._replace(finished=True)
        self._commit(intake, work.finished())
        if on_progress is not None:
            on_progress(work.progress())
        return RoundSummary(files=len(files), events=work.events, days_ended=intake.days_ended)

    def _take(self, work: _RoundWork, batch: list[Taken]) -> None:
        self._store.expect(
            [item.event.entry_id for _, _, item in batch if isinstance(item.event, TimeApproved | TimeWithdrawn)]
        )
        take, bury = work.intake.take, self._letters.append
        for one, instant, item in batch:
            if instant >= one.reached:
                one.reached = instant
            elif item.event is not None and _is_day_over(work.intake.clock, instant, one.reached):
                self._late = self._late.and_then(LateLines(1, str(item)))
            if item.event is not None:
                take(item.event, item)
                work.events += 1
                self._events += 1
            else:
                bury(item)
            one.taken, one.latest = item, instant
            work.bytes_read += item.size

    def _is_chunk_full(self) -> bool:
        committed = self._progress.log
        return (
            self._log.offset - committed.offset >= self.settings.chunk_records
            or self._log.position - committed.length >= CHUNK_BYTES
            or self._letters.end.length - self._progress.dead_letters.length >= CHUNK_BYTES
        )

    def _commit(self, intake: Intake, files: list[KnownFile]) -> None:
        """Log and dead letters are on the disk before the state that counts on them."""
        self._progress = self._progress._replace(
            log=self._log.sync(), dead_letters=self._letters.sync(), latest=intake.latest, events=self._events
        )
        self._store.commit(self._progress, intake.clock, files)
        self._log.publish()


class _RoundWork:
    """A round at work: its files and how far they are."""

    def __init__(
        self, found: InputRound, folder: Path, files: list[KnownFile], intake: Intake, read: Mapping[str, ReadAhead]
    ) -> None:
        self.round = found
        self.folder = folder
        self.files = files
        self.intake = intake
        self.events = 0
        self.bytes_read = 0
        self.bytes_total = sum(file.fingerprint.length - file.place.offset for file in files)
        self.inputs = [
            InputFile(
                folder,
                file.name,
                file.fingerprint.length,
                file.place,
                file.latest,
                is_growing=found.is_growing,
                read=read.get(file.name),
            )
            for file in files
        ]

    def progress(self) -> RoundProgress:
        return RoundProgress(self.round.number, self.events, self.bytes_read, self.bytes_total)

    def known(self) -> list[KnownFile]:
        """Files of which something was taken in since the state was last written."""
        moved = []
        for at, one in enumerate(self.inputs):
            place = one.place if one.taken is None else one.taken.following
            if place != self.files[at].place:
                self.files[at] = self.files[at]._replace(place=place, latest=one.latest)
                moved.append(self.files[at])
        return moved

    def finished(self) -> list[KnownFile]:
        """All files, as the next round goes on with them."""
        self.known()
        growing = self.round.is_growing
        return [
            file._replace(
                place=place_after(self.folder, file.name, file.place, file.fingerprint.length, is_growing=growing)
            )
            for file in self.files
        ]


def _is_day_over(clock: Clock, instant: Instant, reached: Instant) -> bool:
    """Whether what was read before of the same file has ended the day of an instant, in any zone."""
    return any(instant < midnight(day.date, day.zone) <= reached for day in clock.days)


def _batches(items: Iterator[Taken]) -> Iterator[list[Taken]]:
    batch: list[Taken] = []
    size = 0
    for taken in items:
        batch.append(taken)
        size += taken[2].size
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
