"""Real servers for tests: each is started when the first test asks for it, and all have ended when the run has.

All workers share one broker and one registry (half a gigabyte and some seconds of start for two), under names that are
each test's own; Redis is small, so each worker has one, which is empty at the start of each test. A test that kills,
pauses or guards a server, or that wants its own settings, starts its own: `broker = started(Broker(tmp_path / "kafka"))`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from redis import Redis

from tests.servers.fetched import Missing, program
from tests.servers.kafka import Broker
from tests.servers.redis import RedisServer
from tests.servers.registry import Registry
from tests.servers.server import Server, end

# Seconds for what happens soon, on a machine that has other things to do as well; the limit is against hanging only.
PATIENCE = 240
# .ci/run allows no skip for this reason.
NOT_RUN = "THE TESTS WITH REAL SERVERS WERE NOT RUN"

FOLDER = pytest.StashKey[Path]()
OWNER = pytest.StashKey[int]()
FAILED = pytest.StashKey[bool]()
# What this process started for all; kept so that it is not collected while it runs.
STARTED: list[Server] = []

AnyServer = TypeVar("AnyServer", bound=Server)


class Start(Protocol):
    """Starts a server that ends with the test."""

    def __call__(self, server: AnyServer, /) -> AnyServer: ...


class NewTopicNamed(Protocol):
    """Makes a topic whose name no other test has; `settings` are Kafka's, such as cleanup.policy."""

    def __call__(self, name: str, partitions: int = 1, settings: dict[str, str] | None = None) -> str: ...


@pytest.fixture(scope="session")
def broker(pytestconfig: pytest.Config) -> Broker:
    owner = pytestconfig.stash[OWNER]
    return _shared(pytestconfig, "kafka", lambda folder, port: Broker(folder, port, owner=owner))


@pytest.fixture(scope="session")
def registry(pytestconfig: pytest.Config) -> Registry:
    owner = pytestconfig.stash[OWNER]
    return _shared(pytestconfig, "registry", lambda folder, port: Registry(folder, port, owner=owner))


@pytest.fixture(scope="session")
def redis_of_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = _started(RedisServer(tmp_path_factory.mktemp("redis")))
    yield server
    server.stop()


@pytest.fixture
def redis_server(redis_of_worker: RedisServer) -> RedisServer:
    """Empty."""
    with Redis.from_url(redis_of_worker.url) as client:
        client.flushall()
    return redis_of_worker


@pytest.fixture(scope="session")
def promtool() -> str:
    """The program."""
    try:
        return program("promtool")
    except Missing as missing:
        pytest.skip(f"{missing}: {NOT_RUN}")


@pytest.fixture
def started() -> Iterator[Start]:
    with _ending_what_is_started() as start:
        yield start


@pytest.fixture(scope="module")
def started_once() -> Iterator[Start]:
    """The same for all tests of a file that leave the server as it was."""
    with _ending_what_is_started() as start:
        yield start


@contextmanager
def _ending_what_is_started() -> Iterator[Start]:
    with ExitStack() as servers:

        def start(server: AnyServer) -> AnyServer:
            servers.callback(server.stop)
            return _started(server)

        yield start


def remove_topics(admin: AdminClient, names: list[str]) -> None:
    """A broker may still list one that is gone."""
    for done in admin.delete_topics(names).values() if names else ():
        try:
            done.result()
        except KafkaException as fault:
            if fault.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise


@pytest.fixture
def own_name(request: pytest.FixtureRequest) -> Iterator[str]:
    """What no other test's topics, subjects and transactional ids begin with; its topics are removed after the test."""
    name = uuid.uuid4().hex[:10]
    yield name
    if "broker" in request.fixturenames:
        broker: Broker = request.getfixturevalue("broker")
        admin = AdminClient(broker.client())
        made = [topic for topic in admin.list_topics(timeout=PATIENCE).topics if topic.startswith(f"{name}.")]
        remove_topics(admin, made)


@pytest.fixture
def new_topic(broker: Broker, own_name: str) -> NewTopicNamed:
    def make(name: str, partitions: int = 1, settings: dict[str, str] | None = None) -> str:
        topic = f"{own_name}.{name}"
        create_topic(broker, topic, partitions, settings)
        return topic

    return make


def create_topic(broker: Broker, name: str, partitions: int = 1, settings: dict[str, str] | None = None) -> None:
    """Returns when clients see it."""
    admin = AdminClient(broker.client())
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings or {})
    admin.create_topics([topic])[name].result()

    def seen() -> bool:
        found = admin.list_topics(name, timeout=PATIENCE).topics[name]
        return found.error is None and len(found.partitions) == partitions

    until(seen)


# None is whatever the name; the stubs want one.
ANYBODY: Any = None
ALL_ACLS = AclBindingFilter(
    ResourceType.ANY, ANYBODY, ResourcePatternType.ANY, ANYBODY, ANYBODY, AclOperation.ANY, AclPermissionType.ANY
)


def grant(broker: Broker, bindings: Sequence[AclBinding]) -> None:
    """Returns when the broker goes by them."""
    admin = AdminClient(broker.client())
    for done in admin.create_acls(list(bindings)).values():
        done.result()
    until(lambda: set(bindings) <= set(admin.describe_acls(ALL_ACLS).result()))


def read_all(broker: Broker, topic: str, isolation: str = "read_committed", partitions: int = 1) -> list[bytes]:
    """The values in a topic up to its end, each partition in order."""
    consumer = Consumer(
        {**broker.client(), "group.id": "reader", "isolation.level": isolation, "enable.partition.eof": True}
        | {"enable.auto.commit": False, "auto.offset.reset": "error"}
    )
    try:
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
        values: dict[int, list[bytes]] = {number: [] for number in range(partitions)}
        left = set(values)
        while left:
            message = consumer.poll(PATIENCE)
            assert message is not None, f"{topic}: nothing came in {PATIENCE} s"
            error, partition = message.error(), message.partition()
            assert partition is not None
            if error is None:
                values[partition].append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(partition)
            else:
                raise KafkaException(error)
        return [value for number in sorted(values) for value in values[number]]
    finally:
        consumer.close()


def until(happened: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for it."""
    last = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < last, f"did not happen within {seconds} s"
        time.sleep(0.05)


def pytest_configure(config: pytest.Config) -> None:
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    config.stash[FOLDER] = Path(told["servers"] if told else tempfile.mkdtemp(prefix="milepost-servers-"))
    config.stash[OWNER] = told["servers_owner"] if told else os.getpid()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """What a worker of pytest-xdist is told."""
    node.workerinput["servers"] = str(node.config.stash[FOLDER])
    node.workerinput["servers_owner"] = node.config.stash[OWNER]


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[FAILED] = session.testsfailed > 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for all that was skipped, however many tests that are."""
    told = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    missing = [reason.removeprefix("Skipped: ").removesuffix(f": {NOT_RUN}") for reason in told if NOT_RUN in reason]
    if missing:
        reasons = "; ".join(sorted(set(missing)))
        terminalreporter.write_line(f"!!! {NOT_RUN}, {len(missing)} of them: {reasons}", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The workers have ended. After a failure the servers' logs and data stay."""
    if hasattr(config, "workerinput"):
        return
    folder = config.stash[FOLDER]
    notes = sorted(folder.glob("*.json"))
    for server in STARTED:
        server.stop()
    for note in notes:
        end(json.loads(note.read_text(encoding="utf-8"))["pid"])
    if notes and FAILED in config.stash and config.stash[FAILED]:
        print(f"logs and data of the servers: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _shared(config: pytest.Config, name: str, make: Callable[[Path, int | None], AnyServer]) -> AnyServer:
    """The first worker that asks starts it; a note says where it listens."""
    folder = config.stash[FOLDER]
    note = folder / f"{name}.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if note.exists():
            return make(folder / name, json.loads(note.read_text(encoding="utf-8"))["port"])
        server = _started(make(folder / name, None))
        note.write_text(json.dumps({"pid": server.pid, "port": server.port}), encoding="utf-8")
        STARTED.append(server)
        return server


def _started(server: AnyServer) -> AnyServer:
    try:
        server.start()
    except Missing as missing:
        pytest.skip(f"{missing}: {NOT_RUN}")
    return server
