"""Figures that stood for themselves although their parts are on record."""

from __future__ import annotations

from collections.abc import Sequence

from domain.explanation import Node
from domain.money import parse_amount
from domain.units import HOURS_ONE
from milepost.explain.recompute import everything
from tests.explained import explainer_of
from tests.told import told

FIRM = (
    "entity LE USD America/New_York",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 USD",
    "project P of LE",
)


def explained(lines: Sequence[str], figure: str) -> tuple[Node, list[Node]]:
    with told((*FIRM, *lines)) as books:
        found = explainer_of(books, "E").explain(figure)
        assert found is not None
        return found, list(everything(found))


def test_hours_that_a_concession_gives_back_to_a_cap_are_those_of_its_amount() -> None:
    """400.00 of 1,600.00 for 8 h are conceded: 2 h of the cap's ten come free, so that 4 of the 6 h in February are billable."""
    lines = (
        "contract K C LE USD policy concession_returns_cap_room=yes",
        "  line L P",
        "    rate 200.00",
        "    cap hard hours 10",
        "",
        "2026-01-05 time T-1 bob 8 h",
        "2026-01-31 day ended",
        "2026-02-02 invoice INV-1 K/C/2026-01-01/1 1,600.00",
        "2026-02-03 credit CM-1 INV-1 price_concession entry T-1 400.00",
        "2026-02-04 time T-2 bob 6 h",
        "2026-02-28 day ended",
    )
    figure, nodes = explained(lines, "E.K/C/2026-02-01/1")
    (back,) = {each.value: each for each in nodes if each.title == "T-1: credited by CM-1, hours"}.values()
    assert back.value == 2 * HOURS_ONE
    assert back.arithmetic is not None
    assert [each.value for each in back.arithmetic.operands] == [
        8 * HOURS_ONE,
        parse_amount("400"),
        parse_amount("1600"),
    ]
    assert back.arithmetic.operands[1].field == "lines[0].amount"
    assert figure.value == parse_amount("800")


def test_what_can_be_drawn_of_a_retainer_is_what_its_fee_buys() -> None:
    lines = (
        "contract K C LE USD",
        "  line L P",
        "    terms Retainer fee=1,000.00 unit=hours quantity=10",
        "",
        "2026-01-06 day ended",
    )
    figure, nodes = explained(lines, "P#retainers/K/L/left")
    assert figure.value == 10 * HOURS_ONE
    assert any(each.field == "lines[0].terms.quantity" and each.value == 10 * HOURS_ONE for each in nodes)


def test_what_expires_of_a_retainer_is_what_is_left_beyond_what_goes_over() -> None:
    """3 h of January went over into February, which has 10 h. At most 4 h go over into March, those with the longest life: 3 h of
    January and 6 h of February expire on the 28th.
    """
    lines = (
        "contract K C LE USD",
        "  line L P",
        "    terms Retainer fee=1,000.00 unit=hours quantity=10 rollover=4 expiry=2 overage_rate=150.00",
        "",
        "2026-01-06 time T-1 bob 7 h",
        "2026-01-31 day ended",
        "2026-02-03 day ended",
    )
    figure, nodes = explained(lines, "P#retainers/K/L/expires")
    assert figure.value == 9 * HOURS_ONE
    assert any(each.field == "lines[0].terms.rollover" and each.value == 4 * HOURS_ONE for each in nodes)
    assert any(each.field == "hours" and each.value == 7 * HOURS_ONE for each in nodes)
