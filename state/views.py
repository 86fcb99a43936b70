"""A project's balances now: published at the end of a day on which they changed, and after a run of log records.

Hours and cost are those of the work in the project, balances of contracts those of its contract lines, whichever project the work is of.
A receivable counts in the project in which its invoice's journal has 1100. An entry's exceptions are listed with their
ids as far as they are among the first 100 entries that wait in the engagement; a category beyond them stands once,
under an id of its own, without entries. The list has the 200 gravest, with a count of all beside it: what has no end
must not fit into one record.
"""

from msgspec.structs import replace

from domain.caps.purchase_order import over_category
from domain.exceptions import CATALOGUE, owner_of
from domain.identity import composed, derived_id, parts_of
from domain.outputs import ProjectView, ViewBalance, ViewException, ViewForecast, ViewPosting
from domain.tuples import new_tuple
from state.billing import funding, retention
from state.billing.balances import balances_of, burn_of
from state.billing.orders import orders_of
from state.books import AtStake, CapState, Contract, Forecast, OpenException, Project, StatementState
from state.charges.retainers_left import retainers_of
from state.draft import AMOUNT_MAX, Draft
from state.forecast.outlook import known, project_entity_id, project_terms, sums_on
from state.receivables.receivables import receivables_of
from state.receivables.unapplied import unapplied_of
from state.revenue.refunds import owed_in
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
    contracts = project_terms(draft, project_id).contracts
    # Those that are not in force too, since what they wait for keeps the project's work waiting.
    named = set(taken_projects(draft).get(project_id, ()))
    statements, exceptions = _open_things(draft, project_id, named)
    return ProjectView(
        project_id=project_id,
        engagement_id=draft.engagement_id,
        view_version=forecast.view_version,
        burn=burn_of(project),
        legal_entity_id=project_entity_id(draft, project),
        name=project.activated.name if project.activated is not None else None,
        balances=tuple([_balance(draft, project_id, contract) for contract in contracts]),
        open_statements=statements,
        forecast=_forecast(forecast),
        open_exceptions=_gravest((*_waiting(draft, project), *exceptions)),
        open_exception_count=sum(project.waiting.values()) + len(exceptions),
        unapplied=unapplied_of(draft, contracts),
        postings=_postings(project),
        retainers=retainers_of(draft, project_terms(draft, project_id).ever),
    )


def _gravest(exceptions: tuple[ViewException, ...]) -> tuple[ViewException, ...]:
    """Otherwise in the order in which they were found."""
    if len(exceptions) <= EXCEPTIONS_SHOWN:
        return exceptions
    by_weight = sorted(exceptions, key=lambda one: SEVERITIES.index(CATALOGUE[one.category].severity))
    return tuple(by_weight[:EXCEPTIONS_SHOWN])


def _postings(project: Project) -> tuple[ViewPosting, ...]:
    found = []
    for key in sorted(project.standings):
        standing, currency = key.split("|")
        found.append(new_tuple(ViewPosting, (standing, currency, *project.standings[key])))
    return tuple(found)


def _forecast(forecast: Forecast) -> ViewForecast | None:
    published = forecast.published
    if published is None:
        return None
    return ViewForecast(
        published.sequence, published.eac_cost, published.eac_revenue, published.margin, published.percent_complete
    )


# Balances


def _balance(draft: Draft, project_id: str, contract: Contract) -> ViewBalance:
    contract_id = contract.contract_id
    balances = balances_of(draft, project_id, contract, sums_on(draft, project_id, contract_id))
    owed = receivables_of(draft, project_id, contract_id)
    made = (
        contract_id,
        contract.terms.currency,
        balances.accrued,
        balances.held,
        balances.over_cap,
        balances.unbilled,
        balances.billed,
        balances.invoiced,
        balances.written_off,
        sum([one.paid[0] for one in owed]),
        balances.recognised,
        balances.contract_position,
        sum([one.open[0] for one in owed]),
        sum([one.written_off[0] for one in owed]),
        retention.balance(draft, contract_id, project_id),
        owed_in(draft, contract_id, project_id),
        funding.sources_of(draft, contract),
        orders_of(draft, contract),
    )
    return new_tuple(ViewBalance, made)


# What is open


def _open_things(
    draft: Draft, project_id: str, contract_ids: set[str]
) -> tuple[tuple[str, ...], tuple[ViewException, ...]]:
    """Statements without invoice and exceptions that are not an entry's, in one pass over the engagement's parts."""
    statements = []
    exceptions = []
    caps = set()
    if "cap" in draft.before.ids or "cap" in draft.kinds:
        plans = project_terms(draft, project_id).every_line
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
    amount = at_stake.amount if abs(at_stake.amount) <= AMOUNT_MAX else 0
    role = CATALOGUE[category].owner_role
    made = exception_id, category, role, amount, entries, at_stake.currency, assignee, count
    return new_tuple(ViewException, made)


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
