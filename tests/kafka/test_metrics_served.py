"""Processes that serve, a real Prometheus that reads their pages, and every query of the dashboard and of the alerts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from threading import Event as Flag

import pytest
import yaml

from connectors.kafka import topics
from connectors.metrics import catalogue, guard_stops
from connectors.metrics.catalogue import BY_NAME, HISTOGRAM
from connectors.metrics.health import Health
from connectors.metrics.page import page
from connectors.metrics.registry import Metrics
from dataflows.beside import beside
from dataflows.delivery_measured import MeasuredDelivery
from dataflows.delivery_watched import AccountStand
from domain.delivery.outcomes import Taken
from monitoring import dashboard
from monitoring import page as monitoring_page
from state.guards import POISON, WRONG_TOPIC_SETTINGS
from tests.forked import Forked
from tests.intake_inputs import activated, entity, worked
from tests.kafka.intake_world import World
from tests.kafka.servers import PATIENCE, Start, until
from tests.servers.kafka import Broker
from tests.servers.prometheus import Prometheus
from tests.servers.redis import RedisServer
from tests.servers.server import free_port

ROOT = Path(__file__).parents[2]
RULES = ROOT / "monitoring" / "rules.yml"
WHEN = "2026-03-02 09:00"
NAME = re.compile(r"\b(?:milepost|process|up)[a-z_:]*(?:_5m|_30m|_1h|_6h)?\b(?:\{[^}]*\})?")
# Of the library, beside ours.
OF_THE_PROCESS = {"up", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def rules() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def selectors(expression: str) -> set[str]:
    """The metrics that it reads, with their labels."""
    without_labels = re.sub(r"\bby \([^)]*\)", "", expression)
    return set(NAME.findall(without_labels))


def expressions() -> list[str]:
    return [*dashboard.queries(), *(rule["expr"] for rule in rules())]


def test_every_metric_of_a_query_is_one_of_ours() -> None:
    """What the dashboard or an alert asks for stands on the page, under that name and with those labels."""
    recorded = {rule["record"]: re.findall(r"\bby \((\w+)\)", rule["expr"]) for rule in rules() if "record" in rule}
    known: dict[str, tuple[str, ...]] = {}
    for measure in BY_NAME.values():
        if measure.kind == HISTOGRAM:
            known |= {f"{measure.name}_{part}": measure.labels for part in ("bucket", "count", "sum")}
        else:
            known[measure.name] = measure.labels
    found = {selector for expression in expressions() for selector in selectors(expression)}
    assert found
    for selector in found:
        name, _, labels = selector.partition("{")
        assert name in known or name in recorded or name in OF_THE_PROCESS, selector
        for label in re.findall(r"(\w+)=", labels):
            assert label in {*known.get(name, ()), *recorded.get(name, ()), "le", "job"}, selector


def test_the_dashboard_and_the_page_are_what_the_scripts_make() -> None:
    assert dashboard.main(["--check"]) == 0
    assert monitoring_page.main(["--check"]) == 0


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    asked = " ".join(expressions())
    assert [name for name in BY_NAME if name not in asked] == []


def test_panels_stand_beside_each_other() -> None:
    """Within 24 columns, none over another."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < dashboard.COLUMNS
        taken |= cells


def test_alerts_fire_when_they_should_and_end(promtool: str) -> None:
    for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run([promtool, *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_shown_firing_and_not_firing() -> None:
    tests = yaml.safe_load((RULES.parent / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    seen: dict[str, list[bool]] = {}
    for test in tests:
        for each in test["alert_rule_test"]:
            seen.setdefault(each["alertname"], []).append(bool(each["exp_alerts"]))
    for rule in rules():
        if "alert" in rule:
            fired = seen[rule["alert"]]
            assert True in fired, rule["alert"]
            assert False in fired[fired.index(True) :], f"{rule['alert']} is never over"


def test_each_alert_says_what_to_do_and_leads_to_its_paragraph() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    for rule in monitoring_page.alerts():
        told = rule["annotations"]
        assert set(told) == {"summary", "description", "action", "runbook_url"}
        assert set(rule["labels"]) == {"severity", "owner"}
        assert told["runbook_url"] == f"docs/monitoring.md#{rule['alert'].lower()}"
        assert f"### {rule['alert']}\n" in text


# With real servers


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "store", partitions=2)
    topics.create(made.clients, topics.missing(made.clients, made.kafka))
    yield made
    made.delete()


@contextmanager
def serving(world: World, *arguments: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "MILEPOST__KAFKA__BROKERS": world.kafka.brokers,
        "MILEPOST__KAFKA__PREFIX": world.kafka.prefix,
        "MILEPOST__KAFKA__PARTITIONS": str(world.kafka.partitions),
        "MILEPOST__KAFKA__DEVELOPMENT": "true",
        "MILEPOST__REGISTRY__FIXED_IDS": "true",
        "MILEPOST__STORE__FOLDER": str(world.folder),
        "MILEPOST__METRICS__PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    world.folder.mkdir(exist_ok=True)
    with (
        (world.folder / f"{arguments[0]}.err").open("wb") as told,
        Forked(
            [sys.executable, "-m", "milepost", "serve", *arguments],
            cwd=world.folder,
            env={**os.environ, **settings},
            stderr=told,
        ) as started,
    ):
        try:
            yield started
        finally:
            started.send_signal(signal.SIGTERM)
            try:
                started.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                started.kill()


def answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def text(port: int) -> str:
    """Of the page; empty where there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


@contextmanager
def delivering() -> Iterator[int]:
    """The port of a page that says what one of delivery says, with a company of which nothing is sent, and of accounting, a difference."""
    metrics, health = Metrics("1", "1"), Health()
    measured = MeasuredDelivery("netsuite", metrics, health)
    metrics.ask(catalogue.UNRECONCILED, lambda: [(("EUR",), 120.5)])
    metrics.ask(catalogue.ERP_COMPANIES_MISSING, lambda: [(("netsuite",), 1.0)])
    with page("127.0.0.1", 0, metrics.registry, health) as port, beside("erp", partial(_answering, measured)):
        yield port


def _answering(measured: MeasuredDelivery, ended: Flag) -> None:
    while not ended.wait(0.2):
        measured.called([Taken("JE1", date(2026, 5, 31))], 0.2)
        measured.acknowledged([0])
        measured.stands(AccountStand({"to_send": 1}, {"to_send": 0}), is_caught_up=True)


def test_prometheus_has_data_for_every_query(
    world: World, started: Start, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Intake, accounting and view serve; facts come all the time, one of them no event, as each of them happens."""
    guard_stops.add(world.folder, "accounting", POISON, "of some time before")
    intake_port, accounting_port, view_port = free_port(), free_port(), free_port()
    with ExitStack() as held:
        held.enter_context(serving(world, "intake", "--alone", port=intake_port))
        until(lambda: answers(intake_port, "/readyz"))
        world.send(entity(WHEN), activated(WHEN, "P-1"))
        held.enter_context(serving(world, "accounting", "--all-shards", port=accounting_port))
        until(lambda: answers(accounting_port, "/readyz"))
        held.enter_context(serving(world, "view", "--alone", "--set", f"redis.url={redis_server.url}", port=view_port))
        until(lambda: answers(view_port, "/readyz"))
        ports = [intake_port, accounting_port, view_port, held.enter_context(delivering())]
        prometheus = started(
            Prometheus(tmp_path / "prometheus", targets=[f"127.0.0.1:{port}" for port in ports], rules=[RULES])
        )
        number = 0
        without: set[str] = set()

        def all_have_data() -> bool:
            nonlocal number
            number += 1
            now = time.time()
            work = worked(WHEN, f"T-{number}", "P-1")._replace(occurred_at=int(now * 1_000_000))
            world.send(work)
            world.send_raw("psa.time", b"no event")
            world.flush()
            without.clear()
            for expression in dashboard.queries():
                if not prometheus.query(expression.replace(dashboard.OVER, "1m")):
                    without.add(expression)
            for rule in rules():
                for asked in [rule["expr"]] if "record" in rule else selectors(rule["expr"]):
                    if not prometheus.query(asked):
                        without.add(asked)
            time.sleep(0.3)
            return not without

        try:
            until(all_have_data)
        except AssertionError:
            pytest.fail(f"no data: {json.dumps(sorted(without), indent=1)}")
        slowest = "histogram_quantile(0.99, sum by (le) (rate(milepost_log_to_visible_seconds_bucket[1m])))"
        until(lambda: any(float(each["value"][1]) > 0 for each in prometheus.query(slowest)))
        ready = {"intake", "accounting", "view", "delivery"}
        until(lambda: {each["metric"]["dataflow"] for each in prometheus.query("milepost_ready == 1")} == ready)
        assert all(answers(port, "/healthz") for port in ports)


def test_a_guard_that_stops_a_process_is_on_the_page_of_the_next(world: World) -> None:
    """A topic without its settings; then it has them again."""
    port = free_port()
    folder = world.folder
    with world.intake():
        """It begins the log."""
    world.clients.admin.delete_topics([world.names.progress])[world.names.progress].result()
    with serving(world, "accounting", "--all-shards", "--alone", port=port) as process:
        assert process.wait(PATIENCE) == WRONG_TOPIC_SETTINGS
    assert guard_stops.read(folder, "accounting")["wrong_topic_settings"].number == 1
    topics.create(world.clients, topics.missing(world.clients, world.kafka))
    with serving(world, "accounting", "--all-shards", "--alone", port=port):
        stops = 'milepost_guard_stops_total{dataflow="accounting",guard="wrong_topic_settings"} 1.0'
        until(lambda: stops in text(port))
