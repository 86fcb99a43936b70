"""Numbers that carry how they came about, for arithmetic of which each step is explained by itself.

What is added to a figure, or taken from it, makes a figure of which the node says so; `min` and `max` give the one they choose, with its
own. All other arithmetic gives a plain number. `state.value.plain` takes the nodes off before a number is kept.

    billed = Recorded(in_event("billed", 20_000_00_00, ...)); billed - open_net: "what is left" = billed - net
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from domain import money
from domain.columns import AddendColumn, SumParts, joined
from domain.explanation import (
    SCALES,
    Node,
    Parameter,
    constant,
    evaluated,
    least,
    less,
    most,
    negated,
    stated,
    step_of,
    total,
)
from domain.money import (
    HALF_UP,
    STEPS,
    allocate,
    carried_part,
    convert,
    format_decimal,
    percent_of,
    round_ratio,
    smallest_unit,
    step_text,
)
from domain.reference.exchange import SAME_CURRENCY, Exchange
from domain.units import (
    HOURS_TIMES_RATE_PER_AMOUNT,
    HUNDRED_PERCENT,
    PERCENT_SCALE,
    RATE_SCALE,
    Amount,
    Hours,
    Percent,
    Rate,
)
from domain.why import Disagreement, Rates, Why, node_kept, quotes
from domain.why import exchanged as in_ledger

# What is made without a name; what is added to, or taken from, one of the first two is one more operand of it.
TOGETHER, LEFT = "together", "what is left"
LESS = "less {}"
# Of a rate of which only is known how it came about.
UNKNOWN: Final = Exchange(0, 0, 0, ())
# Of a proportion, where its numbers have no names of their own.
PART, WHOLE = "the part that counts", "all of it"
_number, _plus = int.__new__, int.__add__


class Recorded(int):
    """A number and its node, whose value it is."""

    node: Node

    def __new__(cls, node: Node) -> Recorded:
        made = super().__new__(cls, node.value or 0)
        made.node = node
        return made

    def __add__(self, other: int) -> Recorded:
        if not other:
            return self
        if not self and isinstance(other, Recorded):
            return other
        # A question may add up some 300,000 numbers: made without a call more.
        made = _number(Summed, _plus(self, other))
        made.added_to, made.more = self, other
        return made

    def __radd__(self, other: int) -> Recorded:
        if not other:
            return self
        return RecordedLater(
            other + int(self),
            lambda: total(TOGETHER, (self._node_of(other), self.node), self.node.unit, self.node.currency),
        )

    def __sub__(self, other: int) -> Recorded:
        if not other:
            return self
        if not self and isinstance(other, Recorded):
            return -other
        return RecordedLater(int(self) - int(other), lambda: less(LEFT, *self._operands(LEFT), self._node_of(other)))

    def __rsub__(self, other: int) -> Recorded:
        if not other:
            return -self
        return RecordedLater(other - int(self), lambda: less(LEFT, self._node_of(other), self.node))

    def __neg__(self) -> Recorded:
        made = _number(Negated, -int(self))
        made.of = self
        return made

    def __abs__(self) -> Recorded:
        return self if self >= 0 else -self

    def __rmul__(self, sign: int) -> int:
        """As sums are added to, or taken from; any other product is a plain number."""
        return self if sign == 1 else -self if sign == -1 else sign * int(self)

    def _operands(self, title: str) -> Sequence[Node]:
        arithmetic = self.node.arithmetic
        return arithmetic.operands if self.node.title == title and arithmetic is not None else (self.node,)

    def _nodes_of(self, number: int) -> Sequence[Node]:
        """Of a sum without a name what it is of."""
        return number._operands(TOGETHER) if isinstance(number, Recorded) else (self._node_of(number),)

    def _node_of(self, number: int) -> Node:
        if isinstance(number, Recorded):
            return number.node
        return node_of(number, "not recorded", self.node.unit, self.node.currency)


class _MadeOnce:
    """As a cached property, without the lock that makes one slow: there may be 300,000."""

    def __get__(self, number: RecordedLater, _: type) -> Node:
        made = number.make()
        number.__dict__["node"] = made if made.value == number else as_recorded(int(number), made).node
        return made


class RecordedLater(Recorded):
    """A number whose node is made when somebody asks. Raises Disagreement where that comes to another."""

    make: Callable[[], Node]
    node = _MadeOnce()

    def __new__(cls, number: int, make: Callable[[], Node]) -> RecordedLater:
        made = int.__new__(cls, number)
        made.make = make
        return made

    @property
    def made(self) -> Node | None:
        """Its node, if somebody has asked for it."""
        return self.__dict__.get("node")


class _MadeOf(RecordedLater):
    """By a function of these: a question may have a million such numbers."""

    of: tuple[Callable[..., Node], tuple[object, ...]]

    def make(self) -> Node:
        make, of = self.of
        return make(*of)


class Negated(RecordedLater):
    """Taken off, or back; twice it is the same again."""

    of: Recorded

    def make(self) -> Node:
        return negated(LESS.format(self.of.node.title), self.of.node)

    def __neg__(self) -> Recorded:
        return self.of


class Summed(RecordedLater):
    """A number that one more was added to: of very many there is one sum, made when somebody asks."""

    added_to: Recorded
    more: int

    def make(self) -> Node:
        parts, first = [self.more], self.added_to
        while isinstance(first, Summed) and "node" not in first.__dict__:
            parts.append(first.more)
            first = first.added_to
        operands: list[Sequence[Node]] = []
        for of_rows, several in groupby((first, *reversed(parts)), _is_column):
            if of_rows:
                operands.append(SumParts([one.column for one in several if isinstance(one, ColumnNumber)]))
            else:
                operands += map(first._nodes_of, several)
        return total(TOGETHER, joined(operands), first.node.unit, first.node.currency)


class ColumnNumber(RecordedLater):
    """What rows that are alike put into a sum, as one number: beside other such numbers its parts come in the order of the rows."""

    column: AddendColumn

    def make(self) -> Node:
        parts = SumParts([self.column])
        return total(TOGETHER, parts, parts[0].unit, parts[0].currency)


class Together:
    """Nodes of several numbers by name, all made when somebody asks for one: of most work nobody does."""

    __slots__ = ("_made",)

    def __init__(self, make: Callable[[], Mapping[str, Node]]) -> None:
        self._made: Callable[[], Mapping[str, Node]] | Mapping[str, Node] = make

    def node(self, name: str) -> Node:
        made = self._made
        if callable(made):
            made = self._made = made()
        return made[name]

    def later(self, number: int, name: str) -> RecordedLater:
        return RecordedLater(number, partial(self.node, name))


class PlacedAmount:
    """What one of several puts into a sum by a name (`domain.why.Addends`)."""

    __slots__ = ("_amount", "_title", "values")

    def __init__(self, amount: int, title: str, name: str) -> None:
        self._amount, self._title = amount, title
        self.values = {name: int(amount)}

    def node(self, _: str) -> Node:
        return node_of(self._amount, self._title)

    def made(self) -> tuple[Node, ...]:
        amount = self._amount
        made = amount.made if isinstance(amount, RecordedLater) else getattr(amount, "node", None)
        return (made,) if made is not None else ()


def of_rows(column: AddendColumn) -> int:
    """The numbers of the column as one; of one row that by itself."""
    if len(column.values) == 1:
        return later(column.values[0], column.node, 0)
    made = _number(ColumnNumber, sum(column.values))
    made.column = column
    return made


def whole(number: int) -> int:
    """The same once all is added: what it is added to takes its parts as they are."""
    return RecordedLater(number, lambda: number.node) if isinstance(number, Summed | ColumnNumber) else number


def _is_column(number: int) -> bool:
    return isinstance(number, ColumnNumber)


def later(number: int, make: Callable[..., Node], *of: object) -> int:
    """Recorded as `make` says of these when somebody asks; 0 is plain, nothing brought it about."""
    if not number:
        return 0
    made = _number(_MadeOf, number)
    made.of = make, of
    return made


def as_kept(why: Why, number: int, address: str) -> int:
    """With how it came about, where a rule recorded that by now."""
    kept = why.kept_at(address, why.now)
    return later(number, node_kept, kept) if kept is not None else number


def as_recorded(number: int, node: Node) -> Recorded:
    """The number with a node that was made beside it. Raises Disagreement where that comes to another."""
    if node.value != number:
        raise Disagreement(
            f"{node.title}: the rule has {number}, its recorded step comes to {node.value}", number, node
        )
    return Recorded(node)


def node_of(number: int, title: str, unit: str = "amount", currency: str = "") -> Node:
    """Of a figure its node, with the title where it has none of its own; of 0 a constant, of any other number one that an audit finds."""
    if isinstance(number, Recorded):
        return number.node._replace(title=title) if _is_unnamed(number.node) else number.node
    if not number:
        return constant(title, 0, unit, currency)
    return stated(title, number, unit, currency)


def _is_unnamed(node: Node) -> bool:
    if node.arithmetic is not None and node.arithmetic.operation == "negate":
        return node.title == LESS.format(node.arithmetic.operands[0].title)
    return node.title in (TOGETHER, LEFT)


def moved(number: int, month: str) -> int:
    """What was expected in another month, and is now in this one."""
    return titled(number, f"{number.node.title}, by now in {month}") if isinstance(number, Recorded) else number


def assumed(beside: int | None, number: int, title: str, unit: str = "") -> int:
    """What a rule takes where no event says it, recorded as long as what it stands `beside` is, and in its unit, if not in another."""
    if not isinstance(beside, Recorded):
        return number
    return Recorded(
        constant(title, number, unit) if unit else constant(title, number, beside.node.unit, beside.node.currency)
    )


def called(number: int, title: str, rule: str = "") -> int:
    """The same with the title, where it has none of its own."""
    if not isinstance(number, Recorded):
        return number

    def named() -> Node:
        node = node_of(number, title)
        return node._replace(rule=rule) if rule else node

    return RecordedLater(number, named)


def node_titled(number: int, title: str, unit: str = "amount", currency: str = "") -> Node:
    """The number's node (`node_of`) with the title, whatever it had."""
    return node_of(number, title, unit, currency)._replace(title=title)


def titled(number: int, title: str, rule: str = "") -> int:
    """The same with the title, whatever it had."""
    if not isinstance(number, Recorded):
        return number
    return RecordedLater(number, lambda: number.node._replace(title=title, rule=rule or number.node.rule))


def said_of(number: int, whose: str) -> int:
    """The same, with whose it is."""
    if not isinstance(number, Recorded):
        return number
    return RecordedLater(number, lambda: number.node._replace(title=f"{whose}: {number.node.title}"))


def in_all(number: int, title: str, rule: str = "") -> int:
    """A sum with the title, also of one."""
    if not isinstance(number, Recorded):
        return number
    return RecordedLater(
        number, lambda: total(title, number._operands(TOGETHER), number.node.unit, number.node.currency, rule=rule)
    )


def of_all(parts: Sequence[tuple[int, str]], title: str, rule: str = "") -> int:
    """The sum of several, with those that are nothing; each with a title for where it has none."""
    made = sum(part for part, _ in parts)
    if not any(isinstance(part, Recorded) for part, _ in parts):
        return made

    def whole() -> Node:
        currency = next(part.node.currency for part, _ in parts if isinstance(part, Recorded))
        nodes = [node_of(part, of, currency=currency) for part, of in parts]
        return total(title, nodes, "amount", currency, rule=rule)

    return RecordedLater(made, whole)


def less_all(whole: int, parts: Sequence[int], title: str) -> int:
    """What is left of a number once each of the parts is taken off, with those that are something."""
    made = whole - sum(parts)
    recorded = [each.node for each in (whole, *parts) if isinstance(each, Recorded)]
    if not recorded:
        return made
    unit, currency = recorded[0].unit, recorded[0].currency
    first, *taken = (node_of(each, "nothing", unit, currency) for each in (whole, *filter(None, parts)))
    return RecordedLater(int(made), lambda: less(title, first, *taken))


def in_unit(number: int, of: int, unit: str, currency: str) -> int:
    """The same as another unit counts it."""
    if not isinstance(of, Recorded):
        return number
    return as_recorded(number, evaluated(of.node.title, "same", (of.node,), {}, unit, currency))


def in_part(whole: int, part: int, of: int, title: str, step: int = 1) -> int:
    """`part` of `of` of the whole, rounded down to its last decimal, or to a step."""
    if not isinstance(whole, Recorded):
        return whole * part // of // step * step

    def in_proportion() -> Node:
        node = whole.node
        unit, currency = ("amount", node.currency) if node.unit == "amount" else ("quantity", "")
        operands = node, node_of(part, PART, unit, currency), node_of(of, WHOLE, unit, currency)
        parameters = {"step": format_decimal(step, SCALES[node.unit]), "mode": "down"}
        return evaluated(title, "proportion", operands, parameters, node.unit, node.currency)

    return RecordedLater(whole * part // of // step * step, in_proportion)


def record(why: Why, address: str, number: int | None) -> None:
    """Under the address, where the rule made it with its node."""
    if isinstance(number, RecordedLater):
        why.record_later(address, number)
    elif isinstance(number, Recorded):
        why.record(address, int(number), number.node)


# Arithmetic that stays recorded; of plain numbers it is plain.


class RecordedRate(Exchange):
    """A rate by what explains an amount in a ledger currency, rounded in a mode; its numbers need not be known."""

    explains: Callable[[Node, str, str], Node]

    @classmethod
    def by(cls, explains: Callable[[Node, str, str], Node], exchange: Exchange = UNKNOWN) -> RecordedRate:
        made = cls(*exchange)
        made.explains = explains
        return made

    @classmethod
    def along(cls, rates: Rates, exchange: Exchange = UNKNOWN) -> RecordedRate:
        return cls.by(lambda amount, currency, mode: in_ledger(amount, rates, currency, mode), exchange)


def converted(amount: Amount, rate: Exchange, currency: str, mode: str) -> Amount:
    """In ledger currency, at an exact rate or one that is recorded."""
    if isinstance(rate, RecordedRate):
        return Recorded(rate.explains(node_of(amount, "amount"), currency, mode)) if amount else 0
    return convert(amount, rate.numerator, rate.denominator, currency, mode)


def exchanged(amount: Amount, rate: Exchange, currency: str, mode: str) -> Amount:
    """In another currency, at a rate along its path."""
    # Most work is in one currency and its cost in another: a call less than `convert`.
    step = STEPS[currency]
    if rate is SAME_CURRENCY and not amount % step:
        return amount
    made = round_ratio(amount * rate.numerator, rate.denominator, step, mode)
    if not isinstance(amount, Recorded) or not rate.path:
        return amount if amount == made else made

    def in_currency() -> Node:
        node = in_ledger(amount.node, quotes(rate), currency, mode)
        return node._replace(title=f"{amount.node.title}, in {currency}", rule="R53")

    return RecordedLater(made, in_currency)


def because(number: int, of: int) -> int:
    """The same, since the other is what it is."""
    if not isinstance(number, Recorded) or not isinstance(of, Recorded):
        return number
    return RecordedLater(number, lambda: number.node._replace(why=(of.node,)))


def at_least(number: int, floor: int, title: str, rule: str = "", *, instead_of: int | None = None) -> int:
    """The larger of two; `instead_of` decided that it is asked."""
    if type(number) is int and type(floor) is int:
        return max(floor, number)

    def of_both() -> Node:
        why = (instead_of.node,) if isinstance(instead_of, Recorded) else ()
        return most(title, *_both(number, floor), rule=rule, why=why)

    return RecordedLater(max(number, floor), of_both)


def ratio(whole: int, part: int, of: int, step: int, mode: str, title: str, then: tuple[int, int] = (1, 1)) -> int:
    """`whole` times `part` over `of`, which is in the unit of `whole`; `then` as the first of two numbers is to the second."""
    made = round_ratio(whole * part * then[0], of * then[1], step, mode)
    if not isinstance(whole, Recorded):
        return made

    def in_proportion() -> Node:
        node = whole.node
        last = node_of(part, PART, "amount", node.currency)
        operands = [node, last, node_of(of, WHOLE, node.unit, node.currency)]
        operands += [each.node for each in then if isinstance(each, Recorded)]
        parameters = {"step": step_text(step), "mode": mode}
        return evaluated(title, "proportion", operands, parameters, last.unit, last.currency)

    return RecordedLater(made, in_proportion)


def together(
    made: int,
    parts: Sequence[tuple[int, int, int]],
    step: int,
    mode: str,
    title: str,
    unit: str = "amount",
    currency: str = "",
) -> int:
    """What several proportions, each of a whole, a part and what that is of, came to, rounded once."""
    if not isinstance(parts[-1][1], Recorded):
        return made
    operation = "proportion" if len(parts) == 1 else "proportions"
    parameters = {"step": format_decimal(step, SCALES[unit]), "mode": mode}
    nodes = [node_of(each, PART) for part in parts for each in part]
    return as_recorded(made, evaluated(title, operation, nodes, parameters, unit, currency, rule="R14"))


def risen(hours: int, whole: int, was: tuple[int, int], now: tuple[int, int], step: int, title: str) -> int:
    """Hours that are shared as `was` is of the whole, by how much an hour is dearer now; `was` and `now` are hours and amounts."""
    (old, old_amount), (new, new_amount) = was, now
    made = round_ratio(hours * (new_amount * old - old_amount * new), whole * new, step, HALF_UP)
    if not isinstance(hours, Recorded):
        return made

    def dearer() -> Node:
        of, old_of, new_of, share = (node_of(each, "hours", "hours") for each in (hours, old, new, whole))
        own, own_now = (node_of(each, "amount") for each in (old_amount, new_amount))
        operands = own_now, of, share, old_of, new_of, negated(LESS.format(own.title), own), of, share
        parameters: dict[str, Parameter] = {"ratios": ("2", "1"), "step": step_text(step), "mode": HALF_UP}
        return evaluated(title, "proportions", operands, parameters, "amount", own_now.currency or own.currency)

    return RecordedLater(made, dearer)


def average(weighted: Sequence[tuple[int, int]], title: str, rule: str = "") -> int:
    """Of values that follow their weights, rounded down; 0 of nothing."""
    weight = sum([each for each, _ in weighted])
    if not weight:
        return 0
    made = sum([each * value for each, value in weighted]) // weight
    return _as_weighted(made, weighted, 1, "down", title, rule)


def expected_value(
    weighted: Sequence[tuple[Percent, Amount]], step: Amount, mode: str, title: str, rule: str
) -> Amount:
    """Of amounts that follow their probabilities."""
    made = round_ratio(sum(each * amount for each, amount in weighted), HUNDRED_PERCENT, step, mode)
    return _as_weighted(made, weighted, step, mode, title, rule)


def _as_weighted(made: int, weighted: Sequence[tuple[int, int]], step: int, mode: str, title: str, rule: str) -> int:
    nodes = [each.node for pair in weighted for each in pair if isinstance(each, Recorded)]
    if not nodes:
        return made
    of = nodes[1]
    parameters = {"step": format_decimal(step, SCALES[of.unit]), "mode": mode}
    return as_recorded(made, evaluated(title, "weighted_average", nodes, parameters, of.unit, of.currency, rule=rule))


def marked_up(rate: Rate, exchange: Exchange, percent: Percent, currency: str, title: str) -> Rate:
    """A rate in another currency with so many per cent of it, rounded once."""
    above, below = exchange.numerator * (HUNDRED_PERCENT + percent), exchange.denominator * HUNDRED_PERCENT
    made = round_ratio(rate * above, below, 1, HALF_UP)
    if not isinstance(rate, Recorded):
        return made
    rates, parameters = quotes(exchange), {"step": format_decimal(1, RATE_SCALE), "mode": HALF_UP}
    operands = rate.node, *rates.nodes, node_of(percent, "markup", "percent")
    made_of = evaluated(title, "convert", operands, {"legs": rates.legs, **parameters}, "rate", currency)
    return as_recorded(made, made_of)


def extended(hours: Hours, rate: Rate, step: Amount, mode: str, title: str, rule: str = "", like: Amount = 0) -> Amount:
    """Hours at a rate, where the currency is known by its `step` alone (`domain.money.extend`), or by what is `like` it."""
    made = round_ratio(hours * rate, HOURS_TIMES_RATE_PER_AMOUNT, step, mode)
    if not isinstance(hours, Recorded):
        return made

    def at_rate() -> Node:
        of = node_of(rate, "rate", "rate", like.node.currency if isinstance(like, Recorded) else "")
        parameters = {"step": step_text(step), "mode": mode}
        return evaluated(title, "extend", (hours.node, of), parameters, "amount", of.currency, rule=rule)

    return RecordedLater(made, at_rate)


def percentage(part: int, of: int, step: Percent, mode: str, title: str, rule: str = "") -> Percent:
    """How many per cent one number is of another, to a step."""
    made = round_ratio(part * HUNDRED_PERCENT, of, step, mode)
    if not isinstance(part, Recorded):
        return made

    def in_per_cent() -> Node:
        operands = part.node, node_of(of, WHOLE, part.node.unit, part.node.currency)
        parameters = {"step": format_decimal(step, PERCENT_SCALE), "mode": mode}
        return evaluated(title, "percent", operands, parameters, "percent", rule=rule)

    return RecordedLater(made, in_per_cent)


def with_percent(amount: Amount, percent: Percent, step: Amount, mode: str, title: str) -> Amount:
    """The amount and so many per cent of it."""
    made = round_ratio(amount * (HUNDRED_PERCENT + percent), HUNDRED_PERCENT, step, mode)
    if not isinstance(amount, Recorded):
        return made
    operands, currency = (amount.node, node_of(percent, "percent", "percent")), amount.node.currency
    parameters: dict[str, Parameter] = {"legs": (), "step": step_text(step), "mode": mode}
    return as_recorded(made, evaluated(title, "convert", operands, parameters, "amount", currency))


def carried_at(part: Amount, whole: tuple[Amount, Amount], currency: str, mode: str, rule: str) -> Amount:
    """The ledger amount of a part of a balance (`domain.money.carried_part`)."""
    made, (amount, ledger) = carried_part(part, whole, currency, mode), whole
    if not isinstance(ledger, Recorded) or part == amount or not amount:
        return made
    of = node_of(part, PART, currency=node_of(amount, WHOLE).currency)
    if made == part and of.currency == currency:
        return part
    operands, rounding = (ledger.node, of, node_of(amount, WHOLE)), {"step": step_of(currency), "mode": mode}
    made_of = evaluated("as it is carried", "proportion", operands, rounding, "amount", currency, rule=rule)
    return as_recorded(made, made_of)


def as_rounded(amount: Amount, whole: int, part: int, of: int, title: str, mode: str) -> Amount:
    """The amount that a rule made of `part` of `of` of the whole, and rounded: of a percentage, in proportion, by days, or of all."""
    if not isinstance(whole, Recorded):
        return amount
    node, currency = whole.node, whole.node.currency
    rounding: dict[str, Parameter] = {"step": step_of(currency), "mode": mode}
    if part is of or (part == of and type(part) is int):
        made = node if amount == whole else evaluated(title, "round", (node,), rounding, "amount", currency)
    elif isinstance(part, Recorded) and part.node.unit == "percent" and of == HUNDRED_PERCENT:
        made = evaluated(title, "percent_of", (node, part.node), rounding, "amount", currency)
    elif isinstance(of, Recorded):
        operands = node, node_of(part, PART, of.node.unit, of.node.currency), of.node
        made = evaluated(title, "proportion", operands, rounding, "amount", currency)
    else:
        days = {"days": str(part), "of": str(of), **rounding}
        made = evaluated(title, "by_day", (node,), days, "amount", currency)
    return as_recorded(amount, made)


def percent_taken(whole: Amount, percent: Percent, currency: str, mode: str, title: str, rule: str = "") -> Amount:
    """So many per cent of an amount."""
    made = percent_of(whole, percent, currency, mode)
    if not isinstance(whole, Recorded):
        return made
    return titled(as_rounded(made, whole, percent, HUNDRED_PERCENT, title, mode), title, rule)


def lesser(one: int, other: int, title: str) -> int:
    """The lower, with both."""
    if one is other or (type(one) is int and type(other) is int):
        return min(one, other)
    return RecordedLater(min(one, other), lambda: least(title, _both(one, other)))


def _both(one: int, other: int) -> list[Node]:
    """Of two numbers, one of which is recorded; the other is a limit that nothing states, such as 0."""
    [of, *_] = [each.node for each in (one, other) if isinstance(each, Recorded)]
    return [
        each.node if isinstance(each, Recorded) else node_of(each, "nothing", of.unit, of.currency)
        for each in (one, other)
    ]


def in_shares(
    parts: Sequence[Amount], whole: int, weights: Sequence[Node], title: str, currency: str, first: int = 0
) -> list[int]:
    """Parts that largest remainders made of the whole (`domain.money.allocate`), each with its share; among equals `first` comes first."""
    if not isinstance(whole, Recorded):
        return list(parts)
    amount = whole.node if whole >= 0 else negated("as it is shared", whole.node)
    order = [first, *(party for party in range(len(weights)) if party != first)]
    operands = (amount, *(weights[party] for party in order))
    step = step_of(currency) if not whole % smallest_unit(currency) else "0.0001"
    made: list[int] = list(parts)
    for party, part in enumerate(parts):
        node = evaluated(title, "share", operands, {"step": step, "party": order.index(party)}, "amount", currency)
        node = node if whole >= 0 else negated(title, node)
        made[party] = as_recorded(part, node)
    return made


def spread(whole: int, weights: Sequence[int], step: int, mode: str = HALF_UP) -> Sequence[int]:
    """By `domain.money.spread`, recorded."""
    if not isinstance(whole, Recorded):
        return money.spread(whole, weights, step, mode)
    if len(weights) == 1:
        return [whole]
    parts = money.spread(int(whole), [int(each) for each in weights], step, mode)
    node, recorded = whole.node, [each.node for each in weights if isinstance(each, Recorded)]
    parameters: dict[str, Parameter] = {"step": format_decimal(step, SCALES[node.unit]), "mode": mode}
    if not recorded:
        parameters["parts"] = len(weights)
    operands = (node, *(node_of(each, "weight", recorded[0].unit) for each in weights)) if recorded else (node,)
    made = (
        evaluated(node.title, "spread", operands, {**parameters, "party": party}, node.unit, node.currency, rule="R12")
        for party in range(len(parts))
    )
    return [as_recorded(part, one) for part, one in zip(parts, made, strict=True)]


def allocated(whole: int, weights: Sequence[int], currency: str, rounding_party: int = 0) -> Sequence[Amount]:
    """By `domain.money.allocate`, recorded."""
    if not isinstance(whole, Recorded):
        return allocate(whole, weights, currency, rounding_party)
    parts = allocate(int(whole), [int(each) for each in weights], currency, rounding_party)
    nodes = [node_of(each, "weight", currency=currency) for each in weights]
    return in_shares(parts, whole, nodes, "share", currency, rounding_party)
