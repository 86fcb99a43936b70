"""What a folder of events says already: entries of the same product, and who and what is known.

Nothing else is remembered of earlier imports, so a folder can be copied, and a file that no run has read can be removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from connectors.imports.folder_events import Event, events_of, id_of, keep_newest, version_of

SIGNED = "ContractSigned"
AMENDED = "ContractAmended"


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


class FormerImport:
    """By id the newest event of each thing, and entries of the product, the `source`; `linked` are its ids that stand for known ones.

    `contracted` are the projects that any version of any contract has a line for, `rate_days` the days of exchange rates by currency.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.entities: dict[str, Event] = {}
        self.customers: dict[str, Event] = {}
        self.people: dict[str, Event] = {}
        self.projects: dict[str, Event] = {}
        self._newest = {
            "LegalEntityDefined": self.entities,
            "CustomerDefined": self.customers,
            "PersonDefined": self.people,
            "ProjectActivated": self.projects,
        }
        self.contracts: dict[str, Event] = {}
        self.cost_rates: defaultdict[str, list[Event]] = defaultdict(list)
        self.costed_roles: set[str] = set()
        self.linked: set[str] = set()
        self.contracted: set[str] = set()
        self.rate_days: defaultdict[str, set[date]] = defaultdict(set)
        self._entries: dict[str, Event] = {}
        self._signed: dict[str, Event] = {}
        self._amendments: defaultdict[str, list[Event]] = defaultdict(list)

    @cached_property
    def entries(self) -> dict[str, FormerEntry]:
        return {entry_id: _entry(event) for entry_id, event in self._entries.items()}

    def take(self, event: Event) -> None:
        match str(event.get("type")):
            case kind if kind in self._newest:
                keep_newest(self._newest[kind], id_of(event), event)
            case "ContractSigned" | "ContractAmended" as kind:
                self._contract(kind, id_of(event), event)
            case "CostRateSet" if event.get("person_id") is None:
                self.costed_roles.add(str(event.get("role")))
            case "CostRateSet":
                self.cost_rates[str(event.get("person_id"))].append(event)
            case "ExchangeRateSet":
                for side in ("from_currency", "to_currency"):
                    self.rate_days[str(event.get(side))].update(_day(event.get("date")))
            case "IdentityLinked" if event.get("source") == self.source:
                self.linked.add(str(event.get("source_id")))
            case "TimeApproved" | "TimeWithdrawn" if event.get("source") == self.source:
                keep_newest(self._entries, str(event.get("entry_id")), event)

    def _contract(self, kind: str, contract_id: str, event: Event) -> None:
        self.contracted.update(projects_of(event))
        if kind == AMENDED:
            self._amendments[contract_id].append(event)
        else:
            keep_newest(self._signed, contract_id, event)
        if contract_id in self._signed:
            self.contracts[contract_id] = _amended(self._signed[contract_id], self._amendments[contract_id])

    def is_ours(self, contract: Event) -> bool:
        """Signed by an import of the same product, and amended by nobody."""
        return contract.get("source") == self.source and contract.get("type") == SIGNED

    def contracts_of_ours(self) -> list[Event]:
        return [contract for contract in self.contracts.values() if self.is_ours(contract)]

    def rates_of_ours(self) -> dict[str, Sequence[Event]]:
        return rates_by_project(self.contracts_of_ours())

    def rates(self) -> dict[str, Sequence[Event]]:
        return rates_by_project(self.contracts.values())


def rates_by_project(contracts: Iterable[Event]) -> dict[str, Sequence[Event]]:
    """Of time and materials; empty where a rate card or the person decides."""
    return {
        line["project_id"]: line["terms"].get("rates") or ()
        for contract in contracts
        for line in contract["lines"]
        if line["terms"].get("type") == "TimeAndMaterials"
    }


def read_known(source: str, folders: Iterable[Path], without: Collection[Path] = ()) -> FormerImport:
    """`without` are files that are to be written over."""
    known = FormerImport(source)
    for event in events_of(folders, without):
        known.take(event)
    return known


def _day(text: object) -> Iterator[date]:
    """Nothing where it is no date."""
    with suppress(ValueError):
        yield date.fromisoformat(str(text))


def _amended(signed: Event, amendments: Iterable[Event]) -> Event:
    """As the newest version has it: an amendment inherits what it does not state."""
    terms = dict(signed)
    for event in sorted(amendments, key=version_of):
        if version_of(event) >= version_of(terms):
            terms |= {field: value for field, value in event.items() if value is not None}
    return terms


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
