"""What the manifests mean: every shard is taken once, they agree with the settings, and nothing has more rights than it needs."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry

from connectors.accounts_file import Accounts, read_accounts
from connectors.metrics.health import Health
from connectors.metrics.page import page
from milepost.operate import shards_chosen
from milepost.settings import PREFIX, Settings, load
from tests.deploy.commands import assert_is_a_command
from tests.deploy.overlays import NAMES, PROCESSES, SERVING, Process, objects, one, settings_text
from tests.deploy.rendering import ROOT, Object, containers, name_of, pod_of

SECRETS: Final = "/run/secrets/milepost"
SETTINGS: Final = "/etc/milepost"
ERP_SECRETS: Final = "/run/secrets/erp"
PARTITIONS: Final = 16
HTTPS: Final = 443
PROBES: Final = ("startup", "readiness", "liveness")
PODS: Final = {f"{overlay}-{name_of(each)}": each for overlay in NAMES for each in objects(overlay) if pod_of(each)}
CONTAINERS: Final = {f"{name}-{found['name']}": found for name, each in PODS.items() for found in containers(each)}


def label(process: Process) -> str:
    return process.label


def settings_of(process: Process, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As it would read them in its container."""
    file = folder / "milepost.toml"
    file.write_text(settings_text(process.overlay), encoding="utf-8")
    for name, value in process.environment.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    return load(file).settings


@pytest.mark.parametrize("process", PROCESSES, ids=label)
def test_the_command_is_one_of_milepost(process: Process) -> None:
    assert_is_a_command(process.container["args"])


@pytest.mark.parametrize("process", PROCESSES, ids=label)
def test_its_settings_hold_and_everything_lies_where_they_say(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(process, tmp_path, monkeypatch)
    assert process.environment["MILEPOST_SETTINGS"] == f"{SETTINGS}/milepost.toml"
    assert process.mounts[SETTINGS] == "settings"
    assert process.mounts[str(settings.store.folder)] == "store"
    assert process.mounts["/tmp"] == "tmp"
    assert process.mounts[SECRETS] == "secrets"
    for named in named_files(tomllib.loads(settings_text(process.overlay))):
        assert named.parent == Path(SECRETS)


def named_files(found: Any) -> Iterator[Path]:
    match found:
        case dict():
            for each in found.values():
                yield from named_files(each)
        case str() if found.startswith("/"):
            yield Path(found)


@pytest.mark.parametrize("process", PROCESSES, ids=label)
def test_every_variable_is_a_setting(process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown one would keep it from starting; one that is overruled by nothing has to arrive."""
    for name in process.environment:
        assert name == "MILEPOST_SETTINGS" or name.startswith(PREFIX), name
    settings = settings_of(process, tmp_path, monkeypatch)
    for name, value in process.environment.items():
        if name.startswith(PREFIX):
            section, setting = name.removeprefix(PREFIX).lower().split("__")
            assert str(getattr(getattr(settings, section), setting)) == value


@pytest.mark.parametrize("overlay", NAMES)
def test_the_volumes_that_are_mounted_are_there(overlay: str) -> None:
    for each in objects(overlay):
        if (pod := pod_of(each)) is None:
            continue
        claims = [claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ())]
        offered = {volume["name"] for volume in pod.get("volumes", ())} | set(claims)
        mounted = {mount["name"] for found in containers(each) for mount in found.get("volumeMounts", ())}
        assert mounted == offered, name_of(each)
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert one(overlay, "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
            if "configMap" in volume:
                assert one(overlay, "ConfigMap", volume["configMap"]["name"])


@pytest.mark.parametrize("count", range(1, PARTITIONS + 1))
def test_every_shard_is_taken_exactly_once(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = one("prod", "StatefulSet", "accounting")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[:-1] == ["serve", "accounting", "--alone", "--of"]
    taken: list[int] = []
    for ordinal in range(count):
        monkeypatch.setattr(socket, "gethostname", lambda ordinal=ordinal: f"accounting-{ordinal}")
        taken += shards_chosen.chosen(Settings().accounting, PARTITIONS, None, every=False, ordinal=None, of=count)
    assert sorted(taken) == list(range(PARTITIONS))


def test_a_pod_too_many_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody scales the StatefulSet alone, --of stays: no shard is taken twice."""
    monkeypatch.setattr(socket, "gethostname", lambda: "accounting-4")
    with pytest.raises(typer.BadParameter, match="expected 0 to 3, got 4"):
        shards_chosen.chosen(Settings().accounting, PARTITIONS, None, every=False, ordinal=None, of=4)


@pytest.mark.parametrize("overlay", NAMES)
def test_as_many_pods_as_each_of_them_believes(overlay: str) -> None:
    found = one(overlay, "StatefulSet", "accounting")["spec"]
    partitions = tomllib.loads(settings_text(overlay))["kafka"].get("partitions", Settings().kafka.partitions)
    assert found["template"]["spec"]["containers"][0]["args"][-1] == str(found["replicas"])
    assert 1 <= found["replicas"] <= partitions


@pytest.mark.parametrize("overlay", NAMES)
def test_there_is_one_intake_and_never_two(overlay: str) -> None:
    for name in ("intake", "view"):
        assert_is_one(one(overlay, "Deployment", name))


def assert_is_one(deployment: Object) -> None:
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})


def accounts_of(overlay: str, folder: Path) -> Accounts:
    file = folder / "accounts.toml"
    file.write_text(one(overlay, "ConfigMap", "milepost")["data"]["accounts.toml"], encoding="utf-8")
    return read_accounts(file)


def test_each_erp_account_has_one_process_and_never_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file of accounts lies where the settings say, beside them."""
    delivering = [each for each in SERVING if each.component == "delivery"]
    for each in delivering:
        assert settings_of(each, tmp_path, monkeypatch).delivery.accounts == tmp_path / "accounts.toml"
        name = each.container["args"][-1]
        assert each.container["args"] == ["serve", "delivery", "--alone", "--erp", name]
        assert name_of(each.workload) == f"delivery-{name}"
        assert each.labels["app.kubernetes.io/instance"] == name
        assert each.workload["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == name
        assert_is_one(each.workload)
    assert {each.container["args"][-1] for each in delivering} == set(accounts_of("prod", tmp_path).erps)


def test_credentials_of_erps_are_files_that_delivery_and_the_setup_alone_see(tmp_path: Path) -> None:
    text = one("prod", "ConfigMap", "milepost")["data"]["accounts.toml"]
    files = list(named_files(tomllib.loads(text)))
    assert len(files) == 2
    assert {each.parent for each in files} == {Path(ERP_SECRETS)}
    assert {each.label for each in PROCESSES if each.overlay == "prod" and ERP_SECRETS in each.mounts} == {
        "prod-delivery-netsuite-delivery",
        "prod-setup-doctor",
    }
    for connection in accounts_of("prod", tmp_path).erps.values():
        url = urlsplit(connection.url)
        assert (url.scheme, url.port or HTTPS) == ("https", HTTPS)


@pytest.mark.parametrize("overlay", NAMES)
def test_stores_outlive_their_pods(overlay: str) -> None:
    found = one(overlay, "StatefulSet", "accounting")["spec"]
    assert found["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert found["podManagementPolicy"] == "Parallel"


@pytest.mark.parametrize("process", SERVING, ids=label)
def test_a_batch_in_flight_is_finished_before_the_pod_is_killed(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit may take as long as a question to a broker, and what it left open is given up after the transaction's time."""
    kafka = settings_of(process, tmp_path, monkeypatch).kafka
    grace = process.pod["terminationGracePeriodSeconds"]
    assert grace > kafka.request_timeout_seconds
    if process.component != "view":
        assert grace > kafka.request_timeout_seconds + kafka.transaction_timeout_seconds


@pytest.mark.parametrize("process", SERVING, ids=label)
def test_measurements_are_read_where_they_are_given(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(process, tmp_path, monkeypatch)
    assert process.container["ports"] == [{"name": "metrics", "containerPort": settings.metrics.port}]
    assert settings.metrics.host == "0.0.0.0"
    service = one(process.overlay, "Service", process.component)["spec"]
    assert service["ports"] == [{"name": "metrics", "port": settings.metrics.port, "targetPort": "metrics"}]
    assert service["selector"].items() <= process.labels.items()
    scraped = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert f"host.docker.internal:{settings.metrics.port}" in scraped[0]["static_configs"][0]["targets"]


def test_prometheus_finds_every_serving_process() -> None:
    monitor = one("prod", "ServiceMonitor", "milepost")["spec"]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["path"] == "/metrics"
    services = [each for each in objects("prod") if each["kind"] == "Service"]
    chosen = {
        name_of(each): each["metadata"]["labels"][monitor["jobLabel"]]
        for each in services
        if monitor["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
        and endpoint["port"] in [port["name"] for port in each["spec"]["ports"]]
    }
    assert chosen == dict.fromkeys(("accounting", "delivery", "intake", "view"), "milepost")
    assert 'up{job="milepost"}' in (ROOT / "monitoring" / "rules.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("process", SERVING, ids=label)
def test_a_start_may_take_minutes_and_only_being_stuck_kills(process: Process) -> None:
    startup, ready, live = (process.container[f"{each}Probe"] for each in PROBES)
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300
    assert [each["httpGet"]["path"] for each in (startup, ready, live)] == ["/healthz", "/readyz", "/healthz"]
    assert {each["httpGet"]["port"] for each in (startup, ready, live)} == {"metrics"}


def test_what_is_asked_is_answered() -> None:
    """By the page that the processes serve."""
    paths = {each.container[f"{probe}Probe"]["httpGet"]["path"] for each in SERVING for probe in PROBES}
    paths |= {each["path"] for each in one("prod", "ServiceMonitor", "milepost")["spec"]["endpoints"]}
    with page("127.0.0.1", 0, CollectorRegistry(), Health()) as port:
        answers = {path: answer(port, path) for path in paths}
        assert answer(port, "/unknown") == 404
    # Nothing has taken over yet in that process, so it is well and not ready.
    assert answers == {"/metrics": 200, "/healthz": 200, "/readyz": 503}


def answer(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("named", PODS)
def test_pods_have_no_rights(named: str) -> None:
    pod = pod_of(PODS[named])
    assert pod is not None
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 999
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for volume in pod["volumes"]:
        assert set(volume) - {"name"} <= {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}
        assert "secret" not in volume or volume["secret"]["defaultMode"] & 0o007 == 0


@pytest.mark.parametrize("named", CONTAINERS)
def test_containers_have_no_rights(named: str) -> None:
    container = CONTAINERS[named]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "command" not in container, "the image's entrypoint is PID 1, so SIGTERM reaches it"
    assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
    assert "cpu" in container["resources"]["requests"]
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == (["/data"] if container["name"] == "redis" else ["/var/lib/milepost", "/tmp"])


@pytest.mark.parametrize("overlay", NAMES)
def test_no_secret_is_written_down(overlay: str) -> None:
    assert all(each["kind"] != "Secret" for each in objects(overlay))
    (account,) = [each for each in objects(overlay) if each["kind"] == "ServiceAccount"]
    assert account["automountServiceAccountToken"] is False
    assert {each.pod["serviceAccountName"] for each in PROCESSES} == {name_of(account)}


def selects(policy: Object, labels: Mapping[str, str]) -> bool:
    """A NetworkPolicy's choice of pods, of the forms that ours have."""
    chosen = policy["spec"]["podSelector"]
    plain = chosen.get("matchLabels", {}).items() <= labels.items()
    return plain and all(labels.get(each["key"]) in each["values"] for each in chosen.get("matchExpressions", ()))


def ways_out(process: Process) -> set[int]:
    return {
        port["port"]
        for policy in objects(process.overlay)
        if policy["kind"] == "NetworkPolicy" and selects(policy, process.labels)
        for rule in policy["spec"].get("egress", ())
        for port in rule["ports"]
    }


@pytest.mark.parametrize("process", PROCESSES, ids=label)
def test_it_reaches_what_it_needs(process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(process, tmp_path, monkeypatch)
    brokers = {urlsplit(f"//{each}").port for each in settings.kafka.brokers.split(",")}
    needed = {53} | brokers
    if process.component != "view":
        needed.add(urlsplit(settings.registry.url).port)
    if process.component in {"view", "setup"}:
        needed.add(urlsplit(settings.redis.url).port)
    if process.component in {"delivery", "setup"} and process.overlay == "prod":
        needed.add(HTTPS)
    found = ways_out(process)
    assert needed <= found
    if process.overlay == "prod":
        assert found == needed


def test_nothing_but_measurements_comes_in() -> None:
    for overlay in NAMES:
        policies = [each for each in objects(overlay) if each["kind"] == "NetworkPolicy"]
        for process in (each for each in PROCESSES if each.overlay == overlay):
            mine = [each["spec"] for each in policies if selects(each, process.labels)]
            assert any("Ingress" in each["policyTypes"] for each in mine)
            let_in = [port["port"] for each in mine for rule in each.get("ingress", ()) for port in rule["ports"]]
            assert let_in == ([9464] if overlay == "prod" else [])
            assert all(rule["to"] for each in mine for rule in each.get("egress", ()))


def test_the_setup_makes_topics_before_schemas_and_looks_at_the_end() -> None:
    for overlay in NAMES:
        found = one(overlay, "Job", "setup")["spec"]["template"]["spec"]
        order = [each["args"] for each in (*found["initContainers"], *found["containers"])]
        assert order == [["topics", "create"], ["schemas", "register"], ["doctor"]]


def test_one_image_of_this_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {each.container["image"] for each in PROCESSES} == {f"milepost:{version}"}
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert (
        one("dev", "Deployment", "redis")["spec"]["template"]["spec"]["containers"][0]["image"]
        == (compose["redis"]["image"])
    )


def test_a_drain_takes_one_pod_of_accounting_at_a_time() -> None:
    for overlay in NAMES:
        budget = one(overlay, "PodDisruptionBudget", "accounting")["spec"]
        labels = one(overlay, "StatefulSet", "accounting")["spec"]["template"]["metadata"]["labels"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"].items() <= labels.items()
