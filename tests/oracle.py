"""Plain time-and-materials accounting in straight lines, to compare the fold with: what a clerk would do with a spreadsheet.

Written apart from the fold, with decimals and dictionaries, from the text of the rules. After each event nothing is kept but the newest
version of each entry and what was issued and invoiced of it; shares of caps are worked out again whenever somebody asks.

In scope: time at line rates or one rate card, overtime, write-ups and write-downs, versions in any order, withdrawals, work given up, hard
caps in money, holds, statements by cycle or request, invoices. Everything that has to wait, amendments and policies are not.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.events.commercial import ContractSigned
from domain.events.common import BillingCycle, Cap, ContractLine, SharedCap, TimeAndMaterials
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    StatementRequested,
    TimeApproved,
    TimeWithdrawn,
)
from domain.events.finance import InvoicePosted, WrittenOff
from domain.events.reference import CostRateSet, DayEnded, LegalEntityDefined, PersonDefined, RateCardPublished
from tests.cap_oracle import Claimed, Limit, allowed, quantized

ZERO = Decimal(0)
DAY = dt.timedelta(days=1)


class Work(NamedTuple):
    """What the newest version of an entry comes to."""

    entry_id: str
    person_id: str
    line: ContractLine
    day: dt.date
    approved_at: int
    hours: Decimal
    value: Decimal
    given_up: Decimal


class Share(NamedTuple):
    """What of an entry stands on statements of one line, and the day it stands under."""

    amount: Decimal
    day: dt.date


class Clerk:
    """Takes events one by one and answers what the books have to say."""

    def __init__(self) -> None:
        self.entity: LegalEntityDefined
        self.contract: ContractSigned | None = None
        self.roles: dict[str, str] = {}
        self.cost_rates: list[CostRateSet] = []
        self.card: RateCardPublished | None = None
        self.versions: dict[str, int] = {}
        self.newest: dict[str, TimeApproved | None] = {}
        self.approved_at: dict[str, int] = {}
        self.issued: dict[tuple[str, str], Share] = {}
        self.holds: dict[str, tuple[int, tuple[str, str] | None]] = {}
        self.statements: dict[tuple[dt.date, int], Decimal] = {}
        self.invoiced: dict[tuple[dt.date, int], Decimal] = {}
        self.requests: set[str] = set()
        self.given_up: dict[str, Decimal] = {}
        self.write_offs: dict[str, WrittenOff | None] = {}
        self.next_period: dt.date | None = None
        self.requested_to: dt.date | None = None

    # What is said

    def hear(self, event: Any) -> None:
        match event:
            case LegalEntityDefined():
                self.entity = event
            case PersonDefined():
                self.roles[event.person_id] = event.role
            case CostRateSet():
                self.cost_rates.append(event)
            case RateCardPublished():
                self.card = event
            case ContractSigned() if self.contract is None:
                self.contract = event
            case TimeApproved():
                self._approved(event)
            case TimeWithdrawn() if event.version > self.versions.get(event.entry_id, 0):
                self.versions[event.entry_id] = event.version
                self.newest[event.entry_id] = None
            case BillingHoldPlaced() if event.version > self.holds.get(event.hold_id, (0, None))[0]:
                self.holds[event.hold_id] = event.version, (event.scope.kind, event.scope.id)
            case BillingHoldReleased() if event.version > self.holds.get(event.hold_id, (0, None))[0]:
                self.holds[event.hold_id] = event.version, None
            case StatementRequested() if self.contract is not None and event.request_id not in self.requests:
                self.requests.add(event.request_id)
                self._requested(self.contract, event)
            case DayEnded() if self.contract is not None and event.zone == self._zone(self.contract):
                self._day_ended(self.contract, event.date)
            case InvoicePosted():
                self._invoice_posted(event)
            case WrittenOff() if event.write_off_id not in self.write_offs and event.approved_by != event.requested_by:
                self.write_offs[event.write_off_id] = event
            case _:
                pass
        self._write_off()

    def _approved(self, event: TimeApproved) -> None:
        if event.version <= self.versions.get(event.entry_id, 0):
            return
        self.versions[event.entry_id] = event.version
        had = self.newest.get(event.entry_id)
        if had is None or _substance(had) != _substance(event):
            self.newest[event.entry_id] = event
            self.approved_at[event.entry_id] = event.approved_at or event.occurred_at

    # What is given up

    def _write_off(self) -> None:
        """Whatever may be by now: all of its entries are known, and there is as much left of them."""
        for write_off_id, event in sorted(self.write_offs.items()):
            if event is None or any(entry_id not in self.versions for entry_id in event.entries):
                continue
            work = sorted(
                (one for one in self.work() if one.entry_id in event.entries),
                key=lambda one: (one.day, one.approved_at, one.entry_id),
            )
            left = {
                one.entry_id: max(one.value - self._issued(one.entry_id, one.line.line_id) - one.given_up, ZERO)
                for one in work
            }
            amount = Decimal(event.amount).scaleb(-4)
            if amount > sum(left.values()):
                continue
            self.write_offs[write_off_id] = None
            for entry_id, most in left.items():
                part = min(most, amount)
                amount -= part
                self.given_up[entry_id] = self.given_up.get(entry_id, ZERO) + part

    # Value

    def work(self) -> list[Work]:
        """All entries that have a price."""
        if self.contract is None:
            return []
        found = (self._priced(self.contract, event) for event in self.newest.values() if event is not None)
        return [work for work in found if work is not None]

    def _priced(self, contract: ContractSigned, event: TimeApproved) -> Work | None:
        if not event.billable:
            return None
        line = _line_for(contract, event)
        day = event.worked_on or _local_day(event.started_at or 0, self._zone(contract))
        hours = _worked(event) if event.billable_hours is None else Decimal(event.billable_hours).scaleb(-6)
        rate, markup = self._rate(line, event, day)
        value = quantized(hours * rate * (1 + markup / 100), contract.currency)
        asked = self.given_up.get(event.entry_id, ZERO)
        given_up = max(min(asked, value - self._issued(event.entry_id, line.line_id)), ZERO)
        return Work(
            event.entry_id, event.person_id, line, day, self.approved_at[event.entry_id], hours, value, given_up
        )

    def _rate(self, line: ContractLine, event: TimeApproved, day: dt.date) -> tuple[Decimal, Decimal]:
        """The first rate that holds, and for overtime the first markup that is stated (R5, R7)."""
        rates = list(self._rates(line, event, day))
        stated = (markup for _, markup in rates if markup is not None)
        markup = next(stated, 0) if event.overtime else 0
        return Decimal(rates[0][0]).scaleb(-6), Decimal(markup or 0).scaleb(-6)

    def _rates(self, line: ContractLine, event: TimeApproved, day: dt.date) -> Iterator[tuple[int, int | None]]:
        assert isinstance(line.terms, TimeAndMaterials)
        dated = [rate for rate in line.terms.rates if rate.effective_from is None or rate.effective_from <= day]
        for rate in sorted(dated, key=lambda rate: rate.effective_from or dt.date.min, reverse=True):
            yield rate.rate, rate.overtime_markup
        if self.card is not None:
            role = event.role or self.roles[event.person_id]
            for wanted in (role, None):
                for card_line in self.card.lines:
                    if card_line.role == wanted:
                        yield card_line.rate, card_line.overtime_markup

    def allowed(self, work: Iterable[Work]) -> dict[str, Decimal]:
        """Shares of the caps, with what is issued first."""
        if self.contract is None:
            return {}
        claims = [
            Claimed(
                one.entry_id,
                one.person_id,
                one.day,
                one.approved_at,
                one.value - one.given_up,
                one.hours * (one.value - one.given_up) / one.value if one.given_up else one.hours,
                _limits(self.contract, one.line),
                min(max(self._issued(one.entry_id, one.line.line_id), ZERO), one.value - one.given_up),
            )
            for one in work
        ]
        return dict(allowed(claims, self.contract.currency))

    def _issued(self, entry_id: str, line_id: str) -> Decimal:
        return self.issued[entry_id, line_id].amount if (entry_id, line_id) in self.issued else ZERO

    # Statements

    def _day_ended(self, contract: ContractSigned, day: dt.date) -> None:
        while (period := self._open_period(contract)) is not None and period[1] - DAY + dt.timedelta(
            days=contract.grace_days or 0
        ) <= day:
            self._close(contract, period)

    def _requested(self, contract: ContractSigned, event: StatementRequested) -> None:
        period = self._open_period(contract)
        if period is not None:
            self._close(contract, period)
            return
        to = event.to or _local_day(event.occurred_at, self._zone(contract)) + DAY
        self._cut(contract, event.period or self.requested_to or contract.starts_on, to, event.period)
        self.requested_to = to

    def _open_period(self, contract: ContractSigned) -> tuple[dt.date, dt.date] | None:
        cycle = contract.billing_cycle or BillingCycle("monthly")
        if cycle.kind == "on_request":
            return None
        return _period(cycle, self.next_period or contract.starts_on, contract.starts_on)

    def _close(self, contract: ContractSigned, period: tuple[dt.date, dt.date]) -> None:
        self._cut(contract, *period, None)
        self.next_period = period[1]

    def _cut(self, contract: ContractSigned, start: dt.date, to: dt.date, since: dt.date | None) -> None:
        """Issue what entries before `to` have to bring: allowed now, less what was issued; what lost its line is taken back from it."""
        work = {one.entry_id: one for one in self.work()}
        may = self.allowed(work.values())
        due: dict[tuple[str, str], Share] = {}
        for entry_id, one in work.items():
            due[entry_id, one.line.line_id] = Share(may[entry_id], one.day)
        for key, share in self.issued.items():
            due[key] = (
                Share(due[key].amount - share.amount, due[key].day) if key in due else Share(-share.amount, share.day)
            )
        lines = {line.line_id: line for line in contract.lines}
        taken = {
            key: share
            for key, share in due.items()
            if share.amount
            and share.day < to
            and (since is None or since <= share.day)
            and not self._held(contract, key[0], lines[key[1]])
        }
        if not taken:
            return
        for key, share in taken.items():
            self.issued[key] = Share(self._issued(*key) + share.amount, share.day)
        sequence = 1 + max((number for period, number in self.statements if period == start), default=0)
        self.statements[start, sequence] = sum((share.amount for share in taken.values()), ZERO)

    def _held(self, contract: ContractSigned, entry_id: str, line: ContractLine) -> bool:
        event = self.newest.get(entry_id)
        names = {
            ("contract", contract.contract_id),
            ("line", line.line_id),
            ("project", line.project_id),
            ("project", event.project_id if event is not None else line.project_id),
            ("entry", entry_id),
            ("bill_to", contract.customer_id),
        }
        return any(scope in names for _, scope in self.holds.values())

    def _invoice_posted(self, event: InvoicePosted) -> None:
        *_, period, sequence = (event.statement_id or "").split("/")
        key = dt.date.fromisoformat(period), int(sequence)
        amount = Decimal(event.amount).scaleb(-4)
        if self.statements.get(key) == amount and key not in self.invoiced:
            self.invoiced[key] = amount

    def _zone(self, contract: ContractSigned) -> str:
        return contract.billing_zone or self.entity.zone

    # Answers

    def balances(self) -> dict[tuple[str, str], Decimal]:
        """By currency and account, without those at zero."""
        found: Counter[tuple[str, str]] = Counter()
        for event in self.newest.values():
            if event is not None:
                rate = self._cost_rate(event)
                amount = quantized(_worked(event) * Decimal(rate.rate).scaleb(-6), rate.currency)
                found[rate.currency, "5000"] += amount  # type: ignore[assignment]
                found[rate.currency, "2150"] -= amount  # type: ignore[assignment]
        if self.contract is not None:
            earned = sum(self.allowed(self.work()).values(), ZERO)
            receivable = sum(self.invoiced.values(), ZERO)
            found[self.contract.currency, "1150"] += earned - receivable  # type: ignore[assignment]
            found[self.contract.currency, "1100"] += receivable  # type: ignore[assignment]
            found[self.contract.currency, "4000"] -= earned  # type: ignore[assignment]
        return {key: Decimal(amount) for key, amount in found.items() if amount}

    def _cost_rate(self, event: TimeApproved) -> CostRateSet:
        role = event.role or self.roles[event.person_id]
        by_person = [rate for rate in self.cost_rates if rate.person_id == event.person_id]
        return (by_person or [rate for rate in self.cost_rates if rate.person_id is None and rate.role == role])[0]

    def shares(self) -> dict[str, tuple[str, Decimal, Decimal]]:
        """Line, value and what is allowed of it, by entry."""
        work = self.work()
        may = self.allowed(work)
        return {one.entry_id: (one.line.line_id, one.value, may[one.entry_id]) for one in work}


def _substance(event: TimeApproved) -> TimeApproved:
    """What makes a version more than a repeat of the one before."""
    return event._replace(
        event_id="", occurred_at=0, recorded_at=None, correlation_id=None, version=0, approved_at=None
    )


def _line_for(contract: ContractSigned, event: TimeApproved) -> ContractLine:
    lines = [line for line in contract.lines if line.project_id == event.project_id]
    listed = [line for line in lines if event.task in line.tasks]
    return (listed or [line for line in lines if not line.tasks])[0]


def _limits(contract: ContractSigned, line: ContractLine) -> tuple[Limit, ...]:
    own: list[tuple[str, Cap | SharedCap]] = []
    if isinstance(line.terms, TimeAndMaterials) and line.terms.cap is not None:
        own.append((line.line_id, line.terms.cap))
    shared: list[tuple[str, Cap | SharedCap]] = [
        (cap.cap_id, cap) for cap in contract.shared_caps if line.line_id in cap.lines
    ]
    return tuple(
        Limit(cap_id, Decimal(cap.amount or 0).scaleb(-4), None, cap.period, cap.split == "reject_whole")
        for cap_id, cap in [*own, *shared]
    )


def _worked(event: TimeApproved) -> Decimal:
    if event.hours is not None:
        return Decimal(event.hours).scaleb(-6)
    return Decimal((event.ended_at or 0) - (event.started_at or 0)) / Decimal(3_600_000_000)


def _local_day(instant: int, zone: str) -> dt.date:
    return dt.datetime.fromtimestamp(instant // 1_000_000, ZoneInfo(zone)).date()


def _period(cycle: BillingCycle, day: dt.date, starts_on: dt.date) -> tuple[dt.date, dt.date]:
    """First day of the period that holds the day, and of the next."""
    monday = day - dt.timedelta(days=day.weekday())
    first = day.replace(day=1)
    following = (first + dt.timedelta(days=31)).replace(day=1)
    match cycle.kind:
        case "weekly":
            return monday, monday + dt.timedelta(weeks=1)
        case "every_n_weeks":
            begins = starts_on - dt.timedelta(days=starts_on.weekday())
            length = dt.timedelta(weeks=cycle.n or 1)
            start = begins + (day - begins) // length * length
            return start, start + length
        case "semi_monthly":
            return (first, day.replace(day=16)) if day.day < 16 else (day.replace(day=16), following)
        case _:
            cut_off = cycle.cut_off_day or 31
            ends = [_clipped(month, cut_off) for month in (first - DAY, first, following)]
            return next((begin + DAY, end + DAY) for begin, end in pairwise(ends) if begin < day <= end)


def _clipped(month: dt.date, day: int) -> dt.date:
    return month.replace(day=min(day, calendar.monthrange(month.year, month.month)[1]))
