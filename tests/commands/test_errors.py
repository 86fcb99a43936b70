"""How faults end a command."""

from __future__ import annotations

from milepost import exit_codes
from milepost.errors import causes, ending_of


def test_a_fault_that_names_itself_as_its_cause_comes_to_an_end() -> None:
    """Clients of brokers raise such; the process has to end, so that somebody starts it again."""
    fault = ValueError("no answer")
    fault.__cause__ = fault
    assert list(causes(fault)) == [fault]
    assert ending_of(fault)[0] == exit_codes.FAILURE
