"""Project views say at any place what the journals and statements before them say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.accounts import CONTRACT_POSITION, PROJECT_COST, RECEIVABLE, RETENTION_RECEIVABLE, REVENUE, UNAPPLIED_CASH
from domain.audit.cash import payment_of, taken_off
from domain.audit.credits import credit_of
from domain.audit.engagement import AuditedEngagement
from domain.audit.findings import VIEWS, Checked, SeenOutput, Violation, violation
from domain.audit.opening import BILLED_FROM, DEPOSITS, OpeningBills, deposits_used
from domain.audit.terms import AuditedTerms
from domain.billing.statement import ISSUED, SUPERSEDED
from domain.capabilities import REFUND_LIABILITY
from domain.counting import counted
from domain.ledger.journal import ADJUSTED, BILLING, moves_nothing
from domain.money import format_amount, format_decimal
from domain.outputs import BillingStatement, JournalEntry, ProjectView, StatementLine, ViewBalance
from domain.revenue.refund import is_refund
from domain.sums import summed
from domain.terms.deposit import is_named as is_deposit
from domain.units import QUANTITY_SCALE, Amount

# What a view says of a contract's balances, as journals and statements say it.
FIGURES: Final = (
    "recognised",
    "billed",
    "invoiced",
    "unbilled",
    "paid",
    "receivable",
    "bad_debt",
    "retention",
    "owed_back",
)


@dataclass(slots=True)
class _Sums:
    """Grows while the outputs are read."""

    # By project and currency.
    cost: Counter[tuple[str, str]] = field(default_factory=Counter)
    # By figure, project and contract; what is adjusted is of what is recognised, by hand: nothing is billed of it.
    of: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    lines: dict[str, list[StatementLine]] = field(default_factory=dict)
    applied: dict[str, Amount] = field(default_factory=dict)
    # Projects in which a contract's deposits are, and contracts of which nobody can say which of them an invoice took.
    deposits: dict[str, set[str]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    open: dict[str, str] = field(default_factory=dict)
    over_nothing: set[str] = field(default_factory=set)
    # By payment and company; what invoices of other engagements took is in no journal of this one.
    on_account: Counter[tuple[str, str]] = field(default_factory=Counter)
    taken_off: Mapping[str, Amount] = field(default_factory=dict)
    delivered: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    opening: OpeningBills = field(default_factory=OpeningBills)


def views_agree(engagement: AuditedEngagement) -> Checked:
    sums = _Sums(taken_off=taken_off(engagement))
    found: list[Violation] = []
    count = 0
    for seen in engagement.outputs:
        match seen.record:
            case JournalEntry() as journal:
                _count_delivered(sums, journal)
                if not moves_nothing(journal):
                    _take_journal(sums, journal, engagement.terms_of(journal.contract_id or ""))
            case BillingStatement() as statement:
                _take_statement(sums, statement)
            case ProjectView() as view:
                count += 1
                found += _wrong(engagement, sums, seen, view)
            case _:
                pass
    return Checked(VIEWS, count, tuple(found))


def _count_delivered(sums: _Sums, journal: JournalEntry) -> None:
    """One of several projects counts in the first."""
    project_id = next((line.project_id for line in journal.lines if line.project_id is not None), None)
    if journal.deliver and project_id is not None:
        sums.delivered[project_id] += 1


def _take_journal(sums: _Sums, journal: JournalEntry, terms: AuditedTerms) -> None:
    contract_id = journal.contract_id or ""
    payment_id = payment_of(journal)
    for line in journal.lines:
        key = (line.project_id or "", contract_id)
        if line.account == UNAPPLIED_CASH and payment_id is not None:
            sums.on_account[payment_id, journal.legal_entity_id] -= line.amount
        if line.account in PROJECT_COST:
            sums.cost[key[0], journal.currency] += line.amount
        elif line.account in REVENUE:
            sums.of["recognised", *key] -= line.amount
            if line.purpose == ADJUSTED:
                sums.of["adjusted", *key] -= line.amount
        elif line.account in CONTRACT_POSITION and not is_refund(journal.rule):
            sums.of["unbilled", *key] += line.amount
        elif line.account == RETENTION_RECEIVABLE:
            sums.of["retention", *key] += line.amount
        elif line.account == REFUND_LIABILITY:
            sums.of["owed_back", *key] -= line.amount
        elif line.account == RECEIVABLE:
            sums.of["receivable", *key] += line.amount
            if line.purpose == "receipt":
                sums.of["paid", *key] -= line.amount
            elif line.purpose == "write_off":
                sums.of["bad_debt", *key] -= line.amount
    credit = credit_of(journal)
    if credit is not None:
        key = (journal.lines[0].project_id or "", contract_id)
        if credit.reopens:
            sums.of["billed", *key] -= credit.net
        if credit.concedes:
            sums.of["conceded", *key] += credit.net
        if credit.reopens or credit.concedes:
            sums.of["invoiced", *key] -= credit.net
    if sums.opening.has(journal):
        _take_opening(sums, journal, terms)
    elif used := deposits_used(journal):
        sums.of["billed", journal.lines[0].project_id or "", contract_id] += used
    if journal.kind == BILLING:
        sums.open.pop(journal.affected_id, None)
        for printed in sums.lines.pop(journal.affected_id, ()):
            sums.of["invoiced", printed.project_id, contract_id] += printed.amount
        for project_id, applied in _applied(sums, journal, contract_id).items():
            sums.of["invoiced", project_id, contract_id] -= applied


def _take_opening(sums: _Sums, journal: JournalEntry, terms: AuditedTerms) -> None:
    """What was billed before the books begin."""
    contract_id = journal.contract_id or ""
    for line in journal.lines:
        project_id = line.project_id or ""
        if project_id in terms.deposits:
            sums.deposits.setdefault(contract_id, set()).add(project_id)
        if line.account in BILLED_FROM:
            sums.of["invoiced", project_id, contract_id] -= line.amount
            sums.of["billed", project_id, contract_id] -= line.amount


def _applied(sums: _Sums, journal: JournalEntry, contract_id: str) -> dict[str, Amount]:
    """What the invoice took of deposits, by the project of each; where a position over time hides it, of the one that has deposits.

    Of several nobody can say: then what is invoiced of the contract is not compared by project."""
    total = sums.applied.pop(journal.affected_id, 0)
    if not total:
        return {}
    of_deposits = [line for line in journal.lines if line.account in DEPOSITS and line.amount * total > 0]
    found = summed((line.project_id or "", line.amount) for line in of_deposits)
    if sum(found.values()) == total:
        return found
    projects = sums.deposits.get(contract_id) or {min((line.project_id or "" for line in journal.lines), default="")}
    if len(projects) > 1:
        sums.hidden.add(contract_id)
    return {min(projects): total}


def _take_statement(sums: _Sums, statement: BillingStatement) -> None:
    """A draft is open, and bills nothing yet; an issued revision that is superseded bills nothing any more."""
    if statement.status == SUPERSEDED:
        sums.open.pop(statement.statement_id, None)
        sums.over_nothing.discard(statement.statement_id)
        sums.applied.pop(statement.statement_id, None)
        for line in sums.lines.pop(statement.statement_id, ()):
            sums.of["billed", line.project_id, statement.contract_id] -= line.amount
        return
    if statement.amount_due:
        # One over nothing is settled without a journal.
        sums.open[statement.statement_id] = statement.contract_id
        sums.over_nothing.discard(statement.statement_id)
    else:
        sums.over_nothing.add(statement.statement_id)
    if statement.status != ISSUED:
        return
    sums.lines.setdefault(statement.statement_id, []).extend(statement.lines)
    sums.applied[statement.statement_id] = statement.deposits_applied
    for line in statement.lines:
        if any(map(is_deposit, line.entries)):
            sums.deposits.setdefault(statement.contract_id, set()).add(line.project_id)
        sums.of["billed", line.project_id, statement.contract_id] += line.amount


def _wrong(engagement: AuditedEngagement, sums: _Sums, seen: SeenOutput, view: ProjectView) -> Iterator[Violation]:
    project_id = view.project_id
    version = sums.versions[project_id] + 1
    sums.versions[project_id] = view.view_version
    if view.view_version != version:
        yield violation(VIEWS, seen, project_id, f"view version {version}", view.view_version)
    costs = {cost.currency: cost.amount for cost in view.burn.cost if cost.amount}
    booked = {currency: amount for (of, currency), amount in sums.cost.items() if of == project_id and amount}
    if costs != booked:
        yield violation(VIEWS, seen, project_id, f"cost {_amounts(booked)} by journals", _amounts(costs))
    for balance in view.balances:
        terms = engagement.terms_of(balance.contract_id)
        bills_revenue = terms.same_allotment and not terms.revenue_beyond_cap and not terms.as_billed
        for name, expected, has in _figures(sums, project_id, balance, bills_revenue=bills_revenue):
            if expected != has:
                what = f"{name} {format_amount(expected)} {balance.currency} of contract {balance.contract_id}"
                yield violation(VIEWS, seen, project_id, what, format_amount(has))
        yield from _wrong_orders(seen, project_id, balance)
    for cash in view.unapplied:
        booked_cash = sums.on_account[cash.payment_id, cash.legal_entity_id]
        most = abs(booked_cash) + sums.taken_off.get(cash.payment_id, 0)
        if not 0 < abs(cash.amount) <= most:
            what = f"unapplied of payment {cash.payment_id} no more than {format_amount(most)} {cash.currency} by journals and applications"
            yield violation(VIEWS, seen, project_id, what, format_amount(cash.amount))
    for one in view.retainers:
        if not 0 <= one.expires <= one.left or (one.expires and one.expires_on is None):
            what = f"retainer {one.contract_id}/{one.line_id}: what expires no more than is left, and with a day"
            expires, left = (format_decimal(each, QUANTITY_SCALE) for each in (one.expires, one.left))
            yield violation(VIEWS, seen, project_id, what, f"{expires} of {left} on {one.expires_on}")
    count = sum(one.journal_count for one in view.postings)
    if count != (sent := sums.delivered[project_id]):
        yield violation(VIEWS, seen, project_id, f"{counted(sent, 'journal')} to deliver", f"{count:,}")
    contracts = {balance.contract_id for balance in view.balances}
    opened = sorted(statement_id for statement_id, contract_id in sums.open.items() if contract_id in contracts)
    shown = sorted(set(view.open_statements) - sums.over_nothing)
    if opened != shown:
        yield violation(VIEWS, seen, project_id, f"open statements {opened}", shown)


def _wrong_orders(seen: SeenOutput, project_id: str, balance: ViewBalance) -> Iterator[Violation]:
    for order in balance.orders:
        if order.used + order.left != order.limit:
            what = (
                f"purchase order {order.number}: used and left sum to {format_amount(order.limit)} {balance.currency}"
            )
            yield violation(VIEWS, seen, project_id, what, format_amount(order.used + order.left))


def _figures(
    sums: _Sums, project_id: str, balance: ViewBalance, *, bills_revenue: bool
) -> Iterator[tuple[str, Amount, Amount]]:
    key = (project_id, balance.contract_id)
    recognised, is_hidden = sums.of["recognised", *key], balance.contract_id in sums.hidden
    for name in FIGURES:
        if name != "invoiced" or not is_hidden:
            yield name.replace("_", " "), sums.of[name, *key], getattr(balance, name)
    if not is_hidden:
        yield "contract position", recognised - sums.of["invoiced", *key], balance.contract_position
    if bills_revenue:
        earned = recognised - sums.of["adjusted", *key]
        yield "accrued", earned + sums.of["conceded", *key] - sums.of["billed", *key], balance.accrued


def _amounts(costs: dict[str, Amount]) -> str:
    return ", ".join(f"{format_amount(costs[currency])} {currency}" for currency in sorted(costs)) or "none"
