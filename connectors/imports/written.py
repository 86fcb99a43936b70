"""What a mapping has written beside the time: entity, customers, people, cost rates, projects and contracts.

Each thing is stated once, as the first of its rows says it, on the day from which it holds. A later export of the same
source tells it again, perhaps with another first day. So that this changes nothing twice, everything about an event
follows from the thing and its day, and the version is the higher the earlier the day:

    first seen 2026-03-02: version 27,333
    in next month's export first seen 2026-04-01: version 27,303, lower and so nothing new
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple, cast

import orjson

from connectors.decode_error import DecodeError
from connectors.imports.cells import CellPart, TextCell
from connectors.imports.checked import fault_of
from connectors.imports.contract_versions import contradictions_of
from connectors.imports.mapping import (
    ContractsWritten,
    CostRatesWritten,
    CustomersWritten,
    EntityWritten,
    ImportMapping,
    PeopleWritten,
    ProjectsWritten,
)
from connectors.imports.readings import instant_text
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import CellFault, CsvRow, RejectedRow
from connectors.imports.said import content_in, currency_in, dimensions_in, id_in, plain, required
from connectors.imports.time_rows import WorkedTime, fault_of_cell
from connectors.json_records import event_from_json
from domain.events.commercial import ContractSigned
from domain.reference.zones import midnight
from domain.reference_faults import faults
from domain.units import Instant

_DAY_AFTER_THE_LAST = date(2101, 1, 1)


# What each section writes, in the order among events of one instant: what is referred to comes first.
TYPES: Final = {
    "entity": "LegalEntityDefined",
    "customers": "CustomerDefined",
    "people": "PersonDefined",
    "cost_rates": "CostRateSet",
    "projects": "ProjectActivated",
    "contracts": "ContractSigned",
}
TIME: Final = "TimeApproved"
_PLACES = {kind: place for place, kind in enumerate((*TYPES.values(), TIME))}


class WrittenEvent(NamedTuple):
    occurred_at: Instant
    line: int
    event: dict[str, object]

    @property
    def place(self) -> int:
        return _PLACES[str(self.event["type"])]


class _Stated(NamedTuple):
    """The first row that can tell a thing; of one day the least by content, so that the order of rows is nothing."""

    day: date
    content: bytes
    line: int


class Things:
    """What the rows tell of, gathered row by row; as large as there are people, projects and customers."""

    def __init__(self, mapped: ImportMapping, mapping_name: str, now: Instant) -> None:
        self._mapped = mapped
        self._mapping_name = mapping_name
        self._now = now
        self._of_project: dict[tuple[str, str], tuple[str, int]] = {}
        self._sections = [section for section in TYPES if getattr(mapped.write, section) is not None]
        self._first_seen: dict[tuple[str, str], date] = {}
        self._stated: dict[tuple[str, str], _Stated] = {}
        self._faults: dict[tuple[str, str], RejectedRow] = {}

    def see(self, row: CsvRow, work: WorkedTime) -> None:
        """Raises ImportRefused where the rows of a project name two customers or two currencies."""
        for what, value in _billed_to(row, self._mapped):
            other, line = self._of_project.setdefault((work.project_id, what), (value, row.line))
            if other != value:
                raise ImportRefused(
                    f'{self._mapping_name}: time.project_id: the project "{work.project_id}" has two {what}, "{other}"'
                    f' (line {line}) and "{value}" (line {row.line}), and would be one contract; take the customer into'
                    ' the id (project_id = "{Client}: {Project}"), or correct the rows'
                )
        for section in self._sections:
            key = (section, "")
            try:
                key = (section, _key(section, row, work, self._mapped))
                self._hear(key, row, work)
            except CellFault as fault:
                of = f' of "{key[1]}"' if key[1] else ""
                reason = f"no {TYPES[section]}{of} could be written, {fault.reason}"
                rejected = RejectedRow(row.line, TYPES[section], fault.column, fault.value, reason, row.cells)
                self._faults.setdefault(key, rejected)

    def events(self) -> list[WrittenEvent]:
        """In no order yet."""
        _refuse_contracts_of_two_projects(self._stated, self._mapping_name)
        return [self._event(key, stated) for key, stated in self._stated.items()]

    def untold(self) -> list[RejectedRow]:
        """Things that none of their rows could tell."""
        return [fault for key, fault in self._faults.items() if key not in self._stated]

    def _hear(self, key: tuple[str, str], row: CsvRow, work: WorkedTime) -> None:
        if not key[1]:
            return
        self._first_seen[key] = min(work.day, self._first_seen.get(key, work.day))
        known = self._stated.get(key)
        if known is None or work.day <= known.day:
            content = _tell(key[0], row, work, self._mapped)
            whole = self._whole(key[0], content, self._since(work.day))
            fault = fault_of(whole) or _refused_by_a_run(whole)
            if fault:
                raise _refused(key[0], fault, row, self._mapped, self._mapping_name)
            stated = _Stated(work.day, orjson.dumps(content), row.line)
            self._stated[key] = stated if known is None else min(known, stated)

    def _event(self, key: tuple[str, str], stated: _Stated) -> WrittenEvent:
        since = self._since(self._first_seen[key])
        event = self._whole(key[0], orjson.loads(stated.content), since)
        return WrittenEvent(self._known_at(since), stated.line, event)

    def _known_at(self, since: date) -> Instant:
        return min(midnight(since, self._mapped.zone), self._now)

    def _since(self, first_seen: date) -> date:
        since = self._mapped.write.since
        return since or first_seen

    def _whole(self, section: str, content: dict[str, object], since: date) -> dict[str, object]:
        head: dict[str, object] = {
            "type": TYPES[section],
            "occurred_at": instant_text(self._known_at(since)),
            "source": self._mapped.source,
            "version": self._version(section, since),
        }
        return head | _dated(section, content, since)

    def _version(self, section: str, since: date) -> int:
        stated: int | None = getattr(self._mapped.write, section).version
        if stated is not None:
            return stated
        return (_DAY_AFTER_THE_LAST - since).days if self._mapped.write.since is None else 1


def _refused_by_a_run(event: dict[str, object]) -> DecodeError | None:
    """What is well-formed, and no terms or reference data."""
    made = event_from_json({"event_id": "1", **event})
    found = contradictions_of(made, None) if isinstance(made, ContractSigned) else faults(made)
    return next((DecodeError(reason.removeprefix(f"{path}: "), path) for path, reason in found), None)


def _refused(section: str, fault: DecodeError, row: CsvRow, mapped: ImportMapping, mapping_name: str) -> Exception:
    """The entity is all constants, so its fault is the mapping's; others are the row's."""
    if section == "entity":
        return ImportRefused(
            f"{mapping_name}: write.entity.{fault.field_path.removeprefix('policies.')}: {fault.reason}"
        )
    return fault_of_cell(_cell_of(section, fault.field_path.rpartition(".")[2], mapped), row, fault)


def _cell_of(section: str, field: str, mapped: ImportMapping) -> object:
    """Where the mapping takes a field from, which may be where the time has it from."""
    if field == "customer_id":
        return getattr(getattr(mapped.write, section), field) or _customer_cell(mapped)
    of_time = {"contract_id": "project_id", "line_id": "project_id"}.get(field, field)
    return getattr(getattr(mapped.write, section), field, None) or getattr(mapped.time, of_time, None)


def _key(section: str, row: CsvRow, work: WorkedTime, mapped: ImportMapping) -> str:
    """What tells one thing from another; empty where the row names none."""
    write = mapped.write
    match section:
        case "entity":
            return write.entity.legal_entity_id if write.entity else ""
        case "customers":
            return (id_in(write.customers.customer_id, row) or "") if write.customers else ""
        case "people":
            return work.person_id
        case "cost_rates":
            return work.person_id if _per_person(mapped) else _role(row, work, mapped)
        case _:
            return work.project_id


def _dated(section: str, content: dict[str, object], since: date) -> dict[str, object]:
    """What the mapping does not date holds from `since` on."""
    day = since.isoformat()
    match section:
        case "cost_rates":
            return content | {"effective_from": day}
        case "projects":
            return {"starts_on": day} | content
        case "contracts":
            starts_on = content.get("starts_on", day)
            return content | {"signed_on": starts_on, "starts_on": starts_on}
        case _:
            return content


def _tell(section: str, row: CsvRow, work: WorkedTime, mapped: ImportMapping) -> dict[str, object]:
    """What the section of the mapping says in this row, and what follows where it says nothing."""
    part: CellPart = getattr(mapped.write, section)
    content = {name: plain(getattr(part, name)) for name in type(part).model_fields} | content_in(part, row, mapped)
    match part:
        case EntityWritten():
            content["name"] = part.name or part.legal_entity_id
            content["zone"] = part.zone or mapped.zone
            content["policies"] = content["policies"] or None
        case CustomersWritten():
            content["name"] = content["name"] or content["customer_id"]
        case PeopleWritten():
            content = {"person_id": work.person_id} | content
            content["legal_entity_id"] = _legal_entity(part.legal_entity_id, row, mapped)
        case CostRatesWritten():
            of_person = content.pop("per") == "person"
            key = work.person_id if of_person else _role(row, work, mapped)
            whose = {"person_id": key} if of_person else {"role": key}
            content = {"cost_rate_id": f"{mapped.source}-{key}", **whose} | content
        case ProjectsWritten():
            content = {"project_id": work.project_id} | content
            content["name"] = content["name"] or work.project_id
            content["dimensions"] = dimensions_in(part.dimensions, row)
            content["legal_entity_id"] = _legal_entity(part.legal_entity_id, row, mapped)
            content["customer_id"] = _customer_id(part.customer_id, row, mapped)
        case ContractsWritten():
            rates = [*cast(list[object], content.pop("rates")), {"rate": content.pop("rate")}]
            contract_id = content["contract_id"] = content["contract_id"] or work.project_id
            customer_id = _customer_id(part.customer_id, row, mapped)
            content["customer_id"] = required(customer_id, part.customer_id or _customer_cell(mapped), "customer_id")
            content["legal_entity_id"] = _legal_entity(part.legal_entity_id, row, mapped)
            terms = {"type": "TimeAndMaterials", "rates": rates}
            content["lines"] = [{"line_id": contract_id, "project_id": work.project_id, "terms": terms}]
    return {name: value for name, value in content.items() if value is not None and name != "version"}


def _role(row: CsvRow, work: WorkedTime, mapped: ImportMapping) -> str:
    people = mapped.write.people
    cell = mapped.time.role if people is None else people.role
    role = work.role or id_in(cell, row)
    return required(role, cell, "role")


def _per_person(mapped: ImportMapping) -> bool:
    return mapped.write.cost_rates is not None and mapped.write.cost_rates.per == "person"


def _legal_entity(cell: TextCell | None, row: CsvRow, mapped: ImportMapping) -> str:
    if cell is None and mapped.write.entity is not None:
        return mapped.write.entity.legal_entity_id
    return required(id_in(cell, row), cell, "legal_entity_id")


def _billed_to(row: CsvRow, mapped: ImportMapping) -> Iterator[tuple[str, str]]:
    """Whose a row's project is and in which currency, as far as the mapping says."""
    for part in (mapped.write.projects, mapped.write.contracts):
        if part is not None and (customer := _customer_id(part.customer_id, row, mapped)):
            yield "customers", customer
    if mapped.write.contracts is not None and (currency := currency_in(mapped.write.contracts.currency, row)):
        yield "currencies", currency


def _customer_cell(mapped: ImportMapping) -> TextCell | None:
    return mapped.write.customers.customer_id if mapped.write.customers else None


def _customer_id(cell: TextCell | None, row: CsvRow, mapped: ImportMapping) -> str | None:
    return id_in(cell or _customer_cell(mapped), row)


def _refuse_contracts_of_two_projects(stated: Mapping[tuple[str, str], _Stated], mapping_name: str) -> None:
    """A contract over several projects would say something else with every export in which a project is new."""
    project_of: dict[str, str] = {}
    for (section, project_id), each in stated.items():
        if section == "contracts":
            contract_id = orjson.loads(each.content)["contract_id"]
            other = project_of.setdefault(contract_id, project_id)
            if other != project_id:
                raise ImportRefused(
                    f"{mapping_name}: write.contracts.contract_id: expected one contract a project,"
                    f' came "{contract_id}" for the projects "{other}" and "{project_id}";'
                    " projects stay together by write.projects.engagement_id"
                )
