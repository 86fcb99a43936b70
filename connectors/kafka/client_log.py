"""What librdkafka says of its connections, without the flood: while brokers are away each client repeats itself many times a second.

A line of one kind about one broker is reported at once, then at most once a minute, with how many like it came meanwhile.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from threading import Lock
from typing import Final

NAME: Final = "milepost.kafka.client"
QUIET_SECONDS: Final = 60.0
_BROKER: Final = re.compile(r"([\w.-]+|\[[0-9a-f:]+\]):\d+")
# `[thrd:...]: ` before what is said.
_THREAD: Final = re.compile(r"\[thrd:[^\]]*\]: ")
# What differs from line to line of one kind: which client, for how long, over which of its connections.
_HOW_LONG: Final = " (after "
_VARIES: Final = re.compile(r"\[[^\]]*\]|/bootstrap|TxnCoordinator|GroupCoordinator|[^A-Za-z ]")
KINDS_MAX: Final = 1_000


class OncePerMinute(logging.Filter):
    """Of the lines that are alike; the next that is shown says how many were not."""

    def __init__(self, now: Callable[[], float] = time.monotonic, seconds: float = QUIET_SECONDS) -> None:
        super().__init__()
        self._now = now
        self._seconds = seconds
        self._told: dict[tuple[str, str], tuple[float, int]] = {}
        # Lines come from whichever thread polls a client.
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        found = _BROKER.search(_THREAD.sub("", said))
        words = _VARIES.sub("", _BROKER.sub("", _THREAD.sub("", said).partition(_HOW_LONG)[0])).split()
        kind = found.group() if found else "", " ".join(words)
        with self._lock:
            at, left_out = self._told.get(kind, (-self._seconds, 0))
            now = self._now()
            if now - at < self._seconds:
                self._told[kind] = at, left_out + 1
                return False
            if len(self._told) >= KINDS_MAX:
                self._told.clear()
            self._told[kind] = now, 0
        record.msg, record.args = "Kafka's client: " + _THREAD.sub("", said, count=1), ()
        if left_out:
            record.msg += f" ({left_out:,} lines like it since the last one that was told)"
        return True


def client_logger() -> logging.Logger:
    """For every client of this process; where nothing else is set up, on stderr, with the time in UTC."""
    logger = logging.getLogger(NAME)
    if not any(isinstance(each, OncePerMinute) for each in logger.filters):
        logger.addFilter(OncePerMinute())
        handler = logging.StreamHandler()
        formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logger
