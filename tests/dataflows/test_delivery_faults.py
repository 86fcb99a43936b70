"""A step of delivery that raises ends the dataflow in order, and its caller hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows.delivery import run_dataflow
from state.guards import BROKER_UNREACHABLE, GuardStop

STEPS = ("turn", "decide", "carry_out")


class Account:
    """Says what is done with its turns; a step of the second raises."""

    def __init__(self, breaks: str) -> None:
        self.breaks = breaks
        self.done: list[str] = []
        self.number = 0

    def turn(self, wait_seconds: float) -> int:
        self.number += 1
        return self._do("turn", self.number)

    def decide(self, turn: int) -> int:
        return self._do("decide", turn)

    def carry_out(self, todo: int) -> None:
        self._do("carry_out", todo)

    def _do(self, step: str, number: int) -> int:
        if (step, number) == (self.breaks, 2):
            raise GuardStop(BROKER_UNREACHABLE, f"at {step}")
        self.done.append(f"{step} {number}")
        return number


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_raises_ends_it_without_a_word_of_the_engine(step: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing of its turn is carried out, and no other follows."""
    account: Any = Account(step)
    with pytest.raises(GuardStop, match=f"at {step}"):
        run_dataflow(account, lambda: False)
    carried_out = [each for each in account.done if each.startswith("carry_out")]
    assert carried_out == ["carry_out 1"]
    assert capfd.readouterr().err == ""
