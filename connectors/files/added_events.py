"""Events that a person adds to an input folder: each call writes one new file, whole or not at all, that the next run takes in.

No file is ever added to: what a run has read must not change.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from connectors.decode_error import DecodeError
from connectors.files.input_reader import fault_of_line
from connectors.files.rounds import read_rounds
from connectors.files.writing import sync_folder, write_synced, writing
from connectors.json_records import event_from_json_line
from domain.events.catalogue import Event

DECISIONS: Final = "decisions"
RESENT: Final = "resent"
# What people say that another system would say else: an invoice, a payment, an amendment.
RECORDED: Final = "recorded"
STAMP: Final = "%Y%m%dT%H%M%S.%fZ"


def add_events(input_dir: Path, kind: str, events: Sequence[dict[str, Any]], now: datetime) -> Path:
    """Into a file of its own below the folder `kind`. Raises DecodeError where one would become a dead letter."""
    lines = []
    for event in events:
        line = orjson.dumps({name: value for name, value in event.items() if value is not None})
        if fault := fault_of_line(line):
            raise fault
        lines.append(line + b"\n")
    folder = input_dir / kind
    stamp = now.astimezone(UTC).strftime(STAMP)
    path = folder / f"{stamp}-{secrets.token_hex(6)}.jsonl"
    part = folder / f".{path.name}"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_synced(part, b"".join(lines))
        part.rename(path)
    sync_folder(folder)
    return path


def added_events(input_dir: Path, kind: str) -> Iterator[Event]:
    """What such calls have written so far, taken in or not."""
    return (event for _, event in dated_events(input_dir, kind))


def dated_events(input_dir: Path, kind: str) -> Iterator[tuple[datetime | None, Event]]:
    """The same with when it was written; None where the file has got another name since."""
    return ((_written_at(path), event) for path in _files(input_dir, kind) for event in _events(path))


def events_to_come(input_dir: Path, kind: str, output: Path) -> list[Event]:
    """Those of them that no run has taken in."""
    taken = {file.name for each in read_rounds(output) for file in each.files}
    files = (path for path in _files(input_dir, kind) if f"{kind}/{path.name}" not in taken)
    return [event for path in files for event in _events(path)]


def _files(input_dir: Path, kind: str) -> list[Path]:
    return sorted((input_dir / kind).glob("*.jsonl"))


def _events(path: Path) -> Iterator[Event]:
    for line in path.read_bytes().splitlines():
        try:
            yield event_from_json_line(line)
        except DecodeError:
            continue


def _written_at(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name.partition("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def new_event_id(prefix: str) -> str:
    return f"{prefix}.{secrets.token_hex(8)}"
