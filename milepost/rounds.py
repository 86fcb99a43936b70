"""Rounds of an embedded run: what is new in the input goes into the log, and the log through the accounting dataflow."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from rich.progress import Progress

from connectors.containers import ContainerDamaged
from connectors.files.engagement_log import EngagementLog
from connectors.files.figure_index import FigureIndex, Following
from connectors.files.intake_store import IntakeStore
from connectors.files.outputs import OutputFiles
from connectors.files.rebuilt import STORE
from connectors.files.writing import unwritable
from connectors.log_records import StoredRecord
from connectors.output_schemas import check_files, todays_fingerprints
from dataflows.embedded import Accounting, Resuming, run_dataflow, seldom_collecting, store_path
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings, RoundProgress, RoundSummary, first_waiting
from domain.counting import counted
from milepost.ahead import StepsAhead
from milepost.console import say
from milepost.letters import sent_of
from milepost.operate.stopping import Stop
from milepost.printer import progress_bar
from milepost.summary import RunSummary, late_text, not_read_text, open_exceptions
from operators.accounting import Effects
from state.batch import Mark
from state.genesis import Genesis
from state.guards import GuardStop
from state.rules import RULES, check_genesis
from state.store.sums import BooksSums, sums

# An embedded log has one partition and one life.
GENERATION: Final = "1"
SHARD: Final = 0
LOOK_AGAIN_SECONDS: Final = 1.0
# What may go wrong with the index without harm to the run.
UNHARMED: Final = (ContainerDamaged, GuardStop, sqlite3.Error, OSError)
# While somebody else extends the index the books go on.
FOLLOW_BUSY_SECONDS: Final = 0.1
Follow = Callable[[Sequence[StoredRecord], OutputFiles, Mark], None]
# The last day that may end, asked before each round.
LastDay = Callable[[], date | None]


def run_rounds(
    input_dir: Path,
    output_dir: Path,
    until: date | None,
    stop: Stop,
    *,
    follow: bool,
    steps: bool = True,
    last_day: LastDay = lambda: None,
) -> RunSummary:
    """One round, or one after the other while input comes."""
    started = time.perf_counter()
    with (
        EmbeddedIntake(input_dir, output_dir, EmbeddedSettings(genesis())) as intake,
        closing(EngagementLog.open(output_dir)) as log,
        accounting_of(output_dir, log) as books,
        closing(StepsAhead(output_dir)) if steps else nullcontext() as ahead,
    ):
        before = intake.events
        former = RoundSummary()
        late = former.late_lines
        while True:
            with progress_bar() as bar:
                taken = take_in(intake, until, stop, bar, ahead, is_growing=follow, last_day=last_day())
                end = log.refresh()
                if ahead is not None:
                    ahead.look(end)
                account(books, output_dir, log, stop, bar)
                index(output_dir, stop, bar)
            late = late.and_then(taken.late_lines)
            if stop.requested or not follow:
                break
            tell(taken, former)
            former = taken
            stop.within(LOOK_AGAIN_SECONDS)
        summed = books.run(partial(_sums, log=log, stop=stop))
        return RunSummary(
            output_dir,
            books.shard.generation,
            is_complete=books.shard.offset == log.end and (follow or not stop.requested),
            events=taken.events_total,
            events_read=taken.events_total - before,
            log_records=books.shard.offset,
            unrouted=taken.unrouted,
            unrouted_first=taken.unrouted_first,
            dead_letters=taken.dead_letters_total,
            dead_letters_sent=sent_of(output_dir, input_dir) if taken.dead_letters_total else 0,
            not_read=taken.not_read,
            late_lines=late,
            sums=summed,
            exceptions=open_exceptions(output_dir),
            seconds=time.perf_counter() - started,
        )


def take_in(
    intake: EmbeddedIntake,
    until: date | None,
    stop: Stop,
    bar: Progress,
    ahead: StepsAhead | None,
    *,
    is_growing: bool,
    last_day: date | None,
) -> RoundSummary:
    """A round of intake. Where somebody asks to stop it is left in the middle, and the next run finishes it."""
    task = bar.add_task("Reading", total=None, visible=False)

    def show(progress: RoundProgress) -> None:
        done, of, count = progress.bytes_read, progress.bytes_total, counted(progress.events, "event")
        bar.update(task, completed=done, total=of, count=count, visible=True)
        if ahead is not None and progress.events:
            ahead.stop()
        if stop.requested:
            raise Stopped

    try:
        return intake.run_round(until, is_growing=is_growing, on_progress=show, last_day=last_day)
    except Stopped:
        return taken_before(intake.output_dir)


def taken_before(output_dir: Path) -> RoundSummary:
    """What intake had committed when it was stopped."""
    with closing(IntakeStore(output_dir / STORE)) as store:
        progress = store.progress()
        if progress is None:
            return RoundSummary()
        return RoundSummary(
            unrouted=store.waiting_count(),
            unrouted_first=first_waiting(store),
            events_total=progress.events,
            dead_letters_total=progress.dead_letters.offset,
        )


def account(books: Resuming, output_dir: Path, log: EngagementLog, stop: Stop, bar: Progress) -> None:
    """Fold what the log holds. Where somebody asks to stop, the batch in flight is the last."""
    end = log.end
    if books.shard.offset == end:
        return
    task = bar.add_task("Accounting", total=end, completed=books.shard.offset)

    with followed(output_dir) as follow:

        def show(effects: Effects, mark: Mark) -> None:
            bar.update(task, completed=mark.offset, count=f"{mark.offset:,} of {counted(end, 'record')}")
            follow(effects.batch.records, books.accounting.outputs, mark)

        books.run(partial(run_dataflow, log=UntilStopped(log, stop), more=lambda: False, on_commit=show))


@contextmanager
def followed(output_dir: Path) -> Iterator[Follow]:
    """Notes where figures lie as they are committed, as far as nothing hinders it; `index` reads what is left."""

    following: Following | None = None

    def follow(records: Sequence[StoredRecord], outputs: OutputFiles, mark: Mark) -> None:
        nonlocal following
        if following is not None:
            with suppress(*UNHARMED):
                following.take(records, outputs, mark)
                return
            following = None

    with ExitStack() as opened:
        with suppress(*UNHARMED):
            following = Following(opened.enter_context(FigureIndex(output_dir, SHARD, FOLLOW_BUSY_SECONDS)))
        yield follow
        with suppress(*UNHARMED):
            if following is not None:
                following.write()


def index(output_dir: Path, stop: Stop, bar: Progress) -> None:
    """Note where the figures of the round lie, so that no question has to. The first question reports what hinders it here."""
    task = bar.add_task("Indexing", total=None, visible=False)

    def show(what: str, done: int, of: int) -> None:
        bar.update(task, count=what, completed=done, total=of, visible=True)
        if stop.requested:
            raise Stopped

    with suppress(Stopped, *UNHARMED), seldom_collecting(), FigureIndex(output_dir, SHARD) as figures:
        if figures.is_kept:
            figures.extend_kept(show)


def has_long_groups(output_dir: Path) -> bool:
    """Of which the first question would make somebody wait."""
    from dataflows.stored_steps import is_any_slow

    with suppress(*UNHARMED), FigureIndex(output_dir, SHARD) as figures:
        return is_any_slow(figures)
    return False


def _sums(accounting: Accounting, log: EngagementLog, stop: Stop) -> BooksSums:
    """What the books add up to, folded to where they were if they had to be made again."""
    if accounting.shard.offset < log.end:
        run_dataflow(accounting, UntilStopped(log, stop), more=lambda: False)
    return sums(accounting.shard.store)


class Stopped(Exception):
    """Somebody asked to stop while events were taken in."""


class UntilStopped:
    """A log that has nothing more to give once somebody asks to stop."""

    def __init__(self, log: EngagementLog, stop: Stop) -> None:
        self._log = log
        self._stop = stop

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[StoredRecord]:
        return () if self._stop.requested else self._log.read(offset, max_records, max_bytes)


@contextmanager
def accounting_of(output_dir: Path, log: EngagementLog) -> Iterator[Resuming]:
    check_files()
    check_genesis(log.genesis)
    try:
        with closing(Resuming(output_dir, log.genesis, say)) as books:
            yield books
    except sqlite3.OperationalError as fault:
        raise unwritable(store_path(output_dir, SHARD), str(fault)) from fault


def genesis() -> Genesis:
    """What stands at the head of a new log."""
    return Genesis(GENERATION, rules=RULES, outputs=todays_fingerprints())


def tell(taken: RoundSummary, before: RoundSummary) -> None:
    """One line a round, for people who watch a run that follows; before it what new input is not read or not in order."""
    if not_read := [name for name in taken.not_read if name not in before.not_read]:
        say(f"not read: {not_read_text(not_read)}")
    if late := taken.late_lines.lines:
        say(f"out of order: {late:,} {late_text(taken.late_lines)}")
    if taken.rounds:
        say(f"{counted(taken.events, 'event')}, {taken.dead_letters:,} unreadable; waiting for more")
