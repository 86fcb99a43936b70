"""The days whose end moves what is to come, though no event of theirs does."""

from datetime import date

from domain.months import month_end
from state.draft import Draft
from state.forecast.ahead import deposits_kept_on
from state.forecast.expected import billed_on
from state.forecast.outlook import known, last_day, ledger_currency, project_policies, project_terms
from state.forecast.rate_waits import currencies_of, missing_rates
from state.totals import has_bills_left


def turns(draft: Draft, project_id: str, day: date) -> bool:
    """Of a project of which nothing is to come currencies without a fresh rate are no news."""
    forecast, _ = known(draft, project_id)
    if forecast.published is None or turning_day(draft, project_id, day) != day:
        return False
    return forecast.published.has_work_left or not any(
        missing_rates(draft, project_id, _own_currencies(draft, project_id), day)
    )


def turning_day(draft: Draft, project_id: str, since: date) -> date | None:
    """The first day from `since` on whose end moves what is to come: the last of its month, of a billing period, of the project, or of a
    contract that keeps a deposit then. Where nothing is, but something is to be billed, the last of its month or of a billing period, and
    of a project that goes on with several currencies the last of its month. None: there is none."""
    published = known(draft, project_id)[0].published
    if published is None:
        return None
    months_last, last = month_end(since), last_day(draft, draft.project(project_id))
    days: list[date | None] = [*deposits_kept_on(draft, project_id)]
    if published.has_work_left or _has_bills_left(draft, project_id):
        days += (months_last, *(billed_on(draft, each, since) for each in project_terms(draft, project_id).contracts))
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
