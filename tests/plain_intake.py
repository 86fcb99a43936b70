"""Intake without an engine: the oracle of the dataflow's tests."""

from __future__ import annotations

from collections.abc import Callable

from dataflows.intake import KafkaIntake


def run_plain(intake: KafkaIntake, more: Callable[[], bool]) -> None:
    while more():
        batch = intake.read()
        if batch is not None:
            intake.commit(intake.take(batch))
