"""What the tables of the firm at a glance are summed from: lines of journals, hours, what statements list, exceptions, and names.

Noted of each record of the log and of each output, with the log offset after which it is known, until it is written (glance_index.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import orjson

from connectors.log_records import StoredRecord
from domain.accounts import BANK, EXPENSE_CLEARING, INPUT_TAX, LABOR_ABSORPTION, OUTPUT_TAX, RECEIVABLE, UNBILLED
from domain.events.catalogue import Event
from domain.events.commercial import BalancesBroughtForward, ContractAmended, ContractSigned
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    ExpenseApproved,
    ProjectActivated,
    ProjectClosed,
    TimeApproved,
    TimeWithdrawn,
    UnitsDelivered,
)
from domain.events.finance import CreditMemoIssued, InvoicePosted, PaymentApplied, PaymentReceived, WrittenOff
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CustomerDefined,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
)
from domain.identity import composed, engagement_of, escape, parts_of, returned_cash, unescape
from domain.ledger.journal import BILLING
from domain.outputs import (
    BillingStatement,
    ExceptionClosed,
    ExceptionRaised,
    JournalEntry,
    Output,
    ProjectView,
    StatementLine,
)
from domain.reference.book import PeriodChange, approves_itself
from domain.reference.zones import local_date
from domain.terms.deposit import is_named as is_deposit
from domain.units import Amount
from domain.work.hours import approved_billable, worked_hours
from domain.work.rows import DELIVERY, EXPENSE, ROWS, TIME_ENTRY, row_id

# Accounts of which no table says anything: the other side of cost, of tax and of cash.
ASIDE: Final = frozenset({BANK, INPUT_TAX, EXPENSE_CLEARING, LABOR_ABSORPTION, OUTPUT_TAX})
# Kinds of names; a fact that has no version is known by what came last.
COMPANY, CUSTOMER, PERSON, CAPACITY, PROJECT, CONTRACT, HOLD, PERIOD = (
    *("company", "customer", "person", "capacity", "project", "contract", "hold", "period"),
)
INVOICE, INVOICED, APPLIED, CREDIT_MEMO, WRITE_OFF = ("invoice", "invoiced", "applied", "credit_memo", "write_off")
# Open invoices of the old system, by project and version of its balances; a fact of them names the project alone.
DIFFERENCE: Final = "difference"
OPENING, BROUGHT_FORWARD = "opening", "brought_forward"
# Hours that balances brought forward have, and their last day, by project.
OPENED: Final = "opened"
# What the retainers of a project have left, by version of its view.
RETAINERS: Final = "retainers"
# What an invoice's journals are about: a statement, by its id alone.
STATEMENT: Final = "statement"
# Cash of a payment that is applied later, as its journals are about it.
APPLICATION: Final = "payment_application"
# The first day on which a version counts; one without it counts from the beginning.
SINCE: Final = "since"
DAY_ZERO: Final = 0
# What happens once, and has no version; the newest that was not refused counts.
AGAIN: Final = frozenset({INVOICE, INVOICED, APPLIED, CREDIT_MEMO, WRITE_OFF})

Row = tuple[str | int | None, ...]
Noted = Mapping[str, object]
_Stated = tuple[str, str, int, Noted]


class GlanceRows:
    """In the order in which they came."""

    def __init__(self) -> None:
        # Company, ledger currency, currency, account, project, contract, customer, output_seq, number in the journal, log offset, what
        # it is about, rule, period, engagement, service date, accounting date, amount, ledger amount, whether balances brought it forward.
        self.posted: list[Row] = []
        # Row, version, log offset, person, project, day, hours (none once withdrawn), billable hours, contract line and task as stated.
        self.worked: list[Row] = []
        # Row of an expense or of units, version, log offset, project, contract line and task as stated.
        self.charged: list[Row] = []
        # Statement, revision, output_seq, log offset, status, contract, bill-to, company, currency, total without deposits, due on.
        self.published: list[Row] = []
        # Statement, revision, status, row, amount (none where the statement does not say it).
        self.listed: list[Row] = []
        # Exception, log offset, output_seq, whether it is open, category, subject's kind and id, project, contract, amount, currency,
        # engagement.
        self.waits: list[Row] = []
        # Kind, id, version, log offset, what is noted of it.
        self.named: list[Row] = []

    def clear(self) -> None:
        for rows in (self.posted, self.worked, self.charged, self.published, self.listed, self.waits, self.named):
            rows.clear()

    def add_record(self, record: StoredRecord) -> None:
        event = record.event
        match event:
            case TimeApproved():
                self.worked.append(_worked(event, record.offset))
            case TimeWithdrawn():
                row = row_id(TIME_ENTRY, event.entry_id)
                self.worked.append((row, event.version, record.offset, "", "", DAY_ZERO, None, None, "", ""))
            case ExpenseApproved():
                whose = event.project_id, event.line_id or "", event.task or ""
                self.charged.append((row_id(EXPENSE, event.expense_id), event.version, record.offset, *whose))
            case UnitsDelivered():
                whose = event.project_id or "", event.line_id, ""
                self.charged.append((row_id(DELIVERY, event.delivery_id), event.version, record.offset, *whose))
            case _:
                if isinstance(event, BalancesBroughtForward):
                    opened = {"hours": sum(line.hours for line in event.lines), "as_of": event.as_of.toordinal()}
                    self.named.append(
                        (OPENED, event.project_id, event.version, record.offset, orjson.dumps(opened).decode())
                    )
                if (stated := _stated(event)) is not None:
                    kind, id_, version, noted = stated
                    self.named.append((kind, id_, version, record.offset, orjson.dumps(noted).decode()))

    def add_output(self, log_offset: int, seq: int, record: Output) -> None:
        match record:
            case JournalEntry():
                self._post(log_offset, seq, record)
            case BillingStatement():
                self._list(log_offset, seq, record)
            case ExceptionRaised():
                whose = record.project_id or "", record.contract_id or "", record.blocks_amount
                kind = record.category, composed(record.subject_kind, record.subject_id)
                currency, engagement = record.blocks_currency or "", engagement_of(record.exception_id)
                basis = record.blocks_basis or ""
                self.waits.append((record.exception_id, log_offset, seq, 1, *kind, *whose, currency, engagement, basis))
            case ExceptionClosed():
                engagement = engagement_of(record.exception_id)
                self.waits.append((record.exception_id, log_offset, seq, 0, "", "", "", "", 0, "", engagement, ""))
            case ProjectView() if record.retainers:
                noted = orjson.dumps([list(each) for each in record.retainers]).decode()
                self.named.append((RETAINERS, record.project_id, record.view_version, log_offset, noted))
            case _:
                pass

    def _post(self, log_offset: int, seq: int, journal: JournalEntry) -> None:
        kind, fact = journal.affected_kind, journal.affected_id
        about = row_id(kind, fact) if kind in ROWS else fact if kind == STATEMENT else composed(kind, fact)
        if journal.kind == BILLING:
            # Of an invoice that waited the cause is what came: a rate, or a waiver.
            invoice_id = unescape(journal.cause_id) if journal.cause_kind == INVOICE else ""
            self.named.append((INVOICED, fact, 0, log_offset, orjson.dumps({"invoice_id": invoice_id}).decode()))
        if returned := _returned(journal):
            self.named.append((*returned[:-1], log_offset, orjson.dumps(returned[-1]).decode()))
        rule, engagement = journal.rule.partition("/")[0], engagement_of(journal.journal_id)
        head = journal.legal_entity_id, journal.ledger_currency, journal.currency
        accounted = journal.accounting_date.toordinal()
        day = journal.service_date.toordinal() if journal.service_date is not None else accounted
        # Of balances that waited for a rate the cause is what came; what comes to their rows later is a difference.
        is_opening = int(
            journal.cause_kind == BROUGHT_FORWARD or (kind == BROUGHT_FORWARD and journal.kind != DIFFERENCE)
        )
        for number, line in enumerate(journal.lines):
            if line.account in ASIDE:
                continue
            self.posted.append(
                (
                    *(*head, line.account, line.project_id or "", journal.contract_id or "", journal.customer_id or ""),
                    *(seq, number, log_offset),
                    *(_credited(journal) if kind == CREDIT_MEMO and line.account in UNBILLED else about, rule),
                    *(journal.period, engagement, day, accounted, line.amount, line.ledger_amount, is_opening),
                )
            )

    def _list(self, log_offset: int, seq: int, one: BillingStatement) -> None:
        head = one.statement_id, one.revision
        if one.part == 1:
            self.published.append(
                (
                    *(*head, seq, log_offset, one.status, one.contract_id, one.bill_to, one.legal_entity_id),
                    *(one.currency, _earnable(one)),
                    one.due_on.toordinal() if one.due_on is not None else None,
                )
            )
        self.listed += [(*head, one.status, row, amount) for line in one.lines for row, amount in _by_entry(line)]


def _earnable(one: BillingStatement) -> Amount:
    """What the statement bills less its deposits, which are no revenue."""
    return one.total - sum(line.amount for line in one.lines if any(map(is_deposit, line.entries)))


def _by_entry(line: StatementLine) -> Iterator[tuple[str, Amount | None]]:
    """What the line bills of each of its entries; a statement that was written before it said so has none."""
    if len(line.entries) == 1:
        yield line.entries[0], line.amount
    elif line.entry_amounts:
        yield from zip(line.entries, line.entry_amounts, strict=True)
    else:
        yield from ((row, None) for row in line.entries)


def _worked(event: TimeApproved, offset: int) -> Row:
    row = row_id(TIME_ENTRY, event.entry_id)
    whose = event.person_id, event.project_id, worked_on(event).toordinal()
    hours, billable = worked_hours(event), approved_billable(event)
    return (row, event.version, offset, *whose, hours, billable, event.line_id or "", event.task or "")


def worked_on(event: TimeApproved) -> date:
    if event.worked_on is not None:
        return event.worked_on
    assert event.started_at is not None, "intake lets no work pass without a date or a start"
    return local_date(event.started_at, event.zone or "UTC")


def _credited(journal: JournalEntry) -> str:
    """The row that a credit memo puts back among what is to be billed: `credit/error_rebill/T-1/L-1`."""
    return parts_of(journal.rule)[2]


def _returned(journal: JournalEntry) -> _Stated | None:
    """What balances take off an invoice of a payment's cash, as an event would say it."""
    of = returned_cash(journal.affected_id) if journal.affected_kind == APPLICATION else None
    if of is None:
        return None
    _, payment_id, invoice_id = of
    applied = [[invoice_id, -line.amount] for line in journal.lines if line.account == RECEIVABLE]
    return APPLIED, composed(APPLICATION, journal.affected_id), 0, {"payment_id": payment_id, "applied": applied}


# What things are called, and what is agreed of them


def _stated(event: Event) -> _Stated | None:
    noted: Noted
    match event:
        case LegalEntityDefined():
            return COMPANY, event.legal_entity_id, event.version, {"name": event.name, "currency": event.currency}
        case CustomerDefined():
            noted = {"name": event.name, "payment_terms_days": event.payment_terms_days}
            return CUSTOMER, event.customer_id, event.version, noted
        case PersonDefined():
            return _person(event)
        case PersonCapacitySet():
            noted = {"hours": event.hours, "time_off": event.time_off}
            return CAPACITY, composed(event.person_id, event.month), event.version, noted
        case AccountingPeriodClosed() | AccountingPeriodReopened() if approves_itself(event) is None:
            return _period(event)
        case ProjectActivated() | ProjectClosed():
            return _project(event)
        case ContractSigned() | ContractAmended():
            return _contract(event)
        case BillingHoldPlaced():
            noted = {"scope": event.scope.kind, "id": event.scope.id, "released": False}
            return HOLD, event.hold_id, event.version, noted
        case BillingHoldReleased():
            return HOLD, event.hold_id, event.version, {"released": True}
        case InvoicePosted():
            return INVOICE, event.invoice_id, 0, {"posted_on": str(event.posted_on), "statement_id": event.statement_id}
        case PaymentReceived() | PaymentApplied():
            return _applied(event)
        case BalancesBroughtForward():
            return _opening(event)
        case CreditMemoIssued():
            return CREDIT_MEMO, event.credit_memo_id, 0, {"invoice_id": event.invoice_id}
        case WrittenOff(invoice_id=str(invoice_id)):
            return WRITE_OFF, event.write_off_id, 0, {"invoice_id": invoice_id}
        case _:
            return None


def _person(event: PersonDefined) -> _Stated:
    noted = {"name": event.name, "role": event.role, "practice": event.practice, "company": event.legal_entity_id}
    noted[SINCE] = None if event.effective_from is None else str(event.effective_from)
    return PERSON, event.person_id, event.version, noted


def _period(event: PeriodChange) -> _Stated:
    noted = {"company": event.legal_entity_id, "period": event.period, "at": event.occurred_at, "reason": event.reason}
    noted |= {"requested_by": event.requested_by, "approved_by": event.approved_by}
    noted["closed"] = isinstance(event, AccountingPeriodClosed)
    return PERIOD, composed(event.legal_entity_id, event.period), event.version, noted


def _project(event: ProjectActivated | ProjectClosed) -> _Stated:
    """What a closing leaves out stays as it was."""
    budget = event.budget
    noted: dict[str, object] = {
        "name": event.name,
        "company": event.legal_entity_id,
        "customer": event.customer_id,
        "manager": event.manager,
        "practice": event.dimensions.get("practice"),
        "ends_on": str(event.ends_on) if event.ends_on is not None else None,
        "budget": None if budget is None else [budget.hours, budget.cost, budget.revenue, budget.currency],
    }
    if isinstance(event, ProjectClosed):
        return PROJECT, event.project_id, event.version, {**_given(noted), "closed": True}
    noted["closed"] = False
    return PROJECT, event.project_id, event.version, noted


def _contract(event: ContractSigned | ContractAmended) -> _Stated:
    """What an amendment leaves out stays as it was."""
    noted: dict[str, object] = {"customer": event.customer_id, "company": event.legal_entity_id}
    noted["currency"] = event.currency
    if event.lines:
        noted["lines"] = [[line.line_id, line.project_id, type(line.terms).__name__] for line in event.lines]
    if event.bill_to is not None:
        noted["bill_to"] = [[each.customer_id, each.share, each.rounding_party] for each in event.bill_to]
    if event.funding is not None:
        noted["bill_to"] = [
            [bill_to, 0, False] for bill_to in dict.fromkeys(one.bill_to for one in event.funding.sources)
        ]
    if event.bill_to or event.funding is not None:
        noted["is_funded"] = event.funding is not None
    since = str(event.effective_on) if isinstance(event, ContractAmended) else None
    return CONTRACT, event.contract_id, event.version, {**_given(noted), SINCE: since}


def _given(noted: Noted) -> Noted:
    return {name: value for name, value in noted.items() if value is not None}


def _opening(event: BalancesBroughtForward) -> _Stated:
    contracts = {line.contract_id for line in event.lines}
    only = contracts.pop() if len(contracts) == 1 else None
    invoices = [
        [
            *(each.invoice_id, each.contract_id or only, each.bill_to, str(each.invoiced_on)),
            *(str(each.due_on) if each.due_on is not None else None, each.open, each.ledger_open),
        ]
        for each in event.receivables
    ]
    return OPENING, f"{escape(event.project_id)}-{event.version}", 0, {"invoices": invoices}


def _applied(event: PaymentReceived | PaymentApplied) -> _Stated:
    """By the id that stands on its journals."""
    by = ("payment", event.payment_id)
    if isinstance(event, PaymentApplied):
        by = (APPLICATION, event.application_id)
    applied = [[each.invoice_id, each.amount] for each in event.applications]
    return APPLIED, composed(*by), 0, {"payment_id": event.payment_id, "applied": applied}
