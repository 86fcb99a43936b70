"""Topics and schemas on a real broker and a real registry, as docs/kafka.md has it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from typer.testing import CliRunner, Result

from connectors.kafka.clients import KafkaClients
from connectors.kafka.registry import schema_ids
from connectors.kafka.registry_client import RegistryClient
from connectors.kafka.settings import KafkaSettings, RegistrySettings
from connectors.kafka.topics import TOPICS, check, create, missing
from milepost import exit_codes
from milepost.cli import app
from state.guards import SCHEMA_UNKNOWN, WRONG_TOPIC_SETTINGS, GuardStop
from tests.commands.documents import ROOT, saved, typed
from tests.forked import Forked
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker
from tests.servers.redis import RedisServer
from tests.servers.registry import Registry

PAGE = ROOT / "docs" / "kafka.md"


def python(line: str) -> list[Any]:
    """What it prints; a reader is asked until there is something."""
    found: list[Any] = []

    def has_printed() -> bool:
        done = subprocess.run([sys.executable, *line.split()[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        found[:] = map(json.loads, done.stdout.splitlines())
        return bool(found) or "billing.statements" not in line

    until(has_printed)
    return found


@contextmanager
def going_on(line: str) -> Iterator[None]:
    """A process that ends in order when it is told to."""
    command = [sys.executable, "-m", *shlex.split(line)]
    with Forked(command, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        try:
            yield
            assert process.poll() is None, f"{line}: ended with {process.returncode}"
            process.terminate()
            assert process.wait(PATIENCE) in {exit_codes.DONE, -signal.SIGTERM, 128 + signal.SIGTERM}, line
        finally:
            process.kill()


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
    Path("docs").symlink_to(PAGE.parent)
    prefix = f"{own_name}."
    monkeypatch.setenv("MILEPOST__KAFKA__BROKERS", broker.bootstrap)
    monkeypatch.setenv("MILEPOST__KAFKA__PREFIX", prefix)
    monkeypatch.setenv("MILEPOST__REGISTRY__URL", f"{registry.url}")
    monkeypatch.setenv("MILEPOST__REDIS__URL", redis_server.url)
    return prefix


def test_the_page_runs_as_printed(reached: str, broker: Broker, registry: Registry) -> None:
    """From topics to the first statement and its audit."""
    for name, text in saved(PAGE).items():
        Path(name).write_text(text, encoding="utf-8")
    commands = list(typed(PAGE))
    assert len(commands) > 15
    with ExitStack() as ends:
        for each in commands:
            if each.line.startswith("milepost serve ") or each.line.endswith(" --follow"):
                ends.enter_context(going_on(each.line))
            elif each.line.startswith("python "):
                line = each.line.replace("127.0.0.1:9092", broker.bootstrap).replace(
                    "http://127.0.0.1:8081/apis/ccompat/v7", registry.url
                )
                printed = python(line if broker.bootstrap not in line else f"{line} {reached}")
                if "billing.statements" in line:
                    (statement,) = printed
                    # Contract or project, whichever of the two topics is read first, names the engagement.
                    assert statement["statement_id"] in {
                        f"{first}.K-1/ACME/2026-03-01/1" for first in ("K-1", "BRIDGE")
                    }
                    assert statement["total"] == "2100.0000"
                    assert statement["amount_due"] == "2100.0000"
            else:
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

    def is_shown() -> bool:
        """A broker may show a change a little after it has confirmed it."""
        [described] = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
        return bool(described.result()["retention.ms"].value == "604800000")

    until(is_shown)
    told = "milepost topics check --json --set kafka.development=true --set kafka.partitions=2"
    result = run(told)
    assert result.exit_code == WRONG_TOPIC_SETTINGS
    fault = {"topic": name, "setting": "retention.ms", "found": "604800000", "needed": "-1", "is_harmless": False}
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
    assert producer.flush(PATIENCE) == 0
    assert [kind for kind, _ in stamped] == [2]


def test_an_address_without_the_path_of_the_registry_is_told_by_everybody(
    reached: str, registry: Registry, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apicurio answers there, and not as a registry; so nothing "would be registered", and the example ends with one line."""
    bare = registry.url.removesuffix("/apis/ccompat/v7")
    monkeypatch.setenv("MILEPOST__REGISTRY__URL", bare)
    said = f"{bare}: there is no schema registry at this path. registry.url is where its Confluent API begins, which of Apicurio"
    for line in ("milepost schemas register --dry-run", "milepost schemas register"):
        result = run(line)
        assert result.exit_code == exit_codes.FAILURE
        assert said in result.output
    findings = json.loads(run("milepost doctor --json --set kafka.development=true").stdout)["findings"]
    (finding,) = [each for each in findings if each["check"] == "registry"]
    assert (finding["state"], said in finding["said"]) == ("fail", True)
    for name, text in saved(PAGE).items():
        Path(name).write_text(text, encoding="utf-8")
    Path("psa.projects.jsonl").write_text(Path("request-psa.projects.jsonl").read_text(), encoding="utf-8")
    command = [sys.executable, "docs/examples/kafka_producer.py", "psa.projects.jsonl", broker.bootstrap, bare, reached]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"registry {bare}, subject {reached}psa.projects-milepost.events.StatementRequested: "
    )
    assert "Traceback" not in done.stderr
    assert subprocess.run(command[:3], capture_output=True, text=True, check=False).stderr.startswith("Sends events to")


def test_the_example_sends_what_leaves_fields_out_and_names_what_it_cannot_send(
    reached: str, registry: Registry, broker: Broker
) -> None:
    """An expense without its tax; then one with a misspelled field, which would be lost without a word."""
    assert run("milepost topics create --set kafka.development=true").exit_code == 0
    registered = run("milepost schemas register --set registry.timeout_seconds=60")
    assert registered.exit_code == 0, registered.output
    expense = {
        "type": "ExpenseApproved",
        "event_id": "x-1",
        "occurred_at": "2026-03-05T17:00:00Z",
        "source": "example",
        "expense_id": "X-1",
        "version": 1,
        "project_id": "BRIDGE",
        "category": "travel",
        "spent_on": "2026-03-05",
        "amount": "100",
        "currency": "EUR",
        "approved_by": "BEN",
    }
    name = "psa.expenses-0001.jsonl"
    command = [sys.executable, "docs/examples/kafka_producer.py", name, broker.bootstrap, registry.url, reached]
    Path(name).write_text(json.dumps(expense) + "\n", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    Path(name).write_text(json.dumps(expense) + "\n" + json.dumps(expense | {"person": "ADA"}), encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{name}, line 2: milepost.events.ExpenseApproved has no field person; " in done.stderr


def test_a_registry_made_anew_at_another_address_is_met_with_its_code(
    reached: str, registry: Registry, tmp_path: Path
) -> None:
    """In the second real registry something else was registered first, so that all ids are others, at another address."""
    assert run("milepost schemas register").exit_code == 0
    cache = tmp_path / "registry.json"
    ids = schema_ids(RegistrySettings(url=registry.url), reached, cache, print)
    assert ids.missing == []
    with Registry(tmp_path / "anew") as other:
        with RegistryClient(RegistrySettings(url=other.url)) as client:
            for number in range(1_000, 1_003):
                client.register("somebody-elses", f'{{"type":"fixed","name":"F","size":{number}}}')
        assert run(f"milepost schemas register --set registry.url={other.url}").exit_code == 0
        with pytest.raises(GuardStop, match=f"in the registry at {registry.url}, as {cache} keeps it") as stop:
            schema_ids(RegistrySettings(url=other.url), reached, cache, print)
        assert stop.value.code == SCHEMA_UNKNOWN
        told = f"--set registry.url={other.url} --set registry.cache={cache} --set kafka.development=true"
        findings = json.loads(run(f"milepost doctor --json {told}").stdout)["findings"]
        (finding,) = [each for each in findings if each["check"] == "registry"]
        assert (finding["state"], "was made again" in finding["said"]) == ("fail", True)
