"""Whatever happens to the process, its file or the producers: each event is in the log once, and in its place."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forked
from tests.kafka.intake_story import DOMAIN, story
from tests.kafka.intake_world import TABLES, World, types_of
from tests.kafka.killed_intake import STEPS
from tests.servers.kafka import Broker

EVENTS = 400
TWICE_EACH_STEP = 2 * len(STEPS)


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "store")
    made.make_topics(DOMAIN)
    yield made
    made.delete()


def plain_run(world: World, folder: Path) -> World:
    """Another generation over the same topics, without engine and batches of another size."""
    other = World(world.kafka.brokers, world.kafka.prefix.removesuffix("."), folder, generation="plain")
    other.make_log()
    other.run(plain=True, records_max=7)
    return other


def run_killed(world: World, seed: int) -> int:
    """The exit code; 0 where it had finished before it would have died."""
    arguments = [world.kafka.brokers, world.kafka.prefix.removesuffix("."), str(world.folder), str(seed)]
    ran = forked.run([sys.executable, "-m", "tests.kafka.killed_intake", *arguments])
    assert ran.returncode in {0, -signal.SIGKILL}, ran.stderr.decode()
    return ran.returncode


def test_a_log_that_was_killed_at_any_step_is_that_of_one_run(world: World, tmp_path: Path) -> None:
    """Within a broadcast, before and after a commit, with the file at hand behind; now and then the file is lost."""
    world.send(*story(1, EVENTS))
    killed = 0
    for seed in range(1, TWICE_EACH_STEP + 1):
        killed += run_killed(world, seed) != 0
        if seed % 4 == 0:
            shutil.rmtree(world.folder)
    assert killed == TWICE_EACH_STEP
    assert run_killed(world, 0) == 0
    found = world.log()
    assert world.bodies() == plain_run(world, tmp_path / "plain").bodies()
    assert all([each.number for each in partition] == list(range(len(partition))) for partition in found)
    # What was left half-way stands on the topic too, for those who do not read only what was committed.
    assert sum(map(len, world.read(world.names.log, 4, "read_uncommitted"))) > sum(map(len, found)) + 4


def test_duplicates_of_producers_change_nothing_twice(world: World) -> None:
    """The same event again goes where it went, and the fold knows it by its identity; intake itself remembers once."""
    world.send(*story(2, 60))
    world.run()
    links = world.rows("links"), world.rows("entries"), world.rows("identities")
    world.send(*story(2, 60))
    world.run()
    assert (world.rows("links"), world.rows("entries"), world.rows("identities")) == links


@pytest.mark.parametrize("lost", ["deleted", "older", "damaged"])
def test_the_file_at_hand_is_made_again_from_the_topic(world: World, tmp_path: Path, lost: str) -> None:
    world.send(*story(3, 150))
    world.run()
    path, kept = world.folder / "intake.db", tmp_path / "kept.db"
    shutil.copy(path, kept)
    world.send(*list(story(4, 150))[1:])
    world.run()
    rows = {name: world.rows(name) for name in (*TABLES, "stand")}
    match lost:
        case "deleted":
            path.unlink()
        case "older":
            shutil.copy(kept, path)
        case "damaged":
            path.write_bytes(b"x" * 5_000)
    with world.intake():
        pass
    assert {name: world.rows(name) for name in (*TABLES, "stand")} == rows
    assert rows["waiting"]
    assert rows["retold"]


def test_events_that_wait_in_a_file_that_was_lost_go_on(world: World) -> None:
    from tests.intake_inputs import activated, worked

    world.send(worked("2026-03-02 09:00", "T-1", "P-1"), worked("2026-03-02 09:00", "T-2", "P-1"))
    world.run()
    shutil.rmtree(world.folder)
    world.send(activated("2026-03-02 09:00", "P-1", "E-1"))
    world.run()
    assert [each for partition in types_of(world.log()) for each in partition if each.startswith("E-1")] == [
        *("E-1 ProjectActivated", "E-1 TimeApproved", "E-1 TimeApproved")
    ]
