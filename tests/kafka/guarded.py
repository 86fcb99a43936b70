"""A broker that lets in only whom it knows, each with the rights that the product says it needs, and a certificate of a test's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from connectors.kafka.names import Names
from connectors.kafka.rights import GROUP, RIGHTS, TOPIC, TRANSACTIONAL_ID, Right
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import BY_NAME
from tests.chaos.site import Site, begun
from tests.kafka.bad_day import SHARDS, TRANSACTION_TIMEOUT
from tests.kafka.servers import grant
from tests.servers.kafka import ADMIN, Broker, Tls

KINDS: Final[Mapping[str, ResourceType]] = {
    TOPIC: ResourceType.TOPIC,
    GROUP: ResourceType.GROUP,
    TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS: Final[Mapping[str, AclOperation]] = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}


def certificate(folder: Path) -> Tls:
    """Of 127.0.0.1, signed by nobody but itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate")
    made = Tls(folder / "certificate.pem", folder / "key.pem")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(made.key), "-out", str(made.certificate)]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([openssl, *request, *subject], check=True, capture_output=True)
    return made


def allow(broker: Broker, kafka: KafkaSettings, erp: str = "books") -> None:
    """Each user named after a process may do what that process needs."""
    grant(broker, list(dict.fromkeys(binding for right in RIGHTS for binding in _bindings(right, kafka, erp))))


def _bindings(right: Right, kafka: KafkaSettings, erp: str) -> list[AclBinding]:
    return [
        AclBinding(
            KINDS[right.on],
            name,
            ResourcePatternType.LITERAL,
            f"User:{right.who}",
            "*",
            OPERATIONS[operation],
            AclPermissionType.ALLOW,
        )
        for operation in right.may
        for each in right.names
        for name in _full_names(right.on, each, kafka, erp)
    ]


def _full_names(kind: str, name: str, kafka: KafkaSettings, erp: str) -> list[str]:
    names = Names.of(kafka)
    if kind == TOPIC:
        return [BY_NAME[name].full_name(names)]
    whole = names.prefix + name.replace("<generation>", kafka.generation).replace("<erp>", erp)
    return [whole.replace("<shard>", str(shard)) for shard in range(kafka.partitions if "<shard>" in whole else 1)]


def denied(broker: Broker) -> set[str]:
    """What the broker has refused, in its own words."""
    lines = broker.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return {line.partition("Principal = ")[2] for line in lines if " is Denied " in line}


def login(broker: Broker, user: str, folder: Path) -> dict[str, Any]:
    """Settings of a process that comes as this user, with the file of its password."""
    password = folder / f"{user}.secret"
    password.write_text(f"{broker.users[user]}\n", encoding="utf-8")
    security = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user}
    return {"security": security, "security_files": {"sasl.password": password}}


def guarded_site(broker: Broker, folder: Path) -> Site:
    """Its administrator's; topics are made, and nobody else may do anything yet."""
    folder.mkdir()
    kafka = KafkaSettings(
        brokers=broker.bootstrap,
        development=True,
        partitions=SHARDS,
        input_partitions=2,
        transaction_timeout_seconds=TRANSACTION_TIMEOUT,
        request_timeout_seconds=20,
        **login(broker, ADMIN, folder),
    )
    return begun(folder, broker, kafka, folder / "milepost.toml")


SETTINGS: Final = """\
[kafka]
brokers = "{brokers}"
development = true
partitions = {partitions}
input_partitions = 2
transaction_timeout_seconds = {timeout}
request_timeout_seconds = 20
security_files = {{ "sasl.password" = "{user}.secret" }}

[kafka.security]
"security.protocol" = "{protocol}"
"sasl.mechanism" = "{mechanism}"
"sasl.username" = "{user}"
{trust}
[registry]
fixed_ids = true

[store]
folder = "store"
"""


def settings_of(site: Site, user: str, *, mechanism: str, ca: Path | None, more: str = "") -> Path:
    """The file of a process, beside the one with its password; encrypted where it is told whom to trust."""
    broker = site.broker
    (site.folder / f"{user}.secret").write_text(f"{broker.users[user]}\n", encoding="utf-8")
    text = SETTINGS.format(
        brokers=broker.bootstrap if ca is None else broker.encrypted_bootstrap,
        partitions=site.kafka.partitions,
        timeout=site.transaction_timeout,
        user=user,
        protocol="SASL_PLAINTEXT" if ca is None else "SASL_SSL",
        mechanism=mechanism,
        trust="" if ca is None else f'"ssl.ca.location" = "{ca}"\n',
    )
    file = site.folder / f"{user}.toml"
    file.write_text(text + more, encoding="utf-8")
    return file
