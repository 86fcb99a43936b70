"""What work comes to, as an explanation has it: hours, rates, value and cost with their nodes.

For an explanation a rule makes each of these numbers a `Recorded` (`domain.figure`), and hands it on in the price or the cost of the work.
Where that is booked, `figure_of` names the figure by the row. In production none of this is called.

    T-1: value 250.00 = 2.5 h (T-1, hours) x 100.00 (contract K-1 version 1, lines[0].terms.rates[0].rate)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from domain.events.commercial import ContractSigned
from domain.events.common import CostPlus, Expenses, Policies, PriceTier
from domain.events.delivery import TimeApproved
from domain.explanation import Node, Parameter, PolicyUse, constant, evaluated, less, most, total
from domain.figure import record
from domain.identity import composed
from domain.money import format_decimal
from domain.units import QUANTITY_SCALE
from domain.why import Rates, Why, in_event, in_terms, rounding
from domain.work.rates import RateDecision

# Policies by name, as the line or the company of the work resolves them.
Uses = Callable[..., tuple[PolicyUse, ...]]
INCREMENTS: Final = ("increment_minutes", "increment_mode", "increment_scope", "minimum_minutes")
# How hours were made of time, and the operation that takes that time in their place.
EXACT: Final[Mapping[str, str]] = {"elapsed": "of_time", "in_hours": "of_seconds"}
# Names of figures of a row.
HOURS, VALUE, MEMO, RATE, MARKUP, QUANTITY = "hours", "value", "memo", "rate", "markup", "quantity"
EARNED, COST, TAX, PASSED, PASSED_HOURS = "earned", "cost", "tax", "passed", "passed_hours"
# Hours, and what they or an expense are worth, before what terms include or others of the day have.
ASKED, WORTH, DRAWN, WITHIN = "asked", "worth", "drawn", "within"

LEVELS: Final[Mapping[str, str]] = {
    "entry": "the entry's own rate",
    "line_task": "contract line, by task",
    "line_person": "contract line, by person",
    "line_role": "contract line, by role or for all",
    "assignment": "the assignment",
    "line_card": "the card that the line names, or the project's",
    "customer_card": "a card of the customer",
    "organisation_card": "a card of practice, region or company",
    "global_card": "a global card",
    "person": "the person's own rate",
}
REASONS: Final[Mapping[str, str]] = {
    "other_currency": "in another currency",
    "not_in_effect": "not in effect on the day",
    "no_line_matches": "no line of it matches",
    "not_approved": "nobody approved it",
    "unknown_card": "the card is not known",
    "less_specific": "less specific",
    "tie": "as specific, but older or lower",
}


def known_of(name: str, row: str, place: tuple[str, str], step: int, currency: str) -> str:
    """Address of what an explanation finds of a row on a contract line: all that is `due`, or of what is `gone`, or `recognised`."""
    return composed(name, row, *place, f"{step}", currency)


def figure_of(row: str, name: str) -> str:
    """Address of a figure of a row, as it was booked last."""
    return f"{composed('work', row)}#{name}"


def say(why: Why, row: str, name: str, number: int | None) -> None:
    """Record the figure where the rule made it with its node; one that stays as it was has been recorded before."""
    record(why, figure_of(row, name), number)


# Hours


def worked(event: TimeApproved) -> Node:
    """As stated, or the time between start and end."""
    title = f"{event.entry_id}: hours worked"
    if event.hours is not None and event.seconds is not None:
        seconds = in_event("seconds worked", event.seconds, "seconds", event, "seconds")
        return evaluated(title, "in_hours", (seconds,), {}, "hours")
    if event.hours is not None:
        return in_event(title, event.hours, "hours", event, "hours")
    if event.started_at is None or event.ended_at is None:
        return constant(title, 0, "hours")
    end = in_event("end", event.ended_at, "instant", event, "ended_at")
    start = in_event("start", event.started_at, "instant", event, "started_at")
    return evaluated(title, "elapsed", (end, start), {}, "hours")


def billable(event: TimeApproved, base: Node, policies: Policies, uses: Uses) -> Node:
    """Hours as the version or its `base`, the hours worked, says, after increments (R9); no terms include any of them yet."""
    stated = event.billable_hours
    if stated is not None:
        title = f"{event.entry_id}: billable hours"
        base = in_event(title, stated, "hours", event, "billable_hours")._replace(why=(base,))
    base = rounded(base, policies, uses)
    if stated is not None or policies.increment_scope != "entry":
        return base
    return in_steps(f"{event.entry_id}: hours in steps", base, policies, uses)


def rounded(hours: Node, policies: Policies, uses: Uses) -> Node:
    """To the decimals of policy `hours_decimals`."""
    decimals = policies.hours_decimals
    if decimals is None:
        return hours
    parameters: dict[str, Parameter] = {"step": format_decimal(10 ** (6 - decimals), 6), "mode": "half_up"}
    used = uses("hours_decimals")
    return evaluated("hours, rounded", "round", (hours,), parameters, "hours", rule="R9", policies=used)


def in_steps(title: str, hours: Node, policies: Policies, uses: Uses) -> Node:
    """Hours in steps of minutes, at least the minimum (R9)."""
    minutes, mode, minimum = policies.increment_minutes, policies.increment_mode, policies.minimum_minutes
    if not minutes and not minimum:
        return hours
    parameters: dict[str, Parameter] = {"minutes": minutes or 0, "mode": mode or "up", "minimum_minutes": minimum or 0}
    used = uses(*INCREMENTS)
    return evaluated(title, "increments", (hours,), parameters, "hours", rule="R9", policies=used)


class DaySteps:
    """How the hours of a person's day become steps; `day` says whose day it is."""

    def __init__(self, day: str, policies: Policies, uses: Uses) -> None:
        self.day, self._policies, self._uses = day, policies, uses

    def of(self, title: str, hours: Node) -> Node:
        return in_steps(title, hours, self._policies, self._uses)


def part_of_day(of: str, upto: Sequence[Node], before: Sequence[Node], issued: Sequence[Node], steps: DaySteps) -> Node:
    """What of the steps of a day is an entry's: those up to it less those before it, or those that are issued (R9)."""
    day, title = steps.day, "hours of the day given before it"
    due = steps.of(f"{day}, up to this entry, in steps", total("hours of the day up to this entry", upto, "hours"))
    given = constant(title, 0, "hours")
    if before:
        given = steps.of(
            f"{day}, before this entry, in steps", total("hours of the day before this entry", before, "hours")
        )
    if issued:
        given = most(title, total("hours issued of the day", issued, "hours"), given)
    share = less("rest of the day for it", due, given)
    return most(f"{of}: its share of the day", share, constant("nothing", 0, "hours"), rule="R9")


def seconds_of(hours: Node) -> Node | None:
    """Of work by start and end, or to the second, the time whose hours these are; None of hours that are stated."""
    hours = _before_steps(hours)
    if hours.arithmetic is None or hours.arithmetic.operation not in EXACT:
        return None
    operation, operands, _ = hours.arithmetic
    return (
        operands[0] if operation == "in_hours" else evaluated("seconds worked", "in_seconds", operands, {}, "seconds")
    )


def _before_steps(hours: Node) -> Node:
    """Hours that steps leave as they are, without these."""
    while (
        hours.arithmetic is not None
        and hours.arithmetic.operation == "increments"
        and hours.value == hours.arithmetic.operands[0].value
    ):
        hours = hours.arithmetic.operands[0]
    return hours


def by_its_time(made: Node) -> Node:
    """Hours at a rate; of work by start and end, or to the second, their exact ratio, in place of hours in six decimals."""
    if made.arithmetic is None or not made.arithmetic.operands:
        return made
    operation, (hours, *others), parameters = made.arithmetic
    hours = _before_steps(hours)
    if hours.arithmetic is None or hours.arithmetic.operation not in EXACT:
        return made
    operands = (*hours.arithmetic.operands, *others)
    taken = EXACT[hours.arithmetic.operation]
    exact = evaluated("", taken, operands, {**parameters, "of": operation}, made.unit, made.currency)
    return made._replace(value=exact.value, arithmetic=exact.arithmetic, why=(hours, *made.why))


# Rates


def rate_facts(decision: RateDecision, day: date) -> tuple[tuple[str, str], ...]:
    """Where a bill rate comes from, and what lost against it (R5, R6)."""
    facts = [
        ("level", f"{decision.level}: {LEVELS.get(decision.level, decision.level)}"),
        ("matched", decision.matched),
        ("service date", day.isoformat()),
    ]
    if decision.source_id:
        facts.append(("card", f"{decision.source_id} version {decision.version}"))
    if decision.effective_from:
        facts.append(("in effect from", decision.effective_from.isoformat()))
    for one in decision.rejected:
        named = (one.level, one.source_id, f"version {one.version}" if one.version is not None else "")
        facts.append(("lost", f"{' '.join(filter(None, named))}: {REASONS.get(one.reason, one.reason)}"))
    return tuple(facts)


def at_rate(title: str, hours: Node, rate: Node, markup: Node | None, currency: str, mode: str, **more: object) -> Node:
    """Hours x rate x (1 + markup), rounded once."""
    operands = (hours, rate) if markup is None else (hours, rate, markup)
    made = evaluated(title, "extend", operands, rounding(currency, mode), "amount", currency, rule="R10", **more)
    return by_its_time(made)


def at_cost(
    title: str, cost: Sequence[Node], rates: Rates, markup: Node | None, currency: str, mode: str, **more: object
) -> Node:
    """What something cost, or hours and what each cost, exchanged and marked up, rounded once (R34 for what was spent, R10 for hours)."""
    operands = (*cost, *rates.nodes, *(() if markup is None else (markup,)))
    legs = (*("times",) * (len(cost) - 1), *rates.legs)
    parameters: dict[str, Parameter] = {"legs": legs, **rounding(currency, mode)}
    rule = "R34" if len(cost) == 1 else "R10"
    made = evaluated(title, "convert", operands, parameters, "amount", currency, rule=rule, **more)
    return by_its_time(made)


def markup_of(terms: ContractSigned, line_id: str, of: object) -> Node | None:
    """What the terms of a line add to cost."""
    if isinstance(of, Expenses):
        return in_terms("markup", of.markup, "percent", terms, "terms.markup", line_id) if of.markup else None
    if isinstance(of, CostPlus):
        percent = of.fee_percent
        return in_terms("fee", percent, "percent", terms, "terms.fee_percent", line_id) if percent else None
    return None


# Prices by quantity


def in_price_steps(
    tiers: Sequence[PriceTier], prices: Sequence[Node], first: Node, units: Node, by: str, currency: str, mode: str
) -> Node:
    up_to = tuple(format_decimal(tier.up_to, QUANTITY_SCALE) for tier in tiers if tier.up_to is not None)
    parameters: dict[str, Parameter] = {"by": by, "up_to": up_to, **rounding(currency, mode)}
    return evaluated("value", "steps", (first, units, *prices), parameters, "amount", currency, rule="R10")
