"""Days end between the day on which an amendment becomes known and the one on which it takes effect: every kind of terms, every change.

Whatever the amendment drops still holds until then, so nothing may look for it in the newest terms.
"""

from __future__ import annotations

import pytest

from tests.audited import violations
from tests.properties.kinds import COST, DEPOSIT, KINDS, MILESTONE, Fact, money
from tests.thoroughness import THOROUGH
from tests.told import told

CODE = "EUR"
FACTS = [Fact(number, month, day, size) for number, (month, day, size) in enumerate(
    [(1, 8, 300), (1, 20, 480), (2, 9, 600), (2, 27, 60), (3, 12, 240), (3, 24, 120)]
)]  # fmt: skip
OTHER_LINE = ["  line N P", f"    rate {money(9_900, CODE)}"]
# Parts of a contract beside its lines, and the amendments that drop or change them.
PARTS = {
    "bill-tos": ("bill_to C:60,C2:40:rounding", "bill_to C2:100"),
    "funding": ("funding S1:C:100,S2:C2 rules S1,S2", "funding S2:C2 rules S2"),
    "retention": ("retention 10 release_on 2026-06-30", "retention none"),
    "purchase order": ("order PO-1:500.00", "order PO-2:900.00"),
    "cycle": ("cut_off 15", "cycle weekly week_starts_on monday"),
    "end": ("to 2026-12-31", "to 2026-02-20"),
    "policies": ("policy closed_period=next_open", "policy hours_max_per_entry=6"),
}


def own(kind: str) -> list[str]:
    """The kind's lines, with milestones that become overdue while the amendment is known."""
    return [line.replace("due_on=2026-12-31", "due_on=2026-02-10") for line in KINDS[kind].lines(CODE)]


def story(kind: str, stated: str, amended: str, lines: list[str], tail: list[str]) -> list[str]:
    """Known on 15 January, in effect from 15 March; each month and the days around both are ended."""
    sold = KINDS[kind]
    by_day = [(f"2026-0{one.month}-{one.day:02}", sold.told(one, CODE)) for one in FACTS]
    by_day += [
        (day, "day ended")
        for day in ("2026-01-14", "2026-01-15", "2026-01-31", "2026-02-10", "2026-02-28", "2026-03-14", "2026-03-15")
    ]
    by_day.sort(key=lambda each: (each[0], each[1] == "day ended"))
    known = [f"2026-01-15  amend K from 2026-03-15 {amended}".rstrip(), *lines]
    before = [f"{day}  {said}" for day, said in by_day if day < "2026-01-15"]
    after = [f"{day}  {said}" for day, said in by_day if day >= "2026-01-15"]
    return [
        "entity LE EUR Europe/Berlin policy rate_staleness_days=400",
        "customer C",
        "customer C2",
        "person bob consultant of LE",
        f"cost person bob {money(COST, CODE)} {CODE}",
        "project P of LE",
        "project Q of LE",
        f"contract K C LE {CODE} {stated}".rstrip(),
        *own(kind),
        *before,
        *known,
        *after,
        *tail,
        "2026-04-30  day ended",
    ]


def plays(kind: str, stated: str, amended: str, lines: list[str], tail: list[str] | None = None) -> None:
    with told(story(kind, stated, amended, lines, tail or [])) as books:
        assert not violations(books)


every_kind = pytest.mark.parametrize("kind", KINDS)
for_days_before = pytest.mark.parametrize("amended", ["", "retroactive"])
# In the ordinary search every kind still turns into another, and every part is dropped beside every other kind.
NEXT_KINDS = 3 if THOROUGH else 1
ONE_IN = 1 if THOROUGH else 2


@every_kind
@for_days_before
def test_the_line_is_dropped(kind: str, amended: str) -> None:
    plays(kind, "", amended, OTHER_LINE)


@every_kind
@for_days_before
def test_the_line_is_dropped_and_comes_back(kind: str, amended: str) -> None:
    plays(kind, "", amended, OTHER_LINE, [f"2026-03-20  amend K from 2026-04-01 {amended}".rstrip(), *own(kind)])


@every_kind
def test_the_contract_is_terminated_before_the_amendment_holds(kind: str) -> None:
    plays(kind, "", "", OTHER_LINE, ["2026-03-20  terminate K on 2026-02-15"])


@every_kind
@for_days_before
def test_the_line_becomes_of_another_kind(kind: str, amended: str) -> None:
    """Every kind turns into others, and every kind is what as many others turn into."""
    others = list(KINDS)
    place = others.index(kind)
    for step in range(1, NEXT_KINDS + 1):
        other = others[(place + step * 5) % len(others)]
        plays(kind, "", amended, own(other))


@every_kind
@for_days_before
def test_the_line_moves_to_another_project(kind: str, amended: str) -> None:
    plays(kind, "", amended, [line.replace(" L P", " L Q") for line in own(kind)])


@every_kind
def test_parts_of_the_contract_are_dropped(kind: str) -> None:
    place = list(KINDS).index(kind)
    for stated, amended in list(PARTS.values())[place % ONE_IN :: ONE_IN]:
        plays(kind, stated, amended, [])


def test_milestones_are_dropped() -> None:
    for lines in (
        ["  line L P", "    terms Milestones", f"    each milestones milestone_id=M5 name=M5 amount={MILESTONE}.00 due_on=2026-02-10"],
        ["  line L P", "    terms Milestones", f"    each milestones milestone_id=X name=X amount={MILESTONE}.00 due_on=2026-04-10"],
    ):  # fmt: skip
        plays("milestones", "", "", lines)


def test_caps_are_dropped() -> None:
    uncapped = ["  line L P", f"    rate {money(9_900, CODE)}"]
    plays("time under a cap", "", "", uncapped)
    shared = ["  line L P", f"    rate {money(9_900, CODE)}", "  shared cap S hard 100.00 lines L"]
    plays("time under a cap", "", "", shared)
    plays("time under a cap", "", "", [*shared[:2], "  shared cap S soft hours 2 lines L"])


def test_a_deposit_is_dropped() -> None:
    plays("deposit", "", "", own("deposit")[:2])
    plays("deposit", "", "", [*own("deposit")[:3], f"    terms Deposit amount={DEPOSIT}.00 due_on=2026-04-05"])
