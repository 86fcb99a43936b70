"""What a node of an explanation says, in words and figures: the same for text, JSON and HTML."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.json_values import decimal_text, instant_text
from domain.counting import counted
from domain.explanation import (
    COMES_TO,
    CONSTANT,
    ELSEWHERE,
    FIELD,
    SCALES,
    STATED,
    EventRef,
    Node,
    PolicyUse,
    proportions_of,
    step_of,
)
from domain.identity import unescape
from domain.units import AMOUNT_SCALE, RATE_SCALE
from milepost.console import shell_word
from milepost.explain.recompute import events_of, everything
from milepost.tables import scaled_text
from milepost.words import event_name

# What shares that no per cent is agreed for are in proportion to.
WEIGHED: Final[Mapping[str, str]] = {"amount": "value", "hours": "hours", "quantity": "quantity", "count": "number"}
# Operands of a sum whose values are shown.
SUMMED_SHOWN: Final = 4
UNITS: Final[Mapping[str, str]] = {"hours": " h", "percent": " %", "quantity": "", "exchange_rate": "", "count": ""}


def value_text(node: Node) -> str:
    """With its unit: `1,250.00 EUR`, `2.5 h`."""
    if node.value is None:
        return ""
    if node.unit in ("amount", "rate"):
        scale = AMOUNT_SCALE if node.unit == "amount" else RATE_SCALE
        text = scaled_text(node.value, scale)
        whole, _, decimals = text.partition(".")
        least = len(step_of(node.currency).partition(".")[2]) if node.currency else 2
        decimals = f".{decimals.ljust(least, '0')}" if decimals or least else ""
        return f"{whole}{decimals} {node.currency}".rstrip()
    if node.unit == "instant":
        return instant_text(node.value)
    return scaled_text(node.value, SCALES[node.unit]) + UNITS.get(node.unit, "")


def exact(node: Node) -> str | None:
    """As machines want it: digits without thousands; an instant in microseconds."""
    return None if node.value is None else decimal_text(SCALES[node.unit], 0, node.value)


def formula(node: Node) -> str:
    """The arithmetic with its operands' values; long, because the switch is the list of operations."""
    if node.arithmetic is None:
        return ""
    operation, operands, parameters = node.arithmetic
    # The values of very many are not shown.
    values = [value_text(one) for one in operands] if operation != "sum" or len(operands) <= SUMMED_SHOWN else []
    rounded = f", to {parameters['step']} {parameters.get('mode', '')}".rstrip() if "step" in parameters else ""
    match operation:
        case "sum":
            return " + ".join(values).replace("+ -", "− ") if len(values) > 1 else f"sum of {len(operands):,}"
        case "subtract":
            return (
                " − ".join(values).replace("− -", "+ ")
                if len(values) <= 5
                else f"{values[0]} less {len(values) - 1:,} others"
            )
        case "negate":
            return f"−({values[0]})"
        case "same":
            return ""
        case "min":
            return "the least of " + ", ".join(values)
        case "max":
            return "the greatest of " + ", ".join(values)
        case "extend":
            markup = f" × (1 + {values[2]})" if len(values) > 2 else ""
            return f"{values[0]} × {values[1]}{markup}{rounded}"
        case "convert":
            legs = parameters["legs"] if isinstance(parameters["legs"], tuple) else ()
            steps = "".join(
                f" {'×' if leg == 'times' else '÷'} {value}" for leg, value in zip(legs, values[1:], strict=False)
            )
            markup = "".join(f" × (1 + {value})" for value in values[1 + len(legs) :])
            return f"{values[0]}{steps}{markup}{rounded}"
        case "by_day":
            return f"{values[0]} × {parameters['days']} of {parameters['of']} days{rounded}"
        case "percent_of":
            return f"{values[1]} of {values[0]}{rounded}"
        case "steps" if len(values) == 3:
            return f"{values[1]} × {values[2]}{rounded}"
        case "steps" if parameters["by"] == "volume":
            return f"{values[1]} at the price of {values[0]} in all, of {counted(len(values) - 2, 'step')}{rounded}"
        case "steps":
            return f"{values[1]} after {values[0]}, in {counted(len(values) - 2, 'step')} of prices{rounded}"
        case "exchange":
            return " and ".join(values)
        case "share" if len(values) == 2:
            return f"all of {values[0]}"
        case "share" if operands[1].unit == "percent":
            return f"its part of {values[0]} by agreed per cent, {values[_place(parameters)]} among {len(values) - 1:,}"
        case "share":
            return f"its part of {values[0]} in proportion to {WEIGHED[operands[1].unit]}, among {len(values) - 1:,}"
        case "spread" if len(values) == 1:
            return f"part {_place(parameters)} of {parameters['parts']} of {values[0]}, evenly{rounded}"
        case "spread":
            return f"its part of {values[0]}, {values[_place(parameters)]} of {len(values) - 1:,} weights{rounded}"
        case "days":
            return f"{values[0]} × {parameters['days']} days ÷ {values[1]}, a day begun counts"
        case "proportion":
            return _ratios(*values) + rounded
        case "proportions":
            each = [_ratios(*one) for one in proportions_of(values, parameters)]
            return " + ".join(each).replace("+ -", "− ") + rounded
        case "weighted_average":
            return f"average of {counted(len(values) // 2, 'rate')}, weighted by hours{rounded}"
        case "percent":
            return f"{values[0]} in per cent of {values[1]}"
        case "increments":
            minimum = parameters["minimum_minutes"]
            least = f", at least {minimum} minutes" if minimum else ""
            steps = (
                f" {parameters['mode']} to steps of {parameters['minutes']} minutes" if parameters["minutes"] else ""
            )
            return f"{values[0]}{steps}{least}"
        case "elapsed":
            return f"from {values[1]} to {values[0]}"
        case "of_time":
            others = "".join(f" × {value}" for value in values[2:])
            return f"exact hours from {values[1]} to {values[0]}{others}{rounded}"
        case "in_hours":
            return f"{values[0]} in hours{rounded}"
        case "in_seconds":
            return f"seconds from {values[1]} to {values[0]}"
        case "of_seconds":
            others = "".join(f" × {value}" for value in values[1:])
            return f"exact hours of {values[0]}{others}{rounded}"
        case "round":
            return f"{values[0]}{rounded}"
        case "all_or_nothing":
            return f"{values[0]} if it fits into {values[1]}, else nothing"
        case _:
            return {
                FIELD: f"stated as {node.field}",
                CONSTANT: "",
                ELSEWHERE: f"milepost explain {shell_word(node.id)}",
                STATED: _taken(node),
            }.get(operation, operation)


def _ratios(whole: str, *ratios: str) -> str:
    return whole + "".join(f" × {part} ÷ {of}" for part, of in zip(ratios[::2], ratios[1::2], strict=True))


def _place(parameters: Mapping[str, Any]) -> int:
    """Counted from 1."""
    return int(parameters["party"]) + 1


def _taken(node: Node) -> str:
    parameters = node.arithmetic.parameters if node.arithmetic is not None else {}
    if COMES_TO in parameters:
        return f"as the outputs have it, not explained: what is below comes to {parameters[COMES_TO]}"
    return "as the outputs have it" if node.value is not None else "not explained"


def policies_text(policies: Sequence[PolicyUse]) -> str:
    """In one line; what was left to the default is said shortly."""
    return "policies: " + "; ".join(_policy(policy) for policy in policies)


def _policy(policy: PolicyUse) -> str:
    if policy.stated_by is None:
        value = "the usual order" if policy.name == "rate_precedence" else policy.value
        return f"{policy.name} {value} ({policy.level})"
    return f"{policy.name} {policy.value} ({policy.level}, {event_called(policy.stated_by)})"


def shared(node: Node) -> int:
    """The same for nodes that are one figure under two names."""
    return id(node.arithmetic) if node.arithmetic is not None and node.arithmetic.operands else id(node)


def below(node: Node) -> Sequence[Node]:
    """What a figure is made of, then what decided it."""
    operands = node.arithmetic.operands if node.arithmetic is not None else ()
    return [*operands, *node.why] if node.why else operands


def event_called(event: EventRef) -> str:
    """In finance's words first; then its type and its place, to be looked up: `time approved T-1, TimeApproved at log offset 7`."""
    version = f" version {event.version}" if event.version else ""
    words = event_name(event.type)
    return f"{words} {unescape(event.id)}{version}, {event.type} at log offset {event.log_offset}"


def event_text(event: EventRef) -> str:
    people = "".join(
        f", {what} by {who}" for what, who in (("asked", event.requested_by), ("approved", event.approved_by)) if who
    )
    occurred, recorded = instant_text(event.occurred_at), instant_text(event.recorded_at)
    recorded = "" if recorded == occurred else f", recorded {recorded}"
    return f"{event_called(event)}, occurred {occurred}{recorded}, source {event.source}{people}"


# For machines; version 1 of the shape


def as_json(root: Node, nodes: Sequence[Node] = ()) -> dict[str, Any]:
    """Nodes once each, operands before what is made of them; they and events are named by their place in the list. `nodes` are all that the
    root is made of, where they are known."""
    nodes = nodes or list(everything(root))
    number = {id(node): place for place, node in enumerate(nodes)}
    events = events_of(nodes)
    places = {event: place for place, event in enumerate(events)}
    return {
        "root": number[id(root)],
        "nodes": [_node_json(node, number, places) for node in nodes],
        "events": [_event_json(event) for event in events],
    }


def _node_json(node: Node, number: Mapping[int, int], places: Mapping[EventRef, int]) -> dict[str, Any]:
    made: dict[str, Any] = {"title": node.title}
    if node.id:
        made["id"] = node.id
    if node.value is not None:
        made |= {"value": exact(node), "unit": node.unit}
        if node.currency:
            made["currency"] = node.currency
    if node.arithmetic is not None:
        made["operation"] = node.arithmetic.operation
        made["operands"] = [number[id(one)] for one in node.arithmetic.operands]
        if node.arithmetic.parameters:
            made["parameters"] = dict(node.arithmetic.parameters)
    if node.rule:
        made["rule"] = node.rule
    if node.policies:
        made["policies"] = [_policy_json(policy) for policy in node.policies]
    if node.facts:
        made["facts"] = [{"name": name, "value": value} for name, value in node.facts]
    if node.why:
        made["why"] = [number[id(one)] for one in node.why]
    if node.event is not None:
        made["event"] = places[node.event]
        if node.field:
            made["field"] = node.field
    return made


def _policy_json(policy: PolicyUse) -> dict[str, Any]:
    stated = policy.stated_by.log_offset if policy.stated_by is not None else None
    return {"name": policy.name, "value": policy.value, "level": policy.level, "stated_at_log_offset": stated}


def _event_json(event: EventRef) -> dict[str, Any]:
    return {
        **event._asdict(),
        "occurred_at": instant_text(event.occurred_at),
        "recorded_at": instant_text(event.recorded_at),
    }
