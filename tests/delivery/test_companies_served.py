"""What `milepost serve delivery` says of companies that accounts.toml has no chart of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.erp.connection import Connection
from connectors.metrics import catalogue
from connectors.metrics.health import Health
from connectors.metrics.registry import Metrics
from dataflows.delivery_watched import Watch
from domain.outputs import JournalEntry, Output
from milepost.delivery.delivered_account import Account
from milepost.operate.serving_delivery import ServedDelivery
from tests.delivery.world import play


def test_a_company_without_a_chart_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's companies are DE and US; FR would go to another ERP account."""
    read: list[Output] = []

    def came(_: Watch, records: Sequence[Output]) -> None:
        read.extend(records)

    monkeypatch.setattr(Watch, "came", came)
    journals = [record for _, record in play(1).journals.values()]
    assert {each.legal_entity_id for each in read if isinstance(each, JournalEntry)} == {"DE", "US"}
    account = Account("books", Connection.model_construct(kind="files"), {}, frozenset({"DE", "FR"}))
    said: list[str] = []
    metrics = Metrics("1", "1")

    def missing() -> float | None:
        return metrics.registry.get_sample_value(catalogue.ERP_COMPANIES_MISSING, {"erp": "books"})

    served = ServedDelivery(account, metrics, Health(), said.append)
    assert missing() == 0
    french = [each._replace(legal_entity_id="FR") for each in journals]
    served.came([*journals, *french])
    served.came(journals)
    assert said == ["US: accounts.toml has no [entities.US], so nothing of this company is sent"]
    assert missing() == 1
