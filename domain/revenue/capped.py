"""Work at rates or at cost that will cost more than its hard caps pay for: in effect it has a fixed price (R22).

A cap counts that limits revenue in money over the whole term, and counts all that its lines take. A cap that several lines share is divided
by what each will cost (R12); what lines that are over have earned of it is gone.

    a cap of 10,000.00 and 12,000.00 of cost at completion: a price of 10,000.00
    shared by lines that will cost 9,000.00 and 3,000.00: prices of 7,500.00 and 2,500.00
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import NamedTuple

from domain.caps.consume import WHOLE_TERM, CapLimit, CapRule, limit_on
from domain.figure import at_least, called, in_shares, lesser, node_of
from domain.money import allocate
from domain.units import Amount


class CappedLine(NamedTuple):
    """Of a line by a day: what it had earned and had cost, and what it will cost in all; None where nobody has said that.

    `is_over`: nothing more will come. `rules` are the caps that count all that it takes.
    """

    rules: Sequence[CapRule]
    earned: Amount
    cost: Amount
    at_completion: Amount | None
    is_over: bool = False


class Bound(NamedTuple):
    """What a cap lets its lines earn: its limit, by line what each that goes on will cost, and what lines that are over have earned."""

    rule: CapRule
    limit: CapLimit
    costs: Mapping[str, Amount]
    gone: Mapping[str, Amount]

    @property
    def left(self) -> Amount:
        assert self.limit.amount is not None, "it limits money"
        if not self.gone:
            return self.limit.amount
        gone = called(sum(self.gone.values()), "earned on lines that are over")
        return at_least(called(self.limit.amount - gone, "less what is gone"), 0, "left of it")

    def share(self, line_id: str, currency: str) -> Amount:
        left, costs = self.left, tuple(self.costs.values())
        if len(costs) == 1:
            return left
        title, weights = f"of line {line_id}, by what each will cost", [node_of(cost, "cost") for cost in costs]
        shares = in_shares(allocate(left, costs, currency), left, weights, title, currency)
        return shares[list(self.costs).index(line_id)]


def limits_all(rule: CapRule, day: date) -> bool:
    """Whether the cap is the most that its lines ever earn, by the terms of a day."""
    limit = limit_on(rule, day)
    return rule.period == WHOLE_TERM and limit.hard and limit.limits_revenue and limit.amount is not None


def bounds(lines: Mapping[str, CappedLine], day: date) -> dict[str, list[Bound]]:
    """By line that goes on; a cap of which nobody knows what some work under it will cost is none."""
    found: dict[str, list[Bound]] = {}
    going_on = [line for line in lines.values() if not line.is_over]
    rules = {rule.cap_id: rule for line in going_on for rule in line.rules if limits_all(rule, day)}
    for cap_id, rule in sorted(rules.items()):
        under = {name: line for name, line in lines.items() if any(each.cap_id == cap_id for each in line.rules)}
        going = {name: line for name, line in under.items() if not line.is_over}
        costs = {name: line.at_completion for name, line in going.items() if line.at_completion is not None}
        if any(line.cost for name, line in going.items() if name not in costs):
            continue
        gone = {name: line.earned for name, line in under.items() if line.is_over and line.earned}
        bound = Bound(rule, limit_on(rule, day), costs, gone)
        for name in costs if any(costs.values()) else ():
            found.setdefault(name, []).append(bound)
    return found


def price(line_id: str, line: CappedLine, bound_by: Sequence[Bound], currency: str) -> Amount | None:
    """What the line earns in all where it costs more than that, at least what it has earned; None where it costs no more."""
    if not bound_by or line.at_completion is None:
        return None
    shares = (bound.share(line_id, currency) for bound in bound_by)
    bounded = reduce(lambda one, other: lesser(one, other, "the least of its caps"), shares)
    most_of_all = at_least(bounded, line.earned, f"price of line {line_id}, which its caps bound", "R22")
    return most_of_all if line.at_completion > most_of_all else None
