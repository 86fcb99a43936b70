"""Logs that show what the rules do: those of all scenarios, and that of the recorded firm.

`python -m tests.recordings FILE` writes them into a file for `python -m schemas.rules_lock --freeze`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.files.log_appender import LogAppender
from connectors.files.log_format import log_path
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from milepost.rounds import genesis
from schemas.recorded_logs import keep
from tests.harness import Books
from tests.reliability.recorded import RECORDED, UNTIL
from tests.scenario_play import ScenarioFailed, play
from tests.scenario_text import read_scenarios

SCENARIOS = Path(__file__).parent / "scenarios"


def main(arguments: list[str]) -> int:
    [file] = arguments
    try:
        with TemporaryDirectory() as made:
            keep(Path(file), dict(_logs(Path(made))))
    except ScenarioFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


def _logs(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(SCENARIOS.glob("*.md")):
        for scenario in read_scenarios(path):
            of = folder / "scenario"
            of.mkdir()
            books = play(scenario, of)
            yield f"{path.stem}: {scenario.name}", _log_of(of, books)
            books.close()
            shutil.rmtree(of)
    with EmbeddedIntake(RECORDED, folder / "firm", EmbeddedSettings(genesis())) as intake:
        intake.run_round(date.fromisoformat(UNTIL))
    yield "firm", log_path(folder / "firm", 0).read_bytes()


def _log_of(folder: Path, books: Books) -> bytes:
    log = LogAppender.open(folder, genesis(), None)
    for record in books.log:
        log.append(record.engagement_id, record.event, record.own)
    log.sync()
    log.close()
    return log_path(folder, 0).read_bytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
