"""What an event other than work concerns: some change what figures rest on, many what a view shows, statements are billed and due in
months, and the end of a day moves what is to come."""

from datetime import date

from domain.billing.statement import ISSUED, SUPERSEDED
from domain.months import month_end
from domain.outputs import BillingStatement
from domain.work.rows import ADJUSTMENT, FEE, SCHEDULED_REVENUE, named
from state.billing import reissue
from state.books import Adjustment, Assignments, Contract, Estimate, LineTotals, OpenException, Project, StatementState
from state.draft import Draft
from state.forecast.ahead import deposits_kept_on
from state.forecast.expected import IssuedMonths, add_to_months, billed_on, grace_over_on, statement_months
from state.forecast.outlook import known, last_day, ledger_currency, project_policies, project_terms
from state.forecast.publish import currencies_of, missing_rates
from state.totals import has_bills_left, in_project, standing_price

# Rows that are no work.
OF_TERMS = (FEE, SCHEDULED_REVENUE, ADJUSTMENT)


def rebased_projects(draft: Draft) -> set[str]:
    """Known projects of which the event changed contracts, budget, assignments or estimates."""
    found: set[str] = set()
    for (kind, part_id), after in draft.parts.items():
        before = draft.before.get((kind, part_id))
        match after:
            case Contract() if before is None or not _same_terms(before, after):
                found.update(draft.projects_of(part_id))
            case Project() if not _same_plan(before or Project(part_id), after):
                found.add(part_id)
            case Assignments():
                found.add(part_id)
            case Estimate():
                found.add(after.event.project_id)
            case Adjustment():
                found.update(draft.projects_of(after.event.contract_id))
            case _:
                pass
    return {project_id for project_id in found if draft.part("project", project_id) is not None}


def _same_terms(one: Contract, other: Contract) -> bool:
    ends = one.terminated_on == other.terminated_on and one.invalid == other.invalid
    return ends and one.history is other.history


def _same_plan(one: Project, other: Project) -> bool:
    ends = one.closed_on == other.closed_on
    return ends and one.activated is other.activated


def touched_projects(draft: Draft) -> set[str]:
    """Known projects of which a figure or something open changed."""
    found: set[str] = set()
    for key, after in draft.parts.items():
        part = after if after is not None else draft.before.get(key)
        match part:
            case Project() if part.changed:
                found.add(part.project_id)
            case LineTotals():
                found.update((part.project_id, *part.elsewhere))
            case StatementState():
                found.update(draft.projects_of(part.contract_id))
            case OpenException():
                found.update((part.project_id,) if part.project_id is not None else draft.projects_of(part.contract_id))
            case _:
                pass
    return {project_id for project_id in found if draft.part("project", project_id) is not None}


def charged_projects(draft: Draft) -> set[str]:
    """Projects of which something is charged, or not any more: that moves bills to come, whatever the whole comes to."""
    found: set[str] = set()
    for key, after in draft.parts.items():
        before = draft.before.get(key)
        if isinstance(after, LineTotals) and (before is None or before.billable != after.billable):
            found.update((after.project_id, *after.elsewhere))
    return found


def moved_by(draft: Draft) -> str:
    """Work that a contract or an assignment rates again; what these price for the first time is scope, as is what terms charge or earn by
    themselves."""
    takes_back = any(move.revenue < 0 for move in draft.moves)
    return "rate" if takes_back and any(_is_rated_again(draft, row) for row in draft.rows) else "scope"


def _is_rated_again(draft: Draft, row: str) -> bool:
    before = draft.entries.get(row)
    price = standing_price(before) if before is not None and named(row)[0] not in OF_TERMS else None
    now = standing_price(draft.rows[row])
    return price is not None and price.earns != (now.earns if now is not None else 0)


def turns(draft: Draft, project_id: str, day: date) -> bool:
    """Of a project of which nothing is to come currencies without a fresh rate are no news."""
    forecast, _ = known(draft, project_id)
    if forecast.published is None or turning_day(draft, project_id, day) != day:
        return False
    return forecast.published.has_work_left or not any(
        missing_rates(draft, project_id, _own_currencies(draft, project_id), day)
    )


def turning_day(draft: Draft, project_id: str, since: date) -> date | None:
    """The first day from `since` on whose end moves what is to come: the last of its month, of a billing period or of its days of grace, of
    the project, or of a contract that keeps a deposit then. Where nothing is, but something is to be billed, the last of its month, of a
    billing period or of its days of grace, and of a project that goes on with several currencies the last of its month. None: there is
    none."""
    published, of = known(draft, project_id)[0].published, project_terms(draft, project_id)
    if published is None:
        return None
    months_last, last = month_end(since), last_day(draft, draft.project(project_id))
    days: list[date | None] = [*deposits_kept_on(draft, project_id)] if of.keeps_back else []
    if published.has_work_left or _has_bills_left(draft, project_id):
        days += (months_last, *(billed_on(draft, each, since) for each in of.contracts))
        days += (grace_over_on(draft, each, since) for each in of.contracts)
        days += (last,) if published.has_work_left else ()
    elif (last is None or last >= months_last) and len(_own_currencies(draft, project_id)) > 1:
        days.append(months_last)
    return min((day for day in days if day is not None and day >= since), default=None)


def _has_bills_left(draft: Draft, project_id: str) -> bool:
    """Whether something of it may be billed and is on no issued statement, such as what is on hold or on a draft: its bill moves on."""
    lines = (draft.line(contract_id, line_id) for contract_id, line_id, _ in project_terms(draft, project_id).ever)
    return any(has_bills_left(line, project_id) for line in lines)


def _own_currencies(draft: Draft, project_id: str) -> set[str]:
    """Of all that a forecast says. Where there are several, rates move it, which is looked at when a month ends (RULES section 4)."""
    forecast, _ = known(draft, project_id)
    ledger = ledger_currency(draft, forecast.legal_entity_id) or forecast.currency
    policies = project_policies(draft, project_terms(draft, project_id).lines, forecast.legal_entity_id)
    return {*currencies_of(draft, project_id), ledger, policies.group_currency or ledger}


def take_statements(draft: Draft) -> None:
    """Months that statements of this event are billed and due in; what is counted already is not counted again."""
    for project_id, found in _issued(draft).items():
        forecast, _ = known(draft, project_id)
        lines = (draft.line(contract_id, line_id) for contract_id, line_id, _ in project_terms(draft, project_id).ever)
        issued = sum(in_project(line, project_id).issued for line in lines)
        if issued == sum(forecast.billed.values()) and all(one.amount == one.due for one in found):
            continue
        for one in found:
            add_to_months(draft, project_id, {one.bills: one.amount}, {one.pays: one.due})


def _issued(draft: Draft) -> dict[str, list[IssuedMonths]]:
    found: dict[str, list[IssuedMonths]] = {}
    first = 1
    for output in draft.outputs:
        if not isinstance(output, BillingStatement) or not (output.status == ISSUED or _was_issued(draft, output)):
            continue
        sign = 1 if output.status == ISSUED else -1
        first = 1 if output.part == 1 else first
        for project_id, one in statement_months(draft, output, first).items():
            found.setdefault(project_id, []).append(one._replace(amount=sign * one.amount, due=sign * one.due))
        first += len(output.lines)
    return found


def _was_issued(draft: Draft, statement: BillingStatement) -> bool:
    """Whether it is a revision that a new one of an issued statement supersedes; a draft was not counted."""
    return statement.status == SUPERSEDED and (reissue.ISSUED_STATEMENT, statement.statement_id) in draft.before
