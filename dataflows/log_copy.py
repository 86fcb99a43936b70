"""A copy of the engagement log in files, for a log that is lost with its brokers; and a log made again from one.

What is copied is of one moment, that of intake's last transaction: of each partition the records up to there, what intake
remembers, how far it had read, and the records that operators passed over. A log made again is of another generation:
its numbers, its records and so all journals and their ids are those of the copy; positions name the new generation.

    manifest.json        what there is, with the digest of each file; written last
    log/<partition>.avro the records, as an embedded run keeps them
    directory.jsonl      what intake remembers: a line a change, [key, value or null] in base64
    progress.json        how far intake was
    overrides.jsonl      a line a record that is passed over: [shard, what `milepost skip` wrote]
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import log_path
from connectors.files.writing import replace_file, writing
from connectors.kafka import intake_progress, intake_resume, overrides
from connectors.kafka.clients import Clients
from connectors.kafka.directory import TRANSACTION
from connectors.kafka.intake_progress import IntakeProgress
from connectors.kafka.log import KafkaLog
from connectors.kafka.log_writer import Produced
from connectors.kafka.names import GENESIS_KEY, NUMBER_HEADER, Names
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.transactions import Transactions
from connectors.log_records import read_stored
from connectors.telling import Tell
from dataflows.accounting_kafka import check_log
from domain.counting import counted
from state import genesis
from state.chain import chained
from state.guards import LOG_DAMAGED, LOG_MISSING, OTHER_GENERATION, TOPIC_CHANGED, TORN_OUTPUTS, GuardStop
from state.rules import check_genesis

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
DIRECTORY_FILE: Final = "directory.jsonl"
PROGRESS_FILE: Final = "progress.json"
OVERRIDES_FILE: Final = "overrides.jsonl"
A_TRANSACTION: Final = 2_000
READ_BYTES: Final = 1 << 20


class CopiedPartition(NamedTuple):
    """`chain` is the input chain of a shard that has folded all of it, in hexadecimal."""

    genesis: str
    records: int
    chain: str


class CopyManifest(NamedTuple):
    """`files` are SHA-256 and length by path; `latest` is the instant, in microseconds, that intake had come to."""

    prefix: str
    generation: str
    latest: int
    partitions: tuple[CopiedPartition, ...]
    directory_records: int
    overrides: int
    files: dict[str, tuple[str, int]]
    version: int = VERSION

    @property
    def records(self) -> int:
        return sum(each.records for each in self.partitions)


# Out


def export_log(clients: Clients, kafka: KafkaSettings, folder: Path, tell: Tell) -> CopyManifest:
    """Into an empty folder. Intake may go on meanwhile. Raises GuardStop where log and directory do not agree."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: expected an empty folder or none, so that what is there stays")
    names, timeout = Names.of(kafka), kafka.request_timeout_seconds
    progress = intake_resume.committed_progress(clients, names, timeout)
    if progress is None:
        raise GuardStop(LOG_MISSING, f"topic {names.directory}: nothing was ever taken in; there is no log to copy")
    partitions = tuple(
        _export_partition(clients, kafka, names, number, end, folder, tell)
        for number, end in enumerate(progress.following)
    )
    changes = intake_resume.directory_changes(clients, names, progress, timeout)
    count = _write_lines(folder / DIRECTORY_FILE, ([_text(key), _text(value)] for key, value in changes))
    passed_over = [
        [shard, each._asdict()]
        for shard in range(len(partitions))
        for each in overrides.read(clients, names, shard, timeout).values()
    ]
    _write_lines(folder / OVERRIDES_FILE, passed_over)
    replace_file(folder / PROGRESS_FILE, intake_progress.to_bytes(progress))
    paths = [log_path(folder, number) for number in range(len(partitions))]
    paths += [folder / name for name in (DIRECTORY_FILE, OVERRIDES_FILE, PROGRESS_FILE)]
    files = {path.relative_to(folder).as_posix(): _digest(path) for path in paths}
    made = CopyManifest(kafka.prefix, kafka.generation, progress.latest, partitions, count, len(passed_over), files)
    shape = {**made._asdict(), "partitions": [each._asdict() for each in partitions]}
    replace_file(folder / MANIFEST, orjson.dumps(shape, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
    return made


def _export_partition(
    clients: Clients, kafka: KafkaSettings, names: Names, number: int, end: int, folder: Path, tell: Tell
) -> CopiedPartition:
    chain = b""

    def copy(place: int, value: bytes) -> None:
        nonlocal chain
        if place < end:
            appender.append_stored(value)
            chain = chained(chain, read_stored(value, 0)[0].body)

    timeout = kafka.request_timeout_seconds
    with closing(KafkaLog(clients, names.log, number, timeout, copy)) as log:
        check_log(log.genesis, kafka, number)
        with closing(LogAppender.open(folder, log.genesis, None)) as appender:
            while appender.offset < end:
                if not log.read_on(appender.offset):
                    raise GuardStop(
                        TORN_OUTPUTS,
                        f"{names.log}, partition {number}: expected {counted(end, 'record')}, as intake's progress says, "
                        f"found {appender.offset:,}: "
                        "the log has lost its end, and a copy of it would too. Use an earlier export, or a mirror",
                    )
                tell(f"partition {number}", appender.offset, end)
            appender.sync()
            appender.publish()
        return CopiedPartition(genesis.to_json(log.genesis), end, chain.hex())


def _write_lines(path: Path, rows: Iterable[Any]) -> int:
    count = 0
    with writing(path), path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


# In


def checked_copy(folder: Path) -> CopyManifest:
    """Every byte is looked at before anything is written anywhere. Raises GuardStop, naming file and digest."""
    manifest = _read_manifest(folder)
    for name, (digest, length) in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise damaged(path, f"expected {length:,} bytes with SHA-256 {digest}, found no file")
        found, bytes_found = _digest(path)
        if (found, bytes_found) != (digest, length):
            raise damaged(
                path, f"expected {length:,} bytes with SHA-256 {digest}, found {bytes_found:,} bytes with {found}"
            )
    return manifest


def import_log(clients: Clients, kafka: KafkaSettings, folder: Path, tell: Tell) -> CopyManifest:
    """Into the empty topics of another generation. What is half done when it ends is not gone on from."""
    manifest = checked_copy(folder)
    names = Names.of(kafka)
    _check_generation(manifest, kafka)
    for each in manifest.partitions:
        check_genesis(genesis.from_json(each.genesis))
    transactions = Transactions(clients, names.intake_writer, kafka.request_timeout_seconds)
    ids = _check_empty(clients, kafka, names)
    for number, of in enumerate(manifest.partitions):
        _import_partition(transactions, names, folder, number, of, tell)
    for shard, said in _lines(folder / OVERRIDES_FILE):
        key = f"{said['offset']}/{said['engagement']}".encode()
        value = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
        _write(transactions, [Produced(names.overrides, value, key, shard, [])])
    progress = intake_progress.from_bytes((folder / PROGRESS_FILE).read_bytes())
    marked = [(TRANSACTION, b"%d" % progress.transaction)]
    _write(
        transactions,
        (
            Produced(names.directory, _bytes(value), _bytes(key), 0, marked)
            for key, value in _lines(folder / DIRECTORY_FILE)
        ),
    )
    # Without it intake refuses the log, so it comes last.
    last = intake_progress.to_bytes(_moved(progress, manifest, kafka.generation, ids))
    _write(transactions, [Produced(names.directory, last, intake_progress.KEY, 0, [])])
    return manifest


def _moved(progress: IntakeProgress, manifest: CopyManifest, generation: str, ids: dict[str, str]) -> IntakeProgress:
    """Topics of intake's own are new ones; those of the domain are read on where they were."""
    old = Names(manifest.prefix, manifest.generation)
    kept = {name: each for name, each in progress.topic_ids.items() if name not in (old.log, old.directory)}
    first = genesis.from_json(manifest.partitions[0].genesis)._replace(generation=generation)
    return progress._replace(
        generation=generation, genesis=intake_resume.genesis_text(first), topic_ids={**kept, **ids}, skipped=()
    )


def _import_partition(
    transactions: Transactions, names: Names, folder: Path, number: int, of: CopiedPartition, tell: Tell
) -> None:
    begun = genesis.from_json(of.genesis)._replace(generation=names.generation)
    _write(transactions, [Produced(names.log, genesis.to_json(begun).encode(), GENESIS_KEY, number, [])])
    chain = b""

    def records() -> Iterator[Produced]:
        nonlocal chain
        for place, value in enumerate(log.stored()):
            chain = chained(chain, read_stored(value, 0)[0].body)
            if place % A_TRANSACTION == 0:
                tell(f"partition {number}", place, of.records)
            key = read_stored(value, 0)[0].engagement_id.encode()
            yield Produced(names.log, value, key, number, [(NUMBER_HEADER, b"%d" % place)])

    with EngagementLog.open(folder, number) as log:
        if log.end != of.records:
            raise damaged(log.path, f"expected {counted(of.records, 'record')}, found {log.end:,}")
        _write(transactions, records())
    if chain.hex() != of.chain:
        raise damaged(log_path(folder, number), f"expected the chain {of.chain}, found {chain.hex()}")


def _write(transactions: Transactions, records: Iterable[Produced]) -> None:
    left = iter(records)
    while some := list(islice(left, A_TRANSACTION)):
        transactions.write(some)


def _check_generation(manifest: CopyManifest, kafka: KafkaSettings) -> None:
    if kafka.generation == manifest.generation:
        raise GuardStop(
            OTHER_GENERATION,
            f"the copy is of generation {manifest.generation}, and so are the settings; expected another [kafka] generation, "
            "with fresh topics: outputs of two logs under one name could not be told apart",
        )
    if kafka.prefix != manifest.prefix:
        raise GuardStop(
            OTHER_GENERATION,
            f'the copy is of topics with the prefix "{manifest.prefix}", the settings say "{kafka.prefix}"; set [kafka] prefix to that '
            "of the copy, as intake goes on after what it had read of those topics",
        )
    if kafka.partitions != len(manifest.partitions):
        raise GuardStop(
            OTHER_GENERATION,
            f"the copy has {len(manifest.partitions)} partitions, the settings say {kafka.partitions}; set [kafka] partitions "
            f"to {len(manifest.partitions)}, as records keep their places",
        )


def _check_empty(clients: Clients, kafka: KafkaSettings, names: Names) -> dict[str, str]:
    """Ids of the topics that intake writes."""
    wanted = genesis.Genesis(kafka.generation, partitions=kafka.partitions)
    ours = intake_resume.our_topics(clients, names, wanted)
    patience = intake_resume.hanging_after(kafka.transaction_timeout_seconds)
    intake_resume.wait_for_transactions(clients, names, ours.partitions, patience)
    for topic, partitions in ((names.log, ours.partitions), (names.directory, 1)):
        if any(each is not None for each in intake_resume.last_records(clients, topic, partitions)):
            raise GuardStop(
                TOPIC_CHANGED,
                f"topic {topic} holds records already, of a log that was begun or of an import that did not end. Delete the "
                f"topics of generation {kafka.generation} and make them again, or set another [kafka] generation",
            )
    return ours.ids


# Both


def damaged(path: Path, reason: str) -> GuardStop:
    return GuardStop(
        LOG_DAMAGED,
        f"{path}: the copy of the log is damaged or incomplete: {reason}. Nothing is made of it; use another copy",
    )


def _digest(path: Path) -> tuple[str, int]:
    made, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            made.update(data)
            length += len(data)
    return made.hexdigest(), length


def _read_manifest(folder: Path) -> CopyManifest:
    path = folder / MANIFEST
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except OSError as fault:
            raise damaged(
                path, f"it cannot be read ({fault.strerror}); it is written last, so an export did not end"
            ) from fault
        partitions = tuple(CopiedPartition(**each) for each in found.pop("partitions"))
        files = {str(name): (str(digest), int(length)) for name, (digest, length) in found.pop("files").items()}
        read = CopyManifest(partitions=partitions, files=files, **found)
        wanted = {f"log/{number}.avro" for number in range(len(partitions))}
        if read.version == VERSION and files.keys() >= {*wanted, DIRECTORY_FILE, PROGRESS_FILE, OVERRIDES_FILE}:
            return read
    raise damaged(path, f"expected the manifest of an export, version {VERSION}")


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        yield from map(orjson.loads, file)


def _text(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
