"""How a figure came about, as a tree that can be recomputed: from a figure over its arithmetic down to fields of events.

    node        value  operation   operands
    Revenue     250.00 extend      hours 2.5, rate 100
      hours       2.5  field       hours of TimeApproved T-1 version 1 at log offset 27
      rate        100  field       lines[0].rate of RateCardPublished RC-1 version 3 at log offset 4

Values are scaled integers as `domain.units` has them; `unit` says which. A node is shared where it decides several figures, so the
tree is a graph without circles. `OPERATIONS` are exact, in fractions of whole units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final, NamedTuple, TypeVar

from domain.columns import SumParts
from domain.money import smallest_unit, step_text
from domain.units import (
    AMOUNT_SCALE,
    EXCHANGE_RATE_SCALE,
    HOURS_SCALE,
    PERCENT_SCALE,
    QUANTITY_SCALE,
    RATE_SCALE,
    Instant,
)

T = TypeVar("T")

# Digits after the point of a value, by its unit.
SCALES: Final[Mapping[str, int]] = {
    "amount": AMOUNT_SCALE,
    "hours": HOURS_SCALE,
    "rate": RATE_SCALE,
    "percent": PERCENT_SCALE,
    "quantity": QUANTITY_SCALE,
    "exchange_rate": EXCHANGE_RATE_SCALE,
    "instant": 0,
    "seconds": 0,
    "count": 0,
}

Parameter = str | int | tuple[str, ...]


class EventRef(NamedTuple):
    """An event with its place in the log: where every figure ends."""

    type: str
    kind: str
    id: str
    version: int
    log_offset: int
    event_id: str
    occurred_at: Instant
    recorded_at: Instant
    source: str
    approved_by: str | None = None
    requested_by: str | None = None


class PolicyUse(NamedTuple):
    """A policy that decided, its value, and who says so: line, contract, entity, a preset of one of these, or the built-in default."""

    name: str
    value: str
    level: str
    stated_by: EventRef | None = None


class Arithmetic(NamedTuple):
    """What is done with the operands; `parameters` are steps, modes and the like, decimals as text."""

    operation: str
    operands: Sequence[Node] = ()
    parameters: Mapping[str, Parameter] = {}


class Node(NamedTuple):
    """One figure or fact. `why` is what decided without being counted; `facts` are names and values to read.

    A node without a value is a heading over others. A leaf has `event` and the path of the `field` in it, or is a constant.
    `id` is what to ask for to see this node alone.
    """

    title: str
    value: int | None = None
    unit: str = ""
    currency: str = ""
    arithmetic: Arithmetic | None = None
    rule: str = ""
    policies: tuple[PolicyUse, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    why: tuple[Node, ...] = ()
    event: EventRef | None = None
    field: str = ""
    id: str = ""

    @property
    def below(self) -> tuple[Node, ...]:
        """What it is counted from, and what decided."""
        counted = self.arithmetic.operands if self.arithmetic is not None else ()
        return (*counted, *self.why) if self.why else tuple(counted)


# Operations


# A leaf in an event; a number that the rules know; a figure with an explanation of its own; a value that is taken as it is.
FIELD, CONSTANT, ELSEWHERE, STATED = "field", "constant", "elsewhere", "stated"
# Of a stated value: what its explanation gives instead.
COMES_TO = "comes_to"


def _step(parameters: Mapping[str, Parameter]) -> Fraction:
    return _exact(str(parameters["step"]))


# There are few steps, and a fraction is slow to read.
_exact = lru_cache(maxsize=1_000)(Fraction)


def _rounded(value: Fraction, parameters: Mapping[str, Parameter]) -> Fraction:
    """half_up takes the half away from zero, half_even to the even multiple, down towards minus infinity."""
    step, mode = _step(parameters), parameters.get("mode", "half_up")
    steps = value / step
    if mode == "half_even":
        return round(steps) * step
    if mode == "down":
        return (steps.numerator // steps.denominator) * step
    whole = abs(steps) + Fraction(1, 2)
    return (1 if steps >= 0 else -1) * (whole.numerator // whole.denominator) * step


def _extend(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    hours, rate, *markup = operands
    return _rounded(_marked_up(hours * rate, markup), parameters)


def _marked_up(value: Fraction, markup: Sequence[Fraction]) -> Fraction:
    return value * (1 + sum(markup, Fraction(0)) / 100) if markup else value


def _convert(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """`legs` says for each rate whether the amount is multiplied by it or divided; a markup may follow the rates."""
    amount, *rates = operands
    legs = _words(parameters, "legs")
    for rate, leg in zip(rates, legs, strict=False):
        amount = amount * rate if leg == "times" else amount / rate
    return _rounded(_marked_up(amount, rates[len(legs) :]), parameters)


def _exchange(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """A rate along a path, for showing."""
    return _convert([Fraction(1), *operands], parameters)


def _proportion(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    return _rounded(_in_ratios(operands), parameters)


def _in_ratios(operands: Sequence[Fraction]) -> Fraction:
    made, *ratios = operands
    for part, of in zip(ratios[::2], ratios[1::2], strict=True):
        made = made * part / of
    return made


def _proportions(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """All together are rounded once."""
    made = Fraction(0)
    for each in proportions_of(operands, parameters):
        made += _in_ratios(each)
    return _rounded(made, parameters)


def proportions_of(operands: Sequence[T], parameters: Mapping[str, Parameter]) -> Iterator[Sequence[T]]:
    """What is added up: each a whole with its ratios, so many as `ratios` says of it, else one."""
    left = list(operands)
    ratios = _words(parameters, "ratios") if "ratios" in parameters else ("1",) * (len(left) // 3)
    for count in ratios:
        size = 1 + 2 * int(count)
        yield left[:size]
        left = left[size:]


def _steps(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """Units at prices that follow, each for quantities up to one of `up_to`, the last for all the rest.

    `graduated`: the first operand is the quantity before, and each unit has the price of its own step; `volume`: it is the quantity of all,
    and its step prices every unit.
    """
    first, units, *prices = operands
    bounds = [Fraction(each) for each in _words(parameters, "up_to")]
    if parameters["by"] == "volume":
        return _rounded(units * prices[sum(bound < first for bound in bounds)], parameters)

    def worth(quantity: Fraction) -> Fraction:
        edges = [Fraction(0), *bounds, max(abs(quantity), *bounds, Fraction(0))]
        parts = (
            max(min(abs(quantity), upper) - lower, Fraction(0)) * price
            for lower, upper, price in zip(edges[:-1], edges[1:], prices, strict=True)
        )
        return sum(parts, Fraction(0)) * (1 if quantity >= 0 else -1)

    return _rounded(worth(first + units) - worth(first), parameters)


def _by_day(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """What falls to so many `days` of all that the first operand is for."""
    return _rounded(operands[0] * int(str(parameters["days"])) / int(str(parameters["of"])), parameters)


def _increments(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """Whole seconds to steps of so many minutes, the minimum after, to more than zero only; a whole step comes back as it is (R9)."""
    [hours] = operands
    seconds = _rounded(hours * 3600, {"step": "1"})
    made = seconds
    if minutes := int(str(parameters["minutes"])):
        step = minutes * 60
        down = seconds // step * step
        rest = seconds - down
        up = {"up": rest > 0, "nearest": 2 * rest >= step, "down": False}[str(parameters["mode"])]
        made = Fraction(down + step if up else down)
    if 0 < made < (minimum := int(str(parameters["minimum_minutes"])) * 60):
        made = Fraction(minimum)
    return hours if made == seconds else _rounded(made / 3600, {"step": "0.000001"})


def _elapsed(operands: Sequence[Fraction], _parameters: Mapping[str, Parameter]) -> Fraction:
    end, start = operands
    return _rounded((end - start) / 3_600_000_000, {"step": "0.000001", "mode": "down"})


def _in_seconds(operands: Sequence[Fraction], _parameters: Mapping[str, Parameter]) -> Fraction:
    end, start = operands
    return (end - start) / 1_000_000


def _of_time(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """End and start of work, and the operation `of` that takes its hours first: of their exact ratio, not of six decimals."""
    end, start, *others = operands
    return OPERATIONS[str(parameters["of"])]([(end - start) / 3_600_000_000, *others], parameters)


def _in_hours(operands: Sequence[Fraction], _parameters: Mapping[str, Parameter]) -> Fraction:
    return _rounded(operands[0] / 3600, {"step": "0.000001"})


def _of_seconds(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """The same of whole seconds."""
    seconds, *others = operands
    return OPERATIONS[str(parameters["of"])]([seconds / 3600, *others], parameters)


def _share(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """One party's part of the first operand by the weights that follow: largest remainders, ties to the earlier (R12).

    Where nothing weighs, the first takes all.
    """
    total, *weights = operands
    step, party = _step(parameters), int(str(parameters["party"]))
    units, weight = total / step, sum(weights)
    if not weight:
        return total if party == 0 else Fraction(0)
    exact = [units * each / weight for each in weights]
    shares = [each.numerator // each.denominator for each in exact]
    left = int(units) - sum(shares)
    order = sorted(range(len(weights)), key=lambda at: (shares[at] - exact[at], at))
    return (shares[party] + (party in order[:left])) * step


def _spread(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """What falls to one place of the first operand, by cumulative rounding (R12): up to the place less up to the one before.

    The weights follow; where `parts` says how many there are instead, all weigh the same.
    """
    total, *weights = operands
    weights = weights or [Fraction(1)] * int(str(parameters["parts"]))
    place, whole = int(str(parameters["party"])), sum(weights)
    before, reached = (
        total if passed == whole else _rounded(total * passed / whole, parameters)
        for passed in (sum(weights[:place]), sum(weights[: place + 1]))
    )
    return reached - before


def _sum(operands: Sequence[Fraction]) -> Fraction:
    """In one denominator: fractions that are added one by one are reduced each time."""
    common = lcm(*{one.denominator for one in operands})
    return Fraction(sum(one.numerator * (common // one.denominator) for one in operands), common)


def _days(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """How many days `room` lasts where so many `days` take `use`; a day that is begun counts."""
    room, use = operands
    lasts = room * int(str(parameters["days"])) / use
    return Fraction(-(-lasts.numerator // lasts.denominator))


def _weighted_average(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    """Weights and values come in turn."""
    weights, values = operands[::2], operands[1::2]
    whole = sum(weights, Fraction(0))
    return _rounded(
        sum((one * other for one, other in zip(weights, values, strict=True)), Fraction(0)) / whole, parameters
    )


def _percent(operands: Sequence[Fraction], parameters: Mapping[str, Parameter]) -> Fraction:
    part, whole = operands
    return _rounded(part * 100 / whole, parameters)


def _words(parameters: Mapping[str, Parameter], name: str) -> tuple[str, ...]:
    found = parameters[name]
    return found if isinstance(found, tuple) else (str(found),)


OPERATIONS: Final[Mapping[str, Callable[[Sequence[Fraction], Mapping[str, Parameter]], Fraction]]] = {
    "same": lambda operands, _: operands[0],
    "sum": lambda operands, _: _sum(operands),
    "subtract": lambda operands, _: operands[0] - _sum(operands[1:]),
    "negate": lambda operands, _: -operands[0],
    "min": lambda operands, _: min(operands),
    "max": lambda operands, _: max(operands),
    "percent": _percent,
    "weighted_average": _weighted_average,
    "all_or_nothing": lambda operands, _: operands[0] if operands[0] <= operands[1] else Fraction(0),
    "round": lambda operands, parameters: _rounded(operands[0], parameters),
    "extend": _extend,
    "convert": _convert,
    "exchange": _exchange,
    "proportion": _proportion,
    "proportions": _proportions,
    "steps": _steps,
    "by_day": _by_day,
    "percent_of": lambda operands, parameters: _rounded(operands[0] * operands[1] / 100, parameters),
    "increments": _increments,
    "elapsed": _elapsed,
    "of_time": _of_time,
    "in_hours": _in_hours,
    "in_seconds": _in_seconds,
    "of_seconds": _of_seconds,
    "share": _share,
    "spread": _spread,
    "days": _days,
}


# Making nodes


def total(title: str, operands: Sequence[Node], unit: str = "amount", currency: str = "", **more: object) -> Node:
    if isinstance(operands, SumParts):
        return Node(title, operands.value, unit, currency, Arithmetic("sum", operands), **more)  # type: ignore[arg-type]
    value = sum(one.value or 0 for one in operands)
    return Node(title, value, unit, currency, Arithmetic("sum", tuple(operands)), **more)  # type: ignore[arg-type]


def negated(title: str, operand: Node, **more: object) -> Node:
    return Node(title, -(operand.value or 0), operand.unit, operand.currency, Arithmetic("negate", (operand,)), **more)  # type: ignore[arg-type]


def less(title: str, first: Node, *rest: Node, **more: object) -> Node:
    value = (first.value or 0) - sum(one.value or 0 for one in rest)
    return Node(title, value, first.unit, first.currency, Arithmetic("subtract", (first, *rest)), **more)  # type: ignore[arg-type]


def constant(title: str, value: int, unit: str, currency: str = "", **more: object) -> Node:
    return Node(title, value, unit, currency, Arithmetic(CONSTANT), **more)  # type: ignore[arg-type]


def stated(title: str, value: int, unit: str, currency: str = "", **more: object) -> Node:
    """A value that is taken as it is; `unexplained` finds it."""
    return Node(title, value, unit, currency, Arithmetic(STATED), **more)  # type: ignore[arg-type]


def step_of(currency: str) -> str:
    """What amounts of the currency are rounded to, as text."""
    return step_text(smallest_unit(currency))


def evaluated(
    title: str,
    operation: str,
    operands: Sequence[Node],
    parameters: Mapping[str, Parameter],
    unit: str = "amount",
    currency: str = "",
    **more: object,
) -> Node:
    """A node whose value its operation gives; that is whole in its unit where the parameters round it."""
    exact = OPERATIONS[operation]([Fraction(one.value or 0, 10 ** SCALES[one.unit]) for one in operands], parameters)
    value = exact * 10 ** SCALES[unit]
    arithmetic = Arithmetic(operation, tuple(operands), parameters)
    return Node(title, value.numerator // value.denominator, unit, currency, arithmetic, **more)  # type: ignore[arg-type]


def in_proportion(title: str, whole: Node, part: Node, of: Node, mode: str, **more: object) -> Node:
    parameters: dict[str, Parameter] = {"step": step_of(whole.currency), "mode": mode}
    return evaluated(title, "proportion", (whole, part, of), parameters, "amount", whole.currency, **more)


def most(title: str, one: Node, other: Node, **more: object) -> Node:
    value = max(one.value or 0, other.value or 0)
    return Node(title, value, one.unit, one.currency, Arithmetic("max", (one, other)), **more)  # type: ignore[arg-type]


def least(title: str, nodes: Sequence[Node], **more: object) -> Node:
    """The only one as it is."""
    first = nodes[0]
    if len(nodes) == 1:
        return first
    value = min(node.value or 0 for node in nodes)
    return Node(title, value, first.unit, first.currency, Arithmetic("min", tuple(nodes)), **more)  # type: ignore[arg-type]
