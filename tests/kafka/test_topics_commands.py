"""Topics and schemas on a real broker and a real registry, as docs/kafka.md has it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from typer.testing import CliRunner, Result

from connectors.kafka.clients import KafkaClients
from connectors.kafka.registry import schema_ids
from connectors.kafka.settings import KafkaSettings, RegistrySettings
from connectors.kafka.topics import TOPICS, check, create, missing
from milepost.cli import app
from simulation.servers.kafka import Broker
from simulation.servers.redis import RedisServer
from simulation.servers.registry import Registry
from state.guards import WRONG_TOPIC_SETTINGS, GuardStop
from tests.commands.documents import ROOT, saved, typed

PAGE = ROOT / "docs" / "kafka.md"


def run(line: str) -> Result:
    return CliRunner().invoke(app, shlex.split(line)[1:])


@pytest.fixture
def reached(
    broker: Broker,
    registry: Registry,
    redis_server: RedisServer,
    own_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Where the page says `127.0.0.1`, the servers of the tests; gives the prefix of the topics."""
    monkeypatch.chdir(tmp_path)
    prefix = f"{own_name}."
    monkeypatch.setenv("MILEPOST__KAFKA__BROKERS", broker.bootstrap)
    monkeypatch.setenv("MILEPOST__KAFKA__PREFIX", prefix)
    monkeypatch.setenv("MILEPOST__REGISTRY__URL", f"{registry.url}")
    monkeypatch.setenv("MILEPOST__REDIS__URL", redis_server.url)
    return prefix


def test_the_page_runs_as_printed(reached: str) -> None:
    for name, text in saved(PAGE).items():
        Path(name).write_text(text, encoding="utf-8")
    commands = list(typed(PAGE))
    assert len(commands) > 5
    for each in commands:
        result = run(each.line)
        assert result.exit_code == 0, f"{each.line}\n{result.output}"
    again = run("milepost topics create --json")
    assert json.loads(again.stdout)["topics"] == []
    assert "registered:" not in run("milepost schemas register").stdout
    rows = json.loads(run("milepost schemas ids --json").stdout)["schemas"]
    assert rows
    assert all(row["id"] is not None for row in rows)
    assert {row["subject"].startswith(reached) for row in rows} == {True}


def test_a_changed_setting_ends_the_check_with_its_code_and_stays(broker: Broker, reached: str) -> None:
    settings = KafkaSettings(brokers=broker.bootstrap, prefix=reached, development=True, partitions=2)
    clients = KafkaClients(settings)
    create(clients, missing(clients, settings))
    check(clients, settings)
    name = f"{reached}erp.postings"
    entry = ConfigEntry("retention.ms", "604800000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[entry])
    admin = AdminClient(broker.client())
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()
    told = "milepost topics check --json --set kafka.development=true --set kafka.partitions=2"
    result = run(told)
    assert result.exit_code == WRONG_TOPIC_SETTINGS
    fault = {"topic": name, "setting": "retention.ms", "found": "604800000", "needed": "-1"}
    assert json.loads(result.stdout)["faults"] == [fault]
    made = run("milepost topics create --json --set kafka.development=true --set kafka.partitions=2")
    assert json.loads(made.stdout)["left_as_they_are"] == len(TOPICS)
    assert run(told).exit_code == WRONG_TOPIC_SETTINGS
    with pytest.raises(GuardStop, match="is 604800000, needed -1"):
        check(clients, settings)


def test_ids_of_a_real_registry_are_kept_when_it_is_gone(registry: Registry, reached: str, tmp_path: Path) -> None:
    assert run("milepost schemas register").exit_code == 0
    cache = tmp_path / "registry.json"
    url = registry.url
    ids = schema_ids(RegistrySettings(url=url), reached, cache, print)
    assert ids.missing == []
    kept = json.loads(cache.read_bytes())
    cache.write_text(json.dumps({**kept, "registry": "http://127.0.0.1:1"}))
    assert schema_ids(RegistrySettings(url="http://127.0.0.1:1"), reached, cache, print).rows() == ids.rows()


def test_a_large_record_fits_and_dates_are_the_brokers(broker: Broker, reached: str) -> None:
    settings = KafkaSettings(brokers=broker.bootstrap, prefix=reached, development=True, partitions=1)
    clients = KafkaClients(settings)
    create(clients, missing(clients, settings))
    stamped: list[tuple[int, int]] = []
    producer = Producer({**broker.client(), "message.max.bytes": 1_100_000})
    producer.produce(
        f"{reached}erp.postings",
        bytes(1_000_000),
        timestamp=1_000,
        on_delivery=lambda fault, message: stamped.append(message.timestamp()) if fault is None else None,
    )
    assert producer.flush(30) == 0
    assert [kind for kind, _ in stamped] == [2]
