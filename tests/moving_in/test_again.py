"""The same balances as a higher version change nothing that comes after them, whenever they come; or they are refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest

from milepost.explain.recompute import recompute
from tests.audited import violations
from tests.explained import explainer_of, together
from tests.harness import ENGAGEMENT
from tests.moving_in.test_twice import FIRMS, as_of
from tests.moving_in.twice import Firm, differences, told
from tests.thoroughness import tried

OF_A_ROW = re.compile(r"^    each (?:accounts|costs|payers|retainer|spent) .*$", re.MULTILINE)
# In the middle of the month something of these is billed here that the balances have, and a second load says so.
REFUSED_LATER = {
    "A milestone and two weeks of hours that are not billed, in another currency",
    "A retainer after the month, with work beyond it in a week that has ended",
    "Hotels over and under a limit, of a week that has ended",
    "Retention of invoices at two rates, released in steps",
    "Units of an ended week share their month's steps",
}
# Later in the month, or after its end, of these too.
REFUSED_SOMEWHERE = REFUSED_LATER | {
    "A period that has ended and is within its days of grace",
    "An expense that is given back on the statement of a week that has ended, and nothing of its line after it",
    "Another currency, at the rates of its time",
    "Entries of a billing period that has ended and is not cut yet",
    "Entries of a billing period that was billed before, and were approved late",
    "Hours under a cap, with invoices that are open",
    "Two bill-tos, of whom one has paid in part",
    "Work that is given back in a period that is within its days of grace",
}
# Of others than these, one firm in so many is tried after each of its steps, all with HYPOTHESIS_PROFILE=thorough.
ANYWHERE = 5
DATED = re.compile(r"^\d{4}-\d{2}-\d{2}", re.MULTILINE)


def _steps(text: str) -> list[str]:
    return [step.rstrip("\n") for step in re.split(r"(?m)^(?=\d{4}-)", text) if step.strip()]


def _places(after: Sequence[str]) -> list[int]:
    """At once, and in the middle: after a step that does not end a day."""
    within = [place for place in range(1, len(after)) if " day ended" not in after[place - 1]]
    return [0, *within[len(within) // 2 :][:1]]


def _sums(steps: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], tuple[int, int]]:
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for step in steps:
        for key, (amount, ledger) in step["balances"].items():
            had = found.get(key, (0, 0))
            found[key] = had[0] + amount, had[1] + ledger
    return {key: both for key, both in found.items() if any(both)}


def _taken(step: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """What forecasts say last; of a cap by month another month is said once it has ended."""
    caps = [(project_id, cap) for project_id, told in step["forecasts"].items() for cap in told["caps"]]
    return {(project_id, cap.cap_id): cap.used_amount for project_id, cap in caps if cap.period == "whole_term"}


def _again(firm: Firm, place: int) -> tuple[Firm, int]:
    """With the load a second time before a step, and how many steps that is. Days that ended between parts of the first have ended: what
    comes again are the balances alone."""
    after = _steps(firm.after)
    day = DATED.findall(after[max(place - 1, 0)])[-1] if place or " day ended" in firm.balances else as_of(firm)
    if place and " day ended" in after[place - 1]:
        day = str(date.fromisoformat(day) + timedelta(days=1))
    version_2 = DATED.sub(day, re.sub(r"brought forward (\S+)", r"brought forward \1 version 2", firm.balances))
    version_2 = "\n".join(step for step in _steps(version_2) if " day ended" not in step)
    version_2 = OF_A_ROW.sub(r"\g<0> source_row=again.csv", version_2)
    return firm._replace(after="\n".join([*after[:place], version_2, *after[place:]])), len(_steps(version_2))


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_balances_that_are_loaded_again_change_nothing(name: str) -> None:
    firm = FIRMS[name]
    once = told(firm, as_of(firm))
    for place in _places(_steps(firm.after)):
        changed, number = _again(firm, place)
        twice = told(changed, as_of(firm))
        loads = twice.steps[place : place + number]
        refused = {category for step in loads for category, _ in step["exceptions"]}
        assert refused == ({"in_balances"} if place and name in REFUSED_LATER else set())
        assert differences({"sums": _sums(once.steps)}, {"sums": _sums(twice.steps)}) == []
        later = [*twice.steps[:place], *twice.steps[place + number :]]
        for one, other in list(zip(once.steps, later, strict=True))[place:]:
            of_one, of_other = ({key: each for key, each in step.items() if key != "balances"} for step in (one, other))
            assert (one["at"], differences(of_one, of_other)) == (one["at"], [])
        assert not violations(twice.books)
        with closing(explainer_of(twice.books, ENGAGEMENT)) as explainer:
            assert recompute(together(explainer)) == []
        twice.books.close()
    once.books.close()


@pytest.mark.parametrize("name", [name for name in sorted(FIRMS) if name in REFUSED_SOMEWHERE or tried(name, ANYWHERE)])
def test_accounts_stay_wherever_the_same_balances_come_again(name: str) -> None:
    """After each step, the end of a day too: of every account what it had, of every cap of the whole term what was taken of it, and what is
    in another currency explained."""
    firm = FIRMS[name]
    once = told(firm, as_of(firm))
    once.books.close()
    refused = set[str]()
    for place in range(len(_steps(firm.after)) + 1):
        changed, number = _again(firm, place)
        twice = told(changed, as_of(firm))
        refused |= {category for step in twice.steps[place : place + number] for category, _ in step["exceptions"]}
        where = twice.steps[place]["at"]
        assert (where, differences({"sums": _sums(once.steps)}, {"sums": _sums(twice.steps)})) == (where, [])
        assert (where, _taken(once.steps[-1])) == (where, _taken(twice.steps[-1]))
        assert not violations(twice.books)
        if "ledger." in firm.balances:
            with closing(explainer_of(twice.books, ENGAGEMENT)) as explainer:
                assert recompute(together(explainer)) == []
        twice.books.close()
    assert refused == ({"in_balances"} if name in REFUSED_SOMEWHERE else set())


def test_a_cap_without_room_keeps_its_day_when_the_same_balances_come_again() -> None:
    """All of 1,800.00 is used by 31 July, as the forecast of that day says. The balances of June come again on 1 August: no forecast moves
    the day."""
    firm = FIRMS["A cap that was raised before the day, with work over the lower one"]
    after = _steps(firm.after)
    place = next(number for number, step in enumerate(after, 1) if step.startswith("2026-07-31  day ended"))
    changed, number = _again(firm, place)
    twice = told(changed, as_of(firm))
    twice.books.close()
    load = twice.steps[place : place + number]
    days = [[str(cap.exhausts_on) for cap in step["forecasts"]["P"]["caps"]] for step in (*load, twice.steps[-1])]
    assert days == [["2026-07-31"], ["2026-07-31"]]
