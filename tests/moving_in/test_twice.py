"""A firm that moves in goes on as if it had been here from its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from domain.explanation import CONSTANT, Node
from milepost.explain.recompute import everything, recompute, unexplained
from tests.audited import violations
from tests.explain.test_every_scenario import explainer_of, figures
from tests.harness import ENGAGEMENT
from tests.moving_in.twice import Firm, both, differences

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


# What a rate is a part of, and how many units come to an amount where a price allows several.
SAID_BY_NOBODY = {"one", "units that come to it, by the fewest digits"}


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_what_comes_after_is_the_same(name: str) -> None:
    """The trial balance of the day, from then on every journal, statement, exception and forecast, and at last every project's view."""
    here, moved = both(FIRMS[name], as_of(FIRMS[name]))
    wrong = violations(moved.books)
    here.books.close()
    moved.books.close()
    assert not wrong
    assert differences({"balances": here.opening}, {"balances": moved.opening}) == []
    for one, other in zip(here.steps, moved.steps, strict=True):
        assert (one["at"], differences(one, other)) == (one["at"], [])
    # Balances state what was billed without what was conceded of it; views show it before.
    gross = " billed:" if "conceded=" in FIRMS[name].balances else "nothing"
    assert [one for one in differences(here.views, moved.views) if gross not in one] == []


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_every_figure_ends_at_a_field(name: str) -> None:
    """Those of balances that were brought forward at fields that state them: no other part of one is taken off as a mere number."""
    here, moved = both(FIRMS[name], as_of(FIRMS[name]))
    ones, others = ([*figures(explainer_of(told.books, ENGAGEMENT))] for told in (here, moved))
    here.books.close()
    moved.books.close()
    assert [wrong for figure in others for wrong in recompute(figure)] == []
    open_here, open_moved = ({node.title for figure in of for node in unexplained(figure)} for of in (ones, others))
    assert open_moved <= open_here
    mere_here, mere_moved = ({*_mere_numbers(of)} for of in (ones, others))
    assert mere_moved - mere_here <= SAID_BY_NOBODY


def _mere_numbers(explained: Iterable[Node]) -> Iterator[str]:
    for node in (node for figure in explained for node in everything(figure)):
        if node.value and node.arithmetic is not None and node.arithmetic.operation == CONSTANT:
            yield node.title
