"""The whole firm at a moment, read from what a run has written: the one reader of all tables at a glance.

Sums come from the index beside the outputs (connectors/files/glance_index.py), so that a question reads no file of the run but the last
forecast of each project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

from connectors.closing import Closable
from connectors.files.figure_index import FigureIndex
from connectors.files.glance_index import (
    AboutSum,
    AccountSum,
    CostOfHours,
    HoursWorked,
    LinesAsked,
    PublishedStatement,
    RetainerShown,
    StatedWork,
    UnbilledSums,
    WaitingException,
    WorkedEntry,
)
from connectors.files.glance_rows import COMPANY, CONTRACT, CUSTOMER, INVOICED, OPENED, PERSON, PROJECT, SINCE, Noted
from connectors.files.moments import LogCut, Moment, cut_at, latest, log_end, shards_at
from connectors.files.waiting_events import UnroutedEntry, unrouted_entries
from connectors.json_values import instant_text
from connectors.log_records import StoredRecord
from connectors.telling import Tell
from domain.billing.shares import Party
from domain.counting import counted
from domain.events.common import ContractLine
from domain.outputs import ForecastUpdate, JournalEntry
from domain.sums import summed
from domain.units import Amount, Hours
from milepost.console import money_text
from milepost.days import instant_day


class Payable(Protocol):
    """What a sum or an item is of; each is empty where it names none."""

    @property
    def customer_id(self) -> str: ...

    @property
    def project_id(self) -> str: ...

    @property
    def contract_id(self) -> str: ...


class FirmAtMoment(Closable):
    """An output folder as of a moment; without one, all that it holds. Raises NoOutputs and ContainerDamaged."""

    def __init__(self, output: Path, moment: Moment | None, tell: Tell) -> None:
        self._output = output
        self._moment = moment
        self._opened = ExitStack()
        self._versions: dict[str, Mapping[str, Sequence[Noted]]] = {}
        self._named: dict[str, Mapping[str, Noted]] = {}
        self._lines: dict[str, list[tuple[str, tuple[ContractLine, ...]]]] = {}
        self._shards: list[tuple[FigureIndex, int]] = []
        cuts, ends = [], []
        try:
            for shard in shards_at(output, moment):
                index = self._opened.enter_context(FigureIndex(output, shard))
                index.extend(tell)
                ends.append(log_end(index))
                cuts.append(cut_at(index, moment) if moment is not None else ends[-1])
                self._shards.append((index, cuts[-1].offset))
        except BaseException:
            self._opened.close()
            raise
        self.cut: LogCut = latest(cuts)
        self.end: LogCut = latest(ends)

    def close(self) -> None:
        self._opened.close()

    @property
    def today(self) -> date:
        """The day, in UTC, on which the last record came that is known."""
        return instant_day(self.cut.recorded_at)

    @property
    def as_of(self) -> str:
        return instant_text(self.cut.recorded_at) if self.cut.offset else "before the first record"

    # Names

    @property
    def companies(self) -> Mapping[str, Noted]:
        return self.named(COMPANY)

    @property
    def customers(self) -> Mapping[str, Noted]:
        return self.named(CUSTOMER)

    @property
    def people(self) -> Mapping[str, Noted]:
        return self.named(PERSON)

    @property
    def projects(self) -> Mapping[str, Noted]:
        return self.named(PROJECT)

    @property
    def contracts(self) -> Mapping[str, Noted]:
        return self.named(CONTRACT)

    def named(self, kind: str) -> Mapping[str, Noted]:
        """What counts of each id on the moment's day."""
        if kind not in self._named:
            self._named[kind] = {id_: on_day(each, self.today) for id_, each in self.versions(kind).items()}
        return self._named[kind]

    def versions(self, kind: str) -> Mapping[str, Sequence[Noted]]:
        """Of each id what its versions say, the newest last, of all shards; reference data is in each."""
        if kind not in self._versions:
            found: dict[str, Sequence[Noted]] = {}
            for index, cut in self._shards:
                found.update(index.glance.named(kind, cut))
            self._versions[kind] = found
        return self._versions[kind]

    def currency_of(self, entity_id: str) -> str:
        return text(self.companies.get(entity_id), "currency")

    def client_name(self, customer_id: str) -> str:
        return text(self.customers.get(customer_id), "name")

    def client_of(self, project_id: str, contract_id: str = "") -> str:
        """The contract's customer, else the project's, else that of its first contract."""
        if found := text(self.contracts.get(contract_id), "customer"):
            return found
        if found := text(self.projects.get(project_id), "customer"):
            return found
        others = self.contracts_on(project_id)
        return text(self.contracts.get(others[0]), "customer") if others else ""

    def payer_of(self, of: Payable) -> str:
        """Whom it names, else the client of its contract and project."""
        return of.customer_id or self.client_of(of.project_id, of.contract_id)

    @cached_property
    def _contracts_by_project(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for contract_id, contract in self.contracts.items():
            for project_id in dict.fromkeys(project_id for _, project_id, _ in lines_of(contract)):
                found.setdefault(project_id, []).append(contract_id)
        return found

    def contracts_on(self, project_id: str) -> list[str]:
        """With lines of the project."""
        return self._contracts_by_project.get(project_id, [])

    def project_on(self, contract_id: str) -> str:
        """The only project of a contract's lines; empty where there are several, or none."""
        found = {project_id for _, project_id, _ in lines_of(self.contracts.get(contract_id) or {})}
        return found.pop() if len(found) == 1 else ""

    def company_of(self, contract_id: str, project_id: str) -> str:
        """The contract's, else the project's."""
        return text(self.contracts.get(contract_id), "company") or text(self.projects.get(project_id), "company")

    # Sums

    @cached_property
    def accounts(self) -> list[AccountSum]:
        return [each for index, cut in self._shards for each in index.glance.accounts(cut)]

    def in_ledger(self, accounts: Iterable[str]) -> dict[tuple[str, str], Amount]:
        """By company and ledger currency what accounts have, debits positive."""
        wanted = frozenset(accounts)
        own = (each for each in self.accounts if each.account in wanted)
        return summed(((each.entity_id, each.ledger_currency), each.ledger) for each in own)

    def about(
        self, accounts: Iterable[str], *, since: date | None = None, before: date | None = None
    ) -> list[AboutSum]:
        """By what journals are about; of accounting dates from a day on, or before one."""
        wanted, days = tuple(accounts), _days(since, before)
        return [each for index, cut in self._shards for each in index.glance.about(cut, wanted, *days)]

    @cached_property
    def unbilled(self) -> UnbilledSums:
        """What is on no statement, by row; what is on one, by statement; and rows of which a part is."""
        found = [index.glance.unbilled(cut, self.named(INVOICED)) for index, cut in self._shards]
        return UnbilledSums(*([one for each in part for one in each] for part in zip(*found, strict=True)))

    @cached_property
    def drafted(self) -> dict[tuple[str, str], str]:
        """Rows on a draft that waits for approval and to whom it bills them, each with the statement."""
        return {key: statement for index, cut in self._shards for key, statement in index.glance.drafted(cut).items()}

    def listed_to(self, contracts: Iterable[str]) -> dict[str, frozenset[str]]:
        """To whom each row of some contracts is billed by an issued statement."""
        wanted = tuple(contracts)
        return {row: whom for index, cut in self._shards for row, whom in index.glance.listed_to(cut, wanted).items()}

    def payments(self) -> list[tuple[int, int, AboutSum]]:
        """Lines on 1100 of payments' journals, as they stand there: a number that the journal has alone in the shard, the line's place
        in it, and it."""
        return [each for index, cut in self._shards for each in index.glance.payments(cut)]

    def billed_in(self) -> list[tuple[int, str, AboutSum]]:
        """Of contracts over several projects what journals on 1100 have on the other accounts, by journal: a number that it has alone in
        the shard, what it has on 1100 for, and the sum."""
        return [each for index, cut in self._shards for each in index.glance.billed_in(cut)]

    @cached_property
    def statements(self) -> dict[str, PublishedStatement]:
        return {each.statement_id: each for index, cut in self._shards for each in index.glance.statements(cut)}

    @cached_property
    def statements_with_refunds(self) -> frozenset[str]:
        """Statements that give back what a customer paid ahead."""
        return frozenset(each for index, _ in self._shards for each in index.glance.with_refunds())

    @cached_property
    def exceptions(self) -> list[WaitingException]:
        return [each for index, cut in self._shards for each in index.glance.open_exceptions(cut)]

    def not_whole(self) -> list[str]:
        """What is open and may still change every figure; empty where nothing is."""
        if not self.exceptions:
            return []
        at_risk, at_cost = Counter[str](), Counter[str]()
        for one in self.exceptions:
            if one.currency:
                at_risk[one.currency] += one.at_risk
                at_cost[one.currency] += abs(one.amount) - one.at_risk
        risk, cost = (money_text({name: each for name, each in sums.items() if each}) for sums in (at_risk, at_cost))
        count = counted(len(self.exceptions), "exception")
        money = f"{f', {risk} at risk' if risk else ''}{f', {cost} of cost without a value' if cost else ''}"
        return [f"Not whole: {count} open{money} (`milepost exceptions list`)"]

    def hours(
        self, first: date | None = None, last: date | None = None, by_day: Iterable[str] = ()
    ) -> list[HoursWorked]:
        """Of some people by day."""
        days, people = _days(first, last), tuple(by_day)
        return [each for index, cut in self._shards for each in index.glance.hours(cut, *days, people)]

    @cached_property
    def unrouted(self) -> list[UnroutedEntry]:
        """Entries whose project nobody knows now; the log, of which a moment is a place, does not have them."""
        return unrouted_entries(self._output) if self._moment is None else []

    def days_of(self, rows: Iterable[str]) -> dict[str, DayOfWork]:
        """Of some rows of time the project, the day and the hours."""
        wanted = {*rows}
        return {
            row: DayOfWork(project_id, date.fromordinal(day), hours)
            for index, cut in self._shards
            for row, project_id, day, hours in index.glance.days_of(cut, wanted)
        }

    def cost_of_hours(self, first: date | None = None, last: date | None = None) -> list[CostOfHours]:
        return [each for index, cut in self._shards for each in index.glance.cost_of_hours(cut, *_days(first, last))]

    def work(self, rows: Iterable[str]) -> dict[str, StatedWork]:
        """Of some rows what time, expenses and units say of themselves."""
        wanted = {*rows}
        return {each.row: each for index, cut in self._shards for each in index.glance.work(cut, wanted)}

    def contract_lines(self, contract_id: str, day: date) -> tuple[ContractLine, ...]:
        """Of the terms that hold on a day; before the first, of the first. Reads the contract from the log."""
        if contract_id not in self._lines:
            self._lines[contract_id] = [
                (since, getattr(index.record_at(offset).event, "lines", ()))
                for index, cut in self._shards
                for since, offset in index.glance.all_stated_at(CONTRACT, contract_id, cut, "lines")
            ]
        known = self._lines[contract_id]
        return next(
            (lines for since, lines in reversed(known) if since <= day.isoformat()), known[0][1] if known else ()
        )

    def hours_of_projects(self) -> list[tuple[str, Hours]]:
        """By project the hours of which something is booked."""
        return [each for index, cut in self._shards for each in index.glance.hours_of_projects(cut)]

    def hours_opened(self) -> list[tuple[str, Hours]]:
        """By project what balances brought forward."""
        booked = {each.project_id for each in self.accounts if each.opening}
        found = (
            (project_id, whole(noted, "hours") or 0)
            for project_id, noted in self.named(OPENED).items()
            if project_id in booked
        )
        return [each for each in found if each[1]]

    def retainers(self) -> list[tuple[str, RetainerShown]]:
        """By project what each has left, as its view showed it last."""
        found = [index.glance.retainers(cut) for index, cut in self._shards]
        return [(project_id, each) for by_project in found for project_id, of in by_project.items() for each in of]

    # What figures are made of

    def journal_lines(self, of: LinesAsked) -> list[LineSummed]:
        """Lines that a sum is of, each with its journal; asked for where somebody wants the sum explained."""
        found: list[LineSummed] = []
        for index, cut in self._shards:
            lines = index.glance.lines(cut, of)
            offsets: dict[str, set[int]] = {}
            for line in lines:
                offsets.setdefault(line.engagement_id, set()).add(line.log_offset)
            journals = {seq: one for whose, at in offsets.items() for seq, one in index.journals(whose, at).items()}
            found += [LineSummed(journals[line.seq], line.line + 1, line.amount, line.ledger) for line in lines]
        return found

    def entries(self, project_id: str, person_id: str | None, first: date | None, last: date | None) -> list[EntryRead]:
        """Entries of which hours are, each with the event that says them."""
        return [
            EntryRead(entry, index.record_at(entry.log_offset))
            for index, cut in self._shards
            for entry in index.glance.entries(cut, project_id, person_id, *_days(first, last))
        ]

    def stated(self, kind: str, id_: str, field: str) -> StoredRecord | None:
        """The record that says what counts of a field."""
        for index, cut in self._shards:
            if (offset := index.glance.stated_at(kind, id_, cut, field)) is not None:
                return index.record_at(offset)
        return None

    def forecasts(self) -> Iterator[ForecastUpdate]:
        """The last of each project, as far as its figures in the currencies of the project and of the ledger."""
        for index, cut in self._shards:
            yield from index.forecasts_before(cut)


class LineSummed(NamedTuple):
    """`number` counts from 1."""

    journal: JournalEntry
    number: int
    amount: Amount
    ledger: Amount


class DayOfWork(NamedTuple):
    project_id: str
    day: date
    hours: Hours


class EntryRead(NamedTuple):
    entry: WorkedEntry
    record: StoredRecord


def text(noted: Noted | None, name: str) -> str:
    found = noted.get(name) if noted is not None else None
    return found if isinstance(found, str) else ""


def whole(noted: Noted | None, name: str) -> int | None:
    found = noted.get(name) if noted is not None else None
    return found if isinstance(found, int) else None


def on_day(versions: Sequence[Noted], day: date) -> Noted:
    """The newest that counts on a day; before the first one, the first."""
    stated = day.isoformat()
    return next((each for each in reversed(versions) if text(each, SINCE) <= stated), versions[0])


def lines_of(contract: Noted) -> list[tuple[str, str, str]]:
    """Line, project and kind of terms."""
    found = contract.get("lines")
    return [(line, project, terms) for line, project, terms in found] if isinstance(found, list) else []


def parties_stated(contract: Noted) -> tuple[Party, ...]:
    """Who pays which share, none of it where sources pay; empty where the terms leave it to the customer."""
    found = contract.get("bill_to")
    stated = found if isinstance(found, list) else []
    return tuple(Party(customer_id, share, is_rounding) for customer_id, share, is_rounding in stated)


def _days(first: date | None, last: date | None) -> tuple[int, int]:
    return (first or date.min).toordinal(), (last or date.max).toordinal()
