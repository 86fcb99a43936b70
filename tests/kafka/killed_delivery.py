"""Delivery that kills itself at a step, the so-and-so-manieth time it comes there.

python -m tests.kafka.killed_delivery STEP TIMES serve delivery --erp NAME ...
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from connectors.delivery_store import DeliveryStore
from connectors.erp.netsuite import NetSuite
from dataflows.delivery_kafka import KafkaBooks
from milepost.command_line import command_line

# Of each step what it does, and whether it dies before that or when it is done.
STEPS: Final[dict[str, tuple[type, str, bool]]] = {
    "before it looks up": (DeliveryStore, "begin", True),
    "before intent": (DeliveryStore, "keep", True),
    "after intent": (KafkaBooks, "claim", True),
    "before call": (KafkaBooks, "claim", False),
    "after call": (NetSuite, "send", False),
    "before result": (KafkaBooks, "publish", True),
    "after result": (KafkaBooks, "publish", False),
}


def arm(step: str, times: int) -> None:
    owner, name, is_before = STEPS[step]
    real: Callable[..., Any] = getattr(owner, name)
    lock, left = Lock(), times

    def die_in_time() -> None:
        nonlocal left
        with lock:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(*arguments: Any, **named: Any) -> Any:
        if is_before:
            die_in_time()
        found = real(*arguments, **named)
        if not is_before:
            die_in_time()
        return found

    setattr(owner, name, counted)


if __name__ == "__main__":
    step, times, *arguments = sys.argv[1:]
    arm(step, int(times))
    command_line(arguments)(arguments)
