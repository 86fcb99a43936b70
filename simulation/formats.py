"""As what a firm's events are written: JSON lines to read and edit, Avro containers for size and speed."""

from __future__ import annotations

from simulation.plan import SimulationPlan

JSONL, AVRO = "jsonl", "avro"
FORMATS = (JSONL, AVRO)
# Above so many events JSON lines are too slow and too large to be a help.
JSONL_EVENTS_MAX = 200_000
EVENTS_PER_PERSON_MONTH = 36


def format_for(plan: SimulationPlan) -> str:
    """JSON lines for a small firm, Avro for a large one."""
    return JSONL if plan.people * plan.months * EVENTS_PER_PERSON_MONTH <= JSONL_EVENTS_MAX else AVRO
