"""Intake as a process, over topics whose timestamps are those of the simulated firm.

python -m simulation.chaos.intake_process SETTINGS
"""

from __future__ import annotations

import sys
from pathlib import Path

from connectors.kafka.clients import KafkaClients
from connectors.kafka.registry import schema_ids
from dataflows.intake import IntakeSetup, KafkaIntake, run_dataflow
from milepost.console import say
from milepost.errors import ending_of
from milepost.settings import load
from milepost.stopping import stopping
from state.genesis import Genesis
from state.rules import RULES


def main(file: Path) -> int:
    settings = load(file).settings
    kafka = settings.kafka
    ids = schema_ids(settings.registry, kafka.prefix, settings.registry_cache, say)
    setup = IntakeSetup(
        Genesis(kafka.generation, partitions=kafka.partitions, rules=RULES),
        settings.store.folder / "intake",
        settings.ownership,
        records_max=settings.intake.batch_records,
        bytes_max=settings.intake.batch_bytes,
    )
    try:
        with stopping() as stop, KafkaIntake(KafkaClients(kafka), kafka, ids, setup, say) as intake:
            run_dataflow(intake, lambda: not stop.requested)
    except Exception as fault:  # noqa: BLE001 - ends as the command would
        code, message = ending_of(fault)
        say(message)
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
