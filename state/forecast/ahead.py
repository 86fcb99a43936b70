"""What lines of a project earn otherwise than by the hours that remain (R57, R58).

A line with a price of its own has still to earn what its terms come to, less what they have earned: a fixed price, milestones that are
listed, fees of the periods up to the contract's end, units agreed. Its kind says what it expects (`domain/terms`): a milestone is
accepted when it is due, progress comes to all of it, a subscription goes on to the contract's last day. Hours on it earn nothing more,
but those beyond what milestones include, at their rate, where the hours to come are known to be the line's: it has an estimate or a budget
of its own, or no other line takes the project's time.

Hours that remain earn on the other lines, as much as an hour of the project has earned there so far. What expenses, deliveries and fees
brought is no part of that, nor what was adjusted by hand: it is revenue so far, and at completion, until it is reversed. What was conceded
of work, or given up before it was billed, is of that work alone: hours to come earn what these did before (R42).

    a price of 10,000, of which 4,000 are earned, with 60 h on it, and 40 h at 150.00 on another line; 50 h remain
    6,000 of the price, and 50 h x 6,000 / 100 h = 3,000: 9,000 to come

A project whose lines all earn by hours alone has none of this.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from domain.events.common import Milestones
from domain.figure import called
from domain.revenue.variable_price import given_by_memos
from domain.terms import methods
from domain.terms.kind import WITH_INVOICE, Fee, LineHistory
from domain.units import Amount
from domain.work.rows import ADJUSTMENT
from state.books import Contract, Inclusion, LineEarning, Project
from state.charges import rebates
from state.charges.fees_due import fees_due
from state.charges.settlement import settlement
from state.charges.terms_known import is_charged, known_of, last_day
from state.draft import Draft
from state.forecast.kept_deposit import is_kept, kept_deposit
from state.forecast.minimum import with_minimum
from state.forecast.open_budgets import spent_by_now, with_open_budgets
from state.forecast.outlook import (
    ProjectTerms,
    earns_less_than_worth,
    has_ended,
    is_closed,
    line_key,
    newest_of_each_line,
    project_terms,
    running,
    worth_of_hours,
)
from state.rerating.rerate import line_ids
from state.terms.plan import LinePlan
from state.value import plain


class TermsAhead(NamedTuple):
    """All that the terms of a line charge by themselves, by what is foreseen of it; and what they earn, None where nothing is agreed."""

    known: LineHistory
    fees: tuple[Fee, ...] = ()
    total: Amount | None = None
    # By item what credit memos gave of parts of the price, where an explanation says how; else it follows from what is known.
    given: Mapping[str, Amount] | None = None


def earning_of(draft: Draft, project: Project, as_of: date) -> tuple[LineEarning, ...]:
    """How each line of the project earns; nothing where all earn by hours alone, or nothing is to come. Of a project that has ended that is
    what is charged, until its invoice, and of a terminated contract a minimum, until its last period closes."""
    plans = _plans(draft, project.project_id)
    if not plans:
        return ()
    closed = is_closed(project, as_of)
    late = _waits_for_invoice if closed else _comes_late
    by_invoice = any(plan.timing == WITH_INVOICE for plan in plans)
    if has_ended(draft, project, as_of) and not (by_invoice or any(late(plan) or is_kept(plan) for plan in plans)):
        return ()
    if closed:
        return tuple(_earning(draft, plan, _charged(draft, plan, as_of), goes_on=False) for plan in plans)
    goes_on = {line_key(plan) for plan in running(draft, plans, as_of)}
    return tuple(
        _earning(
            draft, plan, _agreed(draft, plan, as_of) if runs or late(plan) or is_kept(plan) else None, goes_on=runs
        )
        for plan, runs in ((plan, line_key(plan) in goes_on) for plan in plans)
    )


def _comes_late(plan: LinePlan) -> bool:
    """Whether the line may earn what its terms charge when its contract is over."""
    return methods.has_minimum(plan.line.terms) or _waits_for_invoice(plan)


def _waits_for_invoice(plan: LinePlan) -> bool:
    return plan.timing == WITH_INVOICE and methods.charges(plan.line.terms)


def _agreed(draft: Draft, plan: LinePlan, as_of: date) -> Amount | None:
    return _kept(draft, plan, as_of) if is_kept(plan) else _ahead_of(draft, plan, as_of).total


def _kept(draft: Draft, plan: LinePlan, as_of: date) -> Amount | None:
    contract = draft.contract_in_books(plan.contract_id)
    fees = [
        fee.amount
        for line_id in line_ids(contract)
        for fee in ahead_of(draft, contract, line_id, as_of).fees
        if not is_charged(draft, contract.contract_id, line_id, fee.name)
    ]
    return kept_deposit(draft, plan, called(sum(fees), "still to charge"), as_of)


def deposits_kept_on(draft: Draft, project_id: str) -> list[date]:
    """The last days of contracts with a deposit of which the rest is kept then."""
    contracts = [draft.contract(plan.contract_id) for plan in _plans(draft, project_id) if is_kept(plan)]
    return [day for one in contracts if one is not None and (day := last_day(one)) is not None]


def _charged(draft: Draft, plan: LinePlan, as_of: date) -> Amount | None:
    """Of a project that is closed no more is charged than what was spent of budgets."""
    if not _waits_for_invoice(plan):
        return None
    fees = _ahead_of(draft, plan, as_of).fees
    spent, of = spent_by_now(fees, as_of), (plan.contract_id, plan.line.line_id)
    return sum(fee.amount for fee in fees if fee in spent or is_charged(draft, *of, fee.name))


def _ahead_of(draft: Draft, plan: LinePlan, as_of: date) -> TermsAhead:
    return ahead_of(draft, draft.contract_in_books(plan.contract_id), plan.line.line_id, as_of)


def _plans(draft: Draft, project_id: str) -> tuple[LinePlan, ...]:
    """The newest terms of every line that is the project's by them; none where all earn by hours alone, with the work."""
    of = project_terms(draft, project_id)
    otherwise = earns_otherwise(draft, of)
    versions = ((one.contract_id, one.version, len(one.history)) for one in of.contracts)
    key = ("earning lines", project_id, otherwise, *versions)
    if key not in draft.memo.plans:
        own = newest_of_each_line(draft, project_id)
        by_hours = all(methods.earns_by_hours_alone(one.line) and one.timing != WITH_INVOICE for one in own)
        draft.memo.plans[key] = () if by_hours and not otherwise else own
    plans: tuple[LinePlan, ...] = draft.memo.plans[key]
    return plans


def earns_otherwise(draft: Draft, of: ProjectTerms) -> bool:
    """Whether what hours are worth is not all of the revenue, although lines earn by hours alone: some was adjusted, or given up since, or
    is over caps that limit what is to come."""
    return _is_adjusted(draft, of.contracts) or earns_less_than_worth(draft, of)


def _is_adjusted(draft: Draft, contracts: Iterable[Contract]) -> bool:
    """Whether revenue of any of the contracts was adjusted by hand: then hours do not earn all of it."""
    if not draft.has(ADJUSTMENT):
        return False
    contract_ids = {one.contract_id for one in contracts}
    return any(draft.part(ADJUSTMENT, one).event.contract_id in contract_ids for one in draft.ids(ADJUSTMENT))


def _earning(draft: Draft, plan: LinePlan, total: Amount | None, *, goes_on: bool) -> LineEarning:
    rated = methods.earns_by_hours(plan.line.terms)
    inclusion = _inclusion(draft, plan) if goes_on else None
    total = total if draft.asked is not None else plain(total)
    worth = worth_of_hours(project_terms(draft, plan.line.project_id), plan)
    return LineEarning(plan.contract_id, plan.line.line_id, plan.currency, total, rated, inclusion, *worth)


def _inclusion(draft: Draft, plan: LinePlan) -> Inclusion | None:
    """Of milestones, whose hours may be used at any time; what a retainer includes is stated by its periods."""
    terms = plan.line.terms
    if not isinstance(terms, Milestones) or terms.overage_rate is None or not methods.takes(plan.line, "time"):
        return None
    hours = sum(milestone.included_hours or 0 for milestone in terms.milestones)
    is_alone = all(line_key(other) == line_key(plan) for other in project_terms(draft, plan.line.project_id).lines)
    return Inclusion(hours, terms.overage_rate, is_alone)


def ahead_of(draft: Draft, contract: Contract, line_id: str, as_of: date) -> TermsAhead:
    """Found again as long as nothing happens on the line."""
    if draft.asked is not None:
        found = draft.asked.ahead(contract.contract_id, line_id, as_of)
        assert isinstance(found, TermsAhead), "it is what is foreseen of the line"
        return found
    known = with_minimum(contract, line_id, known_of(draft, contract, line_id), as_of)
    known = with_open_budgets(draft, contract, line_id, known, as_of)
    key = ("ahead", contract.contract_id, line_id)
    base = (known, contract.terms, contract.terminated_on, as_of)
    kept: tuple[object, TermsAhead] | None = draft.memo.plans.get(key)
    if kept is None or kept[0] != base:
        kept = draft.memo.plans[key] = (base, _ahead(draft, contract, line_id, known, as_of))
    return kept[1]


def _ahead(draft: Draft, contract: Contract, line_id: str, known: LineHistory, as_of: date) -> TermsAhead:
    if not known.held or methods.account(known.held[-1].line.terms) is not None:
        return TermsAhead(known)
    newest = known.held[-1]
    agreed = methods.agreed_worth(newest)
    if agreed is not None or not methods.charges(newest.line.terms):
        return TermsAhead(known, (), agreed)
    foreseen = methods.foresees(newest, known, as_of)
    fees = list(fees_due(draft, contract, line_id, foreseen.known, foreseen.until))
    fees += settlement(contract, foreseen.known, fees)
    allocated = foreseen.known.held[-1].allocated
    total = allocated.earns if allocated is not None else sum(fee.amount for fee in fees)
    return TermsAhead(foreseen.known, tuple(fees), total)


def rebates_counted(draft: Draft, contract_id: str, line_id: str, as_of: date) -> Amount:
    """What credit memos gave of parts of the line's price that are settled, or expected to be."""
    contract = draft.contract(contract_id)
    if contract is None or not rebates.standing(draft, contract_id, line_id).given:
        return 0
    ahead = ahead_of(draft, contract, line_id, as_of)
    return sum((given_by_memos(ahead.known) if ahead.given is None else ahead.given).values())
