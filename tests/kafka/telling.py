"""`milepost serve accounting`, telling its parent after each commit, so that it can be killed or paused at any of them.

python -m tests.kafka.telling serve accounting --alone ...
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from dataflows import accounting_kafka
from milepost.cli import app
from tests.reliability.run_in_batches import tell


def main(arguments: list[str]) -> None:
    run: Any = accounting_kafka.run
    accounting_kafka.run = partial(run, on_commit=lambda _effects, _mark: tell())
    app(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
