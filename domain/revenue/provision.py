"""The provision for an onerous contract: what it will still lose is provided for at once (R44; IAS 37.66, ASC 605-35-25-46).

Of the lines that earn one price over time, and of which an estimate says what remains, taken together: the loss of the whole contract is
its cost at completion less its price. What its journals show of that by a day is cost less revenue, and the rest is provided for:

    price 100,000.00, cost at completion 110,000.00; 55,000.00 spent, 50,000.00 earned
    10,000.00 in all, 5,000.00 shown: 5,000.00 are provided for = 10,000.00 x (1 - 50 %)

A line that will make a profit lowers the loss of the others by the profit that it still has to make. When a period ends the provision is
brought to what is required then, up or down: journals are the difference. It ends with the work, or when the contract is over.
What balances provide for stands until an estimate says what remains. Lines that are a contract of their own are tested by themselves.

Lines without a price of their own, such as time and materials, do not count: their revenue comes with their cost, hour by hour, and nobody
has promised to go on with them. Under a hard cap they do once they will cost more than it pays for (`capped.py`):

    cap 10,000.00, cost at completion 12,000.00; 3,000.00 spent, 6,000.00 earned hour by hour
    2,000.00 are lost in all, a profit of 3,000.00 shows: 5,000.00 are provided for
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.capabilities import ONEROUS_LOSS, PROVISION
from domain.caps.consume import CapRule
from domain.figure import as_rounded, at_least, called, converted, in_shares, node_of, titled
from domain.ledger.journal import Leg
from domain.ledger.position import Balance, relieved
from domain.money import allocate, round_ratio, smallest_unit
from domain.reference.exchange import Exchange
from domain.revenue import capped, spent
from domain.revenue.capped import Bound, CappedLine
from domain.revenue.method import ALL_COST, Course
from domain.revenue.over_time import Earning, in_books, prices_on
from domain.sums import summed
from domain.terms import methods
from domain.terms.kind import LineHistory, TermsInForce
from domain.units import Amount

# The rule of its journals, before the period; the purpose of their lines; and the value of policy `loss_provision` that asks for it.
RULE: Final = "provision/"
PROVIDED: Final = "provision"
OF_A_CONTRACT: Final = "contract"


def is_provision(rule: str) -> bool:
    return rule.startswith(RULE)


class LineAtCompletion(NamedTuple):
    """A line as of a day: its price and what it had earned of that, what it had cost and will cost in all.

    A line that has cost more than the estimate came to is taken to be done. `separate` is the version that brought it as a
    contract of its own. `stated` is what its balances provide for, of which nobody has said since what remains.
    """

    line_id: str
    project_id: str
    price: Amount
    earned: Amount
    cost: Amount
    at_completion: Amount
    separate: int = 0
    stated: Amount | None = None

    @property
    def left(self) -> Amount:
        """Of its loss what its cost and its revenue do not show yet; below zero where a profit is still to come."""
        if self.stated is not None:
            return self.stated
        loss = called(self.at_completion - self.price, f"loss of line {self.line_id} in all")
        shown = called(self.cost - self.earned, "of it in the books")
        return called(loss - shown, f"left of the loss of line {self.line_id}", "R44")


class KnownLine(NamedTuple):
    """A line that may be lost on. `rules` are caps that count all that it takes, of a line without a price; `lacking` are days, with their
    currency, of which cost does not count for want of a rate. `provided` is what its balances provide for."""

    line_id: str
    known: LineHistory
    earns: Earning
    rules: Sequence[CapRule] = ()
    lacking: Sequence[tuple[date, str]] = ()
    provided: Amount = 0


def counts(line: KnownLine, day: date) -> TermsInForce | None:
    """The terms of a line on a day; None where it has neither a price to earn over time nor a cap, or is over."""
    agreed = next((one for one in reversed(line.known.held) if one.since <= day), None)
    if agreed is None or day >= agreed.before:
        return None
    if line.rules:
        return agreed if any(capped.limits_all(rule, day) for rule in line.rules) else None
    return agreed if methods.earns_its_price(agreed.line, agreed.policies) else None


def course_of(known: LineHistory) -> Course:
    """All its cost, whatever its revenue is measured by."""
    return Course(date.min, date.max, spent=known.spent, estimates=known.estimates)


def lines_at_completion(lines: Sequence[KnownLine], day: date, currency: str) -> list[LineAtCompletion]:
    """Of lines that count, of which somebody has said what remains, or that have a provision by their balances; of those under caps where
    they cost more than these pay for."""
    bound_by = capped.bounds({line.line_id: capped_line(line, day) for line in lines if line.rules}, day)
    found = (_line_at_completion(line, day, bound_by.get(line.line_id, ()), currency) for line in lines)
    return [each for each in found if each is not None]


def _line_at_completion(
    line: KnownLine, day: date, bound_by: Sequence[Bound], currency: str
) -> LineAtCompletion | None:
    agreed, known = counts(line, day), line.known
    if agreed is None:
        return None
    if foreseen_on(known, day) is None:
        return _as_stated(line, agreed)
    earned = spent.earned_by(known.spent, day) if line.rules else in_books(line.earns, known.opening, day)
    price: Amount | None = called(sum(one.spread.amount for one in prices_on(line.earns, day)), "price")
    if line.rules:
        price = capped.price(line.line_id, capped_line(line, day), bound_by, currency)
    if price is None:
        return None
    cost, at_completion = costs_on(line, day)
    earned = titled(earned, f"earned by {day}")
    return LineAtCompletion(line.line_id, agreed.line.project_id, price, earned, cost, at_completion, agreed.separate)


def _as_stated(line: KnownLine, agreed: TermsInForce) -> LineAtCompletion | None:
    opening = line.known.opening
    if opening is None or not line.provided:
        return None
    return LineAtCompletion(line.line_id, agreed.line.project_id, 0, 0, 0, 0, agreed.separate, line.provided)


def foreseen_on(known: LineHistory, day: date) -> tuple[Amount, date] | None:
    """What a line will have cost by its newest estimate, and the day of that; None where nobody has said what remains."""
    return spent.at_completion(course_of(known), day, ALL_COST)


def capped_line(line: KnownLine, day: date) -> CappedLine:
    known = line.known
    cost, at_completion = costs_on(line, day)
    foreseen = at_completion if foreseen_on(known, day) is not None else None
    earned = titled(spent.earned_by(known.spent, day), f"earned by {day}")
    return CappedLine(line.rules, earned, cost, foreseen, day >= known.held[-1].before)


def required(lines: Sequence[LineAtCompletion], currency: str, mode: str) -> dict[str, Amount]:
    """What is to be provided for, by project."""
    found: Counter[str] = Counter()
    for own in tested_together(lines):
        found.update(_by_project(own, _whole(own, currency, mode), currency))
    return dict(sorted(found.items()))


def tested_together(lines: Iterable[LineAtCompletion]) -> list[list[LineAtCompletion]]:
    """The lines of each contract: those that an amendment brought as a contract of its own are one by themselves (IFRS 15.20)."""
    found: dict[int, list[LineAtCompletion]] = {}
    for line in lines:
        found.setdefault(line.separate, []).append(line)
    return [found[version] for version in sorted(found)]


def _whole(lines: Sequence[LineAtCompletion], currency: str, mode: str) -> Amount:
    """Never below zero."""
    left = called(sum(line.left for line in lines), "left of the loss of all lines")
    whole = as_rounded(round_ratio(left, 1, smallest_unit(currency), mode), left, 1, 1, "rounded", mode)
    return at_least(whole, 0, "to be provided for", "R44")


def _by_project(lines: Sequence[LineAtCompletion], whole: Amount, currency: str) -> dict[str, Amount]:
    """In proportion to what the lines of each project lose still (R12)."""
    losses = summed((line.project_id, line.left) for line in lines)
    losses = {project_id: left for project_id, left in sorted(losses.items()) if left > 0}
    if not whole or len(losses) == 1:
        return dict.fromkeys(losses, whole) if whole else {}
    parts = allocate(whole, tuple(losses.values()), currency)
    weights = [node_of(left, f"left of project {each}", currency=currency) for each, left in losses.items()]
    return dict(zip(losses, in_shares(parts, whole, weights, "of the project", currency), strict=True))


def moved(wanted: Amount, had: Balance, exchange: Exchange, ledger_currency: str, mode: str) -> list[Leg]:
    """The lines that bring what is provided to what is wanted: more at the rate given, less as it is carried."""
    more = called(wanted - had[0], "to be provided for, less what is")
    if more > 0:
        ledger = converted(more, exchange, ledger_currency, mode)
    elif more or (not wanted and had[1]):
        ledger = -relieved(-more, had, exchange, ledger_currency, mode)
    else:
        return []
    return [Leg(ONEROUS_LOSS, PROVIDED, more, ledger), Leg(PROVISION, PROVIDED, -more, -ledger)]


def costs_on(line: KnownLine, day: date) -> tuple[Amount, Amount]:
    """What a line had cost by a day, and what it will have cost."""
    cost, at_completion = spent.alone(course_of(line.known), day, ALL_COST)
    title = f"line {line.line_id}: cost"
    return titled(cost, f"{title} by {day}"), titled(at_completion, f"{title} at completion")
