"""Revenue over time: one row for each accounting month of the contract's legal entity in which a line earns.

A month is recognised when its last day has ended in the entity's zone, or the last day on which the line earns. The rows are brought to
what the terms say, as fees are: other terms change the rows of earlier months, by reversal and a new posting (R49), which land in the
next open period where a month is closed (R48).
"""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.billing import methods
from domain.billing.kind import OVER_TIME
from domain.contract import BEGINNING
from domain.events.reference import LegalEntityDefined
from domain.fiscal import AccountingPeriod
from domain.identity import composed
from domain.revenue import Earning, earned_by, earning, first_day, last_day
from domain.rows import REVENUE, row_id
from domain.units import Amount
from domain.zones import local_date
from state.books import Charge, Contract, LineFees
from state.draft import Draft
from state.handlers.fees import HORIZON, beginning_of, bring, project_of
from state.known import period
from state.position import is_over_time
from state.rerate import line_ids
from state.terms_known import agreed_versions, known_of

DAY = timedelta(days=1)


def settle(draft: Draft, contract: Contract, ended: date | None = None) -> None:
    """Everything that the contract's lines have earned by the end of the day before the event's in the entity's zone, or of a later one."""
    entity = draft.reference.entity(contract.terms.legal_entity_id)
    if not contract.in_force or entity is None or not is_over_time(draft, contract):
        return
    day = max(ended or BEGINNING, local_date(draft.cause.recorded_at, entity.zone) - DAY)
    upcoming: list[date] = []
    for line_id in line_ids(contract):
        part_id = composed(contract.contract_id, line_id)
        known: LineFees = draft.part("fees", part_id) or LineFees()
        earns = _earning(draft, contract, line_id, day + HORIZON)
        months = list(_months(draft, entity, earns, day + HORIZON))
        upcoming += [last for _, last, _ in months if last > day][:1]
        charges = [
            _charge_of(contract, line_id, own, last, amount) for own, last, amount in months if last <= day and amount
        ]
        rows = bring(draft, known.earned, {row_id(REVENUE, charge.charge_id): charge for charge in charges})
        if rows != known.earned:
            known = draft.part("fees", part_id) or LineFees()
            draft.put("fees", part_id, replace(known, earned=rows))
    if upcoming:
        draft.due.add((entity.zone, min(upcoming).isoformat()))


def _earning(draft: Draft, contract: Contract, line_id: str, until: date) -> Earning:
    known = known_of(draft, contract, line_id)
    return earning(
        (agreed, list(methods.spreads(agreed, known, until)))
        for agreed in agreed_versions(draft, contract, line_id)
        if methods.timing(agreed.line, agreed.policies) == OVER_TIME
    )


def _months(
    draft: Draft, entity: LegalEntityDefined, earns: Earning, until: date
) -> Iterator[tuple[AccountingPeriod, date, Amount]]:
    """Each accounting month in which something is earned, the last day of it on which it is, and the amount."""
    last, before = min(last_day(earns), until), 0
    day = first_day(earns)
    while day <= last:
        own = period(draft, entity, day)
        upto = min(own.to - DAY, last)
        earned = earned_by(earns, upto)
        yield own, upto, earned - before
        day, before = own.to, earned


def _charge_of(contract: Contract, line_id: str, own: AccountingPeriod, last: date, earned: Amount) -> Charge:
    return Charge(
        REVENUE,
        f"{composed(contract.contract_id, line_id)}/{own.name}",
        0,
        project_of(contract, line_id),
        last,
        beginning_of(last),
        contract.terms.currency,
        0,
        contract.contract_id,
        line_id,
        description=f"Revenue of {own.name}",
        earned=earned,
        earned_from=own.start,
        earned_to=last,
    )
