"""When what is to come is billed, and when who pays it; what is kept back of it, or paid by a deposit, says `state/forecast/kept_back.py`.

A month's work is billed at the end of the billing period that holds its 15th, or once that is over of the one that goes on; on request at
its own end, a fee at the end of the period that holds its day. Of what is done and on no statement says `state/forecast/accrued.py` when it
is billed; work to come is by the calendar of the project's first contract. Each payer has its share of it, by the terms of the service
date, of a month's work by those of its 15th, and pays so many days after the day of issue as its own terms say; whom sources pay for says
`state/forecast/payers.py`, and of a contract in another currency than the project's their first rule. A statement is billed when its period
ends, and issued when that has closed: once it is, it is due when it says.

    March's work, billed on 31 March and issued on 1 April, is due in 30 days on 1 May
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.billing.shares import Party, expected_parties, shared
from domain.billing.statement import ISSUED, due_after
from domain.figure import Recorded, as_recorded, exchanged, titled
from domain.identity import composed
from domain.months import month_end
from domain.outputs import BillingStatement
from domain.policies import Resolved
from domain.reference.zones import local_date, midnight
from domain.tuples import new_tuple
from domain.units import Amount
from domain.why import Why, elsewhere
from state.billing.payers import funded_terms
from state.billing.statement_lines import PRINTED
from state.books import Contract, StatementState
from state.draft import Draft
from state.forecast.outlook import ONE_DAY, known
from state.forecast.prices import ToCharge
from state.forecast.tracks import rate_to
from state.terms.periods import closes_on, period_holding
from state.terms.plan import billing_zone, contract_policies, terms_on
from state.totals import month_of
from state.value import plain

PAYMENT_TERMS_DAYS = 30
MID_MONTH = 15
# The day on which something is billed, and the service date whose terms say who pays.
BillDays = tuple[date, date]
# What a recorder has of the months of statements.
MONTHS: Final = "months"
BILLED: Final = "billed"
DUE: Final = "due"


class ExpectedBill(NamedTuple):
    """What one payer of a contract will be billed, in project currency, on a day of a month, and the month in which it pays.

    A fee says of which line it is; work that is due already is no work to come. The terms of its `day` say who pays; what sources fund has
    no payer before they have drawn it.
    """

    billed: date
    month: str
    paid: str
    amount: Amount
    contract_id: str
    bill_to: str
    day: date
    line_id: str = ""
    is_due: bool = False


class Calendar(NamedTuple):
    """The day on which something is billed, with its month, who pays by the terms of its service date, and the month in which each does;
    `is_funded` where sources do, as they last."""

    billed: date
    day: date
    month: str
    parties: tuple[Party, ...]
    paid: tuple[str, ...]
    is_funded: bool = False


def expected_work(
    draft: Draft,
    contract: Contract,
    currency: str,
    accrued: Mapping[BillDays, Amount],
    to_come: Iterable[tuple[str, Amount]],
    as_of: date,
) -> list[ExpectedBill]:
    """What is accrued, by the days of its bills, and what work of months to come will be worth, by the contract's calendar."""
    found: list[ExpectedBill] = []
    known = work_calendar(draft, contract)
    for days, amount in accrued.items():
        if amount:
            _pay(found, contract, _calendar(draft, contract, days), amount, currency, is_due=True)
    for month, amount in to_come:
        if amount:
            on = known.get(month) or work_months(draft, contract, month, known)
            if on.billed <= as_of:
                on = fee_months(draft, contract, as_of + ONE_DAY)
            _pay(found, contract, on, amount, currency)
    return found


def expected_fees(
    draft: Draft,
    contract: Contract,
    line_id: str,
    fees: Sequence[ToCharge],
    policies: Resolved,
    currency: str,
    as_of: date,
) -> list[ExpectedBill] | None:
    """What is charged on days to come; None where an exchange rate is missing."""
    own = contract.terms.currency
    rate = rate_to(draft, policies, own, currency, as_of)
    if rate is None:
        return None
    found: list[ExpectedBill] = []
    for fee in fees:
        amount = exchanged(fee.amount, rate, currency, policies.money_mode)
        _pay(found, contract, fee_months(draft, contract, fee.day), amount, currency, line_id)
    return found


def expected_deposit(
    draft: Draft, contract: Contract, line_id: str, amount: Amount, day: date, currency: str
) -> list[ExpectedBill]:
    """What is billed of a deposit itself, in project currency."""
    found: list[ExpectedBill] = []
    _pay(found, contract, fee_months(draft, contract, day), amount, currency, line_id)
    return found


def _pay(
    found: list[ExpectedBill],
    contract: Contract,
    on: Calendar,
    amount: Amount,
    currency: str,
    line_id: str = "",
    *,
    is_due: bool = False,
) -> None:
    """Add to `found` what each payer has of it (R12)."""
    billed, day, of, parties, paid, is_funded = on
    contract_id = contract.contract_id
    if is_funded and contract.terms.currency == currency:
        found.append(ExpectedBill(billed, of, "", amount, contract_id, "", day, line_id, is_due))
        return
    if len(parties) == 1:
        bill = (billed, of, paid[0], amount, contract_id, parties[0].customer_id, day, line_id, is_due)
        found.append(new_tuple(ExpectedBill, bill))
        return
    sign = -1 if amount < 0 else 1
    for share, party, month in zip(shared(abs(amount), parties, currency), parties, paid, strict=True):
        falls = titled(sign * share, f"falls to {party.customer_id}", "R12")
        found.append(ExpectedBill(billed, of, month, falls, contract_id, party.customer_id, day, line_id, is_due))


def work_calendar(draft: Draft, contract: Contract) -> dict[str, Calendar]:
    """Of the months asked for so far; kept as long as the terms are the same."""
    return draft.of_terms("billing months", contract, lambda *_: {})


def work_months(draft: Draft, contract: Contract, month: str, known: dict[str, Calendar] | None = None) -> Calendar:
    """Of a month's work; `known` are those of other months."""
    known = work_calendar(draft, contract) if known is None else known
    found = known.get(month)
    if found is None:
        day = date(int(month[:4]), int(month[5:7]), MID_MONTH)
        found = known[month] = _calendar(draft, contract, (billed_on(draft, contract, day) or month_end(day), day))
    return found


def fee_months(draft: Draft, contract: Contract, day: date) -> Calendar:
    known: dict[date, Calendar] = draft.of_terms("fee months", contract, lambda *_: {})
    found = known.get(day)
    if found is None:
        found = known[day] = _calendar(draft, contract, (billed_on(draft, contract, day) or day, day))
    return found


def _calendar(draft: Draft, contract: Contract, days: BillDays) -> Calendar:
    known: dict[BillDays, Calendar] = draft.of_terms("calendars", contract, lambda *_: {})
    found = known.get(days)
    if found is None:
        found = known[days] = _calendar_of(draft, contract, days)
    return found


def _calendar_of(draft: Draft, contract: Contract, days: BillDays) -> Calendar:
    billed, day = days
    terms = funded_terms(contract, day)
    parties = expected_parties(terms)
    issued = issue_day(draft, contract, billed)
    paid = (month_of(paid_on(draft, party.customer_id, issued)) for party in parties)
    return Calendar(billed, day, month_of(billed), parties, tuple(paid), terms.funding is not None)


def billed_on(draft: Draft, contract: Contract, day: date) -> date | None:
    """The last day of the billing period that holds a day; None where it is billed on request."""
    period = period_holding(draft, contract, day)
    return period.to - ONE_DAY if period is not None else None


def grace_over_on(draft: Draft, contract: Contract, since: date) -> date | None:
    """The first day from `since` on whose end closes a billing period of the contract, as its days of grace are over."""
    found, period, first = None, period_holding(draft, contract, since), contract.history[0].terms.starts_on
    while period is not None and (day := closes_on(draft, contract, period)) >= since:
        found = day
        period = period_holding(draft, contract, period.start - ONE_DAY) if first < period.start else None
    return found


def issue_day(draft: Draft, contract: Contract, billed: date) -> date:
    """Of a statement to come whose period ends with a day: the day after its grace, where the company is; on request that day itself."""
    period = period_holding(draft, contract, billed)
    if period is None:
        return billed
    return day_after(draft, contract, closes_on(draft, contract, period), period.start)


def day_after(draft: Draft, contract: Contract, day: date, of: date | None = None) -> date:
    """The date where the company is once a day is over in the billing zone by the terms of that day, or of another."""
    terms, after = terms_on(contract, of or day), day + ONE_DAY
    entity = draft.reference.entity(terms.legal_entity_id)
    zone = billing_zone(terms, entity, contract_policies(draft, contract, of or day))
    return after if entity is None or zone == entity.zone else local_date(midnight(after, zone), entity.zone)


def paid_on(draft: Draft, customer_id: str, issued: date) -> date:
    customer = draft.reference.customer(customer_id)
    days = customer.payment_terms_days if customer is not None else None
    return due_after(issued, PAYMENT_TERMS_DAYS if days is None else days)


# Statements


def expected_on(draft: Draft, statement: BillingStatement) -> date:
    """The day on which a statement is due, also where it does not say."""
    issued = statement.issued_on or statement.to - ONE_DAY
    return statement.due_on or paid_on(draft, statement.bill_to, issued)


def months_of(statement: StatementState | BillingStatement, due: date) -> tuple[str, str]:
    """Keys of the months in which it is billed and due."""
    return f"{month_of(statement.to - ONE_DAY)}|{statement.currency}", f"{month_of(due)}|{statement.currency}"


class IssuedMonths(NamedTuple):
    """What a statement bills of a project and what of that is due, by keys of the months in which it is billed and due."""

    bills: str
    pays: str
    amount: Amount = 0
    due: Amount = 0


def statement_months(draft: Draft, statement: BillingStatement, first: int) -> dict[str, IssuedMonths]:
    """For each project on a statement, or of which it moves what is retained or billed of a deposit; its lines count from `first` on."""
    nothing = IssuedMonths(*months_of(statement, expected_on(draft, statement)))
    found: dict[str, IssuedMonths] = {}
    for number, line in enumerate(statement.lines, first):
        had, amount = found.get(line.project_id, nothing), line.amount
        if draft.why is not None:
            of_line = composed(PRINTED, statement.statement_id, str(number), str(_stood(draft.why, statement)))
            amount = Recorded(elsewhere(f"line {number}", amount, of_line, statement.currency))
        found[line.project_id] = had._replace(amount=had.amount + amount, due=had.due + amount)
    if statement.part == 1 and (statement.retained or statement.released or statement.deposits_applied):
        for project_id, amount in _kept_back(draft, statement):
            had = found.get(project_id, nothing)
            found[project_id] = had._replace(due=had.due - amount)
    return found


def _stood(why: Why, statement: BillingStatement) -> int:
    """The step of which the recorder has its figures: this one, of what it supersedes the one before."""
    return why.now if statement.status == ISSUED else why.now - 1


def _kept_back(draft: Draft, statement: BillingStatement) -> Iterator[tuple[str, Amount]]:
    """By project, as the books have it: what is withheld, less what is released, and what deposits pay of it."""
    state, rows = draft.statement_in_books(statement.statement_id), draft.statements[statement.statement_id]
    for withheld_by, project_id, amount in state.retention:
        yield project_id, _said(draft.why, statement, f"piece/{withheld_by}", amount)
    for one in rows[len(rows) - state.set_against :]:
        applied = _said(draft.why, statement, f"applied/{one.line_id}", one.amount)
        yield draft.line(statement.contract_id, one.line_id).project_id, -applied


def _said(why: Why | None, statement: BillingStatement, name: str, amount: Amount) -> Amount:
    node = why.figure_at(f"{statement.statement_id}#{name}", _stood(why, statement)) if why is not None else None
    return as_recorded(amount, node) if node is not None else amount


# What adds to a month


def month_at(project_id: str, name: str, month: str) -> str:
    """Address of what adds to what is `billed`, or `due`, in a month (`2026-05|USD`)."""
    return composed(MONTHS, project_id, name, month)


def add_to_months(draft: Draft, project_id: str, billed: Mapping[str, Amount], due: Mapping[str, Amount]) -> None:
    """What statements bill of a project, and what of that is due."""
    forecast, outlook = known(draft, project_id)
    sums = []
    for name, had, more in ((BILLED, forecast.billed, billed), (DUE, forecast.due, due)):
        found = dict(had)
        for month, amount in more.items():
            found[month] = found.get(month, 0) + plain(amount)
            if draft.why is not None and isinstance(amount, Recorded):
                draft.why.add(month_at(project_id, name, month), amount.node)
        sums.append(found)
    draft.put("forecast", project_id, replace(forecast, billed=sums[0], due=sums[1]))
    draft.put("outlook", project_id, replace(outlook, stale=True))
