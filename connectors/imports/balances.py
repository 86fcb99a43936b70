"""Balances of running projects, from one CSV or several, as one `BalancesBroughtForward` a project.

All is loaded, or nothing: one wrong row, or balances that do not sum, and nothing is written. All that is wrong is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, cast

from connectors.decode_error import DecodeError
from connectors.imports.balances_known import KnownFirm, read_firm
from connectors.imports.balances_mapping import LEDGER, LISTS, TYPE, BalancesMapping
from connectors.imports.balances_rows import BalanceRow, project_of, read_row
from connectors.imports.cells import TextCell
from connectors.imports.csv_rows import Broken
from connectors.imports.events_file import ImportTarget, Record, numbered
from connectors.imports.readings import instant_text
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import ByReason, CellFault, CsvRow, RejectedRow, RejectedRows, rejected_json
from connectors.imports.row_kinds import LoadedRows
from connectors.json_records import event_from_json
from domain.events.catalogue import Event
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.money import format_amount
from domain.receivables.opening import owed_and_settled, unlike_the_line, without_source
from domain.receivables.stated import StatedLine, stated_faults
from domain.reference.zones import universal_midnight
from domain.units import Instant

SECOND: Final[Instant] = 1_000_000
DAY: Final[Instant] = 86_400 * SECOND
SUMMED: Final = ("cost", "revenue", "billed", "paid", "open")


class ImportedBalances(NamedTuple):
    """What came of the files. Every row is loaded, as before, left out, wrong, or held back beside a wrong one; `refused` are the projects
    with wrong rows.

    `sums` are of what is loaded, by currency: revenue, billed, paid and open; cost by the currency of the ledger, under the empty one where
    the folder does not say it.
    """

    files: tuple[str, ...]
    rows: int
    loaded_rows: int
    unchanged_rows: int
    wrong: int
    held_back: int
    left_out: tuple[tuple[str, int], ...]
    projects: tuple[str, ...]
    unchanged: tuple[str, ...]
    corrected: tuple[str, ...]
    refused: tuple[str, ...]
    as_of: date | None
    sums: Mapping[str, Mapping[str, Decimal]]
    events_path: Path
    rejected_path: Path | None
    rejected_rows: tuple[RejectedRows, ...]
    warnings: tuple[str, ...]


def import_balances(
    paths: Sequence[Path], mapped: BalancesMapping, mapping_name: str, target: ImportTarget
) -> ImportedBalances:
    """Writes `balances-<name>.jsonl` where all is well, and `<name>.rejected.jsonl` where a row is wrong."""
    known = read_firm(target.folder, (target.events_path,))
    rows = LoadedRows(mapped)
    loading = _Loading(mapped, known, rows)
    for path in paths:
        loading.read(path, mapping_name)
    loading.check()
    if loading.loaded:
        target.write(numbered(loading.loaded.values(), target.stem))
    rejected_path = target.write_rejected(map(rejected_json, rows.rejected()))
    return loading.result(paths, target.events_path, rejected_path)


class _Loading:
    """The rows of all files by project, and what is wrong with them."""

    def __init__(self, mapped: BalancesMapping, known: KnownFirm, all_rows: LoadedRows) -> None:
        self._mapped, self._known, self._all = mapped, known, all_rows
        self._rows: defaultdict[str, list[BalanceRow]] = defaultdict(list)
        self._wrong: defaultdict[str, list[RejectedRow]] = defaultdict(list)
        self.loaded: dict[str, Record] = {}
        self._unchanged: list[str] = []
        self._corrected: list[str] = []
        self._sums: dict[str, dict[str, Decimal]] = {}

    # Rows

    def read(self, path: Path, mapping_name: str) -> None:
        for row in self._all.of(path, mapping_name):
            self._take(row, path)

    def _take(self, row: CsvRow | Broken, path: Path) -> None:
        if isinstance(row, Broken):
            raise ImportRefused(
                f"{path}: line {row.line}: {row.reason}; nothing was loaded, for its project is not known"
            )
        try:
            project_id = project_of(row, self._mapped)
        except CellFault as fault:
            said = fault.rejected(row, TYPE, path.name).sentence()
            raise ImportRefused(f"{said}; nothing was loaded, for its project is not known") from fault
        try:
            read = read_row(row, self._mapped, self._known, path.name)
        except CellFault as fault:
            self._wrong[project_id].append(fault.rejected(row, TYPE, path.name))
        else:
            self._rows[project_id].append(read)

    def _fault(self, project_id: str, row: BalanceRow, reason: str, column: str = "") -> None:
        self._wrong[project_id].append(row.place._replace(column=column).rejected(TYPE, reason))

    def _column(self, row: BalanceRow, field: str) -> str:
        """What the mapping reads the field of an event from; empty where no single column has it."""
        cell = getattr(self._mapped.section(row.kind), field.rsplit(".", 1)[-1], None)
        return cell.label() if isinstance(cell, TextCell) else ""

    # Projects

    def check(self) -> None:
        """All that is wrong with rows together."""
        self._check_invoices()
        self._check_contracts()
        for project_id, rows in self._rows.items():
            for row, reason in _together(rows, is_whole=project_id not in self._wrong):
                self._fault(project_id, row, reason)
            if project_id not in self._wrong:
                self._build(project_id, rows)
        if self._wrong:
            self._hold_back()

    def _check_invoices(self) -> None:
        first: dict[str, BalanceRow] = {}
        for project_id, rows in self._rows.items():
            for row in rows:
                if row.kind == "receivable":
                    other = first.setdefault(str(row.values["invoice_id"]), row)
                    if other.said.project_id != project_id:
                        reason = (
                            f"invoice {row.values['invoice_id']} stands with project {other.said.project_id} too ({_place(other)});"
                            " of a contract with several projects state it with one of them"
                        )
                        self._fault(project_id, row, reason)

    def _check_contracts(self) -> None:
        """An invoice that names no contract is of the project's only one."""
        for project_id, rows in self._rows.items():
            contracts = sorted({row.contract_id for row in rows if row.kind == "line" and row.contract_id is not None})
            for row in rows if len(contracts) > 1 else ():
                if row.kind == "receivable" and row.contract_id is None:
                    reason = f"expected the contract of invoice {row.values['invoice_id']}: one of {', '.join(contracts)}; it is empty"
                    self._fault(project_id, row, reason)

    def _build(self, project_id: str, rows: Sequence[BalanceRow]) -> None:
        event: Record = {
            "type": TYPE,
            "source": self._mapped.source,
            "occurred_at": instant_text(self._at(rows[0])),
            "version": rows[0].said.version or 1,
            **_content(rows, self._known),
        }
        made = self._read(project_id, rows, event)
        before = self._known.stated.get(project_id)
        if made is None:
            return
        if before is not None:
            last = int(before.get("version", 0))
            if _balances(event_from_json({**before, "type": TYPE})) == _balances(made):
                self._unchanged.append(project_id)
                return
            if rows[0].said.version is None:
                event["version"] = last + 1
            elif rows[0].said.version <= last:
                reason = (
                    f"version {last} of project {project_id} is in the folder with other balances: expected a higher version, came"
                    f" {rows[0].said.version}; leave project.version out of the mapping, and it is counted"
                )
                self._fault(project_id, rows[0], reason)
                return
            self._corrected.append(project_id)
        self.loaded[project_id] = event
        self._add(rows)

    def _read(
        self, project_id: str, rows: Sequence[BalanceRow], event: Mapping[str, object]
    ) -> BalancesBroughtForward | None:
        """None where it is not as the schemas have it, or where its balances do not sum."""
        try:
            made = cast(BalancesBroughtForward, event_from_json({"event_id": "1", **event}))
        except DecodeError as fault:
            self._fault(project_id, rows[0], str(fault))
            return None
        currency_of = {(row.contract_id, row.line_id): row.currency for row in rows if row.kind == "line"}
        ledger = self._known.ledger_of.get(project_id)
        stated = [
            StatedLine(place, line, line.contract_id, currency_of.get((line.contract_id, line.line_id)), ledger)
            for place, line in enumerate(made.lines)
        ]
        by_place = {_place(row): row for row in rows}
        for each in stated_faults(made, stated):
            row = by_place.get(each.source_row or "", rows[0])
            self._fault(project_id, row, f"{each.of}: {each.message}", self._column(row, each.field))
        for contract_id in dict.fromkeys(line.contract_id for line in made.lines):
            known = self._known.contracts.get(contract_id or "")
            if self._known.contracts and known is None:
                continue
            lines = [line for line in made.lines if line.contract_id == contract_id]
            for reason in _unlike_lines(lines):
                self._fault(project_id, next(row for row in rows if row.contract_id == contract_id), reason)
            deposits = known.deposits if known is not None else {line.line_id for line in lines if line.deposit}
            own = [one for one in made.receivables if one.contract_id in (None, contract_id)]
            summed = owed_and_settled(lines, deposits, own)
            if summed.open > summed.unpaid_most:
                row = next(row for row in rows if row.contract_id == contract_id)
                reason = (
                    f"contract {contract_id or project_id}: its open invoices have {format_amount(summed.open)}, more than the"
                    f" {format_amount(summed.unpaid_most)} that lines of project {project_id} were billed; of an invoice over several"
                    " projects state with each project what it bills of it, under a number of its own"
                )
                self._fault(project_id, row, reason)
            elif summed.difference:
                currency = next((row.currency for row in rows if row.contract_id == contract_id), None)
                row = next(row for row in rows if row.contract_id == contract_id)
                differs = summed.sentence(contract_id or project_id, currency)
                self._fault(
                    project_id, row, f"{differs}; correct what was paid, or state the open invoice that is missing"
                )
        return None if project_id in self._wrong else made

    def _at(self, row: BalanceRow) -> Instant:
        """After the folder's contracts of the project, and before the day of the balances ends anywhere."""
        if row.said.occurred_at is not None:
            return row.said.occurred_at
        begins = universal_midnight(row.said.as_of)
        contracts = self._known.recorded_at.get(row.said.project_id, begins)
        return max(begins, contracts + SECOND) if contracts < begins + DAY else begins

    def _add(self, rows: Iterable[BalanceRow]) -> None:
        for row in rows:
            for field in SUMMED if row.kind in ("line", "receivable") else ():
                if field in row.values:
                    ledger = self._known.ledger_of.get(row.said.project_id)
                    currency = (ledger if field == "cost" else row.currency) or ""
                    sums = self._sums.setdefault(field, {})
                    sums[currency] = sums.get(currency, Decimal(0)) + Decimal(str(row.values[field]))

    def _hold_back(self) -> None:
        """What is right is loaded with what is corrected."""
        self._all.wrong += chain.from_iterable(self._wrong.values())
        for found in (self.loaded, self._unchanged, self._corrected, self._sums):
            found.clear()

    # What comes of them

    def result(self, paths: Sequence[Path], events_path: Path, rejected_path: Path | None) -> ImportedBalances:
        def rows_of(projects: Iterable[str]) -> int:
            return sum(len(self._rows[project_id]) for project_id in projects)

        days = [rows[0].said.as_of for project, rows in self._rows.items() if project in self.loaded]
        return ImportedBalances(
            files=tuple(map(str, paths)),
            rows=self._all.count,
            loaded_rows=rows_of(self.loaded),
            unchanged_rows=rows_of(self._unchanged),
            wrong=self._all.wrong_count,
            held_back=self._all.taken - self._all.wrong_count if self._wrong else 0,
            left_out=tuple(self._all.left_out.items()),
            projects=tuple(self.loaded),
            unchanged=tuple(self._unchanged),
            corrected=tuple(self._corrected),
            refused=tuple(self._wrong),
            as_of=max(days, default=None),
            sums=self._sums,
            events_path=events_path,
            rejected_path=rejected_path,
            rejected_rows=ByReason(self._all.rejected()).by_reason(),
            warnings=tuple(self._warnings()),
        )

    def _warnings(self) -> Iterator[str]:
        for project_id in self.loaded:
            at = self._known.recorded_at.get(project_id)
            begins = universal_midnight(self._rows[project_id][0].said.as_of)
            if at is not None and at < begins - DAY:
                yield (
                    f"project {project_id}: its contract is recorded {instant_text(at)[:10]}, long before the day of the balances, so"
                    " that its terms bill the days between too; give the contracts recorded_at of that day (docs/moving-in.md)"
                )
        if self.loaded and not self._known.contracts:
            yield "the folder knows no contracts, so projects, lines and currencies could not be checked; the run says what is wrong"


def _unlike_lines(lines: Iterable[BalanceForward]) -> Iterator[str]:
    for line in lines:
        for name, whole, parts in unlike_the_line(line):
            yield (
                f"line {line.line_id}: {name} of its bill-tos: expected {format_amount(whole)}, as of the line, came {format_amount(parts)}"
            )


def _together(rows: Sequence[BalanceRow], *, is_whole: bool) -> Iterator[tuple[BalanceRow, str]]:
    """What is wrong with a row beside the others of its project; where not all could be read, none is said to be missing."""
    first, seen = rows[0], dict[tuple[object, ...], BalanceRow]()
    lines = {(row.contract_id, row.line_id) for row in rows if row.kind == "line"}
    for row in rows:
        for name in ("as_of", "version", "engagement_id", "occurred_at", "requested_by", "approved_by"):
            here, there = getattr(row.said, name), getattr(first.said, name)
            if here != there:
                yield (
                    row,
                    f"expected one {name} in all rows of a project, {there or 'none'} as in {_place(first)}, came {here or 'none'}",
                )
        of = LISTS[row.kind].told_by if row.kind in LISTS else ("invoice_id",) if row.kind == "receivable" else ()
        key = (
            row.kind,
            row.contract_id if row.kind != "receivable" else None,
            row.line_id,
            *(_told(row, name) for name in of),
        )
        other = seen.setdefault(key, row)
        if other is not row:
            what = " ".join(str(each) for each in (row.kind, row.line_id, *key[3:]) if each is not None)
            yield row, f"{what} of project {row.said.project_id} stands twice, in {_place(other)} too; expected once"
        if is_whole and row.kind in LISTS and (row.contract_id, row.line_id) not in lines:
            yield row, f"line {row.line_id} has no row of its own with its balances, beside this one of kind {row.kind}"
    if is_whole and not lines:
        yield first, f"project {first.said.project_id} has no row of kind line"


def _told(row: BalanceRow, name: str) -> object:
    if name == "billable":
        return name if row.values.get(name, True) else f"not {name}"
    return row.values.get(name)


def _content(rows: Sequence[BalanceRow], known: KnownFirm) -> Record:
    """The event of a project's rows, in their order, without version and time."""
    said = rows[0].said
    engagement = said.engagement_id or known.engagement_of.get(said.project_id) or said.project_id
    lines: dict[tuple[str | None, str | None], Record] = {}
    for row in rows:
        if row.kind == "line":
            lines[row.contract_id, row.line_id] = _line(row)
    for row in rows:
        if row.kind in LISTS:
            content = {**row.values, "source_row": _place(row)}
            lines[row.contract_id, row.line_id].setdefault(LISTS[row.kind].name, []).append(content)
    receivables = [
        {**_stated({"contract_id": row.contract_id}), **row.values, "source_row": _place(row)}
        for row in rows
        if row.kind == "receivable"
    ]
    by_whom = _stated({"requested_by": said.requested_by, "approved_by": said.approved_by})
    return {
        "engagement_id": engagement,
        "project_id": said.project_id,
        "as_of": said.as_of.isoformat(),
        "lines": list(lines.values()),
        "receivables": receivables,
        **by_whom,
    }


def _line(row: BalanceRow) -> Record:
    ledger = {name.removeprefix(LEDGER): value for name, value in row.values.items() if name.startswith(LEDGER)}
    own = {name: value for name, value in row.values.items() if not name.startswith(LEDGER)}
    which = _stated({"line_id": row.line_id, "contract_id": row.contract_id})
    return {**which, **own, **({"ledger": ledger} if ledger else {}), "source_row": _place(row)}


def _stated(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _balances(event: Event) -> object:
    """What is compared: all but where and when it was said."""
    assert isinstance(event, BalancesBroughtForward), "only they are asked for"
    lines = tuple(map(without_source, event.lines))
    receivables = tuple(one._replace(source_row=None) for one in event.receivables)
    return event.engagement_id, event.project_id, event.as_of, lines, receivables


def _place(row: BalanceRow) -> str:
    return f"{row.place.file} row {row.place.row.line}"
