"""A fixed price, or that of milestones, that is earned over time and whose contract is terminated: it is worth what is earned by the
contract's last day or, billed by progress, what that progress comes to.

Its schedule, or its milestones, say when to pay, not for what (IFRS 15.B13). So what is earned beyond what was charged is charged on the
last day, by a fee of its own: to earn over time is to have a right to be paid for what is done, and to no more (IFRS 15.35-37). What was
charged beyond what is earned is given back, but for milestones: the customer has accepted those, nothing is owed for them, and they
are earned (IFRS 15.15). Progress that is billed says what the customer owes for the work done: by the end no more is earned, and no less.
Once all is invoiced nothing is left on 1160 or 2300 (R46). So it is where the contract had come to its end before
it was terminated, but for prices that lines share and those with variable parts, which go on.

    3,650.00 charged for a year, terminated after 41 days, 410.00 earned: -3,240.00
    1,800.00 of milestones accepted, 1,650.00 earned by days: 150.00 more are earned
    1,460.00 billed as 40 % of 3,650.00, 410.00 earned by days: 1,050.00 more are earned; of 10 %, 365.00, 45.00 less
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from domain.figure import called, titled
from domain.revenue.over_time import earning, in_books
from domain.revenue.variable_price import given_by_memos
from domain.terms import methods, spoken
from domain.terms.kind import Fee, LineHistory
from state.books import Contract

SETTLEMENT = "settlement"


def settlement(contract: Contract, known: LineHistory, charged: Sequence[Fee]) -> Iterator[Fee]:
    """What settles a line, given all that it charges besides; none where the line did not end with the contract."""
    if contract.terminated_on is None or not known.held:
        return
    ended = known.held[-1]
    if ended.before != contract.terminated_on or (ended.allocated is not None and not ended.ends_early):
        return
    if not methods.earns_its_price(ended.line, ended.policies):
        return
    if not all(methods.earns_to_the_end(one.line) for one in known.held):
        return
    last = contract.terminated_on - timedelta(days=1)
    if methods.by_budgets(ended.line) and not (known.closed and known.closed[-1].last >= last):
        return  # what was spent by then is charged when its period closes
    earned = in_books(earning(known, last), known.opening, last)
    # What credit memos gave of what is settled is charged by no fee.
    given = called(sum(given_by_memos(known).values()), "given by credit memos")
    words, besides = spoken.said("settlement", day=last), called(sum(fee.amount for fee in charged), "charged besides")
    rest = called(
        titled(earned, f"earned by {last}") - called(besides - given, "charged besides, and not given"), words, "R46"
    )
    is_owed = methods.is_by_progress(ended.line) or (rest < 0 and methods.is_accepted(ended.line))
    if rest and is_owed:
        yield Fee(SETTLEMENT, last, 0, words, earned=-rest)
    elif rest:
        yield Fee(SETTLEMENT, last, rest, words)
