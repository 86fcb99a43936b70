"""Changes what a run has written, as somebody might who knows how it is sealed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from connectors.avro_codec import OUTPUT_CODECS, content_of
from connectors.containers import ContainerFormat
from connectors.files.outputs import TOPIC_TYPES, topic_file
from connectors.files.written import read_shard
from domain.ledger.period_sums import Certified, PeriodSums, certified_as, marks_text, trial_balance_of
from domain.outputs import (
    TOPICS,
    CertifiedCurrency,
    CloseCertificate,
    ControlTotals,
    JournalEntry,
    JournalLine,
    Output,
    Position,
)
from state.chain import chained


class Told(NamedTuple):
    position: Position
    record: Any


Change = Callable[[Told], Told | Iterable[Told]]


def copied(run: Path, folder: Path) -> Path:
    """A copy that may be changed."""
    target = folder / "output"
    shutil.copytree(run, target)
    return target


def outputs(folder: Path) -> list[Told]:
    return [Told(written.position, written.record) for written in read_shard(folder, 0)]


def rewrite(folder: Path, change: Change, *, totals: bool = True, certificates: bool = True) -> None:
    """Put what `change` makes of each output in its place, and renew lengths and chains.

    With `totals`, control totals are given the chain of what now stands before them; with `certificates` certificates what its journals
    come to, with the seal of the certificate before.
    """
    found = [told for before in outputs(folder) for told in _several(change(before))]
    progress = read_progress(folder)
    chain = b""
    periods: dict[str, dict[str, PeriodSums]] = {}
    # By company and period; the last of a company by no name.
    had: dict[str, dict[str, Certified]] = {}
    blocks: dict[str, list[bytes]] = {topic: [] for topic in progress["lengths"]}
    forms = _forms(progress["generation"])
    for position, record in found:
        sealed = record
        if totals and isinstance(record, ControlTotals):
            sealed = record._replace(output_chain=chain.hex())
        if totals and certificates and isinstance(record, CloseCertificate):
            sealed = _certified(record, periods.get(record.legal_entity_id, {}), had, chain)
        name = type(record).__name__
        body = OUTPUT_CODECS[name].encode(position, sealed)
        if isinstance(record, JournalEntry):
            of = periods.setdefault(record.legal_entity_id, {}).setdefault(record.period, PeriodSums())
            of.add(record, content_of(body))
        if isinstance(sealed, CloseCertificate):
            of_period = had.setdefault(sealed.legal_entity_id, {})
            of_period[sealed.period] = of_period[""] = certified_as(sealed, content_of(body))
        chain = chained(chain, body)
        blocks[TOPICS[name]].append(forms[TOPICS[name]].block(name, body))
    for topic, written in blocks.items():
        data = forms[topic].header + b"".join(written)
        topic_file(folder, topic, 0).write_bytes(data)
        progress["lengths"][topic] = len(data)
    write_progress(folder, {**progress, "output_chain": chain.hex()})


def _certified(
    record: CloseCertificate, periods: dict[str, PeriodSums], had: dict[str, dict[str, Certified]], chain: bytes
) -> CloseCertificate:
    sums = periods.get(record.period) or PeriodSums()
    of_period = had.get(record.legal_entity_id, {})
    before = of_period.get("")
    return record._replace(
        output_chain=chain.hex(),
        journal_count=sums.journals,
        marks=marks_text(sums.marks),
        currencies=tuple(CertifiedCurrency(currency, *of) for currency, of in sorted(sums.currencies.items())),
        accounts=tuple(trial_balance_of(periods, record.period, of_period.get(record.period))),
        previous=before.seal if before is not None else None,
    )


def read_progress(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "progress" / "0.json").read_text())
    return found


def write_progress(folder: Path, progress: dict[str, Any]) -> None:
    (folder / "progress" / "0.json").write_text(json.dumps(progress))


def at(output_seq: int, change: Callable[[Any], Output]) -> Change:
    """Change one record; the position stays."""
    return lambda told: Told(told.position, change(told.record)) if told.position.output_seq == output_seq else told


def seq_of(folder: Path, kind: type[Any], wanted: Callable[[Any], bool] = lambda _: True, *, last: bool = False) -> int:
    """Where the first (or last) such record stands."""
    found = [
        told.position.output_seq for told in outputs(folder) if isinstance(told.record, kind) and wanted(told.record)
    ]
    return found[-1] if last else found[0]


def about(entry_id: str, kind: str = "posting", account: str = "5000") -> Callable[[JournalEntry], bool]:
    """A journal of an entry, by its kind and an account that it posts to."""
    return lambda journal: (
        (journal.affected_id, journal.kind) == (entry_id, kind)
        and any(line.account == account for line in journal.lines)
    )


def with_line(journal: JournalEntry, place: int, **fields: Any) -> JournalEntry:
    lines: list[JournalLine] = list(journal.lines)
    lines[place] = lines[place]._replace(**fields)
    return journal._replace(lines=tuple(lines))


def _several(told: Told | Iterable[Told]) -> Iterable[Told]:
    return [told] if isinstance(told, Told) else told


def _forms(generation: str) -> dict[str, ContainerFormat]:
    return {
        topic: ContainerFormat([OUTPUT_CODECS[name] for name in names], generation, topic)
        for topic, names in TOPIC_TYPES.items()
        if names
    }
