"""Everything that must hold of an output folder, in one pass over its outputs and log and one over each engagement.

In memory is what is kept by project, contract or open exception, and one share of the engagements.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from connectors.containers import ContainerDamaged, Damage
from connectors.files import overrides
from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import log_path
from connectors.files.output_lock import OutputInUse, resting
from connectors.files.progress import progress_path, read_progress
from connectors.files.spill import Spill
from connectors.files.written import committed, read_shard, shards, topics
from connectors.telling import Tell
from dataflows.audit_intake import genesis_holds, intake_agrees, pages_hold
from dataflows.audit_stream import AuditStream, engagement_from
from dataflows.embedded import store_path
from dataflows.refold import refold, same_bytes
from dataflows.whatif_folder import copy_database
from domain.audit.entries import accounts_of
from domain.audit.findings import FILES, INPUT_CHAIN, AuditTally, Checked, Report, Violation
from domain.audit.promises import check
from domain.events.common import Policies
from state.book_checks import EngagementBooks, books_agree
from state.guards import LOG_DAMAGED, GuardStop
from state.store.check import same_store
from state.store.store import Store

TOLD_EVERY: Final = 10


def audit(folder: Path, *, fold_again: bool, tell: Tell) -> Report:
    """Raises NoOutputs, and GuardStop where there is no log."""
    tally = AuditTally()
    for shard in shards(folder):
        try:
            read_progress(folder, shard)
        except GuardStop as fault:
            return _damaged(progress_path(folder, shard), fault.message)
        try:
            with closing(EngagementLog.open(folder, shard)) as log:
                _audit_shard(folder, shard, log, tally, tell, fold_again=fold_again)
        except ContainerDamaged as fault:
            return _damaged(fault.damage.path, str(fault))
        except GuardStop as fault:
            if fault.code != LOG_DAMAGED:
                raise
            return _damaged(log_path(folder, shard), fault.message)
    return tally.report()


def _damaged(path: Path, what: str) -> Report:
    """Of a folder in which something cannot be read nothing else can be reported."""
    tally = AuditTally()
    tally.take(Checked(FILES, 1, (_unreadable(path, what),)))
    return tally.report()


def _unreadable(path: Path, what: str) -> Violation:
    return Violation(FILES, "", None, str(path), "a file that can be read to its end", what)


def _audit_shard(
    folder: Path, shard: int, log: EngagementLog, tally: AuditTally, tell: Tell, *, fold_again: bool
) -> None:
    progress = read_progress(folder, shard)
    assert progress is not None, "the shard has committed something"
    lengths = [length for topic in topics() for length in committed(folder, topic, shard).values()]
    with ExitStack() as opened:
        aside = opened.enter_context(Spill(sum(lengths)))
        stream = AuditStream(log, progress, tally, aside)
        damage: dict[Path, Violation] = {}

        def note(found: Damage) -> None:
            damage.setdefault(found.path, _unreadable(found.path, str(ContainerDamaged(found))))

        stream.run(read_shard(folder, shard, note), tell)
        tally.add(damage.values())
        tally.count(FILES, sum(length > 0 for length in lengths))
        # A log that is not the one that was processed gives other books, if it gives any.
        fold_again = fold_again and not tally.has_found(INPUT_CHAIN)
        books = None
        scratch = Path(opened.enter_context(TemporaryDirectory(prefix="milepost-verify-")))
        _check_beside(folder, shard, log, progress["generation"], scratch, tally, tell, fold_again=fold_again)
        if fold_again:
            refold(scratch, log, progress, tell, overrides.read(folder, shard))
            tally.take(same_bytes(folder, scratch, shard, whole=not progress["engagement"]))
            books = opened.enter_context(closing(Store(store_path(scratch, shard), progress["generation"], shard)))
            if not progress["engagement"]:
                _compare_store(folder, shard, books, scratch, tally)
        _check_engagements(aside, stream.policies, books, tally, tell)


def _check_beside(
    folder: Path,
    shard: int,
    log: EngagementLog,
    generation: str,
    scratch: Path,
    tally: AuditTally,
    tell: Tell,
    *,
    fold_again: bool,
) -> None:
    """What stands beside log and outputs; while a run is at work these move, and only the genesis stays."""
    tally.take(genesis_holds(folder, log.genesis, generation, shard))
    with suppress(OutputInUse), resting(folder):
        log.refresh()
        if log.genesis.partitions == 1:
            tally.take(intake_agrees(folder, log, scratch, tell, learn=fold_again))


def _compare_store(folder: Path, shard: int, books: Store, scratch: Path, tally: AuditTally) -> None:
    """Not where a crash left it after the outputs; then there is nothing to compare it with."""
    path = store_path(folder, shard)
    compared = None
    with suppress(OutputInUse):
        place = books.meta.offset, books.meta.engagement
        compared = same_store(_readable(path, folder, scratch), books.db, place, str(path))
    if compared is None:
        return
    tally.take(compared)
    if not compared.violations:
        with suppress(OutputInUse), resting(folder):
            tally.take(pages_hold(path))


def _readable(path: Path, folder: Path, scratch: Path) -> Path:
    """A copy for whom the folder is read-only: SQLite keeps who reads a store in a file beside it. Raises OutputInUse."""
    if not path.exists() or os.access(path.parent, os.W_OK):
        return path
    with resting(folder):
        copy_database(path, scratch / f"compared-{path.name}")
    return scratch / f"compared-{path.name}"


def _check_engagements(
    aside: Spill, policies: Mapping[str, Sequence[Policies]], books: Store | None, tally: AuditTally, tell: Tell
) -> None:
    """`books` are those of the log folded again, None where it was not."""
    for share in aside.shares():
        for number, engagement_id in enumerate(sorted(share)):
            engagement = engagement_from(engagement_id, share[engagement_id], policies)
            by_journals = accounts_of(engagement)
            for checked in check(engagement, by_journals):
                tally.take(checked)
            if books is not None:
                found = books.engagement(engagement_id)
                rows = books.entries(found).everything()
                in_books = EngagementBooks(engagement_id, found.parts, rows)
                tally.take(books_agree(in_books, by_journals.entries))
            if number % TOLD_EVERY == 0:
                tell("engagements", number, len(share))
