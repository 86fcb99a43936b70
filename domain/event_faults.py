"""What makes a contract, delivery or finance event unusable although it is well formed: nobody could compute with it.

Reference data has `domain/reference_faults.py`. What is merely against the rules is not here: it becomes an exception
of the books.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned, VariableConsiderationRevised
from domain.events.common import BillRate, Policies
from domain.events.control import ExceptionAssigned, ExceptionResolved, ExceptionWaived, StatementApproved
from domain.events.delivery import (
    EstimateRevised,
    ExpenseApproved,
    MilestoneAccepted,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
)
from domain.events.finance import (
    ControlTotal,
    CreditMemoIssued,
    InvoicePosted,
    InvoiceRejected,
    PaymentApplied,
    PaymentReceived,
    PaymentReversed,
    PostingAccepted,
    PostingRejected,
    RevenueAdjusted,
    WrittenOff,
)
from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened
from domain.money import format_amount, format_decimal, is_currency
from domain.policy_faults import Fault, amount_faults, exchange_rate_faults, hours_faults, range_faults, rate_faults
from domain.reference.zones import is_zone
from domain.revenue.variable_price import revision_faults
from domain.units import HOURS_SCALE
from domain.work.increments import hours_of

_RECEIVABLE = "what stands on an invoice is given up as its receivable, or credited"
_UNBILLED = "an invoice is given up by its amount, work that is on none with what: unbilled"
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
# Of every date that is taken.
YEARS = "1990", "2100"


def first_fault(event: Event) -> Fault | None:
    """In the order of the fields."""
    find = _FINDERS.get(type(event))
    return None if find is None else find(event)


def _time(event: TimeApproved) -> Fault | None:
    """The only one that is asked for millions of events."""
    if event.started_at is not None and event.ended_at is not None:
        if event.ended_at < event.started_at:
            return "ended_at", "expected an instant at or after started_at"
    elif event.hours is None:
        return "hours", "expected hours, or started_at and ended_at"
    if event.seconds is not None and event.hours != hours_of(event.seconds):
        stated = "nothing" if event.hours is None else format_decimal(event.hours, HOURS_SCALE)
        exact = format_decimal(hours_of(event.seconds), HOURS_SCALE)
        return (
            "seconds",
            f"expected {exact} hours with them, got {stated}; state the hours rounded half up, or leave seconds out",
        )
    if event.billed_elsewhere and event.billable:
        return (
            "billed_elsewhere",
            "expected billable to be false with it, got true; state billable as false, or leave billed_elsewhere out to bill the work here",
        )
    if event.worked_on is None and event.started_at is None:
        return "worked_on", "expected worked_on or started_at"
    if event.zone is not None and not is_zone(event.zone):
        return _no_zone("zone", event.zone)
    if not event.approved_by.strip() or (event.rate_approved_by is not None and not event.rate_approved_by.strip()):
        return next(_decided(event))
    return None if event.rate is None else next(rate_faults("rate", event.rate), None)


def _decided(event: Event) -> Iterator[Fault]:
    """Nobody is no second person. Who asked is looked at where an event has to say it."""
    for name in ("requested_by", "approved_by", "rate_approved_by"):
        if name == "requested_by" and name in event._field_defaults:
            continue
        person: str | None = getattr(event, name, None)
        if person is not None and not person.strip():
            yield name, f"expected the name of a person, got {person[:16]!r}"


def _amendment(event: ContractAmended) -> Iterator[Fault]:
    yield from _decided(event)
    if event.replaces_version >= event.version:
        yield "replaces_version", f"expected a version before {event.version}, got {event.replaces_version}"
    yield from _contract(event)


def _revision(event: VariableConsiderationRevised) -> Iterator[Fault]:
    yield from _decided(event)
    yield from revision_faults(event)


def _request(event: StatementRequested) -> Iterator[Fault]:
    if event.period is not None and event.to is not None and event.to <= event.period:
        yield "to", f"expected a day after {event.period}, on which the period begins, got {event.to}"


def _contract(event: ContractSigned | ContractAmended) -> Iterator[Fault]:
    if event.lines is not None and not event.lines:
        instead = (
            ""
            if isinstance(event, ContractSigned)
            else "; leave lines out to keep them, end a contract by ContractTerminated"
        )
        yield "lines", f"expected at least one line, got none{instead}"
    yield from _currency("currency", event.currency)
    if event.billing_zone is not None and not is_zone(event.billing_zone):
        yield _no_zone("billing_zone", event.billing_zone)
    yield from _policies("policies", event.policies)
    for place, line in enumerate(event.lines or ()):
        yield from _policies(f"lines[{place}].policies", line.policies)


def _policies(path: str, policies: Policies | None) -> Iterator[Fault]:
    if policies is None:
        return
    if policies.billing_zone is not None and not is_zone(policies.billing_zone):
        yield _no_zone(f"{path}.billing_zone", policies.billing_zone)
    yield from _currency(f"{path}.group_currency", policies.group_currency)


def _activation(event: ProjectActivated) -> Iterator[Fault]:
    yield from range_faults("ends_on", event.starts_on, event.ends_on)
    yield from _project(event)


def _project(event: ProjectActivated | ProjectClosed) -> Iterator[Fault]:
    if event.budget is not None:
        yield from hours_faults("budget.hours", event.budget.hours)
        yield from amount_faults("budget.cost", event.budget.cost)
        yield from amount_faults("budget.revenue", event.budget.revenue)
        yield from _currency("budget.currency", event.budget.currency)


def _assignment(event: ResourceAssigned) -> Iterator[Fault]:
    yield from range_faults("ends_on", event.starts_on, event.ends_on)
    for place, planned in enumerate(event.planned):
        yield from _month(f"planned[{place}].month", planned.month)
        yield from hours_faults(f"planned[{place}].hours", planned.hours)
    yield from hours_faults("planned", sum(planned.hours for planned in event.planned))
    yield from _bill_rate(event.bill_rate)


def _bill_rate(rate: BillRate | None) -> Iterator[Fault]:
    if rate is not None:
        yield from _currency("bill_rate.currency", rate.currency)
        yield from rate_faults("bill_rate.amount", rate.amount)


def _estimate(event: EstimateRevised) -> Iterator[Fault]:
    """A month may take back cost that another one has, all of them together may not."""
    yield from _currency("currency", event.currency)
    for place, work in enumerate(event.remaining):
        yield from _month(f"remaining[{place}].month", work.month)
        yield from hours_faults(f"remaining[{place}].hours", work.hours)
        yield from amount_faults(f"remaining[{place}].cost", abs(work.cost))
        yield from amount_faults(f"remaining[{place}].revenue", abs(work.revenue or 0))
    for total, find in (
        (sum(work.hours for work in event.remaining), hours_faults),
        (sum(work.cost for work in event.remaining), amount_faults),
        (abs(sum(work.revenue or 0 for work in event.remaining)), amount_faults),
    ):
        yield from ((field, f"in all of its months together {what}") for field, what in find("remaining", total))


def _invoice(event: InvoicePosted | InvoiceRejected) -> Iterator[Fault]:
    if event.statement_id is None and event.statement is None:
        yield "statement_id", "expected statement_id or statement"
    if isinstance(event, InvoicePosted):
        yield from exchange_rate_faults("exchange_rate", event.exchange_rate)


def _posting(event: PostingAccepted | PostingRejected) -> Iterator[Fault]:
    if event.journal_id is None and not event.journals:
        yield "journal_id", "expected journal_id, or a batch with its journals"


def _credit_memo(event: CreditMemoIssued) -> Iterator[Fault]:
    """Each line says what it credits and how much, once."""
    yield from _decided(event)
    if not event.lines:
        yield "lines", "expected at least one line"
    for place, line in enumerate(event.lines):
        if line.entry_id is None and line.line_id is None:
            yield f"lines[{place}].entry_id", "expected entry_id or line_id"
        if (line.hours is None) == (line.amount is None):
            got = "neither" if line.hours is None else "both"
            yield f"lines[{place}].amount", f"expected hours or amount, one of them, got {got}"
        if line.hours is not None and line.hours <= 0:
            yield f"lines[{place}].hours", f"expected more than zero, got {format_decimal(line.hours, HOURS_SCALE)}"
        if line.amount is not None and line.amount <= 0:
            yield f"lines[{place}].amount", f"expected more than zero, got {format_amount(line.amount)}"
    if event.tax_amount is not None and event.tax_amount < 0:
        yield "tax_amount", f"expected zero or more, got {format_amount(event.tax_amount)}"


def _write_off(event: WrittenOff) -> Iterator[Fault]:
    yield from _decided(event)
    yield from _currency("currency", event.currency)
    if event.what == "receivable" and event.invoice_id is None:
        yield "invoice_id", "expected the invoice whose receivable is written off"
    if event.what == "unbilled" and not event.entries:
        yield "entries", "expected the entries whose unbilled value is written off"
    if event.what == "unbilled" and event.invoice_id is not None:
        yield "invoice_id", f"expected none for what is unbilled, got {event.invoice_id}; {_RECEIVABLE}"
    if event.what == "receivable" and event.entries:
        yield "entries", f"expected none for a receivable, got {', '.join(event.entries)}; {_UNBILLED}"


def _approved_money(event: ExpenseApproved | RevenueAdjusted) -> Iterator[Fault]:
    yield from _decided(event)
    yield from _currency("currency", event.currency)


def _money(event: PaymentReversed | ControlTotal) -> Iterator[Fault]:
    yield from _currency("currency", event.currency)


def _payment(event: PaymentReceived | PaymentApplied) -> Iterator[Fault]:
    yield from _currency("currency", event.currency)
    yield from exchange_rate_faults("exchange_rate", event.exchange_rate)


def _application(event: PaymentApplied) -> Iterator[Fault]:
    if not event.applications:
        yield "applications", "expected at least one invoice"
    yield from _payment(event)


def _currency(field: str, code: str | None) -> Iterator[Fault]:
    if code is not None and not is_currency(code):
        yield field, f"expected an ISO 4217 code such as EUR, got {code[:16]!r}"


def _month(field: str, month: str) -> Iterator[Fault]:
    if not _MONTH.fullmatch(month) or not YEARS[0] <= month[:4] <= YEARS[1]:
        yield field, f"expected a month such as 2026-03, got {month[:16]!r}"


def _no_zone(field: str, name: str) -> Fault:
    return field, f"expected an IANA zone such as Europe/Berlin, got {name[:32]!r}"


def _first(find: Callable[[Any], Iterable[Fault]]) -> Callable[[Any], Fault | None]:
    return lambda event: next(iter(find(event)), None)


_FINDERS: Mapping[type, Callable[[Any], Fault | None]] = {
    TimeApproved: _time,
    ContractSigned: _first(_contract),
    ContractAmended: _first(_amendment),
    VariableConsiderationRevised: _first(_revision),
    ProjectActivated: _first(_activation),
    ProjectClosed: _first(_project),
    ResourceAssigned: _first(_assignment),
    EstimateRevised: _first(_estimate),
    InvoicePosted: _first(_invoice),
    InvoiceRejected: _first(_invoice),
    PostingAccepted: _first(_posting),
    PostingRejected: _first(_posting),
    CreditMemoIssued: _first(_credit_memo),
    WrittenOff: _first(_write_off),
    ExpenseApproved: _first(_approved_money),
    PaymentApplied: _first(_application),
    PaymentReceived: _first(_payment),
    PaymentReversed: _first(_money),
    RevenueAdjusted: _first(_approved_money),
    ControlTotal: _first(_money),
    StatementRequested: _first(_request),
    **dict.fromkeys(
        (
            AccountingPeriodClosed,
            AccountingPeriodReopened,
            ExceptionAssigned,
            ExceptionResolved,
            ExceptionWaived,
            MilestoneAccepted,
            StatementApproved,
        ),
        _first(_decided),
    ),
}
