"""What `milepost status` shows of each ERP account, from the page of its process and from its topic."""

from __future__ import annotations

import pytest

from connectors.kafka.lag import Lag
from connectors.metrics.health import Health
from connectors.metrics.page import page
from connectors.metrics.registry import Metrics
from connectors.metrics.scraped import scrape
from dataflows.delivery_measured import MeasuredDelivery
from dataflows.delivery_watched import AccountStand
from milepost.operate import status_shown
from milepost.operate.status_shown import ErpStatus, Look, status_of
from milepost.settings import Settings

BEHIND = (
    Lag("delivery/books", "erp.postings", 0, 120, 100, 20, 3.0),
    Lag("delivery/books", "erp.postings", 1, 50, 45, 5, 1.0),
    Lag("delivery/old", "erp.postings", 0, 120, 0, 120, 90.0),
    Lag("intake", "psa.time", 0, 9, 9, 0, 0.0),
)


def test_documents_are_told_by_standing_and_an_account_without_a_process_by_what_it_has_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`books` has 20 + 5 records to read and is paused; nothing runs for `old`."""
    metrics, health = Metrics("1", "1"), Health()
    measured = MeasuredDelivery("books", metrics, health, lambda: 1_000.0)
    stand = AccountStand(
        {"waiting": 4, "to_send": 7, "sent": 2, "accepted": 1, "rejected": 3},
        {"to_send": 400_000_000, "accepted": 100_000_000},
        0.5,
        is_paused=True,
    )
    measured.stands(stand, is_caught_up=True)
    with page("127.0.0.1", 0, metrics.registry, health) as port:
        look = Look(0.0, scrape([f"127.0.0.1:{port}"]), BEHIND, "")
    found = status_of(look, look._replace(at=2.0), Settings().store.folder)
    books = ErpStatus("books", 25, 4, 0, 7, 2, 1, 3, 600.0, 0.0, 0.5, is_paused=True)
    assert found.erps == [books, ErpStatus("old", 120, *(None,) * 10)]
    monkeypatch.setattr(status_shown, "_look", lambda _: look)
    status_shown.tell_once(Settings(), 0.0, json=False)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(("books", "old"))]
    assert rows == [
        ["books", "25", "4", "0", "7", "2", "1", "3", "600.0", "0.0", "paused"],
        ["old", "120", "-", "-", "-", "-", "-", "-", "-", "-", "no", "answer"],
    ]
