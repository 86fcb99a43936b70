"""`milepost serve view` on a real broker and a real Redis."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connectors.project_views import View, view_of
from connectors.redis.read_model import ReadModel
from connectors.redis.settings import RedisSettings
from dataflows.accounting_kafka import run
from milepost import exit_codes
from simulation.servers.kafka import Broker
from simulation.servers.redis import RedisServer
from state.guards import WRONG_TOPIC_SETTINGS
from tests.kafka.firm import ROOT, Site, Until, simulated, site
from tests.kafka.given_log import divided
from tests.kafka.servers import until


@pytest.fixture
def of(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    return site(broker, own_name, tmp_path / "stores")


@pytest.fixture
def model(redis_server: RedisServer, own_name: str) -> Iterator[ReadModel]:
    found = ReadModel(RedisSettings(url=redis_server.url, prefix=f"{own_name}:"))
    yield found
    found.close()


def started(of: Site, model: ReadModel) -> subprocess.Popen[bytes]:
    told = ["--set", f"redis.url={model.settings.url}", "--set", f"redis.prefix={model.settings.prefix}"]
    command = [sys.executable, "-m", "milepost", "serve", "view", "--alone", *of.options(), *told]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def accounted(of: Site, folder: Path) -> dict[str, View]:
    """The newest view of each project of a small firm, whose log is folded to its end."""
    parts = divided(simulated(folder, people=12, months=1), of.settings.partitions)
    giver = of.giver()
    for number, part in enumerate(parts):
        giver.give(number, part)
    end = Until({number: len(part) for number, part in enumerate(parts)})
    run(of.job(), end.reached, end.on_commit)
    views = [
        view_of(one.type_name, one.body) for number in range(len(parts)) for one in of.read(number)["project.views"]
    ]
    return {view.project_id: view for view in views}


def in_redis(model: ReadModel) -> dict[str, object]:
    return {project: model.view(project) for project in model.project_ids()}


def test_redis_has_the_newest_view_of_each_project_also_after_it_was_emptied(
    of: Site, model: ReadModel, tmp_path: Path
) -> None:
    newest = {project: orjson.loads(view.json) for project, view in accounted(of, tmp_path / "firm").items()}
    assert len(newest) == 12, "ten for customers, two of its own"
    with started(of, model) as view:
        try:
            until(lambda: in_redis(model) == newest)
            view.send_signal(signal.SIGTERM)
            assert view.wait(60) == exit_codes.DONE
        finally:
            view.kill()
    model.clear()
    with started(of, model) as view:
        try:
            until(lambda: in_redis(model) == newest)
        finally:
            view.kill()


def test_topics_that_would_lose_views_are_a_stop(of: Site, model: ReadModel) -> None:
    topic = of.names.shared("project.views")
    of.clients.admin.delete_topics([topic])[topic].result()
    with started(of, model) as view:
        assert view.stderr is not None
        assert view.wait(60) == WRONG_TOPIC_SETTINGS
        assert b"project.views" in view.stderr.read()
