"""One Kafka node, broker and controller in one, as small and as quick to start as it gets; or with its controller apart.

A node that is both is not told apart from one that was never away: killed and started again it works with the leaders of before until it
is let in, and leaves out marks of transactions meanwhile. A controller apart has seen it go.

The log folder is formatted at the first start, with the transactions of KIP-890 (`transaction.version=2`), which keep a late
commit of an older client from touching a newer transaction. Formatting takes a third of what a start does, so a formatted folder
is kept and copied: nothing in it but the cluster's id is of one cluster. Topics are made by who needs them, never by writing to them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import uuid
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.servers.fetched import alone, java, java_archives, kafka_classpath, with_kept_classes
from tests.servers.server import HOST, Server, ServerFailed, free_port, listens

# Who may do everything where users are named, the broker itself included.
ADMIN: Final = "admin"

SETTINGS: Final[Mapping[str, str]] = {
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENTS",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # Half a second after its time is out a transaction is aborted; Kafka's own 10 s make tests slow.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # A killed broker is let in again when its session is over; Kafka's own 9 s make tests slow.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    # Each partition maps two of these; Kafka's 10 MB are for logs of gigabytes.
    "log.index.size.max.bytes": "1048576",
}
# Kafka's own three, eight and ten wake each other for what one does; a broker that is measured has them.
FEW_THREADS: Final[Mapping[str, str]] = {"num.network.threads": "1", "num.io.threads": "2", "background.threads": "1"}
OPEN: Final[Mapping[str, str]] = {"listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT"}
NOBODY: Final[Mapping[str, str]] = {}
# With users nobody gets in without a name, and a name alone may do nothing: what is allowed is said by ACLs.
GUARDED: Final[Mapping[str, str]] = {
    "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": f"User:{ADMIN}",
}

TRANSACTIONS: Final = ("--feature", "transaction.version=2")
# Some 100 kB are kept for each partition, and a run of all tests makes thousands.
QUICK: Final = ("-Xms64m", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
TUNED: Final = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
JAVA_WORK: Final = ("-Djava.io.tmpdir=java", "-Dlog4j2.configurationFile=log4j2.properties", "-XX:-UsePerfData")

LOG4J: Final = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.type = Console
appender.console.name = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
"""
# A line or more for each partition that is made, opened or closed.
OF_PARTITIONS: Final = """
    kafka.cluster kafka.log org.apache.kafka.storage.internals.log state.change.logger
    org.apache.kafka.controller.ConfigurationControlManager org.apache.kafka.controller.ReplicationControlManager
""".split()


class Tls(NamedTuple):
    """Certificate and key of a broker, as PEM files; the key without a password, as PKCS #8."""

    certificate: Path
    key: Path


class Node(Server):
    """What brokers and controllers have alike; `users` are there from the beginning, by name, with their passwords."""

    users: Mapping[str, str] = NOBODY

    def prepare(self) -> None:
        (self.folder / "java").mkdir(exist_ok=True)
        quiet = "".join(
            f"logger.{number}.name = {name}\nlogger.{number}.level = WARN\n"
            for number, name in enumerate(OF_PARTITIONS)
        )
        (self.folder / "log4j2.properties").write_text(LOG4J + quiet, encoding="utf-8")
        settings = "".join(f"{name}={value}\n" for name, value in self.all_settings().items())
        (self.folder / "server.properties").write_text(settings, encoding="utf-8")
        if not self._meta.exists():
            self._format()

    def command(self) -> list[str]:
        return [*self.java(), "kafka.Kafka", "server.properties"]

    @abstractmethod
    def all_settings(self) -> Mapping[str, str]:
        """Of its `server.properties`."""

    def own_cluster(self) -> str:
        """The id of the cluster that it begins with or joins."""
        return drawn_cluster()

    @property
    def cluster(self) -> str:
        """Of a node that was started once."""
        lines = self._meta.read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("cluster.id="))

    def java(self) -> list[str]:
        return [java(), *with_kept_classes("kafka"), *QUICK, *JAVA_WORK, "-cp", kafka_classpath()]

    def _format(self) -> None:
        secrets = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in self.users.items()]
        how = [*TRANSACTIONS, *(argument for secret in secrets for argument in ("--add-scram", secret))]
        of = hashlib.sha256(" ".join((self.all_settings()["node.id"], *how)).encode()).hexdigest()[:12]
        kept = java_archives() / f"formatted-{of}"
        with alone():
            if not kept.exists():
                tool = ["kafka.tools.StorageTool", "format", "-c", "server.properties", "-t", drawn_cluster(), *how]
                self._run([*self.java(), *tool])
                # As a whole or not at all, also where the two are on different disks.
                shutil.copytree(self._meta.parent, kept.with_suffix(".made"), dirs_exist_ok=True)
                kept.with_suffix(".made").rename(kept)
        shutil.copytree(kept, self._meta.parent, dirs_exist_ok=True)
        text = self._meta.read_text(encoding="utf-8")
        self._meta.write_text(
            re.sub(r"(?m)^cluster\.id=.*$", f"cluster.id={self.own_cluster()}", text), encoding="utf-8"
        )

    @property
    def _meta(self) -> Path:
        return self.folder / "data" / "meta.properties"

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=self.folder, env=os.environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


class Controller(Node):
    """Of one broker without users. It is started first, and ends last."""

    name = "controller"

    def answers(self) -> bool:
        return listens(self.port)

    @property
    def departures(self) -> int:
        """How often it has taken its broker for gone: told by one that ends in order, else when the session of one is over."""
        return self.log_text().count(" fenced=1,")

    def all_settings(self) -> Mapping[str, str]:
        return {
            **SETTINGS,
            **OPEN,
            "process.roles": "controller",
            "node.id": "2",
            "listeners": f"CONTROLLER://{HOST}:{self.port}",
            "advertised.listeners": f"CONTROLLER://{HOST}:{self.port}",
            "controller.quorum.voters": f"2@{HOST}:{self.port}",
            "log.dirs": str(self.folder / "data"),
        }


class Broker(Node):
    """`users` (names and passwords) guard it; with `tls` it listens on another port besides, encrypted; `settings` go over
    `SETTINGS`; `tuned` is for measuring, not for a quick start; without `controller`, which runs, it is its own.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        users: Mapping[str, str] | None = None,
        tls: Tls | None = None,
        tuned: bool = False,
        owner: int | None = None,
        controller: Controller | None = None,
    ) -> None:
        super().__init__(folder, port, owner)
        self.users = {ADMIN: "admin-secret", **users} if users else NOBODY
        self._settings = settings or {}
        self._controller = controller
        self._controller_port = controller.port if controller is not None else free_port()
        self._tls = tls
        self._tls_port = free_port() if tls else 0
        self._tuned = tuned

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def encrypted_bootstrap(self) -> str:
        return f"{HOST}:{self._tls_port}"

    def client(self, user: str = ADMIN, mechanism: str = "SCRAM-SHA-512") -> dict[str, str | int | float | bool]:
        """How a client of confluent-kafka reaches it, as that user where the broker is guarded."""
        reached: dict[str, str | int | float | bool] = {"bootstrap.servers": self.bootstrap}
        if self.users:
            reached |= {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism}
            reached |= {"sasl.username": user, "sasl.password": self.users[user]}
        return reached

    def answers(self) -> bool:
        if not listens(self.port):
            return False
        try:
            return bool(AdminClient({**self.client(), "log_level": 0}).list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def tool(self, main: str, *arguments: str) -> str:
        """What one of Kafka's own commands prints; `main` without its package `org.apache.kafka.tools`."""
        command = [*self.java(), f"org.apache.kafka.tools.{main}", "--bootstrap-server", self.bootstrap, *arguments]
        return self._run(command)

    def all_settings(self) -> Mapping[str, str]:
        listeners = f"CLIENTS://{HOST}:{self.port}"
        if self._controller is None:
            listeners += f",CONTROLLER://{HOST}:{self._controller_port}"
        guarded = {**GUARDED, **self._logins("clients")} if self.users else dict(OPEN)
        if self._tls is not None:
            listeners += f",ENCRYPTED://{self.encrypted_bootstrap}"
            guarded["listener.security.protocol.map"] += ",ENCRYPTED:SASL_SSL" if self.users else ",ENCRYPTED:SSL"
            guarded |= _keys(self._tls)
            guarded |= self._logins("encrypted") if self.users else {}
        return {
            **SETTINGS,
            **({} if self._tuned else FEW_THREADS),
            "process.roles": "broker,controller" if self._controller is None else "broker",
            "listeners": listeners,
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"{1 if self._controller is None else 2}@{HOST}:{self._controller_port}",
            "log.dirs": str(self.folder / "data"),
            **guarded,
            **self._settings,
        }

    def _logins(self, listener: str) -> dict[str, str]:
        own = f'username="{ADMIN}" password="{self.users[ADMIN]}"'
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {own} {known};"
        return {
            f"listener.name.{listener}.plain.sasl.jaas.config": plain,
            f"listener.name.{listener}.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": plain,
        }

    def own_cluster(self) -> str:
        return super().own_cluster() if self._controller is None else self._controller.cluster

    def java(self) -> list[str]:
        if self._tuned:
            return [java(), *TUNED, *JAVA_WORK, "-cp", kafka_classpath()]
        return super().java()


def drawn_cluster() -> str:
    """An id as its own tool draws it: never with a hyphen in front."""
    return base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


def _keys(tls: Tls) -> dict[str, str]:
    """Both in one file, as Kafka reads them."""
    joined = tls.key.with_name(f"{tls.key.name}.and-certificate")
    joined.write_bytes(tls.key.read_bytes() + tls.certificate.read_bytes())
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(joined), "ssl.client.auth": "none"}
