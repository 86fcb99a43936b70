"""What a statement is sent with: names, orders and entries as the log had them when it was issued, amounts by entry as posted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import log_path
from connectors.files.lookup import FoundStatement
from connectors.files.written import read_file
from domain.accounts import UNBILLED
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.delivery import ProjectActivated, TimeApproved
from domain.events.reference import CustomerDefined, LegalEntityDefined, PersonDefined
from domain.identity import engagement_of
from domain.outputs import TOPICS, BillingStatement, ExceptionClosed, ExceptionRaised, JournalEntry
from domain.units import Amount
from domain.work.rows import ROWS, row_id

# An event that raises one of these is not in force; one behind a gap is as soon as the gap is filled.
REFUSED = frozenset({"conflicting_version", "invalid_terms", "unsupported", "unapproved_amendment", "self_approved"})
BEHIND_A_GAP = "amendment_gap"
# What a statement names by more than its id.
NAMED = frozenset({"contract", "customer", "legal_entity", "person", "project"})


@dataclass(slots=True)
class Background:
    """Of a folder without its log it is empty, and ids stand where names would."""

    entity: LegalEntityDefined | None = None
    customer: CustomerDefined | None = None
    purchase_order: str | None = None
    billing_zone: str | None = None
    people: dict[str, str] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)
    entries: dict[str, TimeApproved] = field(default_factory=dict)


class StatedOrder(NamedTuple):
    """The order that a version of the terms states, and the first service date that it covers."""

    number: str
    since: date


class Accrued(NamedTuple):
    """What an entry had accrued under the contract when the statement was issued, and its service date."""

    amount: Amount
    day: date


def background(output: Path, issued: FoundStatement) -> Background:
    """From the log up to the record that issued the statement."""
    if not log_path(output, issued.position.shard).exists():
        return Background()
    gathering = _Gathering(issued.statement)
    refused = _refused(output, issued)
    with EngagementLog.open(output, issued.position.shard) as log:
        for record in log.records():
            if record.offset > issued.position.log_offset:
                break
            if record.offset not in refused:
                gathering.see(record.event, record.engagement_id)
    return gathering.gathered()


def _refused(output: Path, issued: FoundStatement) -> frozenset[int]:
    """Offsets of records that were refused, as far as it was known when the statement was issued."""
    refused: set[int] = set()
    waiting: dict[str, int] = {}
    for written in read_file(output, TOPICS["ExceptionRaised"], issued.position.shard):
        if written.position.output_seq > issued.position.output_seq:
            break
        match written.record:
            case ExceptionRaised() as raised if raised.subject_kind in NAMED and raised.category in REFUSED:
                refused.add(written.position.log_offset)
            case ExceptionRaised() as raised if raised.category == BEHIND_A_GAP:
                waiting.setdefault(raised.exception_id, written.position.log_offset)
            case ExceptionClosed() as closed:
                waiting.pop(closed.exception_id, None)
            case _:
                pass
    return frozenset(refused.union(waiting.values()))


def entries_behind(output: Path, issued: FoundStatement) -> Mapping[str, TimeApproved]:
    """The entries of a statement as they stood when it was issued."""
    return background(output, issued).entries


def accrued_by_entry(output: Path, issued: FoundStatement) -> dict[str, Accrued]:
    """Of the statement's entries, by the journals that were posted before it."""
    statement = issued.statement
    wanted = {entry_id for line in statement.lines for entry_id in line.entries}
    found: dict[str, Accrued] = {}
    for journal in _journals(output, issued):
        row = row_id(journal.affected_kind, journal.affected_id) if journal.affected_kind in ROWS else ""
        if row in wanted and journal.contract_id == statement.contract_id:
            amount = sum(line.amount for line in journal.lines if line.account in UNBILLED)
            before = found[row].amount if row in found else 0
            found[row] = Accrued(before + amount, journal.service_date or journal.accounting_date)
    return found


def _journals(output: Path, issued: FoundStatement) -> Iterator[JournalEntry]:
    for written in read_file(output, TOPICS["JournalEntry"], issued.position.shard):
        if written.position.output_seq > issued.position.output_seq:
            return
        if isinstance(written.record, JournalEntry):
            yield written.record


class _Gathering:
    """Of each thing the highest version counts, whichever comes first."""

    def __init__(self, statement: BillingStatement) -> None:
        self.background = Background()
        self._statement = statement
        self._engagement_id = engagement_of(statement.statement_id)
        self._entry_ids = {entry_id for line in statement.lines for entry_id in line.entries}
        self._versions: dict[tuple[str, str], int] = {}
        self._orders: dict[int, StatedOrder] = {}

    def gathered(self) -> Background:
        self.background.purchase_order = ", ".join(_orders_of(self._statement, self._orders)) or None
        return self.background

    def see(self, event: Event, engagement_id: str) -> None:
        found, statement = self.background, self._statement
        match event:
            case TimeApproved() if event.entry_id in self._entry_ids and engagement_id == self._engagement_id:
                if self._is_newest("entry", event.entry_id, event.version):
                    found.entries[event.entry_id] = event
            case PersonDefined() if event.name and self._is_newest("person", event.person_id, event.version):
                found.people[event.person_id] = event.name
            case ProjectActivated() if self._is_newest("project", event.project_id, event.version):
                found.projects[event.project_id] = event.name
            case LegalEntityDefined() if event.legal_entity_id == statement.legal_entity_id:
                if self._is_newest("entity", event.legal_entity_id, event.version):
                    found.entity = event
            case CustomerDefined() if event.customer_id == statement.bill_to:
                if self._is_newest("customer", event.customer_id, event.version):
                    found.customer = event
            case ContractSigned() | ContractAmended() if event.contract_id == statement.contract_id:
                self._take_order(event)
                if self._is_newest("contract", event.contract_id, event.version):
                    self._take_contract(event)
            case _:
                pass

    def _take_contract(self, event: ContractSigned | ContractAmended) -> None:
        """What an amendment does not give is inherited."""
        if event.billing_zone is not None:
            self.background.billing_zone = event.billing_zone

    def _take_order(self, event: ContractSigned | ContractAmended) -> None:
        if event.purchase_order is None:
            return
        begins = event.effective_on if isinstance(event, ContractAmended) and not event.retroactive else date.min
        self._orders.setdefault(event.version, StatedOrder(event.purchase_order.number, begins))

    def _is_newest(self, kind: str, subject: str, version: int) -> bool:
        """A version that comes again changes nothing, whatever it says."""
        if version <= self._versions.get((kind, subject), -1):
            return False
        self._versions[kind, subject] = version
        return True


def _orders_of(statement: BillingStatement, orders: Mapping[int, StatedOrder]) -> Iterable[str]:
    """Those that its work falls under by service date, the earliest first; without lines, that of the period's last day."""
    days = [(line.service_from, line.service_to) for line in statement.lines]
    if not days:
        last = statement.to - timedelta(days=1)
        days = [(last, last)]
    by_version = [orders[version] for version in sorted(orders)]
    starts = {each.since for each in by_version}
    tested = {day for begins, ends in days for day in {begins, *(day for day in starts if begins < day <= ends)}}
    covering = (_order_on(by_version, day) for day in sorted(tested))
    return dict.fromkeys(number for number in covering if number is not None)


def _order_on(orders: list[StatedOrder], day: date) -> str | None:
    return next((order.number for order in reversed(orders) if order.since <= day), None)
