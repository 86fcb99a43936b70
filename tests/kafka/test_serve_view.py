"""`milepost serve view` on a real broker and a real Redis."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import orjson
import pytest

from connectors.project_views import View, view_of
from connectors.redis.read_model import ReadModel
from connectors.redis.settings import RedisSettings
from milepost import exit_codes
from state.guards import WRONG_TOPIC_SETTINGS
from tests.forked import Forked
from tests.kafka.firm import ROOT, Site, accounted, simulated, site
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker
from tests.servers.redis import RedisServer
from tests.servers.server import free_port

READY: Final = 200
UNREADY: Final = 503


@pytest.fixture
def of(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    return site(broker, own_name, tmp_path / "stores")


@pytest.fixture
def model(redis_server: RedisServer, own_name: str) -> Iterator[ReadModel]:
    found = ReadModel(RedisSettings(url=redis_server.url, prefix=f"{own_name}:"))
    yield found
    found.close()


def started(of: Site, model: ReadModel, port: int = 0) -> subprocess.Popen[bytes]:
    told = [
        "--set",
        f"redis.url={model.settings.url}",
        "--set",
        f"redis.prefix={model.settings.prefix}",
        "--set",
        f"metrics.port={port}",
    ]
    command = [sys.executable, "-m", "milepost", "serve", "view", "--alone", *of.options(), *told]
    return Forked(command, cwd=ROOT, stderr=subprocess.PIPE)


def newest_views(of: Site) -> dict[str, View]:
    """The newest view of each project of a small firm, whose log is folded to its end."""
    accounted(of, simulated(months=1))
    shards = range(of.settings.partitions)
    views = [view_of(one.type_name, one.body) for number in shards for one in of.read(number)["project.views"]]
    return {view.project_id: view for view in views}


def in_redis(model: ReadModel) -> dict[str, object]:
    return {project: model.view(project) for project in model.project_ids()}


def status(port: int, path: str) -> int | None:
    """None where nothing listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def test_redis_has_the_newest_view_of_each_project_also_after_it_was_emptied(
    of: Site, model: ReadModel, tmp_path: Path
) -> None:
    newest = {project: orjson.loads(view.json) for project, view in newest_views(of).items()}
    assert len(newest) == 12, "ten for customers, two of its own"
    with started(of, model) as view:
        try:
            until(lambda: in_redis(model) == newest)
            view.send_signal(signal.SIGTERM)
            assert view.wait(PATIENCE) == exit_codes.DONE
        finally:
            view.kill()
    model.clear()
    port = free_port()
    with started(of, model, port) as view:
        try:
            until(lambda: in_redis(model) == newest)
            until(lambda: status(port, "/readyz") == READY)
        finally:
            view.kill()


def test_it_waits_for_redis_and_is_well_but_not_ready_meanwhile(of: Site) -> None:
    port = free_port()
    nowhere = ReadModel(RedisSettings(url=f"redis://127.0.0.1:{free_port()}/0"))
    with started(of, nowhere, port) as view:
        try:
            told = view.stderr
            assert told is not None
            until(lambda: b"waiting for Redis" in told.readline())
            assert status(port, "/healthz") == READY
            assert status(port, "/readyz") == UNREADY
            view.send_signal(signal.SIGTERM)
            assert view.wait(PATIENCE) == exit_codes.DONE
        finally:
            view.kill()


def test_topics_that_would_lose_views_are_a_stop(of: Site, model: ReadModel) -> None:
    topic = of.names.shared("project.views")
    of.clients.admin.delete_topics([topic])[topic].result()
    with started(of, model) as view:
        assert view.stderr is not None
        assert view.wait(PATIENCE) == WRONG_TOPIC_SETTINGS
        assert b"project.views" in view.stderr.read()
