"""Events of folders, as JSON: what an import learns from what was imported before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from connectors.containers import ContainerDamaged
from connectors.files.dumped import dump_file
from connectors.imports.refusals import ImportRefused

K = TypeVar("K")
Event = Mapping[str, Any]

# By the event's type, which field names the thing that it states.
ID_OF: Final[Mapping[str, str]] = {
    "LegalEntityDefined": "legal_entity_id",
    "CustomerDefined": "customer_id",
    "PersonDefined": "person_id",
    "CostRateSet": "cost_rate_id",
    "ProjectActivated": "project_id",
    "ContractSigned": "contract_id",
    "ContractAmended": "contract_id",
    "BalancesBroughtForward": "project_id",
}
# Stands in the output folder of a run, which may lie below the input's and holds nothing to learn from.
_ROUNDS = "rounds.jsonl"
_SUFFIXES = (".jsonl", ".avro")


def events_of(folders: Iterable[Path], without: Collection[Path] = ()) -> Iterator[Event]:
    """Every event of the folders, with its type; `without` are files that are to be written over."""
    for path in _files(folders, {path.resolve() for path in without}):
        yield from _events(path)


def id_of(event: Event) -> str:
    return str(event.get(ID_OF[event["type"]]))


def keep_newest(events: dict[K, Event], key: K, event: Event) -> None:
    known = events.get(key)
    if known is None or version_of(event) >= version_of(known):
        events[key] = event


def version_of(event: Event) -> int:
    """0 where it states none, or what is none: a run refuses such an event and says why."""
    version = event.get("version")
    return version if isinstance(version, int) else 0


def _files(folders: Iterable[Path], seen: set[Path]) -> Iterator[Path]:
    for folder in folders:
        outputs = {path.parent for path in folder.rglob(_ROUNDS)} if folder.is_dir() else set()
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            is_output = any(parent in outputs for parent in path.parents)
            if path.suffix in _SUFFIXES and not is_output and not hidden and not path.name.endswith(".rejected.jsonl"):
                resolved = path.resolve()
                if resolved not in seen and path.is_file():
                    seen.add(resolved)
                    yield path


def _events(path: Path) -> Iterator[Event]:
    """Lines that are no events are passed over; the run that reads the folder tells of them."""
    try:
        if path.suffix == ".avro":
            for dumped in dump_file(path):
                yield {"type": dumped.type_name, **dumped.json}
            return
        with path.open("rb") as file:
            for line in file:
                event = _parsed(line)
                if isinstance(event, dict):
                    yield event
    except (OSError, ContainerDamaged) as fault:
        raise ImportRefused(f"{path}: cannot be read, so what was imported before is not known: {fault}") from fault


def _parsed(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
