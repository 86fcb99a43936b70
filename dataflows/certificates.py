"""Certificates of closed periods: read from what a run has written, or recomputed from the log alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from connectors.avro_codec import content_of
from connectors.files import overrides
from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import FOLDER
from connectors.files.written import read_file, shards
from connectors.telling import Tell
from dataflows.refold import refold
from domain.counting import counted
from domain.ledger.close_certificate import ShardCertificate, Whole, journals_digest, put_together
from domain.ledger.period_sums import with_mark
from domain.outputs import TOPICS, CloseCertificate, JournalEntry
from state.genesis import Genesis, to_json

CERTIFICATES = TOPICS[CloseCertificate.__name__]
POSTINGS = TOPICS[JournalEntry.__name__]


class LogUpTo(NamedTuple):
    """Of a shard: its log up to the closing. `sha256` is over its genesis and every record as it is stored, `begins` over the first."""

    shard: int
    records: int
    sha256: str
    begins: str


class OfLog(NamedTuple):
    """A certificate with the log that it follows from."""

    whole: Whole
    genesis: Genesis
    logs: tuple[LogUpTo, ...]


class WrongPostings(Exception):
    """The journals that are written are not those that were certified."""


def written_certificates(outputs: Path, log: Path, entity_id: str) -> list[OfLog]:
    """Those of a company in their order, as far as every shard has them. Raises NoOutputs, ContainerDamaged and GuardStop."""
    numbers = shards(outputs)
    with EngagementLog.open(log, numbers[0]) as first:
        genesis = first.genesis._replace(partition=0)
    every = certified(outputs, entity_id, genesis.partitions)
    ends = {shard: [_records(whole)[shard] for whole in every] for shard in numbers}
    logs = _logs(log, ends) if every else {}
    return [OfLog(whole, genesis, tuple(logs[place] for place in sorted(_records(whole).items()))) for whole in every]


def certified(outputs: Path, entity_id: str, partitions: int) -> list[Whole]:
    """The same without the log. Raises NoOutputs and ContainerDamaged."""
    found: dict[int, dict[int, ShardCertificate]] = {}
    for shard in shards(outputs):
        for written in read_file(outputs, CERTIFICATES, shard):
            record = written.record
            if isinstance(record, CloseCertificate) and record.legal_entity_id == entity_id:
                found.setdefault(record.number, {})[shard] = ShardCertificate(written.position, record)
    return [put_together(of.values()) for _, of in sorted(found.items()) if len(of) == partitions]


def _records(whole: Whole) -> dict[int, int]:
    """Of each shard, how many records of its log the certificate follows from."""
    return {position.shard: position.log_offset + 1 for position, _ in whole.shards}


def partitions_of(log: Path) -> list[int]:
    """Shards whose log is in the folder."""
    return sorted(int(path.stem) for path in (log / FOLDER).glob("*.avro") if path.stem.isdigit())


def _logs(folder: Path, ends: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], LogUpTo]:
    """Of each shard, up to each of some records."""
    found: dict[tuple[int, int], LogUpTo] = {}
    for shard, of in ends.items():
        with EngagementLog.open(folder, shard) as log:
            for up_to in _digests(log, shard, of):
                found[shard, up_to.records] = up_to
    return found


def begins(log: EngagementLog) -> str:
    """What tells a log from every other one; nothing of a log without a record."""
    return next((each.begins for each in _digests(log, 0, (1,))), "")


def _digests(log: EngagementLog, shard: int, ends: Sequence[int]) -> Iterator[LogUpTo]:
    wanted, first = set(ends), ""
    digest = sha256(to_json(log.genesis).encode())
    for number, stored in enumerate(log.stored() if wanted else (), 1):
        digest.update(len(stored).to_bytes(8, "big") + stored)
        first = first or digest.hexdigest()
        if number in wanted:
            yield LogUpTo(shard, number, digest.hexdigest(), first)
            wanted.discard(number)
            if not wanted:
                return


def journals_of(outputs: Path, whole: Whole) -> list[tuple[str, str]]:
    """Id and mark of each journal of the certified period, by id. Raises WrongPostings where they are not those that were certified."""
    found = listed_journals(outputs, whole)
    marks = 0
    for _, mark in found:
        marks = with_mark(marks, bytes.fromhex(mark))
    if (len(found), journals_digest([marks])) != (whole.books.journals, whole.books.digest):
        other = "; their bytes are other ones" if len(found) == whole.books.journals else ""
        raise WrongPostings(
            f"{POSTINGS} has {counted(len(found), 'journal')} of {whole.entity_id} in {whole.period}, and certificate {whole.number} "
            f"was given for {whole.books.journals:,}{other}: the file was changed. `milepost verify` names the first journal"
        )
    return found


def listed_journals(outputs: Path, whole: Whole) -> list[tuple[str, str]]:
    """As they are written, up to the close."""
    found: list[tuple[str, str]] = []
    for position, _ in whole.shards:
        for written in read_file(outputs, POSTINGS, position.shard):
            record = written.record
            if not isinstance(record, JournalEntry) or written.position.output_seq >= position.output_seq:
                continue
            if (record.legal_entity_id, record.period) == (whole.entity_id, whole.period):
                found.append((record.journal_id, sha256(content_of(written.body)).hexdigest()))
    return sorted(found)


@contextmanager
def folded_again(log: Path, records: Mapping[int, int], tell: Tell) -> Iterator[Path]:
    """A folder with the outputs that the log's first records of each shard give; nothing that was written is looked at.

    Raises GuardStop where a log is damaged, shorter, or cannot be folded.
    """
    with ExitStack() as held:
        scratch = Path(held.enter_context(TemporaryDirectory(prefix="milepost-certificate-")))
        for shard, end in records.items():
            with EngagementLog.open(log, shard) as opened:
                refold(scratch, opened, {"offset": end, "engagement": ""}, tell, overrides.read(log, shard))
        yield scratch
