"""`milepost run` with batches of a given size, telling its parent after each commit, so that it can be killed at any of them.

Where STANDS_AFTER names a number of commits, it waits after that one for its standard input: however late its parent is, it
has not gone further.

python -m tests.reliability.run_in_batches INPUT OUTPUT UNTIL SIZE
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any
from unittest.mock import patch

from dataflows.embedded import run_dataflow
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from milepost import rounds
from milepost.command_line import command_line
from operators.accounting import Effects, OnCommit
from state.batch import Mark

COMMITTED = b"."
# Now and then, so that a kill meets a store that is as far as the outputs, and one that is not.
STORE_SECONDS = 0.05
STANDS_AFTER = "MILEPOST_TEST_STANDS_AFTER"
# So many commits may come after the one after which a process is killed or paused, so that it is met at any moment.
AHEAD = 3
# Intake comes first, whole, and has fewer commits than the fold.
BATCHES_A_CHUNK = 8

_numbers = count(1)


def standing_after(commits: int) -> dict[str, str]:
    """The environment of such a process."""
    return {**os.environ, STANDS_AFTER: str(commits)}


def tell() -> None:
    sys.stdout.buffer.write(COMMITTED)
    sys.stdout.buffer.flush()
    if next(_numbers) == int(os.environ.get(STANDS_AFTER, "0")):
        sys.stdin.buffer.read()


def and_tell(on_commit: OnCommit | None) -> OnCommit:
    def told(effects: Effects, mark: Mark) -> None:
        if on_commit is not None:
            on_commit(effects, mark)
        tell()

    return told


def run_in_batches(size: int, *args: Any, on_commit: OnCommit | None = None, **options: Any) -> None:
    ours = {"max_records": size, "store_seconds": STORE_SECONDS, "on_commit": and_tell(on_commit)}
    run_dataflow(*args, **{**options, **ours})


def main(input_dir: str, output_dir: str, until: str, size: int) -> None:
    take_in = EmbeddedIntake.run_round

    def run_round(intake: Any, *args: Any, on_progress: Callable[[Any], None], **options: Any) -> Any:
        def told(progress: Any) -> None:
            on_progress(progress)
            tell()

        return take_in(intake, *args, **{**options, "on_progress": told})

    smaller = partial(EmbeddedSettings, chunk_records=BATCHES_A_CHUNK * size)
    with (
        patch.multiple(rounds, EmbeddedSettings=smaller, run_dataflow=partial(run_in_batches, size)),
        patch.object(EmbeddedIntake, "run_round", run_round),
    ):
        words = ["run", "--input", input_dir, "--output", output_dir, "--until", until, "--json"]
        command_line(words)(words)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
