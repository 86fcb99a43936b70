"""`milepost serve accounting`, telling its parent after each commit, so that it can be killed or paused at any of them.

python -m tests.kafka.telling serve accounting --alone ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from dataflows import accounting_kafka
from dataflows.accounting_kafka import Job
from milepost.command_line import command_line
from operators.accounting import Effects, OnCommit
from state.batch import Mark
from tests.reliability.run_in_batches import tell


def main(arguments: list[str]) -> None:
    run: Any = accounting_kafka.run

    def telling(job: Job, stopped: Callable[[], bool], *, on_commit: OnCommit, **more: Any) -> None:
        def committed(effects: Effects, mark: Mark) -> None:
            on_commit(effects, mark)
            tell()

        run(job, stopped, on_commit=committed, **more)

    replaced: Any = telling
    accounting_kafka.run = replaced
    command_line(arguments)(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
