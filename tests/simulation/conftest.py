from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

import pytest

from domain.events.catalogue import Event
from simulation.plan import SimulationPlan, plan
from simulation.story import events

E = TypeVar("E")

QUARTER = plan(seed=7, people=60, projects=40, months=3, start=date(2026, 1, 1))


@pytest.fixture(scope="session")
def quarter_plan() -> SimulationPlan:
    """A quarter of the firm that sells time alone."""
    return QUARTER


@pytest.fixture(scope="session")
def quarter() -> Sequence[Event]:
    """Every event of that quarter."""
    return tuple(events(QUARTER))


@pytest.fixture(scope="session")
def every(quarter: Sequence[Event]) -> Callable[[type[E]], list[E]]:
    """The quarter's events of one type."""
    return lambda kind: [event for event in quarter if isinstance(event, kind)]
