"""Lets a folder pass over a record that its fold fails on; every replay passes over it in the same place."""

from pathlib import Path

from connectors.files import overrides
from connectors.files.engagement_log import EngagementLog
from connectors.files.output_lock import only_writer
from connectors.log_records import StoredRecord
from dataflows.embedded import close, open_accounting, seldom_collecting
from dataflows.opening import Tell, silent
from dataflows.passing_over import CannotPassOver, check_ahead, check_is_it, named
from state.batch import BATCH_BYTES, BATCH_RECORDS
from state.guards import POISON, GuardStop
from state.overrides import Override
from state.rules import check_genesis
from state.shard import Shard


def pass_over(folder: Path, override: Override, tell: Tell = silent) -> StoredRecord:
    """While no run is at work on the folder. Raises CannotPassOver, GuardStop and OutputInUse."""
    with EngagementLog.open(folder) as log, only_writer(folder):
        check_genesis(log.genesis)
        found = log.record(override.offset) if override.offset >= 0 else None
        if found is None:
            raise CannotPassOver(f"the log has no record {override.offset} yet")
        accounting = open_accounting(folder, log.genesis, tell)
        try:
            check_ahead(override, (accounting.outputs.progress.offset, accounting.outputs.progress.engagement))
            stop = _fold_on(accounting.shard, log, override.offset)
            if stop is None:
                raise CannotPassOver(
                    f"{named(override)} stops nothing: the log is folded up to it without a fault. Nothing was passed over"
                )
            check_is_it(accounting.shard, override, stop)
        finally:
            close(accounting)
        overrides.add(folder, log.genesis.partition, override)
        return found


def _fold_on(shard: Shard, log: EngagementLog, last: int) -> GuardStop | None:
    """From where the store stands; nothing of it is kept."""
    with seldom_collecting():
        while shard.position < (last + 1, ""):
            records = log.read(shard.offset, min(last + 1 - shard.offset, BATCH_RECORDS), BATCH_BYTES)
            try:
                shard.fold(records)
            except GuardStop as stop:
                if stop.code != POISON:
                    raise
                return stop
    return None
