"""Intake over the topics of a test, until SIGTERM.

python -m tests.kafka.running_intake BROKERS PREFIX FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from dataflows.intake import run_dataflow
from milepost.operate.stopping import stopping
from tests.kafka.intake_world import World


def main() -> None:
    brokers, prefix, folder = sys.argv[1:]
    world = World(brokers, prefix, Path(folder))
    told = False
    with stopping() as stop, world.intake() as intake:

        def more() -> bool:
            nonlocal told
            if not intake.is_catching_up and not told:
                told = True
                print("caught up", file=sys.stderr, flush=True)
            return not stop.requested

        run_dataflow(intake, more)


if __name__ == "__main__":
    main()
