"""Recomputes an explanation from its JSON and the log, knowing nothing of how Milepost came to it.

Decimals are exact fractions. A leaf is read in the event that it names; what is explained elsewhere is asked for there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any

Json = Any
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# The same amounts, rates and steps stand in very many nodes, and a fraction is slow to read.
number = lru_cache(maxsize=100_000)(Fraction)


class Mistake(AssertionError):
    """A node that does not follow from what it names."""


class Checker:
    """`events` are the log's events as JSON by their offset; `explain` gives the JSON of another figure."""

    def __init__(self, events: Mapping[int, Json], explain: Callable[[str], Json]) -> None:
        self.events = events
        self.explain = explain
        self.elsewhere: dict[str, Fraction] = {}
        self.seen: set[str] = set()

    def value_of(self, explanation: Json) -> Fraction:
        """Of the root; every node on the way is checked."""
        nodes, events = explanation["nodes"], explanation["events"]
        found: list[Fraction | None] = []
        for node in nodes:  # operands stand before what is made of them
            found.append(self._value(node, found, events))
        root = found[explanation["root"]]
        if root is None:
            raise Mistake("the root has no value")
        return root

    def _value(self, node: Json, found: Sequence[Fraction | None], events: Sequence[Json]) -> Fraction | None:
        if "value" not in node:
            return None
        said = number(node["value"])
        operation = node["operation"]
        self.seen.add(operation)
        operands = [found[place] for place in node["operands"]]
        if any(one is None for one in operands):
            raise Mistake(f"{node['title']}: an operand has no value")
        made = self._made(node, operation, [one for one in operands if one is not None], events)
        if made != said:
            raise Mistake(f"{node['title']} ({operation}): says {said}, comes to {made}")
        return said

    def _made(self, node: Json, operation: str, operands: list[Fraction], events: Sequence[Json]) -> Fraction:
        parameters = node.get("parameters", {})
        match operation:
            case "field":
                return self._field(node, events)
            case "elsewhere":
                return self._elsewhere(node["id"])
            case "constant":
                if number(node["value"]):
                    raise Mistake(f"{node['title']}: {node['value']} comes from nowhere")
                return Fraction(0)
            case "same":
                return operands[0]
            case "sum":
                return sum(operands, Fraction(0))
            case "subtract":
                return operands[0] - sum(operands[1:], Fraction(0))
            case "negate":
                return -operands[0]
            case "min":
                return min(operands)
            case "max":
                return max(operands)
            case "round":
                return rounded(operands[0], parameters)
            case "extend":
                factor = 1 + sum(operands[2:], Fraction(0)) / 100
                return rounded(operands[0] * operands[1] * factor, parameters)
            case "convert":
                amount = operands[0]
                legs = parameters["legs"]
                for rate, leg in zip(operands[1:], legs, strict=False):
                    amount = {"times": amount * rate, "divided": amount / rate}[leg]
                return rounded(amount * (1 + sum(operands[1 + len(legs) :], Fraction(0)) / 100), parameters)
            case "by_day":
                return rounded(operands[0] * int(parameters["days"]) / int(parameters["of"]), parameters)
            case "percent_of":
                return rounded(operands[0] * operands[1] / 100, parameters)
            case "steps":
                return in_price_steps(operands, parameters)
            case "exchange":
                rate = Fraction(1)
                for each, leg in zip(operands, parameters["legs"], strict=True):
                    rate = {"times": rate * each, "divided": rate / each}[leg]
                return rounded(rate, parameters)
            case "share":
                return shared(operands, parameters)
            case "spread":
                return spread(operands, parameters)
            case "days":
                lasts = operands[0] * int(parameters["days"]) / operands[1]
                return Fraction(ceil(lasts))
            case "proportion":
                made, *ratios = operands
                for part, of in zip(ratios[::2], ratios[1::2], strict=True):
                    made = made * part / of
                return rounded(made, parameters)
            case "proportions":
                made, left = Fraction(0), list(operands)
                for ratios in parameters.get("ratios", ["1"] * (len(operands) // 3)):
                    whole = left.pop(0)
                    for _ in range(int(ratios)):
                        whole = whole * left.pop(0) / left.pop(0)
                    made += whole
                return rounded(made, parameters)
            case "weighted_average":
                weighed = sum(
                    (one * other for one, other in zip(operands[::2], operands[1::2], strict=True)), Fraction(0)
                )
                return rounded(weighed / sum(operands[::2], Fraction(0)), parameters)
            case "percent":
                return rounded(operands[0] * 100 / operands[1], parameters)
            case "increments":
                return in_steps(operands[0], parameters)
            case "of_time":
                end, start, *others = operands
                hours = (end - start) / 3_600_000_000
                return self._made(node, parameters["of"], [hours, *others], events)
            case "in_hours":
                return rounded(operands[0] / 3600, {"step": "0.000001"})
            case "in_seconds":
                return (operands[0] - operands[1]) / 1_000_000
            case "of_seconds":
                return self._made(node, parameters["of"], [operands[0] / 3600, *operands[1:]], events)
            case "elapsed":
                return rounded((operands[0] - operands[1]) / 3_600_000_000, {"step": "0.000001", "mode": "down"})
            case "all_or_nothing":
                return operands[0] if operands[0] <= operands[1] else Fraction(0)
            case _:
                raise Mistake(f"{node['title']}: {operation} is no arithmetic")

    def _field(self, node: Json, events: Sequence[Json]) -> Fraction:
        if "event" not in node:
            raise Mistake(f"{node['title']}: names no event")
        event = events[node["event"]]
        logged = self.events[event["log_offset"]]
        if (logged["type"], logged["event_id"]) != (event["type"], event["event_id"]):
            raise Mistake(f"{node['title']}: another event stands at log offset {event['log_offset']}")
        value: Json = logged
        for name, place in re.findall(r"([a-z_]+)|\[(\d+)\]", node["field"]):
            value = value[name] if name else value[int(place)]
        if node["unit"] == "instant":
            moment = datetime.fromisoformat(value)
            return Fraction((moment - EPOCH) // timedelta(microseconds=1))
        return number(value)

    def _elsewhere(self, wanted: str) -> Fraction:
        if wanted not in self.elsewhere:
            self.elsewhere[wanted] = self.value_of(self.explain(wanted))
        return self.elsewhere[wanted]


def rounded(value: Fraction, parameters: Mapping[str, str]) -> Fraction:
    step, mode = number(parameters["step"]), parameters.get("mode", "half_up")
    steps = value / step
    if mode == "down":
        return floor(steps) * step
    below = floor(abs(steps))
    rest = abs(steps) - below
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (mode == "half_up" or below % 2 == 1))
    return (below + up) * step * (-1 if steps < 0 else 1)


def shared(operands: Sequence[Fraction], parameters: Mapping[str, str]) -> Fraction:
    """One party's part: whole units in proportion, those that are left to the largest remainders."""
    total, *weights = operands
    step, party = number(parameters["step"]), int(parameters["party"])
    exact = [total / step * weight / sum(weights, Fraction(0)) for weight in weights]
    units = [floor(each) for each in exact]
    for place in sorted(range(len(weights)), key=lambda at: (units[at] - exact[at], at))[
        : int(total / step) - sum(units)
    ]:
        units[place] += 1
    return units[party] * step


def spread(operands: Sequence[Fraction], parameters: Mapping[str, str]) -> Fraction:
    """What the place gets when the total is handed out in order, rounding what is handed out up to each place."""
    total, *weights = operands
    weights = weights or [Fraction(1)] * int(parameters["parts"])
    given, shares = Fraction(0), []
    for place in range(len(weights)):
        part = sum(weights[: place + 1], Fraction(0)) / sum(weights, Fraction(0))
        reached = total if part == 1 else rounded(total * part, parameters)
        shares.append(reached - given)
        given = reached
    return shares[int(parameters["party"])]


def in_steps(hours: Fraction, parameters: Mapping[str, Any]) -> Fraction:
    """20 minutes to steps of 15 are 30 minutes; a whole number of steps stays as it is written."""
    seconds = floor(hours * 3600 + Fraction(1, 2))
    step, least = int(parameters["minutes"]) * 60, int(parameters["minimum_minutes"]) * 60
    made = seconds
    if step:
        whole, rest = divmod(seconds, step)
        up = {"up": rest > 0, "down": False, "nearest": 2 * rest >= step}[parameters["mode"]]
        made = (whole + up) * step
    if 0 < made < least:
        made = least
    return hours if made == seconds else rounded(Fraction(made, 3600), {"step": "0.000001"})


def in_price_steps(operands: Sequence[Fraction], parameters: Json) -> Fraction:
    first, units, *prices = operands
    bounds = [Fraction(each) for each in parameters["up_to"]]
    if parameters["by"] == "volume":
        return rounded(units * prices[len([bound for bound in bounds if bound < first])], parameters)
    worth, at, left = Fraction(0), abs(first), abs(units)
    for place, price in enumerate(prices):
        room = max(bounds[place] - at, Fraction(0)) if place < len(bounds) else left
        part = min(left, room)
        worth, at, left = worth + part * price, at + part, left - part
    return rounded(worth if units >= 0 else -worth, parameters)
