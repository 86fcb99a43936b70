"""A project's balances now: published at the end of a day on which they changed, and after a run of log records.

Hours and cost are those of the work in the project, balances of contracts those of its contract lines, whichever project the work is of.
A receivable counts in the project in which its invoice's journal has 1100. An entry's exceptions are listed with their
ids as far as they are among the first 100 entries that wait in the engagement; a category beyond them stands once,
under an id of its own, without entries. The list has the 200 gravest, with a count of all beside it: what has no end
must not fit into one record.
"""

from msgspec.structs import replace

from domain.accounts import CUSTOMER_DEPOSIT
from domain.caps.purchase_order import over_category
from domain.exceptions import CATALOGUE, owner_of
from domain.identity import composed, derived_id, parts_of
from domain.outputs import CurrencyAmount, ProjectView, ViewBalance, ViewBurn, ViewException, ViewForecast, ViewPosting
from domain.units import Amount
from state.billing import funding
from state.billing.held import rows_held
from state.billing.orders import orders_of
from state.billing.payers import held_of
from state.books import (
    AtStake,
    CapState,
    Contract,
    Entry,
    Forecast,
    Hold,
    LineTotals,
    OpenException,
    Project,
    StatementState,
)
from state.charges.retainers_left import retainers_of
from state.draft import AMOUNT_MAX, Draft
from state.forecast.outlook import every_line, known, lines_of, project_contracts, project_entity_id
from state.handlers import retention
from state.receivables.receivables import receivables_of
from state.receivables.unapplied import unapplied_of
from state.revenue.refunds import owed_in
from state.terms.plan import bill_tos
from state.totals import in_project, outstanding
from state.work.placing import taken_projects

PARKED_SHOWN = 100
EXCEPTIONS_SHOWN = 200
SEVERITIES = ("error", "warning", "info")


def flush(draft: Draft, project_id: str) -> None:
    """Tell the project's view, and that it is published."""
    forecast, _ = known(draft, project_id)
    forecast = replace(forecast, view_version=forecast.view_version + 1)
    draft.put("forecast", project_id, forecast)
    draft.emit(project_view(draft, project_id))
    draft.put_project(replace(draft.project(project_id), changed=False))


def project_view(draft: Draft, project_id: str) -> ProjectView:
    project = draft.project(project_id)
    forecast, _ = known(draft, project_id)
    contracts = project_contracts(draft, project_id)
    # Those that are not in force too, since what they wait for keeps the project's work waiting.
    named = set(taken_projects(draft).get(project_id, ()))
    statements, exceptions = _open_things(draft, project_id, named)
    return ProjectView(
        project_id=project_id,
        engagement_id=draft.engagement_id,
        view_version=forecast.view_version,
        burn=_burn(project),
        legal_entity_id=project_entity_id(draft, project),
        name=project.activated.name if project.activated is not None else None,
        balances=_balances(draft, project_id, contracts),
        open_statements=statements,
        forecast=_forecast(forecast),
        open_exceptions=_gravest((*_waiting(draft, project), *exceptions)),
        open_exception_count=sum(project.waiting.values()) + len(exceptions),
        unapplied=unapplied_of(draft, contracts),
        postings=_postings(project),
        retainers=retainers_of(draft, lines_of(draft, project_id)),
    )


def _gravest(exceptions: tuple[ViewException, ...]) -> tuple[ViewException, ...]:
    """Otherwise in the order in which they were found."""
    if len(exceptions) <= EXCEPTIONS_SHOWN:
        return exceptions
    by_weight = sorted(exceptions, key=lambda one: SEVERITIES.index(CATALOGUE[one.category].severity))
    return tuple(by_weight[:EXCEPTIONS_SHOWN])


def _burn(project: Project) -> ViewBurn:
    costs: dict[str, Amount] = {}
    for key, (_, cost, _) in project.months.items():
        if cost:
            currency = key[8:]
            costs[currency] = costs.get(currency, 0) + cost
    burn = project.burn
    return ViewBurn(
        burn.hours,
        burn.billable_hours,
        tuple(CurrencyAmount(currency, costs[currency]) for currency in sorted(costs)),
        tuple(CurrencyAmount(currency, burn.memo[currency]) for currency in sorted(burn.memo)),
    )


def _postings(project: Project) -> tuple[ViewPosting, ...]:
    found = []
    for key in sorted(project.standings):
        standing, currency = key.split("|")
        found.append(ViewPosting(standing, currency, *project.standings[key]))
    return tuple(found)


def _forecast(forecast: Forecast) -> ViewForecast | None:
    told = forecast.told
    if told is None:
        return None
    return ViewForecast(told.sequence, told.eac_cost, told.eac_revenue, told.margin, told.percent_complete)


# Balances


def _balances(draft: Draft, project_id: str, contracts: tuple[Contract, ...]) -> tuple[ViewBalance, ...]:
    holds = [hold for hold_id in draft.ids("hold") if not (hold := draft.part("hold", hold_id)).released]
    lines: dict[str, list[str]] = {}
    for contract_id, line_id, _ in lines_of(draft, project_id):
        lines.setdefault(contract_id, []).append(line_id)
    found = []
    for contract in contracts:
        of_project = [
            (line_id, in_project(draft.line(contract.contract_id, line_id), project_id))
            for line_id in lines.get(contract.contract_id, ())
        ]
        found.append(_balance(draft, project_id, contract, of_project, holds))
    return tuple(found)


def _balance(
    draft: Draft, project_id: str, contract: Contract, of_project: list[tuple[str, LineTotals]], holds: list[Hold]
) -> ViewBalance:
    """`of_project` are the contract's lines of the project, with their sums there."""
    accrued = over = issued = invoiced = recognised = deposits = written_off = 0
    for _, totals in of_project:
        accrued += totals.billable - totals.issued
        over += totals.over
        written_off += totals.written_off
        issued += totals.issued
        invoiced += totals.invoiced
        recognised += totals.recognised
        deposits += totals.accounts.get(CUSTOMER_DEPOSIT, (0, 0, 0))[2]
    owed = receivables_of(draft, project_id, contract.contract_id)
    return ViewBalance(
        contract_id=contract.contract_id,
        currency=contract.terms.currency,
        accrued=accrued,
        held=_all_that_is_held(draft, project_id, contract, of_project, holds) if holds else 0,
        over_cap=over,
        unbilled=recognised - (invoiced - deposits),
        billed=issued,
        invoiced=invoiced,
        written_off=written_off,
        paid=sum([one.paid[0] for one in owed]),
        recognised=recognised,
        contract_position=recognised - invoiced,
        receivable=sum([one.open[0] for one in owed]),
        bad_debt=sum([one.written_off[0] for one in owed]),
        retention=retention.balance(draft, contract.contract_id, project_id),
        owed_back=owed_in(draft, contract.contract_id, project_id),
        sources=funding.sources_of(draft, contract),
        orders=orders_of(draft, contract),
    )


def _all_that_is_held(
    draft: Draft, project_id: str, contract: Contract, of_project: list[tuple[str, LineTotals]], holds: list[Hold]
) -> Amount:
    """What of the accrued holds keep from being billed."""
    held = 0
    entries = [row for hold in holds if hold.scope == "entry" for row in rows_held(draft, hold.scope_id)]
    debtors = frozenset(hold.scope_id for hold in holds if hold.scope == "bill_to") & bill_tos(contract)
    other_projects = frozenset(hold.scope_id for hold in holds if hold.scope == "project")
    for line_id, totals in of_project:
        if _all_held(holds, project_id, contract, line_id):
            held += totals.billable - totals.issued
        elif debtors or other_projects:
            for entry in draft.due_on(contract.contract_id, line_id, "", "9999"):
                if draft.billed_in(entry, contract.contract_id, line_id) != project_id:
                    continue
                if entry.entry_id in entries or _worked_in(entry) in other_projects:
                    held += outstanding(entry, contract.contract_id, line_id)
                elif debtors:
                    held += held_of(draft, contract, entry, line_id, debtors)
        else:
            held += sum(_held(draft, entry_id, contract, line_id, project_id) for entry_id in entries)
    return held


def _all_held(holds: list[Hold], project_id: str, contract: Contract, line_id: str) -> bool:
    names = {
        ("contract", contract.contract_id),
        ("line", line_id),
        ("project", project_id),
    }
    if len(debtors := bill_tos(contract)) == 1:
        names |= {("bill_to", debtor) for debtor in debtors}
    return any((hold.scope, hold.scope_id) in names for hold in holds)


def _held(draft: Draft, entry_id: str, contract: Contract, line_id: str, project_id: str) -> Amount:
    entry = draft.entry(entry_id)
    due = outstanding(entry, contract.contract_id, line_id) if entry is not None else 0
    if entry is None or not due or draft.billed_in(entry, contract.contract_id, line_id) != project_id:
        return 0
    return due


def _worked_in(entry: Entry) -> str | None:
    return entry.standing.project_id if entry.standing is not None else None


# What is open


def _open_things(
    draft: Draft, project_id: str, contract_ids: set[str]
) -> tuple[tuple[str, ...], tuple[ViewException, ...]]:
    """Statements without invoice and exceptions that are not an entry's, in one pass over the engagement's parts."""
    statements = []
    exceptions = []
    caps = set()
    if "cap" in draft.before.ids or "cap" in draft.kinds:
        plans = every_line(draft, project_id)
        caps = {composed(plan.contract_id, rule.cap_id) for plan in plans for rule in plan.every_rule}
    for key in [(kind, part_id) for kind in ("cap", "exception", "statement") for part_id in draft.ids(kind)]:
        part = draft.part(*key)
        match part:
            case StatementState() if part.contract_id in contract_ids and part.invoice_id is None:
                statements.append(part.statement_id)
            case OpenException() if part.project_id == project_id or (
                part.project_id is None and part.contract_id in contract_ids
            ):
                exceptions.append(_noted(part))
            case CapState(exception_id=str(exception_id), waived=False) if key[1] in caps:
                contract = draft.contract(parts_of(key[1])[0])
                category = over_category(parts_of(key[1])[1])
                exceptions.append(
                    _over(exception_id, category, part, contract.terms.currency if contract is not None else None)
                )
            case _:
                pass
    return tuple(statements), tuple(exceptions)


def _noted(noted: OpenException) -> ViewException:
    made = _exception(noted.exception_id, noted.category, noted.at_stake, noted.entries, noted.assignee, noted.count)
    return made._replace(owner_role=owner_of(noted.category, noted.subject_kind))


def _over(exception_id: str, category: str, state: CapState, currency: str | None) -> ViewException:
    at_stake = AtStake(state.over_amount, currency)
    return _exception(exception_id, category, at_stake, (), state.assignee, state.over_entries)


def _exception(
    exception_id: str,
    category: str,
    at_stake: AtStake,
    entries: tuple[str, ...],
    assignee: str | None = None,
    count: int = 1,
) -> ViewException:
    known = abs(at_stake.amount) <= AMOUNT_MAX
    return ViewException(
        exception_id,
        category,
        CATALOGUE[category].owner_role,
        at_stake.amount if known else 0,
        entries,
        at_stake.currency,
        assignee,
        count,
    )


def _waiting(draft: Draft, project: Project) -> tuple[ViewException, ...]:
    if not project.waiting:
        return ()
    found = []
    for entry_id in draft.entries.parked()[:PARKED_SHOWN]:
        entry = draft.entry(entry_id)
        work = entry.work if entry is not None else None
        if work is None or work.project_id != project.project_id:
            continue
        found += [
            _exception(fault.exception_id, fault.category, fault.at_stake, (entry_id,), fault.assignee)
            for fault in work.faults
        ]
    shown = {exception.category for exception in found}
    for category in sorted(set(project.waiting) - shown):
        whole = derived_id(draft.engagement_id, category, "project", project.project_id)
        found.append(_exception(whole, category, AtStake(), (), None, project.waiting[category]))
    return tuple(found)
