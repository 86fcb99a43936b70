"""Somebody changes topics: what can do no harm stops no start, and what does harm stops processes that run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions

from milepost import exit_codes
from state.guards import WRONG_TOPIC_SETTINGS
from tests.kafka.servers import PATIENCE, until
from tests.kafka.test_lost_topics import Firm
from tests.servers.kafka import Broker


@pytest.fixture
def firm(broker: Broker, own_name: str, tmp_path: Path) -> Firm:
    return Firm(broker, own_name, tmp_path)


def partitions_added(firm: Firm, topic: str, total: int) -> None:
    admin = firm.world.clients.admin
    admin.create_partitions([NewPartitions(topic, total)])[topic].result()
    until(lambda: len(admin.list_topics(topic, timeout=PATIENCE).topics[topic].partitions) == total)


def await_work(process: subprocess.Popen[str]) -> None:
    """It says where it goes on."""
    assert process.stderr is not None
    while "goes on" not in process.stderr.readline():
        assert process.poll() is None


def test_an_empty_partition_more_of_an_output_is_a_warning_until_somebody_writes_there(firm: Firm) -> None:
    topic = firm.world.names.shared("alerts")
    partitions_added(firm, topic, 2)
    running = firm.serve("accounting", "--all-shards")
    await_work(running)
    running.terminate()
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == exit_codes.DONE, said
    checked = firm.run("topics", "check")
    assert checked.exit_code == exit_codes.DONE
    assert f"{topic}  partitions  2" in checked.stdout
    assert "as they must be, but for what does no harm" in checked.stdout
    assert "topics" not in firm.doctor()
    producer = Producer({"bootstrap.servers": firm.world.kafka.brokers})
    producer.produce(topic, b"nobody reads this", partition=1)
    assert producer.flush(PATIENCE) == 0
    code, said = firm.ends("accounting", "--all-shards")
    assert code == WRONG_TOPIC_SETTINGS
    assert f"topic {topic}: partitions is 2, needed 1" in said
    assert firm.run("topics", "check").exit_code == WRONG_TOPIC_SETTINGS


@pytest.mark.parametrize("process", [("accounting", "--all-shards"), ("intake",)])
def test_a_retention_that_is_set_while_processes_run_ends_them(firm: Firm, process: tuple[str, ...]) -> None:
    """The log is kept for ever; somebody lets it go after a second."""
    topic = firm.world.names.log
    running = firm.serve(*process)
    try:
        await_work(running)
        entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        for done in firm.world.clients.admin.incremental_alter_configs([resource]).values():
            done.result()
        _, said = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == WRONG_TOPIC_SETTINGS
    assert (
        f"settings of topics were changed: 1 settings of topics could lose or repeat records:\n  topic {topic}: "
        in said
    )
    assert "retention.ms is 1000, needed -1" in said


def test_an_audit_of_a_generation_in_which_nothing_is_folded_says_so(firm: Firm) -> None:
    settings = firm.file.read_text(encoding="utf-8")
    firm.file.write_text(settings.replace("[kafka]\n", '[kafka]\ngeneration = "2"\n'), encoding="utf-8")
    assert firm.run("topics", "create").exit_code == 0
    intake = firm.serve("intake")
    try:
        await_work(intake)
        audited = firm.run("verify", "--kafka")
    finally:
        intake.terminate()
        intake.communicate(timeout=PATIENCE)
    assert audited.exit_code == exit_codes.USAGE
    assert "nothing was looked at: generation 2 at" in audited.stderr.replace("\n", " ")
