"""Hangs the measurements onto delivery to an ERP account."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import assert_never

from connectors.kafka.partitions import Place
from connectors.metrics import catalogue
from connectors.metrics.health import Health, Pulse
from connectors.metrics.registry import Labels, Metrics
from dataflows.delivery_watched import AccountStand, Watch
from dataflows.measured import DELIVERY, SECOND, asked
from domain.delivery.outcomes import (
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)
from domain.delivery.standings import SENT, TAKEN, TO_SEND
from domain.units import Instant


class MeasuredDelivery(Watch):
    """It is ready once it has read to where its topics ended at its start."""

    def __init__(self, erp: str, metrics: Metrics, health: Health, now: Callable[[], float] = time.time) -> None:
        self._erp = erp
        self._metrics = metrics
        self._now = now
        self._stand = AccountStand({})
        # An ERP that is away is no reason for a restart.
        self._pulse = Pulse(may_wait=True)
        self._acknowledged = metrics.spread(catalogue.ERP_ACKNOWLEDGED, (erp,))
        self._calls = metrics.spread(catalogue.ERP_CALL_SECONDS, (erp,))
        for outcome in catalogue.OUTCOMES:
            metrics.count(catalogue.ERP_ATTEMPTS, (erp, outcome), 0)
        metrics.ask(catalogue.READY, lambda: [((DELIVERY,), float(self._pulse.is_ready))])
        metrics.ask(catalogue.ERP_OLDEST, lambda: [((erp,), self._oldest_seconds(TO_SEND, SENT))])
        metrics.ask(catalogue.ERP_ACCEPTED_OLDEST, lambda: [((erp,), self._oldest_seconds(TAKEN))])
        metrics.ask(catalogue.ERP_DOCUMENTS, self._documents)
        metrics.ask(catalogue.ERP_QUOTA_LEFT, lambda: [((erp,), self._stand.quota_left)])
        metrics.ask(catalogue.ERP_PAUSED, lambda: [((erp,), float(self._stand.is_paused))])
        health.watch({DELIVERY: self._pulse})

    def called(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        self._calls.add(seconds)
        for each in outcomes:
            self._metrics.count(catalogue.ERP_ATTEMPTS, (self._erp, outcome_word(each)))

    def acknowledged(self, recorded_at: Sequence[Instant]) -> None:
        now = self._now()
        self._acknowledged.add_all([max(now - each / SECOND, 0.0) for each in recorded_at])

    def stands(self, stand: AccountStand, is_caught_up: bool) -> None:
        self._stand = stand
        self._pulse.turned()
        self._pulse.is_ready = self._pulse.is_ready or is_caught_up

    def reads(self, unread: Callable[[], Mapping[Place, int]], prefix: str) -> None:
        """`unread` gives the records of each partition that were not read; other threads call it."""

        def lags() -> Iterator[tuple[Labels, float]]:
            for (topic, partition), number in (asked(unread) or {}).items():
                yield (DELIVERY, topic.removeprefix(prefix), str(partition)), float(number)

        self._metrics.ask(catalogue.KAFKA_LAG, lags)

    def _oldest_seconds(self, *words: str) -> float:
        oldest = self._stand.oldest
        return max([self._now() - oldest[word] / SECOND for word in words if word in oldest], default=0.0)

    def _documents(self) -> list[tuple[Labels, float]]:
        counts = self._stand.documents
        return [((self._erp, standing), float(counts.get(standing, 0))) for standing in catalogue.STANDINGS]


def outcome_word(outcome: Outcome) -> str:
    """As the label of the metrics has it."""
    match outcome:
        case Taken():
            return "duplicate" if outcome.is_duplicate else "posted" if outcome.is_posted else "accepted"
        case RejectedData():
            return "rejected_data"
        case RejectedPeriod():
            return "rejected_period"
        case Throttled():
            return "throttled"
        case NotSent():
            return "not_sent"
        case Uncertain():
            return "uncertain"
        case Submitted():
            return "submitted"
        case _:
            assert_never(outcome)
