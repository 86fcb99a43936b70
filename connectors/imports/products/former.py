"""What a folder of events says already: entries of the same product, and who and what is known.

Nothing else is remembered of earlier imports, so a folder can be copied, and a file that no run has read can be removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from connectors.containers import ContainerDamaged
from connectors.files.dumped import dump_file
from connectors.imports.refusals import ImportRefused

K = TypeVar("K")
Event = Mapping[str, Any]

# Stands in the output folder of a run, which may lie below the input's and holds nothing to learn from.
_ROUNDS = "rounds.jsonl"
_SUFFIXES = (".jsonl", ".avro")
_KINDS = {
    "LegalEntityDefined": "legal_entity_id",
    "CustomerDefined": "customer_id",
    "PersonDefined": "person_id",
    "ProjectActivated": "project_id",
    "ContractSigned": "contract_id",
}
_AMENDED = "ContractAmended"


class FormerEntry(NamedTuple):
    """The newest version of an entry; `digest` is of the row it came from, empty where that is not known."""

    entry_id: str
    version: int
    is_live: bool
    digest: str
    project_id: str
    person_id: str
    task: str | None
    day: date | None
    hours: Decimal
    rate: Decimal | None
    note: str
    billable: bool


class FormerImport(NamedTuple):
    """By id the newest event of each; `linked` are ids of the product that stand for known ones.

    `contracted` are the projects that any version of any contract has a line for, `rate_days` the days of exchange rates by currency.
    """

    entries: Mapping[str, FormerEntry]
    entities: Mapping[str, Event]
    customers: Mapping[str, Event]
    people: Mapping[str, Event]
    projects: Mapping[str, Event]
    contracts: Mapping[str, Event]
    cost_rates: Mapping[str, tuple[Event, ...]]
    costed_roles: frozenset[str]
    linked: frozenset[str]
    contracted: frozenset[str]
    rate_days: Mapping[str, frozenset[date]] = {}

    def with_events(self, events: Iterable[Event]) -> FormerImport:
        """As if these had been in the folder; no entries."""
        gathered = _Gathered(self)
        for event in events:
            gathered.take(event["type"], event)
        return gathered.known(self)


_NOTHING = FormerImport({}, {}, {}, {}, {}, {}, {}, frozenset(), frozenset(), frozenset())


class _Gathered:
    """What is known of all but entries, while events come."""

    def __init__(self, known: FormerImport) -> None:
        of_kinds = known.entities, known.customers, known.people, known.projects, known.contracts
        self._newest = {kind: dict(of_kind) for kind, of_kind in zip(_KINDS, of_kinds, strict=True)}
        self._amendments: dict[str, list[Event]] = {}
        self._costs = {person: list(rates) for person, rates in known.cost_rates.items()}
        self._contracted = set(known.contracted)

    def take(self, kind: object, event: Event) -> None:
        self._contracted.update(projects_of(event))
        if kind in _KINDS:
            keep_newest(self._newest[str(kind)], str(event.get(_KINDS[str(kind)])), event)
        elif kind == _AMENDED:
            self._amendments.setdefault(str(event.get("contract_id")), []).append(event)
        elif kind == "CostRateSet":
            self._costs.setdefault(str(event.get("person_id")), []).append(event)

    def known(self, before: FormerImport) -> FormerImport:
        newest = self._newest
        return before._replace(
            entities=newest["LegalEntityDefined"],
            customers=newest["CustomerDefined"],
            people=newest["PersonDefined"],
            projects=newest["ProjectActivated"],
            contracts={
                contract_id: _amended(signed, self._amendments.get(contract_id, ()))
                for contract_id, signed in newest["ContractSigned"].items()
            },
            cost_rates={person: tuple(rates) for person, rates in self._costs.items()},
            contracted=frozenset(self._contracted),
        )


def read_known(source: str, folders: Iterable[Path], without: Collection[Path] = ()) -> FormerImport:
    """`without` are files that are to be written over."""
    entries: dict[str, Event] = {}
    roles: set[str] = set()
    linked: set[str] = set()
    gathered = _Gathered(_NOTHING)
    rate_days: dict[str, set[date]] = {}
    for path in _files(folders, {path.resolve() for path in without}):
        for event in _events(path):
            kind = event.get("type")
            if kind in ("TimeApproved", "TimeWithdrawn"):
                if event.get("source") == source:
                    keep_newest(entries, str(event.get("entry_id")), event)
            elif kind == "IdentityLinked" and event.get("source") == source:
                linked.add(str(event.get("source_id")))
            elif kind == "ExchangeRateSet":
                for side in ("from_currency", "to_currency"):
                    rate_days.setdefault(str(event.get(side)), set()).update(_day(event.get("date")))
            else:
                gathered.take(kind, event)
            if kind == "CostRateSet" and event.get("person_id") is None:
                roles.add(str(event.get("role")))
    return gathered.known(_NOTHING)._replace(
        entries={entry_id: _entry(event) for entry_id, event in entries.items()},
        costed_roles=frozenset(roles),
        linked=frozenset(linked),
        rate_days={currency: frozenset(days) for currency, days in rate_days.items()},
    )


def events_of(folders: Iterable[Path], without: Collection[Path] = ()) -> Iterator[Event]:
    """Every event of the folders, as JSON with its type."""
    for path in _files(folders, {path.resolve() for path in without}):
        yield from _events(path)


def _day(text: object) -> Iterator[date]:
    """Nothing where it is no date."""
    with suppress(ValueError):
        yield date.fromisoformat(str(text))


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


def keep_newest(events: dict[K, Event], key: K, event: Event) -> None:
    known = events.get(key)
    if known is None or version_of(event) >= version_of(known):
        events[key] = event


def _amended(signed: Event, amendments: Iterable[Event]) -> Event:
    """As the newest version has it: an amendment inherits what it does not state."""
    terms = dict(signed)
    for event in sorted(amendments, key=version_of):
        if version_of(event) >= version_of(terms):
            terms |= {field: value for field, value in event.items() if value is not None}
    return terms


def version_of(event: Event) -> int:
    return int(event.get("version", 0))


def projects_of(event: Event) -> Iterator[str]:
    return (str(line.get("project_id")) for line in event.get("lines") or ())


def _entry(event: Event) -> FormerEntry:
    worked_on, rate = event.get("worked_on"), event.get("rate")
    return FormerEntry(
        entry_id=str(event["entry_id"]),
        version=int(event["version"]),
        is_live=event["type"] == "TimeApproved",
        digest=str(event.get("event_id", "")).rpartition(":")[2],
        project_id=str(event.get("project_id", "")),
        person_id=str(event.get("person_id", "")),
        task=event.get("task"),
        day=date.fromisoformat(worked_on) if worked_on else None,
        hours=Decimal(str(event.get("hours") or 0)),
        rate=None if rate is None else Decimal(str(rate)),
        note=str(event.get("description") or ""),
        billable=bool(event.get("billable", True)),
    )
