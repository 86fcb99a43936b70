"""What a statement is sent with: names, orders and entries as the log had them when it was issued, amounts by entry as posted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import EngagementLog, event_of
from connectors.files.log_format import log_path
from connectors.files.lookup import FoundStatement
from connectors.files.written import read_file
from domain.accounts import UNBILLED
from domain.billing.statement import SUPERSEDED
from domain.contract import Version, amend, held, held_on, line_named
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Retainer
from domain.events.control import StatementReturned
from domain.events.delivery import ProjectActivated, TimeApproved
from domain.events.reference import CustomerDefined, LegalEntityDefined, PersonDefined
from domain.exceptions import BEHIND_A_GAP, REFUSED
from domain.identity import engagement_of
from domain.outputs import TOPICS, BillingStatement, ExceptionClosed, ExceptionRaised, JournalEntry, StatementLine
from domain.units import Amount, Hours
from domain.work.hours import approved_billable
from domain.work.rows import ROWS, row_id

# What a statement names by more than its id.
SEEN = frozenset(
    each.__name__
    for each in (
        TimeApproved,
        PersonDefined,
        ProjectActivated,
        LegalEntityDefined,
        CustomerDefined,
        ContractSigned,
        ContractAmended,
    )
)
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
    # What each version of them that the log had bills in hours, the newest first.
    hours: dict[str, tuple[Hours, ...]] = field(default_factory=dict)
    # The contract's terms, in the order of their versions.
    terms: Sequence[Version] = ()

    def is_beyond_fee(self, line: StatementLine) -> bool:
        """Whether the line's fee includes work, by the terms of the last day: what is charged for work is beyond it."""
        version = held_on(held(self.terms, line.line_id), line.service_to)
        found = line_named(version.terms, line.line_id) if version is not None else None
        return found is not None and isinstance(found.terms, Retainer)


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
    return backgrounds(output, [issued])[0]


def backgrounds(output: Path, several: Sequence[FoundStatement]) -> list[Background]:
    """Of each statement, in their order; the log is read once for all that passed over the same amendments."""
    found: dict[int, Background] = {}
    for shard in sorted({one.position.shard for one in several}):
        of_shard = [(place, one) for place, one in enumerate(several) if one.position.shard == shard]
        if not log_path(output, shard).exists():
            found.update((place, Background()) for place, _ in of_shard)
            continue
        refused = _refused(output, shard, [one for _, one in of_shard])
        alike: dict[frozenset[int], list[tuple[int, FoundStatement]]] = {}
        for (place, one), passed_over in zip(of_shard, refused, strict=True):
            alike.setdefault(passed_over.waiting, []).append((place, one))
        # What is refused is so from its own record on: all that the last of them knows holds for all.
        known = max(refused, key=lambda each: len(each.refused)).refused
        for waiting, group in alike.items():
            found.update(_read(output, shard, group, known | waiting))
    return [found[place] for place in range(len(several))]


def _read(
    output: Path, shard: int, several: Sequence[tuple[int, FoundStatement]], passed_over: frozenset[int]
) -> Iterator[tuple[int, Background]]:
    ordered = sorted(several, key=lambda each: each[1].position.log_offset)
    gathering = _Gathering([one.statement for _, one in ordered])
    at = 0
    with EngagementLog.open(output, shard) as log:
        for record in log.records():
            while at < len(ordered) and ordered[at][1].position.log_offset < record.offset:
                yield ordered[at][0], gathering.gathered(ordered[at][1].statement)
                at += 1
            if at == len(ordered):
                return
            if record.offset not in passed_over and record.type_name in SEEN:
                gathering.see(record.event, record.engagement_id)
    for place, one in ordered[at:]:
        yield place, gathering.gathered(one.statement)


class _PassedOver(NamedTuple):
    """Offsets of records that were refused, and of those that waited after a gap when a statement was issued."""

    refused: frozenset[int]
    waiting: frozenset[int]


def _refused(output: Path, shard: int, several: Sequence[FoundStatement]) -> list[_PassedOver]:
    """Of each statement what was known when it was issued."""
    found: dict[int, _PassedOver] = {}
    ordered = sorted(enumerate(several), key=lambda each: each[1].position.output_seq)
    refused: set[int] = set()
    waiting: dict[str, int] = {}
    at = 0

    def keep(until: float) -> None:
        nonlocal at
        while at < len(ordered) and ordered[at][1].position.output_seq < until:
            found[ordered[at][0]] = _PassedOver(frozenset(refused), frozenset(waiting.values()))
            at += 1

    for written in read_file(output, TOPICS["ExceptionRaised"], shard):
        keep(written.position.output_seq)
        if at == len(ordered):
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
    keep(float("inf"))
    return [found[place] for place in range(len(several))]


def entries_at_issue(output: Path, issued: FoundStatement) -> Mapping[str, TimeApproved]:
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
    """What several statements are sent with. Of each thing the highest version counts, whichever comes first."""

    def __init__(self, several: Sequence[BillingStatement]) -> None:
        self._wanted = {
            (engagement_of(one.statement_id), entry_id)
            for one in several
            for line in one.lines
            for entry_id in line.entries
        }
        self._people: dict[str, str] = {}
        self._projects: dict[str, str] = {}
        self._entries: dict[tuple[str, str], TimeApproved] = {}
        self._hours: dict[tuple[str, str], dict[int, Hours]] = {}
        self._entities: dict[str, LegalEntityDefined] = {}
        self._customers: dict[str, CustomerDefined] = {}
        self._zones: dict[str, str] = {}
        self._orders: dict[str, dict[int, StatedOrder]] = {}
        self._terms: dict[str, dict[int, ContractSigned | ContractAmended]] = {}
        self._versions: dict[tuple[str, str], int] = {}

    def gathered(self, statement: BillingStatement) -> Background:
        """As it stands now."""
        engagement_id = engagement_of(statement.statement_id)
        ids = [entry_id for line in statement.lines for entry_id in line.entries]
        hours = {entry_id: self._hours.get((engagement_id, entry_id), {}) for entry_id in ids}
        entries = ((entry_id, self._entries.get((engagement_id, entry_id))) for entry_id in ids)
        orders = self._orders.get(statement.contract_id, {})
        return Background(
            entity=self._entities.get(statement.legal_entity_id),
            customer=self._customers.get(statement.bill_to),
            purchase_order=", ".join(_orders_of(statement, orders)) or None,
            billing_zone=self._zones.get(statement.contract_id),
            people=dict(self._people),
            projects=dict(self._projects),
            entries={entry_id: entry for entry_id, entry in entries if entry is not None},
            hours={entry_id: tuple(of[each] for each in sorted(of, reverse=True)) for entry_id, of in hours.items()},
            terms=_versions(self._terms.get(statement.contract_id, {})),
        )

    def see(self, event: Event, engagement_id: str) -> None:
        match event:
            case TimeApproved() if (engagement_id, event.entry_id) in self._wanted:
                of = self._hours.setdefault((engagement_id, event.entry_id), {})
                of.setdefault(event.version, approved_billable(event))
                if self._is_newest("entry", f"{engagement_id}/{event.entry_id}", event.version):
                    self._entries[engagement_id, event.entry_id] = event
            case PersonDefined() if event.name and self._is_newest("person", event.person_id, event.version):
                self._people[event.person_id] = event.name
            case ProjectActivated() if self._is_newest("project", event.project_id, event.version):
                self._projects[event.project_id] = event.name
            case LegalEntityDefined() if self._is_newest("entity", event.legal_entity_id, event.version):
                self._entities[event.legal_entity_id] = event
            case CustomerDefined() if self._is_newest("customer", event.customer_id, event.version):
                self._customers[event.customer_id] = event
            case ContractSigned() | ContractAmended():
                self._take_order(event)
                self._terms.setdefault(event.contract_id, {}).setdefault(event.version, event)
                if event.billing_zone is not None and self._is_newest("contract", event.contract_id, event.version):
                    self._zones[event.contract_id] = event.billing_zone
            case _:
                pass

    def _take_order(self, event: ContractSigned | ContractAmended) -> None:
        if event.purchase_order is None:
            return
        begins = event.effective_on if isinstance(event, ContractAmended) and not event.retroactive else date.min
        order = StatedOrder(event.purchase_order.number, begins)
        self._orders.setdefault(event.contract_id, {}).setdefault(event.version, order)

    def _is_newest(self, kind: str, subject: str, version: int) -> bool:
        """A version that comes again changes nothing, whatever it says."""
        if version <= self._versions.get((kind, subject), -1):
            return False
        self._versions[kind, subject] = version
        return True


def _versions(stated: Mapping[int, ContractSigned | ContractAmended]) -> Sequence[Version]:
    """No version where the log does not have the signature."""
    found: list[Version] = []
    for number in sorted(stated):
        event = stated[number]
        if isinstance(event, ContractSigned):
            found = [Version(number, date.min, False, event, None)]
        elif found:
            terms = amend(found[-1].terms, event)
            found.append(Version(number, event.effective_on, event.retroactive, terms, None))
    return found


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


def returned_by(output: Path, found: FoundStatement) -> StatementReturned | None:
    """Who returned a draft, and why: the event that superseded it.

    None of what nobody returned: it was superseded as its work changed, or is not superseded, or the log is not there.
    """
    if found.statement.status != SUPERSEDED:
        return None
    event = event_of(output, found.position)
    is_its_own = isinstance(event, StatementReturned) and event.statement_id == found.statement.statement_id
    return event if is_its_own and isinstance(event, StatementReturned) else None
