"""Delivery whose log is so long that it reads it for hours.

python -m tests.kafka.reading_delivery serve delivery --erp NAME ...
"""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from connectors.kafka.log import KafkaLog
from milepost.command_line import command_line

READS: Final = "reads the log"


def for_hours(*_: Any) -> None:
    print(READS, file=sys.stderr, flush=True)
    while True:
        time.sleep(0.05)


if __name__ == "__main__":
    KafkaLog.read_on = for_hours  # type: ignore[assignment,method-assign]
    command_line(sys.argv[1:])(sys.argv[1:])
