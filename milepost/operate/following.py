"""`milepost verify --kafka --follow`: the auditor goes on with what comes, and waits where the brokers do not answer.

After an outage everything is opened again from the folder, which holds what was compared; a line is said when something
was compared, at most once a minute, and when the brokers go away and come back.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from connectors.closing import Closable
from connectors.kafka.partitions import failed
from connectors.telling import Tell
from dataflows.accounting_kafka import Job
from dataflows.audit_kafka import AuditedShard, ShardComparison, audited_shards, going_on
from milepost.console import say
from milepost.days import moment
from milepost.operate.stopping import Stop
from state.guards import BROKER_UNREACHABLE, LOG_MISSING, GuardStop

ROUND_SECONDS: Final = 5.0
LINE_SECONDS: Final = 60.0
PASSING: Final = frozenset({BROKER_UNREACHABLE, LOG_MISSING})


class Auditors(Closable):
    """All shards of a job over one folder."""

    def __init__(self, job: Job, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._held = ExitStack()
        self._opened: list[AuditedShard] | None = None

    def close(self) -> None:
        """What was compared is kept; the next round opens it again."""
        self._opened = None
        self._held.close()

    def catch_up(self, tell: Tell, stopped: Callable[[], bool] = going_on) -> list[ShardComparison]:
        """Raises GuardStop, one that passes where the brokers do not answer."""
        try:
            if self._opened is None:
                self._opened = self._held.enter_context(audited_shards(self._job, self._folder))
            return [shard.catch_up(tell, stopped) for shard in self._opened]
        except KafkaException as fault:
            raise failed(fault) from fault

    def check_generation(self) -> None:
        """Raises GuardStop where another one has taken its place."""
        for shard in self._opened or ():
            shard.check_generation()


def follow_on(auditors: Auditors, stop: Stop, tell: Tell) -> list[ShardComparison]:
    """Until something differs, somebody asks to stop, or another generation has taken over: all that was compared."""
    found: list[ShardComparison] = []
    lines = _Lines()
    while True:
        try:
            compared = auditors.catch_up(tell, lambda: stop.requested)
            auditors.check_generation()
        except GuardStop as guard:
            if guard.code not in PASSING:
                raise
            auditors.close()
            lines.waiting(guard.message)
        else:
            found += compared
            lines.compared(compared)
            if any(each.violations for each in compared):
                return found
        if stop.within(ROUND_SECONDS):
            return found


class _Lines:
    def __init__(self) -> None:
        self._fresh = self._total = 0
        self._said_at = float("-inf")
        self._is_waiting = False

    def waiting(self, why: str) -> None:
        if not self._is_waiting:
            say(f"{_now()} waits: {why}")
        self._is_waiting = True

    def compared(self, compared: list[ShardComparison]) -> None:
        outputs = sum(each.outputs for each in compared)
        self._fresh += outputs
        self._total += outputs
        if self._is_waiting:
            say(f"{_now()} the brokers answer again")
        elif not self._fresh or time.monotonic() - self._said_at < LINE_SECONDS:
            return
        places = ", ".join(f"{each.shard} to record {each.offset:,}" for each in compared)
        say(f"{_now()} {self._fresh:,} more outputs agree, {self._total:,} since the start; shards {places}")
        self._is_waiting, self._fresh, self._said_at = False, 0, time.monotonic()


def _now() -> str:
    return f"{moment():%Y-%m-%d %H:%M:%S}"
