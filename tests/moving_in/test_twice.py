"""A firm that moves in goes on as if it had been here from its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.events.commercial import BalancesBroughtForward
from domain.explanation import CONSTANT, Node
from domain.money import parse_amount
from milepost.explain.recompute import everything, recompute, unexplained
from tests.audited import violations
from tests.explained import explainer_of, together
from tests.harness import ENGAGEMENT
from tests.moving_in.twice import Firm, Told, both, differences

STORIES = Path(__file__).parent / "stories.md"
AS_OF = re.compile(r"as_of (\d{4}-\d{2}-\d{2})")


def _stories() -> dict[str, Firm]:
    found: dict[str, Firm] = {}
    for section in STORIES.read_text(encoding="utf-8").split("\n## ")[1:]:
        name, _, rest = section.partition("\n")
        blocks = [block.strip("\n") for block in rest.split("```")[1::2]]
        assert len(blocks) == 4, f"{name}: expected setup, what happened before, balances and what happens after"
        found[name] = Firm(*blocks)
    return found


FIRMS = _stories()


def as_of(firm: Firm) -> str:
    return max(AS_OF.findall(firm.balances))


IN_EUROS = Firm(
    """entity    LE  USD  America/New_York
exchange  EUR USD 1.10 on 2026-06-09
exchange  EUR USD 1.10 on 2026-06-15
exchange  EUR USD 1.25 on 2026-06-30
customer  C pays_in 1
person    bob  consultant of LE
cost      person bob 110.00 USD
project   P of LE
contract  K C LE EUR from 2026-06-08 cycle weekly
  line L P budget 1,000.00
    rate 200.00
2026-06-09  terminate K on 2026-06-14""",
    """2026-06-10  time T-1 bob 1 h
2026-06-15  day ended
2026-06-16  invoice INV-1 K/C/2026-06-08/1 200.00
2026-06-16  pay PAY-1 C 200.00 EUR for INV-1=200.00
2026-06-16  day ended""",
    """2026-06-30  brought forward P as_of 2026-06-30
  line L hours=1 cost=110.00 revenue=200.00 billed=200.00 paid=200.00 ledger.revenue=220.00 ledger.paid=220.00""",
    """2026-07-01  day ended""",
)


def _before_concessions(moved: Told) -> Mapping[str, Any]:
    """Its views, with what was billed as the statements of before had it: the balances state it less what was conceded since, and beside it
    how much that was. No statement of before is here to show the gross amount. What memos gave of rebates they state as paid."""
    loads = [one.event for one in moved.books.log if isinstance(one.event, BalancesBroughtForward)]
    views = {project_id: dict(view) for project_id, view in moved.views.items()}
    for load in loads:
        for line in load.lines if any(line.conceded or line.rebates_given for line in load.lines) else ():
            view = views[load.project_id]
            [contract_id] = [
                each for each, figures in view.items() if isinstance(figures, dict) and "billed" in figures
            ]
            billed, paid = (view[contract_id][name] for name in ("billed", "paid"))
            view[contract_id] |= {"billed": billed + line.conceded, "paid": paid - line.rebates_given}
    return views


# What a rate is a part of, and how many units come to an amount where a price allows several.
SAID_BY_NOBODY = {"one", "units that come to it, by the fewest digits"}


@pytest.fixture(scope="module", params=sorted(FIRMS))
def twice(request: pytest.FixtureRequest) -> Iterator[tuple[Told, Told]]:
    """The firm from its beginning, and moved in."""
    firm = FIRMS[request.param]
    here, moved = both(firm, as_of(firm))
    yield here, moved
    here.books.close()
    moved.books.close()


def test_what_comes_after_is_the_same(twice: tuple[Told, Told]) -> None:
    """The trial balance of the day, from then on every journal, statement, exception and forecast, and at last every project's view."""
    here, moved = twice
    views = _before_concessions(moved)
    assert not violations(moved.books)
    assert differences({"balances": here.opening}, {"balances": moved.opening}) == []
    for one, other in zip(here.steps, moved.steps, strict=True):
        assert (one["at"], differences(one, other)) == (one["at"], [])
    assert differences(here.views, views) == []


def test_cost_in_another_currency_is_by_the_rate_of_the_day_of_the_balances() -> None:
    """110.00 USD of a budget of 1,000.00 EUR: 10 % at 1.10, when the last hour came. Nothing has moved since, so the old firm says no more.
    A firm that moves in says it first on the day of the balances, at 1.25: 88.00 EUR, 8.8 %.
    """
    here, moved = both(IN_EUROS, as_of(IN_EUROS))
    here.books.close()
    moved.books.close()
    [one, other] = (told.steps[0]["forecasts"]["P"] for told in (here, moved))
    assert {name: (one[name], other[name]) for name in one if one[name] != other[name]} == {
        "burn_cost": (parse_amount("100.00"), parse_amount("88.00")),
        "eac_cost": (parse_amount("100.00"), parse_amount("88.00")),
        "margin": (parse_amount("100.00"), parse_amount("112.00")),
        "margin_percent": (50_000_000, 56_000_000),
        "budget_used_percent": (10_000_000, 8_800_000),
    }


def test_every_figure_ends_at_a_field(twice: tuple[Told, Told]) -> None:
    """Those of balances that were brought forward at fields that state them: no other part of one is taken off as a mere number."""
    one, other = (explainer_of(told.books, ENGAGEMENT) for told in twice)
    with closing(one), closing(other):
        here, moved = together(one), together(other)
        assert recompute(moved) == []
        open_here, open_moved = ({node.title for node in unexplained(of)} for of in (here, moved))
        assert open_moved <= open_here
        mere_here, mere_moved = ({*_mere_numbers(of)} for of in (here, moved))
        assert mere_moved - mere_here <= SAID_BY_NOBODY


def _mere_numbers(explained: Node) -> Iterator[str]:
    for node in everything(explained):
        if node.value and node.arithmetic is not None and node.arithmetic.operation == CONSTANT:
            yield node.title
