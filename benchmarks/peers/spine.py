"""Milepost's way from the log to its outputs, with the reference job in place of the accounting: `python -m benchmarks.peers.spine`.

Everything but the fold is what `milepost serve accounting` runs: the log with its numbers, batches through Bytewax, positions
and chains, outputs and progress in one transaction, and at the start what the brokers hold of the shard is looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bytewax.run import cli_main

from benchmarks.peers.entries import settings
from benchmarks.peers.job import TIMEOUT, ProjectHours, Task, read_hours, write_hours
from connectors.avro_codec import OUTPUT_CODECS, numbered, position_around
from connectors.avro_reader import reader_from
from connectors.kafka.clients import KafkaClients
from connectors.kafka.frame import FRAME
from connectors.kafka.log import KafkaLog
from connectors.kafka.names import Names
from connectors.kafka.resume import ResumeTarget, take_over
from dataflows.accounting_kafka import Job, Paced, flow_of
from dataflows.embedded import seldom_collecting
from dataflows.settings import AccountingSettings
from domain.events.delivery import TimeApproved
from domain.outputs import TOPICS
from domain.tuples import new_tuple
from operators.accounting import AccountingTurn, Effects, Faults
from state.batch import Encoded, LogRecord, Mark, OutputProgress
from state.chain import chained

TOPIC: Final = TOPICS["JournalEntry"]
RULES: Final = 1
_POSITION: Final = OUTPUT_CODECS["JournalEntry"].record.head
assert _POSITION is not None, "an output begins with its position"
_read_position: Final = reader_from(_POSITION)


class ReferenceFold:
    """The sums of one shard, in memory; after its outputs they are made again from the log, as any shard's that has lost its store."""

    def __init__(self, number: int, generation: str, progress: OutputProgress) -> None:
        self.number = number
        self.offset = 0
        self.progress = progress
        self._around = position_around(generation, number, str(RULES))
        self._hours: dict[str, ProjectHours] = {}
        self._seq = 0
        self._input_chain = self._output_chain = b""
        self._recorded_max = 0

    @property
    def position(self) -> tuple[int, str]:
        return self.offset, ""

    @property
    def holds_much(self) -> bool:
        return False

    def fold(self, records: Sequence[LogRecord]) -> list[Encoded | Mark]:
        made: list[Encoded | Mark] = []
        sums, seq, known = self._hours, self._seq, self.progress.next_seq
        bodies: list[bytes] = []
        around_of, latest = self._around, self._recorded_max
        for record in records:
            event = record.event
            assert isinstance(event, TimeApproved)
            project_id = event.project_id
            _, entries, hours = sums.get(project_id) or (project_id, 0, 0)
            now = sums[project_id] = new_tuple(ProjectHours, (project_id, entries + 1, hours + (event.hours or 0)))
            if (recorded_at := event.recorded_at or event.occurred_at) > latest:
                latest = recorded_at
            offset = record.offset
            around = around_of(offset, event.event_id, event.occurred_at, latest, event.correlation_id)
            body = numbered(around, 0, seq, write_hours(now))
            bodies.append(body)
            if seq >= known:
                encoded = TOPIC, project_id, seq, "ProjectHours", body, RULES, offset, now
                made.append(new_tuple(Encoded, encoded))
            seq += 1
        self.offset, self._seq, self._recorded_max = records[-1].offset + 1, seq, latest
        self._input_chain = chained(self._input_chain, *[record.body for record in records])
        self._output_chain = chained(self._output_chain, *bodies)
        chains = self._input_chain, self._output_chain
        made.append(Mark(self.offset, "", 0, seq, *chains, {TOPIC: seq - 1}, self._recorded_max, RULES))
        return made

    def commit(self, mark: Mark) -> None:
        """Nothing is stored."""


def run(task: Task) -> None:
    kafka = settings(task.brokers, task.output)
    clients = KafkaClients(kafka)
    job = Job(clients, kafka, AccountingSettings(), Path(), range(kafka.partitions), _no_frame)
    ends = [0] * kafka.partitions

    def stopped() -> bool:
        return sum(ends) >= task.entries

    def reached(effects: Effects, mark: Mark) -> None:
        ends[effects.batch.shard] = mark.offset

    with ExitStack() as held:
        turns = []
        committing = ThreadPoolExecutor(len(job.shards))
        for shard in job.shards:
            log = KafkaLog(clients, task.log, shard, TIMEOUT)
            held.callback(log.close)
            target = ResumeTarget(job.names, shard, kafka.partitions, "", str(RULES), _frame)
            outputs = take_over(clients, target, log).outputs
            fold = ReferenceFold(shard, kafka.generation, outputs.progress)
            paced = Paced(log, stopped, job.accounting.commit_seconds)
            turns.append(AccountingTurn(paced, fold, outputs, pool=committing))
        held.callback(committing.shutdown)
        faults = Faults(keep=True)
        with seldom_collecting():
            cli_main(flow_of(job, turns, faults, stopped, reached))
    if faults.fault is not None:
        raise faults.fault


def topic_of(task: Task) -> str:
    return Names.of(settings(task.brokers, task.output)).shared(TOPIC)


def read_output(value: bytes) -> ProjectHours:
    """After frame and position."""
    _, begin = _read_position(value, FRAME.size)
    found: ProjectHours = read_hours(value[begin:])
    return found


def _frame(_topic: str, _type_name: str, _rules: int) -> bytes:
    return FRAME.pack(0, 1)


def _no_frame(topic: str, type_name: str, fingerprint: str | None) -> bytes:
    raise LookupError(topic, type_name, fingerprint)


if __name__ == "__main__":
    run(Task.of(sys.argv[1:]))
