"""Revenue over time: one row for each accounting month of the contract's legal entity in which a line earns.

A month is recognised when its last day has ended in the entity's zone, or the last day on which the line earns; where the work is
measured by reports, as far as it is reported, with the report. What is earned by what is spent is recognised for the month that runs with
an estimate, as of its day, and for all of the month when it ends; work of days that are recognised, and estimates of them, change that at
once. The rows are brought to what the terms say, as fees are: other terms change the rows of earlier months, by reversal and a new posting
(R49), which land in the next open period where a month is closed (R48).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from msgspec.structs import replace

from domain.contract import BEGINNING
from domain.exceptions import NO_ESTIMATE, ExceptionCategory
from domain.identity import composed, parts_of
from domain.money import format_amount, format_decimal
from domain.reference.exchange import NO_RATE
from domain.reference.zones import local_date, universal_midnight
from domain.refusals import LINE
from domain.revenue.method import COST, HOURS, Course
from domain.revenue.over_time import MethodChange, Month, by_month, changes, earning, is_measured
from domain.revenue.spent import at_completion, by_what, estimate
from domain.revenue.spent import by as spent_by
from domain.terms import methods
from domain.terms.kind import LineHistory
from domain.units import HOURS_SCALE, Amount
from domain.work.rows import SCHEDULED_REVENUE, row_id
from state.books import Charge, Contract, LineFees, Spending
from state.charges.estimates import found_instead, is_estimated_between, other_currency
from state.charges.spent import LINE as SPENDING
from state.charges.spent import begin, is_spent, kept_apart, known_spent, take_in, wait_for_rates
from state.charges.terms_known import agreed_versions, every_obliged, known_of
from state.draft import Draft
from state.ledger.position import is_over_time
from state.rerating.rerate import line_ids
from state.revenue import method_change, reached_back
from state.revenue.fees import HORIZON, bring, look_again, project_of
from state.revenue.fees import settle as settle_fees
from state.terms.known import period
from state.terms.opening import carried, rest_id
from state.value import plain

DAY = timedelta(days=1)
# What a line may lack, and what tells it from another exception of the line in that category: cost that is spent of budgets.
SIDES: Final[Mapping[ExceptionCategory, str]] = {NO_RATE: "/revenue", NO_ESTIMATE: ""}


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
        history = known_of(draft, contract, line_id)
        day = max(yesterday, history.begins_after or BEGINNING)
        today = day + DAY
        method_change.settle(draft, contract, line_id, today)
        known: LineFees = draft.part("fees", part_id) or LineFees()
        by_today = _by_day(history, today)
        earns = earning(by_today, day + HORIZON)
        earned_by = partial(by_month, earns, partial(period, draft, entity), day + HORIZON, day)
        went_over = partial(changes, earns, partial(period, draft, entity), day + HORIZON)
        months, gone_over = list(earned_by(history.opening)), went_over(history.opening)
        rest, opening = reached_back.rest(draft, contract, line_id, history, months, gone_over)
        if opening != history.opening:
            months, gone_over = list(earned_by(opening)), went_over(opening)
        recognised = today if is_measured(earns, today) else day
        upcoming += [change.day for change in gone_over if change.day > today]
        upcoming += [month.last for month in months if month.last > recognised][:1]
        said_on = [each.as_of for each in history.reported] + [each.as_of for each in history.estimates]
        said_on += history.accepted.values()
        upcoming += [each for each in said_on if each > today]
        begins = [(agreed, max(agreed.since, agreed.starts_on)) for agreed in history.held]
        upcoming += [since for agreed, since in begins if since > (day if agreed.is_final else today)]
        if is_spent(history.held):
            wait_for_rates(draft, part_id, begin(draft, contract.contract_id, line_id, kept_apart(history.held)))
            month_ends = period(draft, entity, today).to - DAY
            upcoming += [month_ends] if history.held[-1].before > today else []
        charges = [
            _charge_of(draft, contract, line_id, month) for month in months if month.last <= recognised and month.amount
        ]
        charges += [
            _of_change(draft, contract, line_id, change)
            for change in gone_over
            if change.day <= today and change.amount
        ]
        if rest:
            charges.append(_rest_of_balances(draft, contract, line_id, history.begins_after, rest))
        rows = known.earned
        if draft.loads and opening is not None:
            # What later days earn is known once the rows of the balances are booked.
            rows = tuple(row for row in rows if _day_of(draft, row) <= opening.as_of)
            charges = [charge for charge in charges if charge.day <= opening.as_of]
        rows = bring(draft, rows, {row_id(SCHEDULED_REVENUE, charge.charge_id): charge for charge in charges})
        if draft.loads:
            rows = tuple(dict.fromkeys((*known.earned, *rows)))
        if rows != known.earned:
            known = draft.part("fees", part_id) or LineFees()
            draft.put("fees", part_id, replace(known, earned=rows))
        _note_lacking(draft, contract, line_id, by_today, period(draft, entity, today).start - DAY)
    look_again(draft, contract, entity.zone, yesterday, upcoming)


def _by_day(history: LineHistory, day: date) -> LineHistory:
    """What was said of days up to one."""
    return history._replace(
        reported=[each for each in history.reported if each.as_of <= day],
        estimates=[each for each in history.estimates if each.as_of <= day],
        accepted={name: accepted for name, accepted in history.accepted.items() if accepted <= day},
        held=[agreed for agreed in history.held if agreed.since <= day or not agreed.revises],
        together={name: _by_day(other, day) for name, other in history.together.items()},
    )


def after_report(draft: Draft) -> None:
    """The work of a line has come further, or less far than was thought; or another part of it is left."""
    for contract in draft.contracts():
        if contract.in_force:
            settle(draft, contract)


def retry(draft: Draft, contract_id: str) -> None:
    """A rate of a day on which something was spent has come, or was corrected: what is recognised counts it by that."""
    contract = draft.contract(contract_id)
    if contract is not None and contract.in_force:
        settle(draft, contract)


def after_event(draft: Draft, moved_minimums: Iterable[Contract]) -> None:
    """Where terms have changed or minimums have moved, once all work is on its line; where what was spent by a day has changed that counts
    already, or the first of it has come."""
    moved = take_in(draft)
    for part_id, days in moved.items():
        wait_for_rates(draft, part_id, days)
    touched = {parts_of(part_id)[0] for part_id, days in moved.items() if _counts(draft, part_id, days)}
    others = (contract for contract in draft.contracts() if _has_other_terms(draft, contract))
    touched.update(contract.contract_id for contract in (*moved_minimums, *others))
    if "brought_forward" in draft.kinds:
        touched.update(parts_of(part_id)[0] for part_id in draft.ids(SPENDING))
    for contract_id in sorted(touched):
        contract = draft.contract(contract_id)
        if contract is not None and contract.in_force:
            if contract.terminated_on is not None:
                settle_fees(draft, contract)
            settle(draft, contract)


def _has_other_terms(draft: Draft, contract: Contract) -> bool:
    """Than before the event."""
    had: Contract | None = draft.before.get(("contract", contract.contract_id))
    return had is not contract and (had is None or _terms(had) != _terms(contract))


def _terms(contract: Contract) -> tuple[object, ...]:
    return contract.in_force, contract.history, contract.terminated_on


def _counts(draft: Draft, part_id: str, days: Sequence[date]) -> bool:
    """Whether one of the days is recognised by now, or nothing was spent before."""
    contract_id, line_id = parts_of(part_id)
    contract = draft.contract(contract_id)
    entity = draft.reference.entity(contract.terms.legal_entity_id) if contract is not None else None
    if contract is None or entity is None:
        return False
    had: Spending | None = draft.before.get((SPENDING, part_id))
    has: Spending | None = draft.part(SPENDING, part_id)
    if not (had is not None and had.months and has is not None and has.months):
        return True
    today = local_date(draft.cause.recorded_at, entity.zone)
    if days[0] < period(draft, entity, today).start:
        return True
    held = agreed_versions(draft, contract, line_id)
    together = {other: agreed_versions(draft, contract, other) for other in every_obliged(held)}
    return any(
        is_estimated_between(draft, contract, each, terms, days[0], today)
        for each, terms in {line_id: held, **together}.items()
    )


def _note_lacking(draft: Draft, contract: Contract, line_id: str, history: LineHistory, ended: date) -> None:
    """Work that earns nothing since nobody has said what remains; or all, since more was spent by the end of the last month than somebody
    said; or that counts without its cost, for want of a rate."""
    subject = composed(contract.contract_id, line_id)
    why = _lacks(draft, contract, line_id, history, ended)
    for gone, side in SIDES.items():
        if why is None or why[0] != gone:
            draft.resolve_exception(gone, LINE, subject, side=side)
    if why is None:
        return
    category, field, message = why
    draft.raise_exception(
        category,
        LINE,
        subject,
        message,
        side=SIDES[category],
        project_id=history.held[-1].line.project_id,
        contract_id=contract.contract_id,
        field=field,
        revises=True,
    )


def _lacks(
    draft: Draft, contract: Contract, line_id: str, history: LineHistory, ended: date
) -> tuple[ExceptionCategory, str, str] | None:
    """The category, the field, and what to send."""
    if not history.held or not (history.spent or any(other.spent for other in history.together.values())):
        return None
    newest = history.held[-1]
    measure = methods.measure(newest.line, newest.policies)
    if measure not in (HOURS, COST):
        return None
    project_id, currency = newest.line.project_id, contract.terms.currency
    of = f"line {line_id} of contract {contract.contract_id} earns by {measure} spent of all that it takes"
    lacking = known_spent(draft, contract, line_id, history.held).lacking if measure == COST else ()
    if lacking:
        rates = ", ".join(f"{own} of {day}" for day, own in lacking[:3])
        return (
            NO_RATE,
            "currency",
            f"{of}: its cost in {rates} does not count, for no rate to {currency} is known; send ExchangeRateSet",
        )
    send = f"send EstimateRevised of project {project_id} with line_id {line_id}"
    if estimate(_course(history), date.max, measure) is not None:
        beyond = _beyond_estimate(history, measure, currency, ended) if contract.terminated_on is None else None
        return (NO_ESTIMATE, "remaining", f"{of}: {beyond}; all of it counts as done; {send}") if beyond else None
    other = other_currency(draft, contract, project_id, line_id)
    if other is not None and measure == COST:
        return NO_ESTIMATE, "currency", f"{of}: expected what remains in {currency}, got {other}; {send} in {currency}"
    got = found_instead(draft, contract, project_id, line_id, history.opening)
    return (
        NO_ESTIMATE,
        "line_id",
        f"{of}: expected an estimate of what remains, got {got}; nothing is earned before it; {send}",
    )


def _beyond_estimate(history: LineHistory, measure: str, currency: str, ended: date) -> str | None:
    """More spent by the end of the last month, or by the newest estimate's day if that is later, than is to be spent in all."""
    course = _course(history)
    day = max([ended, *(each.as_of for each in history.estimates if not each.is_budget)])
    known, done = at_completion(course, day, measure), spent_by(course, day, measure)
    if known is None or done <= known[0]:
        return None
    foreseen, got = (_shown(figure, measure, currency) for figure in (known[0], done))
    return f"expected at most {foreseen} in all, {by_what(course, day, measure)}, got {got} by {day}"


def _course(history: LineHistory) -> Course:
    excluded = history.held[-1].policies.poc_exclusions or ()
    return Course(date.min, date.max, spent=history.spent, estimates=history.estimates, excluded=excluded)


def _shown(figure: int, measure: str, currency: str) -> str:
    return (
        f"{format_decimal(figure, HOURS_SCALE)} h"
        if measure == HOURS
        else f"{format_amount(figure, currency)} {currency}"
    )


def _day_of(draft: Draft, row: str) -> date:
    charge = work.charge if (work := draft.entry_in_books(row).work) is not None else None
    return charge.day if charge is not None else BEGINNING


def _of_change(draft: Draft, contract: Contract, line_id: str, change: MethodChange) -> Charge:
    """What was earned by the method over time before the line went over to it, or from it."""
    way = "to" if change.from_billing else "from"
    charge_id = method_change.charge_id(contract.contract_id, line_id, change.day)
    return _earned(draft, contract, line_id, charge_id, change.day, f"Change {way} revenue over time", change.amount)


def _rest_of_balances(draft: Draft, contract: Contract, line_id: str, day: date | None, rest: Amount) -> Charge:
    """On their day, which is the last that is theirs."""
    assert day is not None, "there are balances"
    charge_id = rest_id(contract.contract_id, line_id)
    return _earned(draft, contract, line_id, charge_id, day, reached_back.TITLE, rest)


def _charge_of(draft: Draft, contract: Contract, line_id: str, month: Month) -> Charge:
    charge_id = reached_back.month_id(contract.contract_id, line_id, month.period)
    charge = _earned(draft, contract, line_id, charge_id, month.last, f"Revenue of {month.period.name}", month.amount)
    return replace(charge, earned_from=month.period.start, earned_to=month.last)


def _earned(
    draft: Draft, contract: Contract, line_id: str, charge_id: str, day: date, description: str, amount: Amount
) -> Charge:
    charge = Charge(
        SCHEDULED_REVENUE,
        charge_id,
        0,
        project_of(contract, line_id, day),
        day,
        universal_midnight(day),
        contract.terms.currency,
        0,
        contract.contract_id,
        line_id,
        description=description,
        earned=plain(amount),
    )
    return carried(draft, charge)
