"""The servers of compose.yaml are those that the tests start, they listen on this machine only, and what they mount is there."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.servers.fetched import POM, ROOT

COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Any] = COMPOSE["services"]
PROVISIONING = ROOT / "monitoring" / "grafana" / "provisioning"
PORTS = {"kafka": 9092, "registry": 8081, "redis": 6379, "prometheus": 9090, "grafana": 3000}


def image(service: str) -> tuple[str, str]:
    """Its name and its version."""
    name, _, version = SERVICES[service]["image"].rpartition(":")
    return name, version


def mounts(service: str) -> Mapping[str, str]:
    """What lies where in the container."""
    return {target: source for source, target, *_ in (volume.split(":") for volume in SERVICES[service]["volumes"])}


def version_of(name: str) -> str:
    found = ET.parse(POM).find(f"{{*}}properties/{{*}}{name}.version")
    assert found is not None
    assert found.text is not None
    return found.text


def test_each_listens_on_the_loopback_address_on_its_usual_port() -> None:
    published = {name: [port.split(":")[:2] for port in service["ports"]] for name, service in SERVICES.items()}
    assert published == {name: [["127.0.0.1", str(port)]] for name, port in PORTS.items()}


def test_what_is_mounted_is_there() -> None:
    volumes = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    bound = [volume for volume in volumes if volume.startswith("./")]
    assert bound
    assert [volume for volume in bound if not (ROOT / volume).exists()] == []
    assert set(volumes) - set(bound) == set(COMPOSE["volumes"])


def test_what_one_waits_for_is_another() -> None:
    assert {other for service in SERVICES.values() for other in service.get("depends_on", [])} <= set(SERVICES)


def test_the_versions_are_those_of_the_tests() -> None:
    assert image("kafka") == ("apache/kafka", version_of("kafka"))
    assert image("registry") == ("apicurio/apicurio-registry", version_of("apicurio"))
    assert all(version[0].isdigit() or version.startswith("v") for _, version in map(image, SERVICES))


def test_the_stand_in_for_the_registrys_parent_is_of_its_version() -> None:
    found = ET.parse(POM.parent / "apicurio" / "pom.xml").find("{*}version")
    assert found is not None
    assert found.text == version_of("apicurio")


@pytest.mark.parametrize("service", ["kafka"])
def test_listeners_that_are_advertised_are_listened_on(service: str) -> None:
    settings = SERVICES[service]["environment"]
    listened, advertised, mapped = (
        {listener.split(":")[0] for listener in settings[name].split(",")}
        for name in ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP")
    )
    assert advertised < listened == mapped
    assert (
        SERVICES["registry"]["environment"]["APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"]
        in (settings["KAFKA_ADVERTISED_LISTENERS"])
    )


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    found = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in PROVISIONING.rglob("*.yaml")}
    (source,) = found["prometheus.yaml"]["datasources"]
    assert source["url"] == f"http://prometheus:{PORTS['prometheus']}"
    assert source["isDefault"]
    (provider,) = found["milepost.yaml"]["providers"]
    assert mounts("grafana")[provider["options"]["path"]] == "./monitoring/grafana/dashboards"
    assert mounts("grafana")["/etc/grafana/provisioning"] == f"./{PROVISIONING.relative_to(ROOT)}"


def test_prometheus_reads_its_settings(promtool: str) -> None:
    settings = ROOT / "monitoring" / "prometheus.yml"
    checked = subprocess.run([promtool, "check", "config", settings], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
