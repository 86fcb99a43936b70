"""Engagement logs that were recorded when a version of the rules was frozen, and all that comes out of them.

They are folded again before an edit of the rules is taken: every version gives what it gave, byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from connectors.files.engagement_log import EngagementLog
from connectors.log_records import StoredRecord
from dataflows.embedded import ENCODERS, decode_event
from schemas.frozen_rules import ROOT
from state.batch import BATCH_RECORDS, Encoded, Mark, OutputProgress
from state.genesis import Genesis
from state.shard import Shard
from state.store.store import Store

FOLDER: Final = ROOT / "tests" / "data" / "rules"


def recording(version: int, folder: Path = FOLDER) -> Path:
    return folder / f"{version}.zip"


def keep(path: Path, logs: Mapping[str, bytes]) -> None:
    """The same bytes for the same logs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, log in sorted(logs.items()):
            file.writestr(ZipInfo(name), log, ZIP_DEFLATED)


def digests(path: Path) -> Iterator[tuple[str, str]]:
    """Of all outputs of each log, folded now: its name and a SHA-256."""
    with ZipFile(path) as file, TemporaryDirectory() as made:
        log = Path(made) / "0.avro"
        for name in file.namelist():
            log.write_bytes(file.read(name))
            with EngagementLog(log) as read:
                yield name, digest(read.genesis, list(read.records()))


def digest(genesis: Genesis, records: list[StoredRecord]) -> str:
    store = Store(Path(":memory:"), genesis.generation, genesis.partition)
    shard = Shard(store, ENCODERS, genesis, OutputProgress(), decode_event)
    total = hashlib.sha256()
    while shard.offset < len(records):
        for one in shard.fold(records[shard.offset : shard.offset + BATCH_RECORDS]):
            if isinstance(one, Encoded):
                total.update(f"{one.topic}\0{one.key}\0".encode() + one.body)
            elif isinstance(one, Mark):
                shard.commit(one)
    store.close()
    return total.hexdigest()
