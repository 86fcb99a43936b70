"""Contracts with their terms, and the customers, people and projects that they name, from one CSV or several.

All is loaded or nothing: every row is read, every fault is named, and only files without one become events. What the folder says already is
not written again; a contract that differs is corrected from its beginning, or amended from the day that its row states.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from connectors.decode_error import DecodeError
from connectors.imports.checked import fault_of
from connectors.imports.contract_versions import ChangedContract, StatedContract, StatedVersion, version_of
from connectors.imports.contracts_known import KnownThings, is_same, read_firm
from connectors.imports.contracts_mapping import EVENTS, ITEMS, LINES, SIGNED, ContractsMapping, record_of, terms_record
from connectors.imports.contracts_rows import ContractRow, Fields, StatedCell, json_of, place_of, read_row, under
from connectors.imports.csv_rows import Broken
from connectors.imports.events_file import ImportTarget, numbered
from connectors.imports.folder_events import ID_OF
from connectors.imports.readings import instant_text
from connectors.imports.refusals import nearest
from connectors.imports.rejections import ByReason, CellFault, RejectedRows, rejected_json
from connectors.imports.row_kinds import LoadedRows, RowPlace
from connectors.imports.schema_fields import type_at
from connectors.json_records import event_from_json
from domain.events.catalogue import Event
from domain.events.reference import LegalEntityDefined, PersonDefined
from domain.reference.zones import midnight
from domain.reference_faults import faults

# What a field names, by the end of its path, and the event that defines it.
NAMED: Final[Mapping[str, str]] = {
    "legal_entity_id": "LegalEntityDefined",
    "customer_id": "CustomerDefined",
    "parent_customer_id": "CustomerDefined",
    "project_id": "ProjectActivated",
}
WORDS: Final[Mapping[str, str]] = {
    "LegalEntityDefined": "company",
    "CustomerDefined": "customer",
    "ProjectActivated": "project",
}


class ImportedContracts(NamedTuple):
    """What came of the files; `written` are numbers by event, `changes` what contracts of before become."""

    files: tuple[str, ...]
    rows: int
    left_out: tuple[tuple[str, int], ...]
    written: Mapping[str, int]
    unchanged: int
    changes: tuple[ChangedContract, ...]
    events_path: Path
    rejected_path: Path | None
    rejected_rows: tuple[RejectedRows, ...]
    wrong: int
    warnings: tuple[str, ...]


def import_contracts(
    paths: Sequence[Path], mapped: ContractsMapping, mapping_name: str, target: ImportTarget, since: date
) -> ImportedContracts:
    """Writes `contracts-<name>.jsonl` where all is well, and `<name>.rejected.jsonl` where something is wrong."""
    rows = LoadedRows(mapped)
    loading = _LoadingContracts(mapped, read_firm(target.folder, (target.events_path,)), since, rows)
    for path in paths:
        loading.read(path, mapping_name)
    versions = loading.versions()
    if versions and not rows.wrong:
        stated = ({"type": version.type_name, **version.json} for version in versions)
        target.write(numbered(stated, target.stem))
    rejected_path = target.write_rejected(map(rejected_json, rows.rejected()))
    return loading.result(paths, versions, target.events_path, rejected_path)


class _RowsOfContract:
    """A contract's rows: what it states itself, its lines and the items of its lists."""

    def __init__(self, place: RowPlace) -> None:
        self.place = place
        self.head: dict[str, StatedCell] = {}
        self.lines: dict[str, dict[str, StatedCell]] = {}
        self.line_places: dict[str, RowPlace] = {}
        self.items: list[ContractRow] = []


class _LoadingContracts:
    """The rows of all files, and what is wrong with them."""

    def __init__(self, mapped: ContractsMapping, known: KnownThings, since: date, rows: LoadedRows) -> None:
        self._mapped, self._known, self._since, self._rows = mapped, known, since, rows
        self._things: dict[tuple[str, str], tuple[str, RowPlace, Fields]] = {}
        self._contracts: dict[str, _RowsOfContract] = {}
        self._unchanged = 0
        self._made: dict[tuple[str, str], Event] = {}
        self._unchecked: dict[str, None] = {}

    # Rows

    def read(self, path: Path, mapping_name: str) -> None:
        for row in self._rows.of(path, mapping_name):
            if isinstance(row, Broken):
                self._rows.wrong.append(row.rejected(SIGNED, path.name))
                continue
            try:
                self._take(read_row(row, self._mapped, path.name))
            except CellFault as fault:
                self._rows.wrong.append(fault.rejected(row, SIGNED, path.name))

    def _take(self, read: ContractRow) -> None:
        if read.contract_id is None:
            for section, fields in read.sections.items():
                self._take_thing(section, read.place, fields)
            return
        of = self._contracts.setdefault(read.contract_id, _RowsOfContract(read.place))
        if read.kind in ITEMS:
            of.items.append(read)
            return
        self._merge(read.contract_id, of.head, read.sections["contract"])
        if read.line_id is not None:
            before = of.line_places.setdefault(read.line_id, read.place)
            if before is not read.place:
                self._twice(read.place, SIGNED, f"line {read.line_id} of contract {read.contract_id}", before)
            of.lines[read.line_id] = {**read.sections["line"], **under("terms", read.sections["terms"])}

    def _take_thing(self, section: str, place: RowPlace, fields: Fields) -> None:
        type_name = EVENTS[section]
        if section == "cost_rate":
            if "rate" not in fields:
                return
            fields = _cost_rate(place, fields)
        named = fields.get(ID_OF[type_name])
        if named is None:
            self._fault(place, type_name, f"expected the id of a {section}; it is empty")
            return
        key = type_name, str(named.value)
        if key in self._things:
            self._twice(place, type_name, f"{section} {named.value}", self._things[key][1])
        self._things[key] = section, place, fields

    def _merge(self, contract_id: str, head: dict[str, StatedCell], fields: Fields) -> None:
        """Rows of one contract may each say what they say of it, as long as they agree."""
        for path, stated in fields.items():
            before = head.get(path)
            if before is None or (stated.is_given and not before.is_given):
                head[path] = stated
            elif stated.is_given and stated.value != before.value:
                reason = f"expected one {path} in all rows of contract {contract_id}: {before.value} stands in {before.place.short()}"
                self._fault(stated.place, SIGNED, reason, str(stated.value))

    def _twice(self, place: RowPlace, type_name: str, what: str, before: RowPlace) -> None:
        self._fault(place, type_name, f"{what} stands twice, in {before.short()} too; state it once")

    def _fault(self, place: RowPlace, type_name: str, reason: str, value: str = "") -> None:
        shown = value or place.row.cells.get(place.column, "")
        self._rows.wrong.append(place.rejected(type_name, reason, shown))

    # Events

    def versions(self) -> list[StatedVersion]:
        """What is to be written, in the order in which one thing names another; with faults it is not all."""
        found = [*self._thing_versions(), *self._contract_versions()]
        return [each for each in found if each is not None]

    def _thing_versions(self) -> Iterator[StatedVersion | None]:
        for type_name in EVENTS.values():
            for (of, key), (section, place, fields) in self._things.items():
                if of == type_name:
                    yield self._thing(section, key, place, fields)

    def _thing(self, section: str, key: str, place: RowPlace, fields: Fields) -> StatedVersion | None:
        """What the row does not say stays as the folder has it."""
        type_name = EVENTS[section]
        before = self._known.things.get((type_name, key), {})
        kept = {name: value for name, value in before.items() if name not in ("type", "event_id", "recorded_at")}
        head = {"occurred_at": instant_text(midnight(self._since, "UTC")), "source": self._mapped.source}
        said = json_of(fields, record_of(section))
        content = {
            **self._usual(section, key, fields),
            **kept,
            **said,
            **head,
            "version": int(kept.get("version", 0)) + 1,
        }
        self._check_named(type_name, fields)
        wrong = fault_of({"type": type_name, **content})
        if wrong is not None:
            self._fault(place_of(fields, wrong.field_path) or place, type_name, str(wrong))
            return None
        made = self._made[type_name, key] = event_from_json({"type": type_name, "event_id": "1", **content})
        for field, reason in faults(made):
            self._fault(place_of(fields, field) or place, type_name, f"{field}: {reason}")
        if before and (known := _read(before)) is not None and is_same(known, made):
            self._unchanged += 1
            return None
        return StatedVersion(type_name, content, None)

    def _usual(self, section: str, key: str, fields: Fields) -> dict[str, object]:
        """What a row need not say. A person's cost is in the currency of its company."""
        company = self._only_company()
        of_company: dict[str, object] = {} if company is None else {"legal_entity_id": company.legal_entity_id}
        match section:
            case "company":
                return {"name": key, "zone": self._mapped.zone, "fiscal_calendar": {"kind": "calendar_month"}}
            case "customer":
                return {"name": key}
            case "cost_rate":
                company = self._company_of_person(fields) or company
                currency = {} if company is None else {"currency": company.currency}
                return {"effective_from": self._since.isoformat(), **currency}
            case "project":
                return {"name": key, "starts_on": self._since.isoformat(), **of_company}
            case _:
                return of_company

    def _only_company(self) -> LegalEntityDefined | None:
        ids = self._ids("LegalEntityDefined")
        return self._company(next(iter(ids))) if len(ids) == 1 else None

    def _company_of_person(self, fields: Fields) -> LegalEntityDefined | None:
        named = fields.get("person_id")
        key = "PersonDefined", str(named.value) if named is not None else ""
        person = self._made.get(key) or (_read(self._known.things[key]) if key in self._known.things else None)
        return self._company(person.legal_entity_id) if isinstance(person, PersonDefined) else None

    def _company(self, entity_id: str) -> LegalEntityDefined | None:
        key = "LegalEntityDefined", entity_id
        made = self._made.get(key) or (_read(self._known.things[key]) if key in self._known.things else None)
        return made if isinstance(made, LegalEntityDefined) else None

    def _contract_versions(self) -> Iterator[StatedVersion | None]:
        for contract_id, rows in self._contracts.items():
            said = self._said(contract_id, rows)
            if said is None:
                continue
            self._check_named(SIGNED, said.fields)
            entity = said.fields.get("legal_entity_id")
            company = self._only_company() if entity is None else self._company(str(entity.value))
            found = version_of(said, self._known.contracts.get(contract_id), company)
            for fault in found.faults:
                self._fault(place_of(said.fields, fault.path) or rows.place, SIGNED, fault.reason)
            if found.version is None and not found.faults:
                self._unchanged += 1
            yield found.version

    def _said(self, contract_id: str, rows: _RowsOfContract) -> StatedContract | None:
        """What the rows say, with every list in its order; None where a line is missing."""
        fields, is_whole = dict(rows.head), True
        lines = {line_id: dict(line) for line_id, line in rows.lines.items()}
        of_lists: defaultdict[tuple[str | None, str], list[ContractRow]] = defaultdict(list)
        for read in rows.items:
            if self._has_list(contract_id, lines, read):
                of_lists[read.line_id, read.kind].append(read)
            else:
                is_whole = False
        for (line_id, kind), items in of_lists.items():
            target = fields if line_id is None else lines[line_id]
            _insert(target, ITEMS[kind].path, [read.sections[kind] for read in items])
        for number, line in enumerate(lines.values()):
            fields |= under(f"{LINES}[{number}]", line)
        if not is_whole:
            return None
        return StatedContract(
            contract_id, fields, self._usual("contract", contract_id, fields), self._mapped.source, self._since
        )

    def _has_list(self, contract_id: str, lines: Mapping[str, Fields], read: ContractRow) -> bool:
        """Whether there is a line for the row, and its terms have such a list."""
        if read.line_id is None:
            return True
        whose = f"line {read.line_id} of contract {contract_id}"
        if read.line_id not in lines:
            reason = f"{whose} has no row of kind line{nearest(read.line_id, lines)}; add it, or correct the id"
            self._fault(read.place, SIGNED, reason)
            return False
        path, terms = ITEMS[read.kind].path, str(lines[read.line_id]["terms.type"].value)
        if not path.startswith("terms.") or type_at(terms_record(terms), path.removeprefix("terms.")) is not None:
            return True
        self._fault(read.place, SIGNED, f"{whose} has terms of kind {terms}, which take no row of kind {read.kind}")
        return False

    def _ids(self, type_name: str) -> set[str]:
        return self._known.ids(type_name) | {key for kind, key in self._things if kind == type_name}

    def _check_named(self, type_name: str, fields: Fields) -> None:
        """That companies, customers and projects are there, as far as anybody says which there are."""
        for path, stated in fields.items():
            named = NAMED.get(path.rpartition(".")[2])
            if named is None or (ID_OF[type_name] == path):
                continue
            ids = self._ids(named)
            if not ids:
                self._unchecked[named] = None
            elif str(stated.value) not in ids:
                reason = (
                    f"expected a {WORDS[named]} of these files or of the folder{nearest(str(stated.value), ids)}; add a row of kind"
                    f" {WORDS[named]}, or correct the id"
                )
                self._fault(stated.place, type_name, reason, str(stated.value))

    # What comes of them

    def result(
        self, paths: Sequence[Path], versions: Sequence[StatedVersion], events_path: Path, rejected_path: Path | None
    ) -> ImportedContracts:
        rows = self._rows
        written = {} if rows.wrong else Counter(version.type_name for version in versions)
        return ImportedContracts(
            files=tuple(map(str, paths)),
            rows=rows.count,
            left_out=tuple(rows.left_out.items()),
            written=written,
            unchanged=self._unchanged,
            changes=() if rows.wrong else tuple(version.change for version in versions if version.change is not None),
            events_path=events_path,
            rejected_path=rejected_path,
            rejected_rows=ByReason(rows.wrong).by_reason(),
            wrong=rows.wrong_count,
            warnings=tuple(
                f"the folder and these files define no {WORDS[named]}, so those that are named could not be checked; the run waits for them"
                for named in self._unchecked
            ),
        )


def _read(event: Mapping[str, object]) -> Event | None:
    try:
        return event_from_json(dict(event))
    except DecodeError:
        return None


def _cost_rate(place: RowPlace, fields: Fields) -> Fields:
    """A person's rate, or a role's, keeps its id; one that states its first day is a rate of its own."""
    whose = next((str(fields[name].value) for name in ("person_id", "role") if name in fields), "")
    first = fields.get("effective_from")
    rate_id = whose if first is None else f"{whose}:{first.value}"
    return {**fields, "cost_rate_id": StatedCell(rate_id, place, True)} if whose else fields


def _insert(target: dict[str, StatedCell], path: str, items: Iterable[Fields]) -> None:
    """Rows of a list, before what the line's own row adds to it: the rate of a role before that of all others."""
    rows = list(items)
    own = {at: stated for at, stated in target.items() if at.startswith(f"{path}[0].")}
    for at in own:
        del target[at]
    for number, fields in enumerate(rows):
        target.update(under(f"{path}[{number}]", fields))
    target.update({at.replace("[0]", f"[{len(rows)}]", 1): stated for at, stated in own.items()})
