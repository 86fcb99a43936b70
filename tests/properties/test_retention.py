"""What is withheld less what is released is never below zero, and nothing is left of it in the end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accounts import RETENTION_RECEIVABLE
from domain.outputs import BillingStatement, JournalEntry, Output
from tests.scenario_play import play
from tests.scenario_text import read_scenarios

PERCENTS = st.integers(0, 100)


@st.composite
def steps(draw: st.DrawFn) -> str:
    at = sorted(draw(st.sets(st.integers(1, 99), max_size=3)))
    return ",".join(f"{each}/{draw(PERCENTS)}/{draw(PERCENTS)}" for each in (0, *at))
