"""Intake alone: Avro files in, engagement log out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import Spent, clock
from benchmarks.profile import Sampler, Share
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from milepost.rounds import genesis


class TakenIn(NamedTuple):
    spent: Spent
    events: int
    records: int
    log_bytes: int
    shares: tuple[Share, ...]


def take_in(source: Path, folder: Path) -> TakenIn:
    with clock() as timed, Sampler() as sampler, EmbeddedIntake(source, folder, EmbeddedSettings(genesis())) as intake:
        summary = intake.run_round()
    assert timed.spent is not None, "the work has ended"
    log = sum(path.stat().st_size for path in (folder / "log").iterdir())
    return TakenIn(timed.spent, summary.events, summary.log_end, log, sampler.shares())
