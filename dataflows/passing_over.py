"""Lets a shard pass over a record that its fold fails on; replay passes over it in the same place."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

from connectors.files.output_lock import only_writer
from connectors.kafka import overrides
from connectors.kafka.log import KafkaLog
from connectors.kafka.resume import Ends, await_ends, described, fence, last_progress
from connectors.log_records import LogRecord
from dataflows.accounting_kafka import Job, check_log, shard_folder, target_of
from state.overrides import Override


class Refused(Exception):
    """What is asked for cannot be passed over; the message says why."""


class PassedOver(NamedTuple):
    record: LogRecord
    override: Override


def pass_over(job: Job, number: int, override: Override) -> PassedOver:
    """Whoever has the shard is fenced, so that it cannot fold the record meanwhile. Raises Refused, and GuardStop as a start does."""
    with ExitStack() as held:
        held.enter_context(only_writer(shard_folder(job, number)))
        log = KafkaLog(job.clients, job.names.log, number, job.kafka.request_timeout_seconds)
        held.callback(log.close)
        check_log(log.genesis, job.kafka, number)
        target = target_of(job, log.genesis, number)
        described(job.clients, target)
        producer = fence(job.clients, target)
        await_ends(job.clients, target)
        ends = Ends(job.clients, [(job.names.progress, number)], target.timeout)
        held.callback(ends.close)
        written = last_progress(ends, target)
        _check_ahead(override, written.place if written is not None else (0, ""))
        record = log.record(override.offset)
        if record is None:
            raise Refused(f"shard {number}: the log has no record {override.offset} yet")
        overrides.write(producer, job.names, number, override, target.transaction_timeout)
        return PassedOver(record, override)


def _check_ahead(override: Override, place: tuple[int, str]) -> None:
    """What is folded stays folded: outputs that follow from it are written."""
    if override.offset < place[0]:
        raise Refused(
            f"record {override.offset} is folded already, outputs go up to record {place[0]}; send a correction instead"
        )
    if override.offset == place[0] and place[1] and override.engagement <= place[1]:
        raise Refused(
            f"record {override.offset} is folded in part, up to engagement {place[1]}; name the engagement that fails with --engagement"
        )
