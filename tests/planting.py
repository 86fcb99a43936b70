"""One change planted in what a run has written up to a close: a byte of its log, an exchange rate in it, or a line of a journal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_appender import LogAppender
from connectors.files.log_format import log_path
from domain.events.reference import ExchangeRateSet
from domain.outputs import JournalEntry
from milepost.certificates.file import Shape
from tests.audit.tampering import at, outputs, rewrite, with_line


def copied_log(output: Path, folder: Path) -> Path:
    shutil.copytree(output / "log", folder / "log")
    return folder


def rewritten_log(output: Path, folder: Path, change: Callable[[int, Any], Any]) -> Path:
    """A run's log, each event as `change` makes it of its offset and itself: True leaves it, False leaves it out."""
    with EngagementLog.open(output) as log:
        genesis = log.genesis
        records = list(log.records())
    appender = LogAppender.open(folder, genesis, None)
    for record in records:
        made = change(record.offset, record.event)
        if made is not False:
            appender.append(record.engagement_id, record.event if made is True else made, record.own)
    appender.sync()
    appender.publish()
    appender.close()
    return folder


def with_another_byte(output: Path, folder: Path, certificate: Shape, chance: Random) -> int:
    """A copy of the log with one byte that differs, before the close; returns its place."""
    copied_log(output, folder)
    with EngagementLog.open(folder) as log:
        ends = [place.length for place in log.places()]
    data = bytearray(log_path(folder).read_bytes())
    place = chance.randrange(ends[_of(certificate)["records"]])
    data[place] ^= chance.randrange(1, 256)
    log_path(folder).write_bytes(bytes(data))
    return place


def with_another_rate(output: Path, folder: Path, certificate: Shape, chance: Random) -> None:
    """The log with one exchange rate that is higher by up to a hundredth, before the close."""
    with EngagementLog.open(output) as log:
        rates = [each.offset for each in log.records() if isinstance(each.event, ExchangeRateSet)]
    planted = chance.choice([offset for offset in rates if offset < _of(certificate)["records"]])
    more = chance.randrange(1, 10**10)

    def dearer(offset: int, event: Any) -> Any:
        return event._replace(rate=event.rate + more) if offset == planted else True

    rewritten_log(output, folder, dearer)


def with_another_line(output: Path, folder: Path, certificate: Shape, chance: Random) -> str:
    """A copy of all of it with another amount in a line of the period, sealed again; returns the id of its journal."""
    shutil.copytree(output, folder)
    journals = [
        told
        for told in outputs(folder)
        if isinstance(told.record, JournalEntry)
        and (told.record.legal_entity_id, told.record.period) == (certificate["company"], certificate["period"])
        and told.position.output_seq < _of(certificate)["outputs"]
    ]
    told = chance.choice(journals)
    line = chance.randrange(len(told.record.lines))
    more = chance.choice((-1, 1)) * chance.randrange(1, 10**6)
    cheaper = at(
        told.position.output_seq, lambda record: with_line(record, line, amount=record.lines[line].amount + more)
    )
    rewrite(folder, cheaper, totals=False)
    journal_id: str = told.record.journal_id
    return journal_id


def _of(certificate: Shape) -> dict[str, Any]:
    """How far the one shard was."""
    of: dict[str, Any]
    [of] = certificate["log"]["shards"]
    return of
