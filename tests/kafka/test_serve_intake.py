"""`milepost serve intake`, and its flow under Bytewax's own command, over topics as `milepost topics create` makes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.kafka import topics
from milepost import exit_codes
from state.guards import WRONG_TOPIC_SETTINGS
from tests.forked import Forked
from tests.intake_inputs import activated, worked
from tests.kafka.intake_world import World
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker

WHEN = "2026-03-02 09:00"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "store", partitions=2)
    topics.create(made.clients, topics.missing(made.clients, made.kafka))
    yield made
    made.delete()


@contextmanager
def running(world: World, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "MILEPOST__KAFKA__BROKERS": world.kafka.brokers,
        "MILEPOST__KAFKA__PREFIX": world.kafka.prefix,
        "MILEPOST__KAFKA__PARTITIONS": str(world.kafka.partitions),
        "MILEPOST__KAFKA__DEVELOPMENT": "true",
        "MILEPOST__REGISTRY__FIXED_IDS": "true",
        "MILEPOST__STORE__FOLDER": str(world.folder),
        "PYTHONPATH": str(ROOT),
    }
    world.folder.mkdir(exist_ok=True)
    with Forked(
        [sys.executable, "-m", *command], cwd=world.folder, env={**os.environ, **settings}, stderr=subprocess.PIPE
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize(
    "command",
    [("milepost", "serve", "intake"), ("bytewax.run", "milepost.operate.serving:intake_flow")],
    ids=["serve", "bytewax.run"],
)
def test_it_takes_in_what_comes_until_it_is_told_to_end(world: World, command: Sequence[str]) -> None:
    world.send(activated(WHEN, "P-1"))
    with running(world, command) as intake:
        until(lambda: sum(map(len, world.read(world.names.log, 2))) == 3)
        world.send(worked(WHEN, "T-1", "P-1"))
        until(lambda: sum(map(len, world.log())) == 2)
        os.kill(intake.pid, signal.SIGTERM)
        assert intake.wait(PATIENCE) == exit_codes.DONE
    (found,) = [partition for partition in world.log() if partition]
    assert [each.stored.type for each in found] == ["ProjectActivated", "TimeApproved"]


def test_a_topic_with_wrong_settings_is_a_stop_that_needs_a_person(world: World) -> None:
    """It is not tried again: nothing but the operator changes it."""
    world.remake(world.names.shared("psa.time"), **{"cleanup.policy": "compact"})
    with running(world, ("milepost", "serve", "intake")) as intake:
        assert intake.stderr is not None
        assert intake.wait(PATIENCE) == WRONG_TOPIC_SETTINGS
        assert b"psa.time: cleanup.policy is compact, needed delete" in intake.stderr.read()
