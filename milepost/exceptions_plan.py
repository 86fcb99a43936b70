"""What a decision about exceptions comes to, before it is written: how many, how much money, what becomes of it, what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from connectors.files.found_exceptions import Known
from domain.outputs import ExceptionRaised
from domain.units import Instant
from milepost.console import shape
from milepost.exceptions_effects import effect_of
from milepost.exceptions_json import amounts_json, groups_json
from milepost.exceptions_shown import amounts_of, group_table, subject_text
from milepost.tables import Table


class DecisionPlan(NamedTuple):
    """`left_out` are those that no decision of the kind reaches, with the reason."""

    type_name: str
    taken: Sequence[Known]
    left_out: Sequence[tuple[Known, str]]

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


def plan_of(type_name: str, found: Sequence[Known], refusal: Callable[[ExceptionRaised], str | None]) -> DecisionPlan:
    reasons = [(each, refusal(each.raised)) for each in found]
    return DecisionPlan(
        type_name,
        [each for each, why in reasons if why is None],
        [(each, why) for each, why in reasons if why is not None],
    )


def plan_table(plan: DecisionPlan, as_of: Instant) -> Table:
    return group_table(plan.taken, as_of)._replace(title=f"Plan: {plan.type_name} for {len(plan.taken):,} exceptions")


def plan_lines(plan: DecisionPlan) -> list[str]:
    """What comes of it, and what is left out, by category and reason."""
    left_out = Counter((each.raised.category, why) for each, why in plan.left_out)
    return [
        *plan.effect_lines,
        *(f"{count:,} are left out: {category}: {why}" for (category, why), count in left_out.items()),
    ]


def plan_json(plan: DecisionPlan, as_of: Instant) -> dict[str, Any]:
    """Version 1 of the shape."""
    return shape(
        1,
        decision=plan.type_name,
        count=len(plan.taken),
        amounts=amounts_json(amounts_of(plan.taken)),
        groups=groups_json(plan.taken, as_of),
        effects=plan.effects,
        exceptions=[each.raised.exception_id for each in plan.taken],
        left_out=[
            {"exception_id": each.raised.exception_id, "category": each.raised.category, "reason": why}
            for each, why in plan.left_out
        ],
    )
