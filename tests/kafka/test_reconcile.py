"""`milepost reconcile --kafka`: the folder that an audit keeps beside an ERP's ledger, and what it says on the topic."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING
from typer.testing import CliRunner

from connectors.erp import adapters
from connectors.kafka import topics
from connectors.kafka.domain_messages import read_message
from connectors.kafka.partitions import read_to_end
from connectors.kafka.registry import SchemaIds
from dataflows.audit_kafka import audited_shards
from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.events.catalogue import Event
from domain.events.finance import LedgerReconciled
from domain.units import AMOUNT_ONE
from milepost.cli import app
from tests.commands.test_reconcile import Keeping
from tests.kafka.firm import Site, accounted, simulated, site
from tests.servers.kafka import Broker

ACCOUNTS = """
[erp.books]
kind = "keeping"

[entities.LE-DE]
erp = "books"
subsidiary = 1

[entities.LE-DE.accounts]
4000 = 400
"""


def test_a_difference_goes_to_the_topic(
    broker: Broker, own_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50.00 that somebody has booked on revenue by hand; nothing was delivered yet."""
    two = site(broker, own_name, tmp_path / "stores")
    topics.create(two.clients, [topics.planned(topics.BY_NAME["erp.results"], two.settings)])
    accounted(two, simulated(months=1))
    kept = tmp_path / "kept"
    with audited_shards(two.job(), kept) as shards:
        assert [shard.catch_up(lambda *_: None).violations for shard in shards] == [(), ()]
    erp = Keeping()
    lines = tuple(
        LedgerLine(account, units * AMOUNT_ONE, units * AMOUNT_ONE) for account, units in (("400", 50), ("9", -50))
    )
    erp.entries["JE-9"] = LedgerEntry("", "JE-9", date(2026, 1, 9), "2026-01", "EUR", is_posted=True, lines=lines)
    monkeypatch.setitem(adapters.OPENERS, "keeping", lambda _name, _connection: erp)
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    arguments = ["--output", str(kept), "--accounts", str(tmp_path / "accounts.toml"), "--period", "2026-01"]
    result = CliRunner().invoke(app, ["reconcile", "--kafka", *arguments, *two.options()])
    assert result.exit_code == 3, result.output
    (event,) = events_on("erp.results", two)
    assert isinstance(event, LedgerReconciled)
    assert (event.legal_entity_id, event.period, event.erp) == ("LE-DE", "2026-01", "books")
    assert [(each.key, each.cause, each.amount) for each in event.differences] == [("JE-9", "by_hand", 50 * AMOUNT_ONE)]


def events_on(topic: str, of: Site) -> list[Event | None]:
    full = of.names.shared(topic)
    state = of.clients.topics([full])[full]
    assert state is not None
    places = {(full, number): OFFSET_BEGINNING for number in range(state.partitions)}
    with closing(of.clients.consumer()) as consumer:
        found = read_to_end(consumer, places)
    ids = SchemaIds.fixed(of.settings.prefix)
    return [read_message(each, topic, ids).event for place in places for each in found[place]]
