"""An expense that waits with its cost and its price has 200.00 CHF at risk once: with the price when the cost is posted."""

from __future__ import annotations

import pytest

from domain.outputs import ExceptionRaised
from state.rerating import versions
from tests.told import told

WAITS = (
    "entity LE USD America/New_York",
    "customer C",
    "person bob consultant of LE",
    "project P of LE",
    "exchange GBP USD 1.25 on 2026-06-03",
    "contract K C LE GBP",
    "  line X P",
    "    terms Expenses markup=5",
    "2026-06-03  expense E-1 travel 200.00 CHF person bob",
)
RATE_OF_COST = "2026-06-04  exchange CHF USD 1.10 on 2026-06-03"


def test_it_goes_to_the_price_whatever_the_words_of_the_exception_were(monkeypatch: pytest.MonkeyPatch) -> None:
    with told(WAITS) as books, told([*WAITS, RATE_OF_COST]) as whole:
        monkeypatch.setattr(versions, "STAKE_ELSEWHERE", "; said in other words since")
        made = books.fold(whole.log[-1].event)
    (raised,) = [one for one in made if isinstance(one, ExceptionRaised)]
    assert (raised.category, raised.revision) == ("no_exchange_rate", 2)
    assert raised.blocks_amount == 200_0000
