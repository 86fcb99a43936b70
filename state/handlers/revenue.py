"""Revenue over time: one row for each accounting month of the contract's legal entity in which a line earns.

A month is recognised when its last day has ended in the entity's zone, or the last day on which the line earns; where the work is
measured, as far as it is reported, with the report. The rows are brought to what the terms say, as fees are: other terms change the rows of
earlier months, by reversal and a new posting (R49), which land in the next open period where a month is closed (R48).
"""

from datetime import date, timedelta
from functools import partial

from msgspec.structs import replace

from domain.contract import BEGINNING
from domain.identity import composed
from domain.reference.zones import local_date, universal_midnight
from domain.revenue.over_time import Month, by_month, earning, is_measured
from domain.work.rows import SCHEDULED_REVENUE, row_id
from state.books import Charge, Contract, LineFees
from state.charges.terms_known import begins_after, known_of
from state.draft import Draft
from state.handlers.fees import HORIZON, bring, look_again, project_of
from state.ledger.position import is_over_time
from state.rerating.rerate import line_ids
from state.terms.known import period
from state.terms.opening import carried

DAY = timedelta(days=1)


def settle(draft: Draft, contract: Contract, ended: date | None = None) -> None:
    """Everything that the contract's lines have earned by the end of the day before the event's in the entity's zone, or of a later one,
    as of the last day that their balances include."""
    entity = draft.reference.entity(contract.terms.legal_entity_id)
    if not contract.in_force or entity is None or not is_over_time(draft, contract):
        return
    yesterday = max(ended or BEGINNING, local_date(draft.cause.recorded_at, entity.zone) - DAY)
    upcoming: list[date] = []
    for line_id in line_ids(contract):
        part_id = composed(contract.contract_id, line_id)
        known: LineFees = draft.part("fees", part_id) or LineFees()
        day = max(yesterday, begins_after(draft, contract, line_id) or BEGINNING)
        history = known_of(draft, contract, line_id)
        today = day + DAY
        reports = [each for each in history.reported if each.as_of <= today]
        earns = earning(history._replace(reported=reports), day + HORIZON)
        months = list(by_month(earns, partial(period, draft, entity), day + HORIZON))
        recognised = today if is_measured(earns) else day
        upcoming += [month.last for month in months if month.last > recognised][:1]
        upcoming += [each.as_of for each in history.reported if each.as_of > today]
        charges = [
            _charge_of(draft, contract, line_id, month) for month in months if month.last <= recognised and month.amount
        ]
        rows = bring(draft, known.earned, {row_id(SCHEDULED_REVENUE, charge.charge_id): charge for charge in charges})
        if rows != known.earned:
            known = draft.part("fees", part_id) or LineFees()
            draft.put("fees", part_id, replace(known, earned=rows))
    look_again(draft, contract, entity.zone, yesterday, upcoming)


def after_report(draft: Draft) -> None:
    """The work of a line has come further, or less far than was thought."""
    for contract in draft.contracts():
        if contract.in_force:
            settle(draft, contract)


def _charge_of(draft: Draft, contract: Contract, line_id: str, month: Month) -> Charge:
    charge = Charge(
        SCHEDULED_REVENUE,
        f"{composed(contract.contract_id, line_id)}/{month.period.name}",
        0,
        project_of(contract, line_id, month.last),
        month.last,
        universal_midnight(month.last),
        contract.terms.currency,
        0,
        contract.contract_id,
        line_id,
        description=f"Revenue of {month.period.name}",
        earned=month.amount,
        earned_from=month.period.start,
        earned_to=month.last,
    )
    return carried(draft, charge)
