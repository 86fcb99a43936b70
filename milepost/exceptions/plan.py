"""What a decision about exceptions comes to, before it is written: how many, how much money, what becomes of it, what is left out."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from connectors.files.found_exceptions import KnownException
from domain.counting import counted, named
from domain.outputs import ExceptionRaised
from domain.units import Instant
from milepost.console import echo, say, shape, write_json
from milepost.exceptions.as_json import amounts_json, groups_json
from milepost.exceptions.effects import effect_of
from milepost.exceptions.second_person import HOURS_OF_A_DAY, Limit, SecondPerson
from milepost.exceptions.shown import amount_of, amounts_of, costs_of, group_table
from milepost.exceptions.words import subject_text
from milepost.tables import Table, hours_text, plain
from milepost.tables import show as show_tables

NAMED: Final = 5


class DecisionPlan(NamedTuple):
    """`left_out` are those that no decision of the kind reaches, with the reason; `warnings` what to look at before a yes."""

    type_name: str
    taken: Sequence[KnownException]
    left_out: Sequence[tuple[KnownException, str]]
    warnings: Sequence[str] = ()

    @property
    def effects(self) -> dict[str, int]:
        """How many come to what; nothing of an assignment."""
        found = (effect_of(each.raised, self.type_name) for each in self.taken)
        return dict(Counter(str(effect) for effect in found if effect is not None))

    @property
    def effect_lines(self) -> list[str]:
        return [f"What the next run makes of it: {count:,} × {effect}" for effect, count in self.effects.items()]

    @property
    def left_out_text(self) -> str:
        """The first, and the reason; empty where nothing is left out."""
        if not self.left_out:
            return ""
        each, why = self.left_out[0]
        return f"{each.raised.category} of {subject_text(each.raised)}: {why}"


def plan_of(
    type_name: str, found: Sequence[KnownException], refusal: Callable[[ExceptionRaised], str | None]
) -> DecisionPlan:
    reasons = [(each, refusal(each.raised)) for each in found]
    return DecisionPlan(
        type_name,
        [each for each, why in reasons if why is None],
        [(each, why) for each, why in reasons if why is not None],
    )


def with_limits(plan: DecisionPlan, second: SecondPerson, approved_by: str | None) -> DecisionPlan:
    """Without a second person what needs one is left out; what is decided is looked at once more."""
    needs = [
        (each, f"it is above the {limit.text}; name another person who approves with --approved-by")
        for each in (plan.taken if approved_by is None else ())
        if (limit := second.limit_passed(each.raised)) is not None
    ]
    alone = {each.raised.exception_id for each, _ in needs}
    taken = [each for each in plan.taken if each.raised.exception_id not in alone]
    return plan._replace(taken=taken, left_out=[*plan.left_out, *needs], warnings=_warnings(taken, second, approved_by))


def _warnings(taken: Sequence[KnownException], second: SecondPerson, approved_by: str | None) -> list[str]:
    """More hours than a day has, and what policy `approval_limit` asks a second person for; the gravest first."""
    long = [each.raised for each in taken if abs(each.raised.blocks_hours or 0) > HOURS_OF_A_DAY]
    long.sort(key=lambda raised: -abs(raised.blocks_hours or 0))
    above: dict[Limit, list[ExceptionRaised]] = {}
    for each in taken:
        if (limit := second.limit_passed(each.raised)) is not None:
            above.setdefault(limit, []).append(each.raised)
    return [
        *([f"Mind: {len(long):,} with more hours on one day than a day has: {_named(long)}"] if long else []),
        *(
            f"Mind: {len(members):,} above the {limit.text}, and {approved_by} approves: "
            f"{_named(sorted(members, key=lambda raised: -abs(raised.blocks_amount)))}"
            for limit, members in above.items()
        ),
    ]


def _named(members: Sequence[ExceptionRaised]) -> str:
    return named([f"{subject_text(raised)} ({_figures(raised)})" for raised in members], NAMED)


def _figures(raised: ExceptionRaised) -> str:
    hours = f"{hours_text(raised.blocks_hours)} h" if raised.blocks_hours else ""
    money = amount_of(raised) if raised.blocks_amount else ""
    return ", ".join(part for part in (hours, money) if part) or "amount not known"


def plan_table(plan: DecisionPlan, as_of: Instant) -> Table:
    return group_table(plan.taken, as_of)._replace(
        title=f"Plan: {plan.type_name} for {counted(len(plan.taken), 'exception')}"
    )


def plan_lines(plan: DecisionPlan) -> list[str]:
    """What comes of it, and what is left out, by category and reason."""
    left_out = Counter((each.raised.category, why) for each, why in plan.left_out)
    return [
        *plan.effect_lines,
        *plan.warnings,
        *(f"{count:,} are left out: {category}: {why}" for (category, why), count in left_out.items()),
    ]


def plan_json(plan: DecisionPlan, as_of: Instant) -> dict[str, Any]:
    """Version 1 of the shape."""
    return shape(
        1,
        decision=plan.type_name,
        count=len(plan.taken),
        amounts=amounts_json(amounts_of(plan.taken)),
        costs=amounts_json(costs_of(plan.taken)),
        groups=groups_json(plan.taken, as_of),
        effects=plan.effects,
        warnings=list(plan.warnings),
        exceptions=[each.raised.exception_id for each in plan.taken],
        left_out=[
            {"exception_id": each.raised.exception_id, "category": each.raised.category, "reason": why}
            for each, why in plan.left_out
        ],
    )


def show_plan(plan: DecisionPlan, as_of: Instant, *, json: bool) -> None:
    if json:
        write_json(plan_json(plan, as_of))
        return
    show_tables(plan_table(plan, as_of))
    echo("\n".join(["", *plan_lines(plan)]))


def tell_plan(plan: DecisionPlan, as_of: Instant, *, json: bool) -> None:
    """On stderr where stdout is for a machine."""
    if json:
        say("\n".join(plain(plan_table(plan, as_of))))
    else:
        show_tables(plan_table(plan, as_of))
    say("\n".join(plan_lines(plan)))
