"""A firm's balances at a day, read from what it has said, as the CSV that another Milepost begins with.

Journals say what stands on accounts, statements what was billed; what a line has used of caps and retainers, and which line an entry is on,
is in the books alone. Events of days that the balances include and that come later are left to nobody: the old system would have to
state balances again.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from connectors.imports.balances import ImportedBalances, import_balances
from connectors.imports.balances_mapping import WHOLE_MAPPING
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import read_table_mapping
from connectors.json_records import event_from_json_line
from domain.accounts import (
    BAD_DEBT,
    BANK,
    CONTRACT_LIABILITY,
    CONTRACT_POSITION,
    CURRENCY_ROUNDING,
    EXPENSE_CLEARING,
    EXPENSE_COST,
    INPUT_TAX,
    LABOR_ABSORPTION,
    LABOR_COST,
    OUTPUT_TAX,
    RECEIVABLE,
    RETENTION_RECEIVABLE,
    REVENUE,
)
from domain.billing.periods import period_of
from domain.billing.shares import parties_of, shared
from domain.billing.statement import ISSUED
from domain.caps.consume import limit_on
from domain.contract import cap_rules, held, included_id, line_named
from domain.events.catalogue import TOPICS, Event
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import ContractLine, Deposit, Expenses, Retainer
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    EstimateRevised,
    ExpenseApproved,
    ExpenseWithdrawn,
    MilestoneAccepted,
    ProgressReported,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
    TimeWithdrawn,
    UnitsDelivered,
)
from domain.events.reference import LegalEntityDefined, PersonDefined
from domain.happened import day_of
from domain.identity import parts_of
from domain.outputs import BillingStatement, JournalEntry, Output
from domain.policies import DEFAULTS
from domain.reference.zones import universal_midnight
from domain.terms.kind import LineHistory, TermsInForce
from domain.terms.methods import by_budgets
from domain.terms.milestones import INCLUDED_HOURS
from domain.terms.retainer import lots
from domain.units import AMOUNT_ONE, HOURS_ONE, QUANTITY_ONE, Amount, Hours
from domain.work.rows import COUNTED_TIME, EXPENSE, TIME_ENTRY, named
from simulation.write import line as json_line
from state.billing.payers import falling
from state.books import (
    Acceptance,
    CapBucket,
    Contract,
    Entry,
    InvoiceCredits,
    LineFees,
    LineTotals,
    OpenStatement,
    Price,
    Receivable,
    RefundLiability,
    Reports,
    RetentionAccount,
    StatementEntry,
)
from state.caps.claims import FOR_REVENUE
from state.intake.clock import recording_time
from state.store.snapshot import decode_statement
from state.terms.plan import versions
from state.totals import issued_on, outstanding, standing_price, unbilled_positions
from tests.moving_in.running import RunningFirm

READY = Path(__file__).parents[2] / "docs" / "mappings" / "balances.toml"
# What is said again to books that begin, besides reference data.
SAID_AGAIN = (
    ContractSigned,
    ContractAmended,
    ContractTerminated,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    EstimateRevised,
    BillingHoldPlaced,
    BillingHoldReleased,
)
WORK = (TimeApproved, TimeWithdrawn, ExpenseApproved, ExpenseWithdrawn, UnitsDelivered, MilestoneAccepted)
REFERENCE_TOPICS = frozenset({"finance.reference", "hr.people"})
Row = dict[str, object]


# Which events


def running(events: Iterable[Event], as_of: date) -> tuple[list[Event], list[Event]]:
    """What a running firm is told until the day, and from then on: of projects whose contract is signed by then, and no event of a day that
    the balances include. Holds on single entries are none, as they are released before a firm moves."""
    cut = universal_midnight(as_of) + 28 * 3_600_000_000
    every = sorted(events, key=recording_time)
    signed = {
        event.contract_id: event for event in every if isinstance(event, ContractSigned) and recording_time(event) < cut
    }
    projects = {line.project_id for event in signed.values() for line in event.lines if event.starts_on <= as_of}
    early = [event for event in every if recording_time(event) < cut and _is_of(event, projects, signed)]
    lent = _lent(every)
    released = {
        event.hold_id for event in early if isinstance(event, BillingHoldPlaced) and event.scope.kind == "entry"
    }
    every = [event for event in every if getattr(event, "hold_id", None) not in released]
    early = [event for event in early if getattr(event, "hold_id", None) not in released]
    early = [event for event in early if not _is_lent(event, lent) and not isinstance(event, StatementRequested)]
    every = [event for event in every if not _is_lent(event, lent)]
    known = {_work_id(event) for event in early}
    late = [
        event
        for event in every
        if recording_time(event) >= cut and _is_of(event, projects, signed) and not _is_before(event, as_of, known)
    ]
    return early, late


def with_estimates(early: Sequence[Event], late: Sequence[Event], as_of: date) -> tuple[list[Event], list[Event]]:
    """Who moves in states again what is to come: an estimate of earlier days does not say what was done since."""
    newest: dict[tuple[str, str | None], EstimateRevised] = {}
    for event in early:
        if isinstance(event, EstimateRevised):
            newest[event.project_id, event.line_id] = event
    at = universal_midnight(as_of) + 36 * 3_600_000_000
    again = [
        event._replace(
            event_id=f"{event.event_id}-again",
            version=event.version * 10 + 5,
            occurred_at=at,
            recorded_at=at,
            as_of=as_of,
            remaining=tuple(each for each in event.remaining if each.month >= as_of.isoformat()[:7]),
        )
        for event in newest.values()
    ]
    return [_renumbered(event) for event in early], [*map(_renumbered, late), *again]


def _renumbered(event: Event) -> Event:
    """With room for another version between any two."""
    return event._replace(version=event.version * 10) if isinstance(event, EstimateRevised) else event


def _lent(events: Iterable[Event]) -> set[tuple[str, str]]:
    """(person, project) of two companies: what such work costs is the other company's, and balances are of one."""
    persons = {event.person_id: event.legal_entity_id for event in events if isinstance(event, PersonDefined)}
    projects = {event.project_id: event.legal_entity_id for event in events if isinstance(event, ProjectActivated)}
    return {(person, project) for person, of in persons.items() for project, its in projects.items() if of != its}


def _is_lent(event: Event, lent: set[tuple[str, str]]) -> bool:
    return isinstance(event, WORK) and (getattr(event, "person_id", None), getattr(event, "project_id", None)) in lent


def _is_of(event: Event, projects: set[str], contracts: Mapping[str, object]) -> bool:
    contract_id = getattr(event, "contract_id", None)
    if contract_id is not None and contract_id not in contracts:
        return False
    project_id = getattr(event, "project_id", None)
    return project_id is None or project_id in projects


def _work_id(event: Event) -> tuple[str, str] | None:
    for field in ("entry_id", "expense_id", "delivery_id", "milestone_id"):
        if isinstance(event, WORK) and hasattr(event, field):
            return field, getattr(event, field)
    return None


def _is_before(event: Event, as_of: date, known: set[tuple[str, str] | None]) -> bool:
    """Work of these days, another version of what is known of them, or terms that begin among them."""
    match event:
        case TimeApproved() | ExpenseApproved() | UnitsDelivered() | MilestoneAccepted():
            return _work_id(event) in known or date.fromisoformat(str(day_of(event))[:10]) <= as_of
        case TimeWithdrawn() | ExpenseWithdrawn():
            return _work_id(event) in known
        case ContractAmended(effective_on=day, retroactive=is_retroactive):
            return day <= as_of or is_retroactive
        case ContractTerminated(effective_on=day):
            return day <= as_of
        case ProgressReported(as_of=day):
            return day <= as_of
    return False


def waiting(firm: RunningFirm) -> set[tuple[str, str]]:
    """Work that waits for something on the day: nobody knows yet what it comes to, so it is settled before a firm moves."""
    found: set[tuple[str, str]] = set()
    for engagement_id in sorted({record.engagement_id for record in firm.books.log if record.engagement_id}):
        for entry in entries_of(firm, engagement_id):
            if entry.work is not None and (entry.behind is not None or not entry.work.finished):
                found |= {(field, entry.work.subject_id) for field in ("entry_id", "expense_id", "delivery_id")}
    return found


def without(events: Iterable[Event], work: set[tuple[str, str]]) -> list[Event]:
    return [event for event in events if _work_id(event) not in work]


# Balances of the old firm


# An invoice over several projects of a contract stands with one of them: what is owed and paid is the contract's.
OF_CONTRACT = frozenset({BANK, RECEIVABLE, OUTPUT_TAX})
COSTS = frozenset({LABOR_COST, EXPENSE_COST, LABOR_ABSORPTION, EXPENSE_CLEARING, INPUT_TAX})


class Balances(NamedTuple):
    """What the old firm has said until a moment, in sums: (contract, project, account) with amount and ledger amount, debit positive; what
    invoiced statements have on lines, and what others will set of deposits against bills, by contract and bill-to. `of_statement` has what
    each lists of lines and entries, with hours."""

    by_contract: Mapping[tuple[str, str, str], Sequence[Amount]]
    on_statements: Mapping[str, Amount]
    to_be_applied: Mapping[tuple[str, str], Amount]
    of_statement: Mapping[str, Sequence[StatementEntry]]


def sums_of(firm: RunningFirm) -> Balances:
    by_contract: dict[tuple[str, str, str], list[Amount]] = defaultdict(lambda: [0, 0])
    statements: dict[str, BillingStatement] = {}
    posted: set[str] = set()
    for record in firm.outputs():
        if isinstance(record, JournalEntry) and record.contract_id is not None:
            posted.add(record.affected_id)
            for leg in record.lines:
                had = by_contract[record.contract_id, leg.project_id or "", leg.account]
                had[0] += leg.amount
                had[1] += leg.ledger_amount
        elif isinstance(record, BillingStatement) and record.status == ISSUED:
            statements[record.statement_id] = record
    on_statements: Counter[str] = Counter()
    to_be_applied: Counter[tuple[str, str]] = Counter()
    for statement in statements.values():
        if statement.statement_id not in posted:
            to_be_applied[statement.contract_id, statement.bill_to] += statement.deposits_applied
            continue
        for line in statement.lines:
            on_statements[line.line_id] += line.amount
    listed = firm.books.shard.store.db.execute("SELECT id, data FROM statements")
    of_statement = {name: decode_statement(name, data) for name, data in listed}
    return Balances(by_contract, on_statements, to_be_applied, of_statement)


def balances(firm: RunningFirm, as_of: date) -> list[Row]:
    """Rows for the import, in the columns of the ready mapping."""
    sums = sums_of(firm)
    rows: list[Row] = []
    for engagement_id in sorted({record.engagement_id for record in firm.books.log if record.engagement_id}):
        rows += _of_engagement(firm, engagement_id, sums, as_of)
    return rows


class Ended(NamedTuple):
    """The first day after a billing period that has ended, whether it is cut, and what drafts of it have."""

    until: date
    is_cut: bool
    drafted: frozenset[str] = frozenset()


class LineSums:
    """What entries of a line come to."""

    def __init__(self) -> None:
        self.hours = self.labor = self.expenses = self.units = 0
        self.deposit = self.deposit_ledger = 0
        self.is_on_liability = False
        self.ended = self.conceded = self.given_back = self.reimbursed = 0
        # By account of unbilled work and part of it (a milestone, `ended`) what the ledger carries.
        self.unbilled_ledger: Counter[tuple[str, str]] = Counter()
        # By account and entry.
        self.entries_ledger: Counter[tuple[str, str]] = Counter()
        # By currency labor and expenses, each in it and in the ledger's, and hours.
        self.costs: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
        self.ledger_currency = ""


def _of_engagement(firm: RunningFirm, engagement_id: str, sums: Balances, as_of: date) -> Iterator[Row]:
    parts = firm.books.parts(engagement_id)
    entries = entries_of(firm, engagement_id)
    worked: dict[tuple[str, str], LineSums] = defaultdict(LineSums)
    ended = dict(_ended(firm, parts, as_of))
    for entry in entries:
        _add(worked, entry, as_of, ended)
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    plans: dict[tuple[str, str], Any] = {}
    for (kind, _), contract in parts.items():
        if kind == "contract" and isinstance(contract, Contract) and contract.in_force:
            for each in contract.terms.lines:
                lines[contract.contract_id, each.project_id].append(each.line_id)
                plans[contract.contract_id, each.line_id] = each
    for (contract_id, project_id), line_ids in sorted(lines.items()):
        yield from _of_project(parts, entries, contract_id, project_id, line_ids, plans, worked, sums, as_of)


def entries_of(firm: RunningFirm, engagement_id: str) -> list[Entry]:
    store = firm.books.shard.store
    number = store.db.execute("SELECT no FROM engagements WHERE id = ?", (engagement_id,)).fetchone()[0]
    names = [row[0] for row in store.db.execute("SELECT id FROM entries WHERE no = ? ORDER BY id", (number,))]
    return [entry for name in names if (entry := store.entry(number, name)) is not None]


def _ended(firm: RunningFirm, parts: Mapping[tuple[str, str], Any], as_of: date) -> Iterator[tuple[str, Ended]]:
    """Of contracts with a billing period that has ended and is not invoiced yet."""
    drafted = {row for part in parts.values() if isinstance(part, OpenStatement) for row in part.rows}
    entities = {event.legal_entity_id: event for event in firm.told if isinstance(event, LegalEntityDefined)}
    for (kind, _), contract in parts.items():
        if kind == "contract" and isinstance(contract, Contract) and contract.in_force:
            terms, first = contract.terms, contract.period_start or contract.terms.starts_on
            if terms.billing_cycle is None:
                continue
            found = period_of(
                terms.billing_cycle, first, terms.starts_on, entities[terms.legal_entity_id].fiscal_calendar
            )
            if found is not None and first <= as_of:
                yield (
                    contract.contract_id,
                    Ended(found.to, False) if found.to <= as_of else Ended(first, True, frozenset(drafted)),
                )


def _milestone_of(entry: Entry) -> str:
    before, _, milestone = entry.entry_id.partition("/milestone/")
    return milestone if before.startswith("fee/") else ""


def _add(worked: dict[tuple[str, str], LineSums], entry: Entry, as_of: date, cut: Mapping[str, Ended]) -> None:
    """Units count in the month that runs, in which their tiers are."""
    for issued in entry.issued:
        of = issued.contract_id, issued.line_id
        worked[of].conceded += issued.conceded
        given_back = max(issued.invoiced - issued.amount - outstanding(entry, *of), 0)
        worked[of].given_back += given_back
        # What is still billable is below; what is not is given back by the next statement.
        if given_back and standing_price(entry) is None:
            _, is_cut, drafted = cut.get(issued.contract_id, Ended(date.min, True))
            worked[of].ended -= 0 if is_cut and entry.entry_id not in drafted else given_back
    work = entry.standing
    if work is None:
        return
    has_line = work.price is not None and bool(work.price.line_id)
    key = (work.price.contract_id, work.price.line_id) if has_line and work.price is not None else ("", work.project_id)
    found = worked[key]
    until, is_cut, drafted = cut.get(key[0], Ended(date.min, False))
    ended = 0
    is_work = work.charge is None or work.charge.kind in ("expense", "delivery")
    if work.price is not None and has_line and is_work and work.price.day < until:
        own = [each for each in entry.issued if (each.contract_id, each.line_id) == key]
        billable = (
            sum(each.amount for each in own)
            if is_cut and entry.entry_id not in drafted
            else work.price.billable + work.price.rounding
        )
        ended = billable - sum(each.invoiced for each in own)
        found.ended += ended
    for (of_contract, account), (amount, ledger) in unbilled_positions(entry).items():
        if of_contract == key[0]:
            found.entries_ledger[account, work.subject_id] += ledger
            part = ledger * ended // amount // 100 * 100 if ended and amount else 0
            found.unbilled_ledger[account, "ended"] += part
            found.unbilled_ledger[account, _milestone_of(entry)] += ledger - part
    for issued in entry.issued:
        if (issued.contract_id, issued.line_id) == key:
            legs = [leg for journal in work.journals for leg in journal.lines if leg.account == issued.account]
            found.deposit += issued.invoiced
            found.deposit_ledger += issued.invoiced_ledger - sum(leg.ledger_amount for leg in legs)
            found.is_on_liability = issued.account == CONTRACT_LIABILITY
    if work.cost is not None:
        found.hours += work.cost.hours
        found.costs[work.cost.currency][4] += work.cost.hours
        ledger = sum(
            leg.ledger_amount
            for journal in work.journals
            for leg in journal.lines
            if leg.account in (LABOR_COST, EXPENSE_COST)
        )
        for journal in work.journals:
            found.ledger_currency = journal.ledger_currency
            for leg in journal.lines:
                if leg.account in (LABOR_COST, EXPENSE_COST):
                    place = 0 if leg.account == LABOR_COST else 2
                    found.costs[journal.currency][place] += leg.amount
                    found.costs[journal.currency][place + 1] += leg.ledger_amount
        if work.charge is None:
            found.labor += ledger
        else:
            found.expenses += ledger
    if work.charge is not None and work.charge.kind == "expense" and has_line and work.price is not None:
        found.reimbursed += work.price.recognised
        found.reimbursed -= sum(one.conceded for one in entry.issued if (one.contract_id, one.line_id) == key)
    if work.charge is not None and work.charge.kind == "delivery" and work.charge.day >= as_of.replace(day=1):
        found.units += work.charge.quantity or 0


def _of_project(
    parts: Mapping[tuple[str, str], Any],
    entries: Sequence[Entry],
    contract_id: str,
    project_id: str,
    line_ids: Sequence[str],
    plans: Mapping[tuple[str, str], Any],
    worked: Mapping[tuple[str, str], LineSums],
    sums: Balances,
    as_of: date,
) -> Iterator[Row]:
    def on(*accounts: str, place: int = 0) -> Amount:
        return sum(sums.by_contract.get((contract_id, project_id, account), (0, 0))[place] for account in accounts)

    contract: Contract = parts["contract", contract_id]
    common: Row = {"project": project_id, "as_of": as_of}
    totals = {each: parts.get(("line", f"{contract_id}/{each}")) or LineTotals(project_id) for each in line_ids}
    is_alone = len({line.project_id for line in contract.terms.lines}) == 1
    open_invoices = [
        part
        for (kind, _), part in parts.items()
        if kind == "receivable" and isinstance(part, Receivable) and part.contract_id == contract_id
        and part.project_id == project_id and (part.open[0] or (is_alone and _retained_of(parts, part)[0]))
    ]  # fmt: skip
    retention, tax, given_up = on(RETENTION_RECEIVABLE), -on(OUTPUT_TAX), on(BAD_DEBT)
    deposit_lines = [each for each in line_ids if isinstance(plans[contract_id, each].terms, Deposit)]
    deposit = sum(worked[contract_id, each].deposit for each in deposit_lines if (contract_id, each) in worked)
    on_liability = sum(
        worked[contract_id, each].deposit_ledger
        for each in deposit_lines
        if (contract_id, each) in worked and worked[contract_id, each].is_on_liability
    )
    of_deposits = {each: sums.on_statements.get(each, 0) for each in deposit_lines}
    billed = sum(totals[each].invoiced for each in line_ids if each not in deposit_lines) + sum(of_deposits.values())
    used = sum(of_deposits.values()) - deposit
    paid = billed + tax - retention - used - given_up - sum(part.open[0] for part in open_invoices)
    spare = worked.get(("", project_id), LineSums())
    first = next((each for each in line_ids if each not in deposit_lines), line_ids[0])
    # An invoice over several projects is paid on one of them; of each project all accounts come to zero.
    others = sum(
        ledger
        for (of, its, account), (_, ledger) in sums.by_contract.items()
        if (of, its) == (contract_id, project_id) and account not in {BANK, RECEIVABLE, *COSTS}
    )
    is_foreign = any(part.currency != part.ledger_currency for part in open_invoices) or _is_foreign(sums, contract_id)
    unbilled = on(*CONTRACT_POSITION, place=1) + on_liability
    split = _split_ledger(totals, deposit_lines, -on(*REVENUE, place=1), unbilled, first)
    by_entry: set[str] = set()
    for line_id in line_ids:
        had, done = totals[line_id], worked.get((contract_id, line_id), LineSums())
        is_first, is_deposit = line_id == first, line_id in deposit_lines
        extra = spare if is_first else LineSums()
        over_cap = _over_cap(parts, contract_id, line_id, had, as_of, is_earned=_earns_over(contract, line_id))
        row: Row = {
            **common,
            "kind": "line",
            "line": line_id,
            "contract": contract_id,
            "currency": contract.terms.currency,
            "hours": hours(done.hours + extra.hours),
            "billable_hours": hours(had.hours),
            "cost": money(done.labor + done.expenses + extra.labor + extra.expenses),
            "expenses": money(done.expenses + extra.expenses),
            "revenue": money(0 if is_deposit else had.recognised),
            "billed": money(of_deposits[line_id] if is_deposit else had.invoiced),
            "over_cap": money(over_cap),
            "deposit": money(done.deposit if is_deposit else 0),
            "unbilled_ended": money(done.ended),
            "conceded": money(done.conceded),
            "given_back": money(0 if is_deposit else done.given_back),
            "reimbursed": money(0 if isinstance(plans[contract_id, line_id].terms, Expenses) else done.reimbursed),
        }
        if is_first:
            row |= {
                "tax": money(tax),
                "paid": money(paid),
                "written_off": money(given_up),
                "retention": money(retention),
            }
        refund = parts.get(("refund", f"{contract_id}/{line_id}"))
        if isinstance(refund, RefundLiability):
            row["rebates_given"] = money(refund.given)
        if done.units:
            row["units"] = str(Decimal(done.units) / QUANTITY_ONE)
        reports = parts.get(("reports", f"{contract_id}/{line_id}"))
        # A report of days after the termination counts for nothing.
        ends = contract.terminated_on or date.max
        said = [percent for _, day, percent in reports.said if day < ends] if isinstance(reports, Reports) else []
        if said:
            row["percent"] = str(Decimal(said[-1]) / 1_000_000)
        if is_foreign:
            revenue, unbilled = split[line_id]
            row |= {"ledger_revenue": money(revenue), "ledger_unbilled": money(unbilled)}
            if is_first:
                row |= {
                    "ledger_tax": money(-on(OUTPUT_TAX, place=1)),
                    "ledger_paid": money(-others - sum(part.open[1] for part in open_invoices)),
                    "ledger_written_off": money(on(BAD_DEBT, place=1)),
                    "ledger_retention": money(on(RETENTION_RECEIVABLE, place=1)),
                }
            if is_deposit:
                row["ledger_deposit"] = money(done.deposit_ledger)
        yield row
        place_of = {**common, "line": line_id, "contract": contract_id}
        of_entries = list(_entries(entries, contract, line_id, done, over_cap, as_of))
        listed = {str(one["entry"]) for one in of_entries}
        if of_entries:
            by_entry.add(line_id)
        yield from ({**place_of, "kind": "entry", **one} for one in of_entries)
        costs = [(one, figures, True) for one, figures in done.costs.items() if one != done.ledger_currency]
        costs += [(one, figures, False) for one, figures in extra.costs.items()]
        for currency, (labor, labor_ledger, spent, spent_ledger, worked_hours), is_billable in sorted(costs):
            yield {
                **place_of,
                "kind": "cost",
                "currency": currency,
                "cost": money(labor + spent),
                "ledger_cost": money(labor_ledger + spent_ledger),
                "expenses": money(spent),
                "ledger_expenses": money(spent_ledger),
                **({} if is_billable else {"hours": hours(worked_hours), "billable": "false"}),
            }
        if is_foreign:
            of_lines = [worked[contract_id, each].unbilled_ledger for each in line_ids if (contract_id, each) in worked]
            stands = dict(done.unbilled_ledger)
            for (account, entry_id), amount in done.entries_ledger.items() if listed else ():
                if entry_id in listed:
                    stands[account, entry_id] = amount
                    stands[account, ""] = stands.get((account, ""), 0) - amount
            for account in {account for account, part in stands if part == "ended"} if listed else ():
                stands[account, ""] = stands.get((account, ""), 0) + stands.pop((account, "ended"))
            for account in (*CONTRACT_POSITION, *REVENUE, CURRENCY_ROUNDING) if is_first else ():
                of_rows = sum(amount for each in of_lines for (name, _), amount in each.items() if name == account)
                stands[account, ""] = stands.get((account, ""), 0) + on(account, place=1) - of_rows
                if account == CONTRACT_LIABILITY:
                    stands[account, ""] += on_liability
            for (account, of_part), amount in stands.items():
                if amount or (is_first and not of_part):
                    amounts = {"account": account, "part": of_part, "ledger_amount": money(amount)}
                    yield {**place_of, "kind": "account", **amounts}
        yield from _parts_of_line(
            parts, entries, contract, line_id, had, {**common, "line": line_id, "contract": contract_id}
        )
    if len(contract.terms.bill_to) > 1:
        by_line = {each: of_deposits[each] if each in of_deposits else totals[each].invoiced for each in line_ids}
        until = [one for one in entries if (price := standing_price(one)) is None or price.day <= as_of]
        shared_by = _unbilled_shares(until, contract, by_line, {*deposit_lines, *by_entry})
        yield from _payers(parts, until, contract, common, by_line, deposit_lines, first, sums.to_be_applied, shared_by)
    for part in open_invoices:
        row = {
            **common,
            "kind": "receivable",
            "contract": contract_id,
            "invoice": part.invoice_id,
            "customer": part.bill_to,
            "invoiced_on": part.posted_on,
            "net": money(part.net[0] - part.credited[0]),
            "tax": money(part.tax[0] - part.credited_tax[0]),
            "open": money(part.open[0]),
            "retention": money(_retained_of(parts, part)[0]),
        }
        if is_foreign:
            row["ledger_open"] = money(part.open[1])
            if _retained_of(parts, part)[0]:
                row["ledger_retention"] = money(_retained_of(parts, part)[1])
        yield row
    invoiced = [list(_invoiced(parts, part, sums, line_ids, common)) for part in open_invoices]
    # An invoice with deposits set against it is stated without lines, and so are the others then.
    if all(invoiced):
        yield from (row for rows in invoiced for row in rows)
        yield from _paid_back(parts, open_invoices, contract, sums, line_ids, common)


def _entries(
    entries: Sequence[Entry], contract: Contract, line_id: str, done: LineSums, over_cap: Amount, as_of: date
) -> Iterator[Row]:
    """Of work that is not billed each entry, where none is billed in part, as the next statement would list them; those over caps where all
    that is over them, of a cap by month in the month that runs, is of entries."""
    contract_id, own = contract.contract_id, line_named(contract.terms, line_id)
    takes_expenses = own is not None and isinstance(own.terms, Expenses)
    waiting = {entry.entry_id: _over_of(entry, contract_id, line_id) for entry in entries}
    if sum(waiting.values()) != over_cap:
        runs = {one.entry_id for one in entries if (price := standing_price(one)) and price.day >= as_of.replace(day=1)}
        waiting = {entry_id: over for entry_id, over in waiting.items() if entry_id in runs}
    if sum(waiting.values()) != over_cap:
        waiting = {}
    found: list[tuple[tuple[Any, ...], Row]] = []
    for entry in entries:
        amount, price = outstanding(entry, contract_id, line_id), standing_price(entry)
        issued = issued_on(entry, contract_id, line_id)
        amount += issued.amount - issued.invoiced if issued is not None else 0
        over = waiting.get(entry.entry_id, 0)
        if not (amount or over) or price is None or entry.standing is None:
            continue
        work = entry.standing
        is_expense = work.charge is not None and work.charge.kind == "expense" and takes_expenses
        is_other = work.charge is not None and not is_expense
        if is_other or amount < 0 or done.given_back or (issued and issued.invoiced):
            return
        row: Row = {"entry": work.subject_id, "worked_on": price.day, "amount": money(amount)}
        if is_expense and work.charge is not None:
            row["category"] = work.charge.category
        else:
            row["hours"] = hours(price.billable_hours)
            row |= {"person": work.person_id, "task": work.subject.task, "role": price.role}
            row |= {"rate": hours(price.rate), "markup": hours(price.markup)}
        if over:
            row |= {"over_cap": money(over), "over_cap_hours": hours(price.hours - price.billable_hours)}
        found.append((_listed_at(entry, price, contract), row))
    yield from (row for _, row in sorted(found, key=lambda one: one[0]))


def _over_of(entry: Entry, contract_id: str, line_id: str) -> Amount:
    price = standing_price(entry)
    is_here = price is not None and (price.contract_id, price.line_id) == (contract_id, line_id)
    return price.over if price is not None and is_here and not price.final else 0


def _listed_at(entry: Entry, price: Price, contract: Contract) -> tuple[Any, ...]:
    """Where a statement lists the entry on its line."""
    work = entry.standing
    assert work is not None, "it is priced"
    return (
        price.billable < price.chargeable,
        price.day < (contract.period_start or contract.terms.starts_on),
        work.person_id,
        work.subject.task or "",
        price.role or "",
        price.rate,
        price.markup,
        price.day,
        price.approved_at,
        entry.entry_id,
    )


def _invoiced(
    parts: Mapping[tuple[str, str], Any], invoice: Receivable, sums: Balances, line_ids: Sequence[str], common: Row
) -> Iterator[Row]:
    """What is left of an open invoice by line, of work and expenses by entry in the invoice's order, with the ledger's revenue; nothing
    where deposits are on it."""
    credits_of: InvoiceCredits = parts.get(("credits", invoice.invoice_id)) or InvoiceCredits()
    ledger = Counter({(parts_of(row)[-1], parts_of(row)[0]): carried for row, carried in credits_of.relieved.items()})
    own: dict[tuple[str, str], tuple[Amount, int]] = {}
    for one in sums.of_statement.get(invoice.statement_id, ()):
        if one.line_id in line_ids:
            own[one.line_id, one.entry_id] = one.amount, one.hours
    for row, (amount, worked, carried) in credits_of.taken.items():
        place = parts_of(row)[-1], parts_of(row)[0]
        own[place] = own[place][0] - amount, own[place][1] - worked
        ledger[place] -= carried
    if (
        sum(amount for amount, _ in own.values())
        != invoice.net[0] - invoice.credited[0] + _retained_of(parts, invoice)[0]
    ):
        return
    charged = {line_id for line_id, row in own if named(row)[0] not in (TIME_ENTRY, EXPENSE)}
    for line_id in line_ids:
        rows = [
            (row, *figures, ledger[line_id, row]) for (of, row), figures in own.items() if of == line_id and figures[0]
        ]
        if line_id in charged and rows:
            rows = [("", sum(row[1] for row in rows), 0, sum(row[3] for row in rows))]
        for row, amount, worked, carried in rows:
            of = {
                "contract": invoice.contract_id,
                "line": line_id,
                "invoice": invoice.invoice_id,
                "amount": money(amount),
            }
            made: Row = {**common, "kind": "invoiced", **of, "entry": named(row)[1], "hours": hours(worked)}
            if invoice.currency != invoice.ledger_currency:
                made["ledger_revenue"] = money(carried)
            yield made


def _paid_back(
    parts: Mapping[tuple[str, str], Any],
    open_invoices: Sequence[Receivable],
    contract: Contract,
    sums: Balances,
    line_ids: Sequence[str],
    common: Row,
) -> Iterator[Row]:
    """What paid invoices gave back of time and expenses that open ones bill; of several bill-tos nobody states it."""
    of_open = {one.statement_id for one in open_invoices}
    listed = [one for name in of_open for one in sums.of_statement.get(name, ())]
    charged = {one.line_id for one in listed if named(one.entry_id)[0] not in (TIME_ENTRY, EXPENSE)}
    billed = {(one.line_id, one.entry_id) for one in listed if one.amount > 0 and one.line_id not in charged}
    for (kind, _), part in parts.items():
        if kind != "receivable" or part.contract_id != contract.contract_id or len(contract.terms.bill_to) > 1:
            continue
        for one in sums.of_statement.get(part.statement_id, ()) if part.statement_id not in of_open else ():
            if one.amount < 0 and one.line_id in line_ids and (one.line_id, one.entry_id) in billed:
                of = {"contract": part.contract_id, "line": one.line_id, "invoice": part.invoice_id}
                amounts = {"amount": money(one.amount), "entry": named(one.entry_id)[1], "hours": hours(one.hours)}
                yield {**common, "kind": "invoiced", **of, **amounts}


def _retained_of(parts: Mapping[tuple[str, str], Any], invoice: Receivable) -> tuple[Amount, Amount]:
    """Also in ledger currency."""
    kept: RetentionAccount | None = parts.get(("retention", f"{invoice.contract_id}/{invoice.bill_to}"))
    held = kept.withheld if kept is not None else ()
    own = [one for one in held if one.statement_id == invoice.statement_id]
    return sum(one.posted for one in own), sum(one.posted_ledger for one in own)


def _payers(
    parts: Mapping[tuple[str, str], Any],
    entries: Sequence[Entry],
    contract: Contract,
    common: Row,
    billed: Mapping[str, Amount],
    deposits: Collection[str],
    first: str,
    to_be_applied: Mapping[tuple[str, str], Amount],
    unbilled: Mapping[str, Counter[str]],
) -> Iterator[Row]:
    """What each bill-to has of what lines were billed; tax, cash and what is retained stand with the first line, as the line's own do."""
    contract_id, project_id = contract.contract_id, common["project"]
    of_payer = {
        party.customer_id: [
            part
            for (kind, _), part in parts.items()
            if kind == "receivable"
            and isinstance(part, Receivable)
            and (part.contract_id, part.bill_to, part.project_id) == (contract_id, party.customer_id, project_id)
        ]
        for party in contract.terms.bill_to
    }
    owed: Counter[str] = Counter()
    rows: list[Row] = []
    for line_id, whole in billed.items():
        own = {name: _billed_to(entries, contract_id, line_id, name) for name in of_payer}
        figures = {
            name: invoiced + (applied - to_be_applied.get((contract_id, name), 0) if line_id in deposits else 0)
            for name, (invoiced, applied) in own.items()
        }
        # What was conceded of the price was conceded to whom the memo went.
        conceded = max(of_payer, key=lambda name: sum(one.credited[0] for one in of_payer[name]))
        figures[conceded] += whole - sum(figures.values())
        for name, amount in figures.items():
            left = own[name][0] if line_id in deposits else 0
            owed[name] += left if line_id in deposits else amount
            row: Row = {**common, "kind": "payer", "line": line_id, "contract": contract_id, "customer": name}
            if line_id in unbilled:
                row["unbilled"] = money(unbilled[line_id].get(name, 0))
            rows.append({**row, "billed": money(amount), "deposit": money(left)})
    for row in rows:
        if row["line"] == first:
            row.update(_settled(parts, of_payer, contract_id, str(project_id), str(row["customer"]), owed))
        yield row


def _settled(
    parts: Mapping[tuple[str, str], Any],
    of_payer: Mapping[str, Sequence[Receivable]],
    contract_id: str,
    project_id: str,
    name: str,
    owed: Mapping[str, Amount],
) -> Row:
    """What is not open of what a bill-to owes was paid or given up: of an invoice over several projects, too."""
    receivables = of_payer[name]
    kept: RetentionAccount | None = parts.get(("retention", f"{contract_id}/{name}"))
    retained = sum(one.posted for one in kept.withheld if one.project_id == project_id) if kept is not None else 0
    tax = sum(one.tax[0] - one.credited_tax[0] for one in receivables)
    given_up = sum(one.written_off[0] for one in receivables)
    paid = owed[name] + tax - retained - given_up - sum(one.open[0] for one in receivables)
    return {"paid": money(paid), "tax": money(tax), "retention": money(retained), "written_off": money(given_up)}


def _unbilled_shares(
    entries: Sequence[Entry], contract: Contract, line_ids: Iterable[str], not_stated: Collection[str]
) -> dict[str, Counter[str]]:
    """By line and bill-to what is not invoiced; where each entry is stated with its person, a statement shares it with later work."""
    return {each: _unbilled_of(entries, contract, each) for each in line_ids if each not in not_stated}


def _unbilled_of(entries: Sequence[Entry], contract: Contract, line_id: str) -> Counter[str]:
    """By bill-to what is not invoiced, as its next statement would have it: what is new line by line, what was shared before as it was."""
    parties, currency = parties_of(contract.terms), contract.terms.currency
    new: Counter[tuple[object, ...]] = Counter()
    found: Counter[str] = Counter()
    for entry in entries:
        amount, price = outstanding(entry, contract.contract_id, line_id), standing_price(entry)
        issued = issued_on(entry, contract.contract_id, line_id)
        if issued is not None and issued.payers:
            falls = falling(issued.payers, issued.amount + amount, parties, currency) if amount else ()
            for part, each in zip(issued.payers, falls or [part.issued for part in issued.payers], strict=True):
                found[part.customer_id] += each - part.invoiced
        elif amount and price is not None and entry.standing is not None:
            work = entry.standing
            new[
                price.billable < price.chargeable,
                price.day < (contract.period_start or contract.terms.starts_on),
                work.person_id,
                work.subject.task or "",
                price.role or "",
                price.rate,
                price.markup,
                entry.entry_id if price.unit != "hour" else "",
            ] += amount
    for amount in new.values():
        for party, each in zip(parties, shared(amount, parties, currency), strict=True):
            found[party.customer_id] += each
    return found


def _billed_to(entries: Sequence[Entry], contract_id: str, line_id: str, customer_id: str) -> tuple[Amount, Amount]:
    """What is invoiced to a payer of a line and not set against other invoices, and what statements set against others of them."""
    own = [
        part
        for entry in entries
        for issued in entry.issued
        if (issued.contract_id, issued.line_id) == (contract_id, line_id)
        for part in issued.payers
        if part.customer_id == customer_id
    ]
    return sum(part.invoiced for part in own), sum(part.applied for part in own)


def _over_cap(
    parts: Mapping[tuple[str, str], Any],
    contract_id: str,
    line_id: str,
    had: LineTotals,
    as_of: date,
    *,
    is_earned: bool,
) -> Amount:
    """Of a cap a month what waits for room in the month that runs, as no other gets any; all where it is earned."""
    own = {
        parts_of(part_id)[3]: part.refused_amount
        for (kind, part_id), part in parts.items()
        if kind == "bucket"
        and parts_of(part_id)[:3] == (contract_id, "", f"line:{line_id}")
        and len(parts_of(part_id)) > 3
    }
    months = {period: amount for period, amount in own.items() if len(period) == len("2026-03")}
    if is_earned:
        return had.over
    return months.get(as_of.isoformat()[:7], 0) if months else had.over


def _earns_over(contract: Contract, line_id: str) -> bool:
    rules = cap_rules(versions(contract), line_id)
    return any(limit.hard and not limit.limits_revenue for rule in rules for limit in rule.limits)


def _is_foreign(sums: Balances, contract_id: str) -> bool:
    return any(amount != ledger for (of, _, _), (amount, ledger) in sums.by_contract.items() if of == contract_id)


def _split_ledger(
    totals: Mapping[str, LineTotals], deposits: Sequence[str], revenue: Amount, unbilled: Amount, first: str
) -> dict[str, tuple[Amount, Amount]]:
    """By what each line has in contract currency; the first takes the rest."""
    earned = {each: 0 if each in deposits else one.recognised for each, one in totals.items()}
    left = {each: 0 if each in deposits else one.recognised - one.invoiced for each, one in totals.items()}
    whole, rest = sum(earned.values()), sum(left.values())
    found = {
        each: (
            revenue * earned[each] // whole // 100 * 100 if whole else 0,
            unbilled * left[each] // rest // 100 * 100 if rest else 0,
        )
        for each in totals
    }
    others = [found[each] for each in totals if each != first]
    found[first] = revenue - sum(one for one, _ in others), unbilled - sum(one for _, one in others)
    return found


def _parts_of_line(
    parts: Mapping[tuple[str, str], Any],
    entries: Sequence[Entry],
    contract: Contract,
    line_id: str,
    had: LineTotals,
    common: Row,
) -> Iterator[Row]:
    contract_id = contract.contract_id
    line = next(each for each in contract.terms.lines if each.line_id == line_id)
    if INCLUDED_HOURS in had.drawn:
        used = hours(had.drawn[INCLUDED_HOURS][0])
        yield {**common, "kind": "cap", "cap": included_id(line_id), "cap_hours": used}
    for (kind, part_id), part in parts.items():
        if (
            kind == "milestone"
            and isinstance(part, Acceptance)
            and part.line_id == line_id
            and part.accepted_on is not None
        ):
            yield {**common, "kind": "milestone", "milestone": part_id, "accepted_on": part.accepted_on}
        if kind == "bucket" and isinstance(part, CapBucket):
            of, allotment, cap_id, period, *_ = (*parts_of(part_id), "")
            shared = next((cap for cap in contract.terms.shared_caps or () if f"shared:{cap.cap_id}" == cap_id), None)
            is_of_line = line_id in shared.lines if shared is not None else _is_own(cap_id, line_id)
            if of != contract_id or allotment == FOR_REVENUE or not is_of_line:
                continue
            month = f"{period}-01" if len(period) == len("2026-03") else None
            if month is not None and period != str(common["as_of"])[:7]:
                continue
            amount, of_hours = part.bucket.amount, part.bucket.hours
            if shared is not None or allotment or not cap_id.startswith(("line:", "limit:")):
                amount, of_hours = _taken(entries, contract, line_id, cap_id, period)
            yield {
                **common,
                "kind": "cap",
                "cap": cap_id.removeprefix("shared:"),
                "amount": money(amount),
                "cap_hours": hours(of_hours),
                **({"month": month} if month else {}),
            }
    for budget in line.budgets if by_budgets(line) else ():
        closed = (parts.get(("fees", f"{contract_id}/{line_id}")) or LineFees()).closed
        spent = closed[-1].cost.get(budget.category, 0) if closed else 0
        yield {**common, "kind": "spent", "category": budget.category, "spent": money(spent)}
    if isinstance(line.terms, Retainer):
        for name, left, expired in _periods_of(parts, contract, line, had, date.fromisoformat(str(common["as_of"]))):
            yield {**common, "kind": "retainer", "starts_on": name, "left": left, "expired": expired}


def _taken(entries: Sequence[Entry], contract: Contract, line_id: str, cap_id: str, month: str) -> tuple[Amount, Hours]:
    """What of the line's work a cap has taken: of one that limits billing alone what may be billed, else what is earned."""
    rules = {
        content: cap_rules(versions(contract), line_id, content) for content in (COUNTED_TIME, f"{EXPENSE}/travel")
    }
    amount, hours = 0, 0
    for price in (price for entry in entries if (price := standing_price(entry)) is not None):
        own = [rule for rule in rules.get(price.content, ()) if rule.cap_id == cap_id]
        if (price.contract_id, price.line_id) != (contract.contract_id, line_id) or not own:
            continue
        if month and f"{price.day:%Y-%m}" != month:
            continue
        for_revenue = limit_on(own[0], price.day).limits_revenue
        taken = (price.allowed, price.allowed_hours) if for_revenue else (price.billable, price.billable_hours)
        amount, hours = amount + taken[0] - price.returned, hours + taken[1] - price.returned_hours
    return amount, hours


def _periods_of(
    parts: Mapping[tuple[str, str], Any], contract: Contract, line: ContractLine, had: LineTotals, as_of: date
) -> Iterator[tuple[str, str, str]]:
    """By first day of a period: what it bought and nobody has drawn, of what goes over when it ended, and what expired."""
    terms = line.terms
    assert isinstance(terms, Retainer), "the line is one"
    fees: LineFees = parts.get(("fees", f"{contract.contract_id}/{line.line_id}")) or LineFees()
    limits = {name: limit for ended in fees.ended for name, limit in ended.limits.items()}
    goes_by = held(versions(contract), line.line_id)
    begins = [date.min, *(since for _, since in goes_by[1:]), date.max]
    agreed = [
        TermsInForce(own, of, contract.terms.ends_on, DEFAULTS, begins[place], begins[place + 1], of.starts_on, False)
        for place, of in enumerate(version.terms for version, _ in goes_by)
        if (own := line_named(of, line.line_id)) is not None
    ]
    for lot in lots(LineHistory(held=agreed), as_of):
        drawn = had.drawn.get(lot.name, (0, 0))[0]
        limit = min(lot.quantity, limits.get(lot.name, lot.quantity))
        scale = AMOUNT_ONE if terms.unit == "money" else HOURS_ONE
        left, expired = (str(Decimal(each) / scale) for each in (max(limit - drawn, 0), lot.quantity - limit))
        yield lot.period.start.isoformat(), left, expired


def _is_own(cap_id: str, line_id: str) -> bool:
    """A purchase order is of all lines."""
    return not cap_id.startswith(("line:", "limit:")) or cap_id.split(":")[1] == line_id


def money(amount: Amount) -> str:
    return str(Decimal(amount) / AMOUNT_ONE)


def hours(quantity: int) -> str:
    return str(Decimal(quantity) / HOURS_ONE)


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


# The firm that moves in


def opening(early: Iterable[Event], as_of: date) -> list[Event]:
    """Contracts, projects, people, rates and plans, all recorded as the day begins; assignments of its last hours when they were."""
    begins = universal_midnight(as_of)
    found: list[Event] = []
    for event in early:
        if isinstance(event, SAID_AGAIN) or TOPICS[type(event).__name__] in REFERENCE_TOPICS:
            again: Any = event
            at = max(begins, recording_time(event)) if isinstance(event, ResourceAssigned) else begins
            found.append(again._replace(recorded_at=at))
    return found


def load(folder: Path, said: Sequence[Event], rows: Sequence[Row]) -> tuple[ImportedBalances, list[Event]]:
    """Through the import, from CSV; the folder has the contracts."""
    source = folder / "input"
    source.mkdir()
    (source / "firm.jsonl").write_bytes(b"".join(json_line(event) for event in said))
    mapped = read_table_mapping(READY, ('cap.hours={column="cap_hours",optional=true}',), WHOLE_MAPPING)
    loaded = import_balances(
        [write_csv(folder / "balances.csv", rows)], mapped, READY.name, ImportTarget(source, "balances", "moved")
    )
    found = (
        [event_from_json_line(line) for line in loaded.events_path.read_bytes().splitlines()] if loaded.projects else []
    )
    return loaded, found


# How they compare

Key = tuple[object, ...]
Sums = dict[Key, tuple[Amount, Amount]]


def by_account(outputs: Iterable[Output], *, by_day: bool = False) -> Sums:
    """By company, account, currency and project, and accounting date where asked for; amount and ledger amount.

    Cost is in ledger currency, whatever was spent, and input tax with what is owed: balances have both so.
    """
    sums: dict[tuple[object, ...], list[Amount]] = defaultdict(lambda: [0, 0])
    for record in outputs:
        if isinstance(record, JournalEntry):
            for leg in record.lines:
                is_cost = leg.account in COSTS and not by_day
                account = EXPENSE_CLEARING if leg.account == INPUT_TAX and not by_day else leg.account
                of = record.contract_id if account in OF_CONTRACT else leg.project_id
                key = (
                    record.legal_entity_id,
                    account,
                    record.ledger_currency if is_cost else record.currency,
                    of or "",
                )
                had = sums[(*key, record.accounting_date) if by_day else key]
                had[0] += leg.ledger_amount if is_cost else leg.amount
                had[1] += leg.ledger_amount
    return {key: (amount, ledger) for key, (amount, ledger) in sums.items() if amount or ledger}


def apart(old: Mapping[Key, object], new: Mapping[Key, object]) -> dict[Key, tuple[object, object]]:
    """What is not the same on both sides."""
    return {key: (old.get(key), new.get(key)) for key in sorted({*old, *new}, key=str) if old.get(key) != new.get(key)}
