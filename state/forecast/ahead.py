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

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from domain.events.common import Deposit, Milestones
from domain.figure import at_least, called
from domain.revenue.variable_price import given_by_memos
from domain.terms import methods
from domain.terms.kind import WITH_INVOICE, Closed, Fee, LineHistory, TermsInForce
from domain.units import Amount
from domain.work.rows import ADJUSTMENT
from state.billing.deposits import deposit_lines, left_of_deposit
from state.books import Contract, Inclusion, LineEarning, Project
from state.charges import rebates
from state.charges.budgets_spent import by_category, spent_of_budgets
from state.charges.fees_due import fees_due
from state.charges.settlement import settlement
from state.charges.terms_known import is_charged, known_of, last_day, left_of, line_fees, lines_beside
from state.draft import Draft
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
from state.terms.periods import open_period, period_on
from state.terms.plan import LinePlan, line_plan
from state.totals import month_of
from state.value import plain

DAY = date.resolution


class TermsAhead(NamedTuple):
    """All that the terms of a line charge by themselves, by what is foreseen of it; and what they earn, None where nothing is agreed."""

    known: LineHistory
    fees: tuple[Fee, ...] = ()
    total: Amount | None = None
    # The last day on which terms charge that charge by themselves.
    until: date | None = None


def earning_of(draft: Draft, project: Project, as_of: date) -> tuple[LineEarning, ...]:
    """How each line of the project earns; nothing where all earn by hours alone, or nothing is to come. Of a project that has ended that is
    what is charged, until its invoice, and of a terminated contract a minimum, until its last period closes."""
    plans = _plans(draft, project.project_id)
    if not plans:
        return ()
    closed = is_closed(project, as_of)
    late = _waits_for_invoice if closed else _comes_late
    if has_ended(draft, project, as_of) and not any(
        _ever_by_invoice(draft, plan) or late(plan) or _is_kept(plan) for plan in plans
    ):
        return ()
    if closed:
        return tuple(_earning(draft, plan, _charged(draft, plan, as_of), goes_on=False) for plan in plans)
    goes_on = {line_key(plan) for plan in running(draft, plans, as_of)}
    return tuple(
        _earning(
            draft, plan, _agreed(draft, plan, as_of) if runs or late(plan) or _is_kept(plan) else None, goes_on=runs
        )
        for plan, runs in ((plan, line_key(plan) in goes_on) for plan in plans)
    )


def _comes_late(plan: LinePlan) -> bool:
    """Whether the line may earn what its terms charge when its contract is over."""
    return methods.has_minimum(plan.line.terms) or _waits_for_invoice(plan)


def _waits_for_invoice(plan: LinePlan) -> bool:
    return plan.timing == WITH_INVOICE and methods.charges(plan.line.terms)


def _agreed(draft: Draft, plan: LinePlan, as_of: date) -> Amount | None:
    return _kept(draft, plan, as_of) if _is_kept(plan) else _ahead_of(draft, plan, as_of).total


def _kept(draft: Draft, plan: LinePlan, as_of: date) -> Amount | None:
    contract = draft.contract_in_books(plan.contract_id)
    fees = [
        fee.amount
        for line_id in line_ids(contract)
        for fee in ahead_of(draft, contract, line_id, as_of).fees
        if not is_charged(draft, contract.contract_id, line_id, fee.name)
    ]
    return _kept_deposit(draft, plan, called(sum(fees), "still to charge"), as_of)


def deposits_kept_on(draft: Draft, project_id: str) -> list[date]:
    """The last days of contracts with a deposit of which the rest is kept then."""
    contracts = [draft.contract(plan.contract_id) for plan in _plans(draft, project_id) if _is_kept(plan)]
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
    if key not in draft.memo.lines:
        own = newest_of_each_line(draft, project_id)
        by_hours = all(methods.earns_by_hours_alone(one.line) and not _ever_by_invoice(draft, one) for one in own)
        draft.memo.lines[key] = () if by_hours and not otherwise else own
    plans: tuple[LinePlan, ...] = draft.memo.lines[key]
    return plans


def _ever_by_invoice(draft: Draft, plan: LinePlan) -> bool:
    """Whether some version of the terms has the line's revenue with its invoices: work of its days waits for these, whatever later terms
    say."""
    contract = draft.contract_in_books(plan.contract_id)
    return plan.line.line_id in draft.of_terms("by invoice", contract, _by_invoice)


def _by_invoice(draft: Draft, contract: Contract) -> frozenset[str]:
    plans = (
        line_plan(draft, contract, stored.version, line.line_id)
        for stored in contract.history
        for line in stored.terms.lines
    )
    return frozenset(one.line.line_id for one in plans if one is not None and one.timing == WITH_INVOICE)


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
    known = _with_minimum(contract, line_id, known_of(draft, contract, line_id), as_of)
    known = _with_open_budgets(draft, contract, line_id, known, as_of)
    key = ("ahead", contract.contract_id, line_id)
    base = (known, contract.terms, contract.terminated_on, as_of)
    kept: tuple[object, TermsAhead] | None = draft.memo.lines.get(key)
    if kept is None or kept[0] != base:
        kept = draft.memo.lines[key] = (base, _ahead(draft, contract, line_id, known, as_of))
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
    return in_all(foreseen.known, fees, foreseen.until)


def in_all(known: LineHistory, fees: Iterable[Fee], until: date) -> TermsAhead:
    """With what terms earn that charge these fees up to a day."""
    allocated = known.held[-1].allocated
    total = allocated.earns if allocated is not None else sum(fee.amount for fee in fees)
    return TermsAhead(known, tuple(fees), total, until)


def rebates_counted(draft: Draft, contract_id: str, line_id: str, as_of: date) -> Amount:
    """What credit memos gave of parts of the line's price that are settled, or expected to be."""
    contract = draft.contract(contract_id)
    if contract is None or not rebates.standing(draft, contract_id, line_id).given:
        return 0
    return sum(given_by_memos(ahead_of(draft, contract, line_id, as_of).known).values())


def _is_kept(plan: LinePlan) -> bool:
    """Whether the line is a deposit of which the rest is kept."""
    return isinstance(plan.line.terms, Deposit) and not plan.line.terms.refundable


def _kept_deposit(draft: Draft, plan: LinePlan, to_charge: Amount, as_of: date) -> Amount | None:
    """What is left of a deposit that is not refundable, once its contract is over: it is kept, as revenue of the last day, when the last
    billing period closes (R31), less what bills to come take of it. While the contract goes on nothing is expected to be left.

        4,000 were billed, and 3,000 are charged by the last day: 1,000 are kept

    None while the contract goes on, and once it is settled; `to_charge` is what its other lines are still to charge.
    """
    contract = draft.contract(plan.contract_id)
    last = last_day(contract) if contract is not None else None
    if contract is None or last is None or last > as_of:
        return None
    line_id = plan.line.line_id
    if left_of(contract, line_fees(draft, contract, line_id)) is not None:
        return None
    own = [one.line.line_id for one, _ in deposit_lines(draft, contract)]
    due = to_charge + sum(_unissued(draft, contract, other) for other in line_ids(contract) if other not in own)
    due = at_least(called(due, "charged and on no statement"), 0, "bills to come")
    for other in own[: own.index(line_id)]:
        due = at_least(called(due - _left(draft, contract, other), "left of them"), 0, "left of them")
    left = called(_left(draft, contract, line_id), "billed of the deposit and not used")
    return at_least(called(left - due, "left of the deposit"), 0, "kept of the deposit", "R31")


def _unissued(draft: Draft, contract: Contract, line_id: str) -> Amount:
    totals = draft.line(contract.contract_id, line_id)
    return called(totals.billable - totals.issued, f"line {line_id}: on no statement")


def _left(draft: Draft, contract: Contract, line_id: str) -> Amount:
    """With what is charged of it and on no statement."""
    return left_of_deposit(draft, contract, line_id) + _unissued(draft, contract, line_id)


def _with_minimum(contract: Contract, line_id: str, known: LineHistory, as_of: date) -> LineHistory:
    """A minimum of what a contract's other lines charge, in periods that are not closed yet: it is expected less what they charged so
    far.

    That is where nothing else says what these lines will charge: units and expenses come as they come. Beside lines on which hours earn,
    or that have a price of their own, a minimum is expected once its period is closed.

        at least 10.00 a month until March; 4.00 charged in January: 6.00, 10.00 and 10.00 are expected

    As if all were closed up to the contract's end with what other lines have charged by now for months up to the day's own.
    """
    newest = known.held[-1] if known.held else None
    if newest is None or not methods.has_minimum(newest.line.terms):
        return known
    if newest.ends_on is None or not stands_alone(contract, line_id):
        return known
    start = known.closed[-1].to if known.closed else contract.period_start or contract.terms.starts_on
    if start > newest.ends_on:
        return known
    beside = {month: amount for month, amount in known.beside.items() if month <= month_of(as_of + DAY)}
    return known._replace(closed=[*known.closed, Closed(start, newest.ends_on + DAY)], beside=beside)


def stands_alone(contract: Contract, line_id: str) -> bool:
    """Whether units and expenses alone count for the minimum."""
    beside = lines_beside(contract, line_id)
    others = [line for line in contract.terms.lines if line.line_id in beside]
    return not any(
        methods.earns_by_hours(line.terms)
        or methods.charges(line.terms)
        or methods.agreed_units(line.terms) is not None
        for line in others
    )


def _with_open_budgets(draft: Draft, contract: Contract, line_id: str, known: LineHistory, as_of: date) -> LineHistory:
    """What was spent of a line's budgets in periods that are not closed yet, once its contract was terminated or its project closed: it
    is charged when they close, and no more comes.

        4,000 of a cost budget of 5,000 are spent by the last day: four fifths of the price, also in days of grace

    As if these were closed, up to the one that holds the last day.
    """
    last = _last_day(draft, known.held[-1], as_of) if known.held else None
    if last is None:
        return known
    period, closed = open_period(draft, contract), list(known.closed)
    if period is None or period.start > last:
        return known
    spent, _ = spent_of_budgets(draft, contract, line_id, last + date.resolution)
    while period is not None and period.start <= last:
        closed.append(Closed(period.start, period.to, by_category(spent, period.to)))
        period = period_on(draft, contract, period.to)
    return known._replace(closed=closed)


def spent_by_now(fees: Iterable[Fee], as_of: date) -> tuple[Fee, ...]:
    """Those for what was spent in periods that have begun."""
    return tuple(fee for fee in fees if fee.since is not None and fee.since <= as_of)


def _last_day(draft: Draft, newest: TermsInForce, as_of: date) -> date | None:
    """None of a line that goes on, or is not billed as its budgets are spent."""
    if not methods.by_budgets(newest.line):
        return None
    ends = newest.ends_on if newest.is_over_early(as_of) else None, draft.project(newest.line.project_id).closed_on
    return min((day for day in ends if day is not None and day <= as_of), default=None)
