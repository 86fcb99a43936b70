"""The auditor: reads log and outputs as any reader would, folds the log again, and compares output by output.

What it makes it keeps as the output folder of an embedded run, one file a topic and shard: everything that is looked at
there (`dataflows.audit`) is looked at here too, and every command that reads such a folder reads this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from connectors.avro_codec import OUTPUT_CODECS, read_output
from connectors.decode_error import DecodeError
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import log_path, read_end
from connectors.files.outputs import OutputFiles
from connectors.files.progress import read_progress
from connectors.kafka import overrides
from connectors.kafka.log import KafkaLog
from connectors.kafka.names import FORECAST_CURRENT
from connectors.kafka.output_reader import OutputReader
from connectors.kafka.outputs import FORECAST_UPDATES
from connectors.kafka.progress import WrittenProgress
from connectors.kafka.published import Published
from connectors.kafka.resume import COMPACTED, described, written_progress
from connectors.telling import Tell
from dataflows.accounting_kafka import Job, check_log, opened_store, target_of
from dataflows.embedded import ENCODERS, decode_event, seldom_collecting, store_path
from domain.audit.about import about
from domain.audit.findings import INPUT_CHAIN, OUTPUT_CHAIN, REFOLD, Violation
from state.batch import BATCH_BYTES, BATCH_RECORDS, Encoded, Mark
from state.guards import OTHER_GENERATION, GuardStop
from state.shard import Shard


class ShardComparison(NamedTuple):
    """How far a shard is compared, and how many outputs agree."""

    shard: int
    offset: int
    outputs: int
    violations: tuple[Violation, ...]


def going_on() -> bool:
    """Where nobody can ask to stop."""
    return False


class AuditedShard:
    """One shard, from where the folder stands; `catch_up` goes on to where the outputs are now."""

    def __init__(self, job: Job, number: int, folder: Path) -> None:
        self.number = number
        self._job = job
        self._folder = folder
        self._held = ExitStack()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._held.close()

    def check_generation(self) -> None:
        """Raises GuardStop where another generation has written after what was read."""
        if self._reader.followed_by is not None:
            raise GuardStop(
                OTHER_GENERATION,
                f"shard {self.number}: generation {self._reader.followed_by} has written after generation "
                f"{self._job.names.generation}, which these settings name: nothing more comes of it. Correct [kafka] generation",
            )

    def _open(self) -> None:
        job, number, timeout = self._job, self.number, self._job.kafka.request_timeout_seconds
        self._log = KafkaLog(job.clients, job.names.log, number, timeout, self._copy)
        self._held.callback(self._log.close)
        check_log(self._log.genesis, job.kafka, number)
        self._target = target_of(job, self._log.genesis, number)
        described(job.clients, self._target)
        path = log_path(self._folder, number)
        self._appender = LogAppender.open(self._folder, self._log.genesis, read_end(path) if path.exists() else None)
        self._held.callback(self._appender.close)
        self._outputs = OutputFiles(self._folder, self._log.genesis)
        self._held.callback(self._outputs.close)
        store = opened_store(job, number, store_path(self._folder, number))
        self._held.callback(store.close)
        self._shard = Shard(store, ENCODERS, self._log.genesis, self._outputs.progress, decode_event)
        before = read_progress(self._folder, number)
        self._last: dict[str, int] = dict(before["topics"]) if before is not None else {}
        if FORECAST_UPDATES in self._last:
            self._last[FORECAST_CURRENT] = self._last[FORECAST_UPDATES]
        self._reader = OutputReader(job.clients, job.names, number, dict(self._last), timeout)
        self._held.callback(self._reader.close)

    def catch_up(self, tell: Tell, stopped: Callable[[], bool] = going_on) -> ShardComparison:
        """Up to the progress that the shard has now, unless somebody asks to stop. The first difference of each topic is reported, and the
        topic left there."""
        written = written_progress(self._job.clients, self._target)
        if written is None:
            return ShardComparison(self.number, 0, 0, ())
        # What was written up to this progress was written under these.
        self._shard.pass_over(overrides.read(self._job.clients, self._job.names, self.number, self._target.timeout))
        self._reader.pass_over(written.foreign)
        compared = _Comparison(self._reader, written, self._last, self.number)
        end = written.offset + (1 if written.engagement else 0)
        with seldom_collecting():
            while self._shard.offset < end:
                if stopped():
                    return ShardComparison(self.number, self._shard.offset, compared.count, tuple(compared.violations))
                wanted = min(BATCH_RECORDS, end - self._shard.offset)
                records = self._log.read_patiently(self._shard.offset, wanted, BATCH_BYTES)
                if not records:
                    return self._cut_off(written, compared)
                mark = self._take(self._shard.fold(records), compared)
                compared.chains(mark)
                tell(f"shard {self.number}", mark.offset, end)
        compared.end()
        return ShardComparison(self.number, written.offset, compared.count, tuple(compared.violations))

    def _cut_off(self, written: WrittenProgress, compared: _Comparison) -> ShardComparison:
        """The log has no record where the outputs have one."""
        last, subject = self._shard.offset, f"shard {self.number}"
        expected, found = f"records up to {written.offset - 1}, as progress says", f"the log ends before record {last}"
        lost = Violation(INPUT_CHAIN, "", None, subject, expected, found)
        return ShardComparison(self.number, last, compared.count, (*compared.violations, lost))

    def _take(self, made: list[Encoded | Mark], compared: _Comparison) -> Mark:
        for one in made:
            if isinstance(one, Encoded):
                compared.see(one)
        mark = self._outputs.write(made)
        assert mark is not None, "a folded batch ends with its mark"
        self._appender.sync()
        self._appender.publish()
        self._outputs.commit(mark)
        self._shard.commit(mark)
        return mark

    def _copy(self, number: int, value: bytes) -> None:
        if number == self._appender.offset:
            self._appender.append_stored(value)


class _Comparison:
    """Outputs made again against those on the topics, one by one."""

    def __init__(self, reader: OutputReader, written: WrittenProgress, last: dict[str, int], shard: int) -> None:
        self.count = 0
        self.violations: list[Violation] = []
        self._reader = reader
        self._written = written
        self._last = last
        self._shard = shard
        self._left: set[str] = set()

    def see(self, made: Encoded) -> None:
        for topic in (made.topic, FORECAST_CURRENT) if made.topic == FORECAST_UPDATES else (made.topic,):
            if topic not in self._left and made.output_seq < self._written.next_output_seq:
                self._see(topic, made)

    def chains(self, mark: Mark) -> None:
        """Where progress stands the chains are the same."""
        written = self._written
        if (mark.offset, mark.engagement) != written.place:
            return
        for check, told, found in (
            (INPUT_CHAIN, written.input_chain, mark.input_chain.hex()),
            (OUTPUT_CHAIN, written.output_chain, mark.output_chain.hex()),
        ):
            if told != found:
                self.violations.append(Violation(check, "", None, f"shard {self._shard}", f"{told} by progress", found))

    def end(self) -> None:
        """Nothing more stands on a topic than progress says, but for what has come since."""
        for topic in self._written.topics:
            if topic in self._left:
                continue
            found = self._peek(topic)
            if found is not None and found.output_seq <= self._written.topics[topic]:
                self._wrong(topic, found.output_seq, "no such output", _told(found))

    def _see(self, topic: str, made: Encoded) -> None:
        before = self._last.get(topic, -1)
        self._last[topic] = made.output_seq
        wanted = (made.key.encode(), made.type_name, made.output_seq, before, made.body)
        found = self._peek(topic)
        if topic in COMPACTED and (found is None or found.output_seq > made.output_seq):
            if found is None and made.output_seq == self._written.topics.get(topic):
                self._wrong(topic, made.output_seq, _made(made), "nothing more on the topic")
            return
        if topic in self._left:
            return
        if found is None:
            self._wrong(topic, made.output_seq, _made(made), "nothing more on the topic")
        elif found.identity != wanted:
            self._wrong(topic, made.output_seq, _made(made), _told(found))
        else:
            self._reader.take(topic)
            self.count += 1

    def _peek(self, topic: str) -> Published | None:
        try:
            return self._reader.peek(topic)
        except DecodeError as fault:
            self._wrong(topic, None, "outputs of our shards", str(fault))
            return None

    def _wrong(self, topic: str, output_seq: int | None, expected: str, found: str) -> None:
        self._left.add(topic)
        subject = f"shard {self._shard}"
        self.violations.append(Violation(REFOLD, topic, output_seq, subject, expected, found))


def _made(made: Encoded) -> str:
    return f"output {made.output_seq}: {_about(made.type_name, made.body)}"


def _told(found: Published) -> str:
    return f"output {found.output_seq}, after {found.before}: {_about(found.type_name, found.body)}"


def _about(type_name: str, body: bytes) -> str:
    if type_name not in OUTPUT_CODECS:
        return f"a {type_name[:64] or 'record without type'}"
    try:
        return about(read_output(type_name, body)[1])
    except DecodeError as fault:
        return f"a {type_name} that cannot be read: {fault}"


@contextmanager
def audited_shards(job: Job, folder: Path) -> Iterator[list[AuditedShard]]:
    """All of the job's, opened one after the other."""
    with ExitStack() as held:
        yield [held.enter_context(closing(AuditedShard(job, number, folder))) for number in job.shards]
