"""Intake over the topics of a test, in a process that kills itself at a step, after so many calls of it as a seed draws.

python -m tests.kafka.killed_intake BROKERS PREFIX FOLDER SEED
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from connectors.kafka.log_writer import Produced
from dataflows.intake import KafkaIntake, run_dataflow
from tests.kafka.intake_world import World, until_idle

RECORDS_MAX: Final = 20
# Where it dies, by turns, and after how many calls of that step at most: some batches at the most, so that it does die.
STEPS: Final = {"produce": 120, "commit_transaction": 3, "committed": 3, "take": 3, "store": 3}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(intake: KafkaIntake, seed: int) -> None:
    rng = random.Random(seed)
    step = list(STEPS)[seed % len(STEPS)]
    left = rng.randrange(1, STEPS[step] + 1)

    def counted(call: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if before and left == 0:
                die()
            found = call(*arguments)
            if left == 0:
                die()
            return found

        return wrapped

    transactions, directory = intake._transactions, intake._directory
    match step:
        case "produce":
            one = counted(transactions.produce, before=False)

            def produce(records: Iterable[Produced]) -> None:
                for record in records:
                    one([record])

            transactions.produce = produce  # type: ignore[method-assign]
        case "commit_transaction":
            transactions.commit = counted(transactions.commit, before=True)  # type: ignore[method-assign]
        case "committed":
            transactions.commit = counted(transactions.commit, before=False)  # type: ignore[method-assign]
        case "take":
            intake.take = counted(intake.take, before=False)  # type: ignore[method-assign]
        case "store":
            directory.commit = counted(directory.commit, before=False)  # type: ignore[method-assign]


def main() -> None:
    brokers, prefix, folder, seed = sys.argv[1:]
    world = World(brokers, prefix, Path(folder))
    with world.intake(records_max=RECORDS_MAX) as intake:
        if int(seed):
            arm(intake, int(seed))
        run_dataflow(intake, until_idle(intake))


if __name__ == "__main__":
    main()
