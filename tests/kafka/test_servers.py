"""Registry, Redis and Prometheus do what is asked of them; a server ends when it should, and no other does."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from prometheus_client import CollectorRegistry, Counter, start_http_server
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from connectors.kafka.clients import KafkaClients
from connectors.kafka.settings import KafkaSettings
from tests.kafka.servers import PATIENCE, Start, until
from tests.servers.fetched import ROOT, java, kafka_classpath, registry_archive, with_kept_classes
from tests.servers.kept_classes import keep_classes
from tests.servers.prometheus import Prometheus
from tests.servers.redis import RedisServer
from tests.servers.registry import Registry
from tests.servers.server import HOST, ServerFailed, free_port, get, listens, reserved

FIRST = Schema('{"type":"record","name":"Hours","fields":[{"name":"hours","type":"long"}]}', "AVRO")
WITH_DEFAULT = Schema(
    '{"type":"record","name":"Hours","fields":[{"name":"hours","type":"long"},{"name":"rate","type":"long","default":0}]}',
    "AVRO",
)
WITHOUT_DEFAULT = Schema(
    '{"type":"record","name":"Hours","fields":[{"name":"hours","type":"long"},{"name":"rate","type":"long"}]}', "AVRO"
)


def test_the_registry_keeps_schemas_and_refuses_what_breaks_readers(registry: Registry, own_name: str) -> None:
    subject = f"{own_name}-value"
    with SchemaRegistryClient({"url": registry.url}) as client:
        client.set_compatibility(subject_name=subject, level="BACKWARD_TRANSITIVE")
        first = client.register_schema(subject, FIRST)
        assert client.register_schema(subject, FIRST) == first
        assert client.get_schema(first).schema_str == FIRST.schema_str
        assert client.test_compatibility(subject, WITH_DEFAULT)
        assert not client.test_compatibility(subject, WITHOUT_DEFAULT)
        with pytest.raises(SchemaRegistryError) as refused:
            client.register_schema(subject, WITHOUT_DEFAULT)
        assert refused.value.http_status_code == 409
        assert client.register_schema(subject, WITH_DEFAULT) != first
        assert client.get_versions(subject) == [1, 2]


def test_the_registry_remembers_what_it_answered_before_a_kill(started: Start, tmp_path: Path) -> None:
    registry = started(Registry(tmp_path / "registry"))
    with SchemaRegistryClient({"url": registry.url}) as client:
        number = client.register_schema("hours-value", FIRST)
    registry.kill()
    registry.start()
    with SchemaRegistryClient({"url": registry.url}) as client:
        assert client.get_schema(number).schema_str == FIRST.schema_str


def test_redis_sets_and_gets(redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        assert client.dbsize() == 0
        client.hset("project:P-1", mapping={"billed": "3193.75"})
        assert client.hgetall("project:P-1") == {"billed": "3193.75"}


def test_redis_is_empty_for_the_next_test(redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_redis_remembers_after_a_kill_on_the_same_port(started: Start, tmp_path: Path) -> None:
    server = started(RedisServer(tmp_path / "redis"))
    port = server.port
    with Redis.from_url(server.url) as client:
        client.set("position", "42")
    server.kill()
    assert not listens(port)
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.get("position") == b"42"


def test_a_paused_server_gives_no_answer_until_it_goes_on(started: Start, tmp_path: Path) -> None:
    server = started(RedisServer(tmp_path / "redis"))
    server.pause()
    with Redis.from_url(server.url, socket_timeout=0.5, retry=None) as client, pytest.raises(RedisTimeout):
        client.ping()
    server.resume()
    with Redis.from_url(server.url) as client:
        assert client.ping()
    server.pause()
    server.stop()
    assert not server.running


def test_stopping_one_server_leaves_the_others(started: Start, tmp_path: Path) -> None:
    one, other = (started(RedisServer(tmp_path / name)) for name in ("one", "other"))
    one.stop()
    assert not one.running
    assert other.running
    assert other.answers()


def test_a_port_that_is_taken_is_named(started: Start, tmp_path: Path) -> None:
    first = started(RedisServer(tmp_path / "first"))
    with pytest.raises(ServerFailed, match=f"wants port {first.port} "):
        RedisServer(tmp_path / "second", first.port).start()


HOLDER = "from tests.servers.server import free_port; print(free_port(), flush=True); input()"


def test_a_port_is_for_one_process_alone_until_that_has_ended() -> None:
    """Also while nothing listens there, as between the kill of a server and its next start."""
    command, pipe = [sys.executable, "-c", HOLDER], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        assert not listens(port)
        assert not reserved(port)
        holder.kill()
    assert reserved(port)
    assert not reserved(port), "ours now"


def test_a_server_that_does_not_start_shows_its_log(redis_server: RedisServer, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"redis ended with 1 instead of answering(.|\n)*no-such-directive"):
        RedisServer(tmp_path / "redis", settings={"no-such-directive": "1"}).start()


OWNER = """\
import sys
from pathlib import Path
from tests.servers.redis import RedisServer

RedisServer(Path(sys.argv[1]), int(sys.argv[2])).start()
print("started", flush=True)
sys.stdin.readline()
"""


def test_a_server_ends_with_a_killed_owner(redis_server: RedisServer, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", OWNER, str(tmp_path / "redis"), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        assert listens(port)
        owner.kill()
    until(lambda: not listens(port))


def test_prometheus_reads_a_metrics_page(started: Start, tmp_path: Path) -> None:
    metrics = CollectorRegistry()
    Counter("milepost_events_consumed", "Events read", ["topic"], registry=metrics).labels("psa.time").inc(5)
    page, thread = start_http_server(0, addr=HOST, registry=metrics)
    try:
        prometheus = started(Prometheus(tmp_path / "prometheus", targets=[f"{HOST}:{page.server_port}"]))
        expression = 'milepost_events_consumed_total{job="milepost"}'
        until(lambda: bool(prometheus.query(expression)))
        (series,) = prometheus.query(expression)
        assert series["metric"]["topic"] == "psa.time"
        assert series["value"][1] == "5"
    finally:
        page.shutdown()
        page.server_close()
        thread.join()


def test_the_command_runs_a_broker_and_a_registry_until_ctrl_c(registry: Registry, tmp_path: Path) -> None:
    """`registry` is asked for so that this is skipped, too, where there is no Java."""
    kafka_port, registry_port = free_port(), free_port()
    command = [sys.executable, "-m", "tests.servers", "--data", str(tmp_path / "data")]
    command += ["--kafka-port", str(kafka_port), "--registry-port", str(registry_port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"bootstrap.servers={HOST}:{kafka_port}\n"
        assert process.stdout.readline() == f"schema.registry.url=http://{HOST}:{registry_port}/apis/ccompat/v7\n"
        assert listens(kafka_port)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert not listens(kafka_port)
    assert not listens(registry_port)


def test_the_command_runs_redis_and_prometheus_besides_and_kafkas_own_tools_until_sigterm(
    registry: Registry, redis_server: RedisServer, tmp_path: Path
) -> None:
    """The runbook's way to a transaction that hangs, on the broker that the command runs."""
    ports = {name: free_port() for name in ("kafka", "registry", "redis", "prometheus")}
    command = [sys.executable, "-m", "tests.servers", "--data", str(tmp_path / "data"), "--redis", "--prometheus"]
    command += [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(4)]
            assert lines[2:] == [
                f"redis.url=redis://{HOST}:{ports['redis']}/0",
                f"prometheus.url=http://{HOST}:{ports['prometheus']}",
            ]
            assert Redis(host=HOST, port=ports["redis"]).ping()
            status, rules = get(ports["prometheus"], "/api/v1/rules")
            assert (status, b"MilepostGuardStop" in rules) == (200, True)
            ran = end_a_hanging_transaction(f"{HOST}:{ports['kafka']}")
        finally:
            process.terminate()
            _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert not [name for name, port in ports.items() if listens(port)]
    assert "CurrentTransactionStartOffset" in ran.splitlines()[0]


def end_a_hanging_transaction(bootstrap: str) -> str:
    """What `describe-producers` says of one; after `abort` readers of committed records see what stands after it."""

    def tool(*arguments: str) -> str:
        asked = [arguments[0], "--bootstrap-server", bootstrap, *arguments[1:]]
        ran = subprocess.run(
            [sys.executable, "-m", "tests.servers", *asked], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    tool("kafka-topics.sh", "--create", "--topic", "alerts", "--partitions", "1")
    # So long as a broker lets it be open: who has other things to do as well needs a minute for the tools.
    hanging = {"transactional.id": "stranger", "transaction.timeout.ms": 900_000}
    stranger = Producer({"bootstrap.servers": bootstrap, **hanging})
    stranger.init_transactions(PATIENCE)
    stranger.begin_transaction()
    stranger.produce("alerts", b"open")
    assert stranger.flush(PATIENCE) == 0
    at = ("--topic", "alerts", "--partition", "0")
    found = tool("kafka-transactions", "describe-producers", *at)
    assert found.splitlines()[1].split()[-1] == "0"
    tool("kafka-transactions", "abort", *at, "--start-offset", "0")
    clients = KafkaClients(KafkaSettings(brokers=bootstrap))
    until(lambda: len(set(clients.last_stable("alerts", 0))) == 1)
    return found


def test_java_takes_the_classes_that_are_kept() -> None:
    """Told to take them or not to begin at all."""
    keep_classes()
    for server, among in (("kafka", ["-cp", kafka_classpath()]), ("registry", ["-cp", str(registry_archive())])):
        command = [java(), "-Xshare:on", *with_kept_classes(server), "-XX:+UseSerialGC", *among, "-version"]
        assert len(with_kept_classes(server)) == 2
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0, server
