"""A fixed price, or that of milestones, that is earned over time and whose contract is terminated: it is worth what is earned by the
contract's last day.

Its schedule, or its milestones, say when to pay, not for what (IFRS 15.B13). So what was charged beyond what is earned is given back on the
last day, by a fee of its own, and what is earned beyond what was charged is charged: to earn over time is to have a right to be paid for
what is done, and to no more (IFRS 15.35-37). Once that is invoiced nothing is left on 1160 or 2300 (R46). So it is where the contract had come to its end before it was
terminated, but for prices that lines share and those with variable parts, which go on.

    3,650.00 charged for a year, terminated after 41 days, 410.00 earned: -3,240.00
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.revenue.over_time import earned_by, earning
from domain.revenue.variable_price import given_by_memos
from domain.terms import methods, spoken
from domain.terms.kind import Fee, LineHistory
from domain.units import Amount
from state.books import Contract

SETTLEMENT = "settlement"


def settlement(contract: Contract, known: LineHistory, charged: Sequence[Fee]) -> Iterator[Fee]:
    """What settles a line, given all that it charges besides; none where the line did not end with the contract."""
    if contract.terminated_on is None or not known.held:
        return
    ended = known.held[-1]
    if ended.before != contract.terminated_on or (ended.allocated is not None and not ended.ends_early):
        return
    if not methods.settles(ended.line, ended.policies):
        return
    if not all(methods.earns_to_the_end(one.line) and methods.is_by_plan(one.line) for one in known.held):
        return
    last = contract.terminated_on - timedelta(days=1)
    earned = _earned(known, last)
    # What credit memos gave of what is settled is charged by no fee.
    given = sum(given_by_memos(known).values())
    if rest := earned - sum(fee.amount for fee in charged) + given:
        yield Fee(SETTLEMENT, last, rest, spoken.said("settlement", day=last))


def _earned(known: LineHistory, last: date) -> Amount:
    return sum(earned_by(stretches, last) for stretches in earning(known, last).values())
