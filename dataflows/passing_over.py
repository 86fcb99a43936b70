"""Lets a shard pass over a record that its fold fails on; replay passes over it in the same place."""

from contextlib import ExitStack, closing

from connectors.files.output_lock import only_writer
from connectors.kafka import overrides
from connectors.kafka.log import KafkaLog
from connectors.kafka.progress import WrittenProgress
from connectors.kafka.resume import await_ends, described, fence, written_progress
from connectors.log_records import StoredRecord
from dataflows.accounting_kafka import Job, check_log, open_books, shard_folder, target_of
from dataflows.embedded import seldom_collecting
from dataflows.opening import Tell, silent
from state.batch import VIEWS, Mark, OutputProgress
from state.guards import POISON, GuardStop
from state.overrides import Override, Overrides
from state.shard import Shard


class CannotPassOver(Exception):
    """What is asked for cannot be passed over; the message says why."""


def pass_over(job: Job, number: int, override: Override, tell: Tell = silent) -> StoredRecord:
    """The process that has the shard is fenced, so that it cannot fold the record meanwhile.

    Raises CannotPassOver, and GuardStop as starts do.
    """
    with ExitStack() as held:
        held.enter_context(only_writer(shard_folder(job, number)))
        log = KafkaLog(job.clients, job.names.log, number, job.kafka.request_timeout_seconds)
        held.callback(log.close)
        check_log(log.genesis, job.kafka, number)
        target = target_of(job, log.genesis, number)
        described(job.clients, target)
        producer = fence(job.clients, target)
        await_ends(job.clients, target)
        written = written_progress(job.clients, target)
        check_ahead(override, written.place if written is not None else (0, ""))
        record = log.record(override.offset)
        if record is None:
            raise CannotPassOver(f"shard {number}: the log has no record {override.offset} yet")
        passed_over = overrides.read(job.clients, job.names, number, target.timeout)
        _check_stops(job, log, written, passed_over, override, tell)
        overrides.write(producer, job.names, number, override, target.transaction_timeout)
        return record


def check_ahead(override: Override, place: tuple[int, str]) -> None:
    """What is folded stays folded: outputs that follow from it are written."""
    if override.offset < place[0]:
        raise CannotPassOver(
            f"record {override.offset} is folded already, outputs go up to record {place[0]}; send a correction instead"
        )
    if override.offset == place[0] and place[1] and override.engagement <= place[1]:
        raise CannotPassOver(
            f"record {override.offset} is folded in part, up to engagement {place[1]}; name the engagement that fails with --engagement"
        )


def _check_stops(
    job: Job, log: KafkaLog, written: WrittenProgress | None, passed_over: Overrides, override: Override, tell: Tell
) -> None:
    """Folds on from where the shard stands, and writes nothing: what is passed over is what stops it there, and nothing else."""
    progress = written.for_shard if written is not None else OutputProgress()
    shard = open_books(job, log.genesis, progress, passed_over, tell)
    with closing(shard.store), seldom_collecting():
        stop = _fold_on(job, log, shard, override.offset, tell)
    if stop is None:
        folded = f"records {progress.offset} to {shard.offset - 1} are folded without a fault"
        raise CannotPassOver(
            f"{named(override)} does not stop shard {shard.number}: "
            f"{folded if shard.offset > progress.offset else 'it stands at the end of its log'}. "
            "Nothing was passed over; start accounting, and pass over what its message names"
        )
    check_is_it(shard, override, stop)


def check_is_it(shard: Shard, override: Override, stop: GuardStop) -> None:
    """What is passed over is what stops the shard; of a record whose views alone fail the record itself is folded."""
    offset, at = shard.failed_at
    if override.offset != offset or override.engagement not in ((at,) if at.startswith(VIEWS) else ("", at)):
        raise CannotPassOver(
            f"{named(override)} is not what stops shard {shard.number}. Nothing was passed over; what stops it is this: {stop.message}"
        )


def _fold_on(job: Job, log: KafkaLog, shard: Shard, last: int, tell: Tell) -> GuardStop | None:
    """To a record, at most a batch of accounting after what is written; None where all of it is folded, or nothing is there."""
    known, settings = (shard.progress.offset, shard.progress.engagement), job.accounting
    end = min(last + 1, known[0] + settings.batch_records)
    while shard.position < (end, ""):
        until = known[0] if shard.offset < known[0] else end
        records = log.read_patiently(
            shard.offset, min(until - shard.offset, settings.batch_records), settings.batch_bytes
        )
        if not records:
            return None
        try:
            mark = shard.fold(records)[-1]
        except GuardStop as stop:
            if stop.code != POISON:
                raise
            return stop
        assert isinstance(mark, Mark), "a folded batch ends with its mark"
        # The store may go as far as what is written, and no further.
        if (mark.offset, mark.engagement) <= known:
            shard.commit(mark)
            tell(f"shard {shard.number}: folded again to record {mark.offset}")
    return None


def named(override: Override) -> str:
    of = override.engagement
    if of.startswith(VIEWS):
        return f"record {override.offset} with the views of engagement {of.removeprefix(VIEWS)}"
    return f"record {override.offset}" + (f" of engagement {of}" if of else "")
