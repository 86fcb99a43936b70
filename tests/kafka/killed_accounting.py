"""Accounting that kills itself at a step, the so-and-so-manieth time it comes there.

python -m tests.kafka.killed_accounting STEP TIMES serve accounting ...
"""

from __future__ import annotations

import sys
from typing import Final

from connectors.kafka.outputs import KafkaOutputs
from milepost.cli import app
from state.shard import Shard
from tests.kafka.killed_delivery import Step, arm

# Of each what it does, and whether it dies before that or when it is done. The first two leave a transaction open.
STEPS: Final[dict[str, Step]] = {
    "outputs are with the brokers": (KafkaOutputs, "_await_delivery", False),
    "progress is told": (KafkaOutputs, "_end_transaction", True),
    "the brokers have committed": (KafkaOutputs, "_end_transaction", False),
    "the store has committed": (Shard, "commit", False),
}
LEAVE_OPEN: Final = tuple(STEPS)[:2]


if __name__ == "__main__":
    step, times, *arguments = sys.argv[1:]
    arm(STEPS[step], int(times))
    app(arguments)
