"""Folds a log once more, into a folder of its own, and compares byte by byte with what was written."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from connectors.containers import Damage
from connectors.files.engagement_log import EngagementLog
from connectors.files.outputs import topic_file
from connectors.files.written import WrittenOutput, committed, read_file, topics
from connectors.json_records import record_to_json
from connectors.log_records import StoredRecord
from connectors.telling import Tell
from dataflows.embedded import close, fold, open_accounting
from domain.audit.about import about
from domain.audit.findings import REFOLD, Checked, Violation
from state.batch import BATCH_BYTES, BATCH_RECORDS
from state.overrides import Overrides

CHUNK_BYTES: Final = 1 << 20
FIELDS_TOLD: Final = 5


def refold(
    scratch: Path, log: EngagementLog, progress: Mapping[str, Any], tell: Tell, passed_over: Overrides | None = None
) -> None:
    """With the plain loop, up to where the outputs are committed; a record that is folded in part is folded whole."""
    end = progress["offset"] + (1 if progress["engagement"] else 0)
    accounting = open_accounting(scratch, log.genesis, passed_over=passed_over)
    try:
        while records := _read(log, accounting.shard.position[0], end):
            tell("fold again", fold(accounting, records).offset, end)
    finally:
        close(accounting)


def _read(log: EngagementLog, offset: int, end: int) -> Sequence[StoredRecord]:
    return log.read(offset, min(BATCH_RECORDS, end - offset), BATCH_BYTES) if offset < end else ()


def same_bytes(folder: Path, scratch: Path, shard: int, *, whole: bool) -> Checked:
    """`whole`: nothing may follow what is committed."""
    names = topics()
    found = [each for topic in names for each in _difference(folder, scratch, topic, shard, whole=whole)]
    return Checked(REFOLD, len(names), tuple(found))


def _difference(folder: Path, scratch: Path, topic: str, shard: int, *, whole: bool) -> Iterator[Violation]:
    lengths, again = committed(folder, topic, shard), committed(scratch, topic, shard)
    for part in dict.fromkeys((*lengths, *again)):
        length, made = lengths.get(part, 0), again.get(part, 0)
        if made < length or (whole and made > length) or not _alike(folder, scratch, part, shard, length):
            yield _first_difference(folder, scratch, topic, shard)
            return


def _alike(folder: Path, scratch: Path, part: str, shard: int, length: int) -> bool:
    if not length:
        return True
    with topic_file(folder, part, shard).open("rb") as one, topic_file(scratch, part, shard).open("rb") as other:
        for begin in range(0, length, CHUNK_BYTES):
            size = min(CHUNK_BYTES, length - begin)
            if one.read(size) != other.read(size):
                return False
    return True


def _first_difference(folder: Path, scratch: Path, topic: str, shard: int) -> Violation:
    for there, again in zip_longest(read_file(folder, topic, shard, _pass_over), read_file(scratch, topic, shard)):
        if there is None or again is None or there.body != again.body:
            at = there or again
            assert at is not None, "one of the two goes on"
            expected, found = _told(there, again)
            subject = type(at.record).__name__
            return Violation(REFOLD, topic, at.position.output_seq, subject, expected, found, about(at.record))
    return Violation(REFOLD, topic, None, "the file", "the same bytes", "other bytes around the same records")


def _pass_over(_damage: Damage) -> None:
    """What cannot be read is reported by the check of the files; here it is missing."""


def _told(there: WrittenOutput | None, again: WrittenOutput | None) -> tuple[str, str]:
    """Expected and found: the fields that differ, or what the two are about where they are not of one type."""
    if there is None or again is None or type(there.record) is not type(again.record):
        return _about(again), _about(there)
    wanted, has = _fields(again), _fields(there)
    differing = [name for name in dict.fromkeys([*wanted, *has]) if wanted.get(name) != has.get(name)]
    more = f" and {len(differing) - FIELDS_TOLD} more" if len(differing) > FIELDS_TOLD else ""
    expected, found = (
        ", ".join(f"{name} {fields.get(name, 'missing')}" for name in differing[:FIELDS_TOLD]) + more
        for fields in (wanted, has)
    )
    return expected, found


def _about(written: WrittenOutput | None) -> str:
    return "no output" if written is None else about(written.record)


def _fields(written: WrittenOutput) -> dict[str, str]:
    """Each plain value by its place, such as `lines[0].amount`."""
    return dict(_flat(record_to_json(written.record, written.position), ""))


def _flat(value: Any, place: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for name, one in value.items():
                yield from _flat(one, f"{place}.{name}" if place else name)
        case list():
            for number, one in enumerate(value):
                yield from _flat(one, f"{place}[{number}]")
        case _:
            yield place, str(value)
