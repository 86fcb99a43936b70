"""What the page says of delivery to an ERP account."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.metrics import catalogue
from connectors.metrics.health import Health
from connectors.metrics.registry import Metrics
from dataflows.delivery_measured import MeasuredDelivery
from dataflows.delivery_watched import AccountStand
from domain.delivery.outcomes import (
    UNREACHABLE,
    NotSent,
    Outcome,
    RejectedData,
    RejectedPeriod,
    Submitted,
    Taken,
    Throttled,
    Uncertain,
)

MAY = date(2026, 5, 31)
SECOND = 1_000_000
OUTCOMES: dict[str, Outcome] = {
    "posted": Taken("JE1", MAY),
    "accepted": Taken("JE1", MAY, is_posted=False),
    "duplicate": Taken("JE1", MAY, is_duplicate=True),
    "submitted": Submitted("77"),
    "rejected_data": RejectedData("INVALID", "no such account"),
    "rejected_period": RejectedPeriod("CLOSED", "closed"),
    "throttled": Throttled(3.0),
    "not_sent": NotSent(UNREACHABLE, "no connection"),
    "uncertain": Uncertain("no answer within 60 seconds"),
}


class Page:
    """Of a process that delivers to `netsuite`, read at a time of our choice."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.metrics = Metrics("1", "1")
        self.health = Health()
        self.measured = MeasuredDelivery("netsuite", self.metrics, self.health, lambda: self.now)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"erp": "netsuite", **labels})


@pytest.fixture
def page() -> Page:
    return Page()


def test_every_outcome_has_its_word_and_stands_at_0_before_it_happens(page: Page) -> None:
    assert set(OUTCOMES) == set(catalogue.OUTCOMES)
    for word, outcome in OUTCOMES.items():
        assert page.value(catalogue.ERP_ATTEMPTS, outcome=word) == 0
        page.measured.called([outcome, outcome], 0.2)
        assert page.value(catalogue.ERP_ATTEMPTS, outcome=word) == 2


def test_a_call_counts_once_however_many_documents_are_in_it(page: Page) -> None:
    """200 ms with two documents, 3 s with one."""
    page.measured.called([OUTCOMES["posted"], OUTCOMES["rejected_data"]], 0.2)
    page.measured.called([OUTCOMES["uncertain"]], 3.0)
    assert page.value(f"{catalogue.ERP_CALL_SECONDS}_count") == 2
    assert page.value(f"{catalogue.ERP_CALL_SECONDS}_sum") == pytest.approx(3.2)
    assert page.value(f"{catalogue.ERP_CALL_SECONDS}_bucket", le="0.25") == 1


def test_a_journal_is_measured_from_its_record_to_the_acknowledgement(page: Page) -> None:
    """Recorded at 940 and 990 s, posted at 1,000 s: 60 s and 10 s."""
    page.measured.acknowledged([940 * SECOND, 990 * SECOND])
    assert page.value(f"{catalogue.ERP_ACKNOWLEDGED}_sum") == pytest.approx(70)
    assert page.value(f"{catalogue.ERP_ACKNOWLEDGED}_bucket", le="15.0") == 1


def test_the_oldest_document_ages_while_delivery_stands_still(page: Page) -> None:
    """Nothing is published in between; the page counts on."""
    assert page.value(catalogue.ERP_OLDEST) == 0
    page.measured.stands(AccountStand({"to_send": 3}, {"to_send": 700 * SECOND}), is_caught_up=True)
    assert page.value(catalogue.ERP_OLDEST) == 300
    page.now += 100
    assert page.value(catalogue.ERP_OLDEST) == 400
    page.measured.stands(AccountStand({}), is_caught_up=True)
    assert page.value(catalogue.ERP_OLDEST) == 0


def test_what_waits_in_the_erp_for_its_people_is_not_late_to_arrive(page: Page) -> None:
    """At 1,000 s: accepted since 100 s and not posted, without an answer since 800 s; a rejected one is somebody's matter."""
    oldest = {"accepted": 100 * SECOND, "sent": 800 * SECOND, "to_send": 950 * SECOND, "rejected": 10 * SECOND}
    page.measured.stands(AccountStand({}, oldest), is_caught_up=True)
    assert (page.value(catalogue.ERP_OLDEST), page.value(catalogue.ERP_ACCEPTED_OLDEST)) == (200, 900)


def test_documents_by_standing_quota_and_pause(page: Page) -> None:
    page.measured.stands(
        AccountStand({"waiting": 9, "to_send": 3, "rejected": 1}, {}, 0.25, is_paused=True), is_caught_up=False
    )
    found = {standing: page.value(catalogue.ERP_DOCUMENTS, standing=standing) for standing in catalogue.STANDINGS}
    assert found == {"waiting": 9, "unmapped": 0, "to_send": 3, "sent": 0, "accepted": 0, "rejected": 1}
    assert (page.value(catalogue.ERP_QUOTA_LEFT), page.value(catalogue.ERP_PAUSED)) == (0.25, 1)


def test_delivery_is_ready_once_it_has_read_what_was_there_and_stays_so(page: Page) -> None:
    for is_caught_up, is_unready in ((False, True), (True, False), (False, False)):
        page.measured.stands(AccountStand({}), is_caught_up)
        assert bool(page.health.unready()) == is_unready


def test_what_is_not_read_yet_is_told_by_topic_and_partition(page: Page) -> None:
    page.measured.reads(lambda: {("test.erp.postings", 3): 17}, "test.")
    labels = {"dataflow": "delivery", "topic": "erp.postings", "partition": "3"}
    assert page.metrics.registry.get_sample_value(catalogue.KAFKA_LAG, labels) == 17
