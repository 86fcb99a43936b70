"""Bad days of a firm on Kafka: nothing lost, nothing doubled, a clear word, and nobody is called where it can pass by itself."""

from __future__ import annotations

import shutil
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.kafka.ends import ANSWER_SECONDS, LOOK_SECONDS
from connectors.metrics import catalogue
from connectors.redis.settings import RedisSettings
from milepost import exit_codes
from tests.chaos.site import Site
from tests.kafka.bad_day import (
    TRANSACTION_TIMEOUT,
    BadDay,
    in_redis,
    milepost,
    newest_views,
    redis_section,
    registered,
    site_on,
)
from tests.kafka.door import Door
from tests.kafka.servers import Start
from tests.kafka.small_disk import SmallDisk
from tests.servers.kafka import Broker, Controller
from tests.servers.redis import RedisServer
from tests.servers.registry import Registry
from tests.servers.server import free_port, get

EVENTS = 900
# Of the connections of a process, each minute: refused, closed, reset, not answered in time.
LINES_MAX = 8


@pytest.fixture
def own_broker(started: Start, tmp_path: Path) -> Broker:
    return started(Broker(tmp_path / "kafka"))


@pytest.fixture
def never_missed(started: Start, tmp_path: Path) -> Broker:
    """A broker that is alone and taken for gone has no leaders for a moment, and leaves out marks of transactions that end just then
    (tests/chaos/hanging.py); with this session it stands still and is not taken for gone.
    """
    return started(Broker(tmp_path / "kafka", settings={"broker.session.timeout.ms": "600000"}))


@pytest.fixture
def controller(started: Start, tmp_path: Path) -> Controller:
    return started(Controller(tmp_path / "controller"))


@pytest.fixture
def broker_of_several(started: Start, controller: Controller, tmp_path: Path) -> Broker:
    """One that is not its own controller, as where there are several: who is away is told so."""
    return started(Broker(tmp_path / "kafka", controller=controller))


LEFT_KIB = 64
FULL = "ended with 12 (guard: the output folder cannot be written, or the disk is full)"


@pytest.mark.timeout(1_800)
def test_a_disk_that_is_full_stops_both_until_there_is_room(own_broker: Broker, tmp_path: Path) -> None:
    """Stores and intake's file are on a disk that fills up: each says where, and what is free, and goes on when there is room."""
    site = site_on(own_broker, tmp_path / "site")
    both = ("intake", "accounting")
    with (
        SmallDisk(site.folder / "store", 64 * 1_024) as disk,
        BadDay(site, EVENTS, dataflows=both, within=dict.fromkeys(both, disk.inside([]))) as day,
    ):
        day.produce(EVENTS // 3)
        day.taken(EVENTS // 3)
        disk.fill(LEFT_KIB)
        day.produce(EVENTS)

        def are_stopped() -> bool:
            """Anyone who stops leaves room, which the other could do with."""
            disk.fill(LEFT_KIB)
            return all(day.log_of(name).count(FULL) >= 2 for name in both)

        day.until(are_stopped)
        for name in both:
            told = next(line for line in day.log_of(name).splitlines() if "cannot be written: " in line)
            assert f"Z {disk.folder}" in told
            assert "of 65,536 KiB are free on the disk of " in told
            assert "Make room" in told
        disk.make_room()
        day.check(disk.seen)


@pytest.mark.timeout(1_800)
def test_a_broker_that_ends_and_comes_back_needs_nobody(
    broker_of_several: Broker, controller: Controller, redis_server: RedisServer, own_name: str, tmp_path: Path
) -> None:
    """In order while nothing is open, as the only broker's end leaves open what is under way; killed while everybody works."""
    redis = RedisSettings(url=redis_server.url, prefix=f"{own_name}:")
    site = site_on(broker_of_several, tmp_path / "site", redis_section(redis))
    with BadDay(site, EVENTS, redis=redis) as day:
        day.produce(EVENTS // 3)
        day.taken(EVENTS // 3)
        day.ended_all()
        gone = controller.departures
        broker_of_several.stop()
        day.until(lambda: controller.departures > gone)
        broker_of_several.start()
        day.produce(EVENTS // 2)
        day.taken(EVENTS // 2)
        day.produce(EVENTS)
        day.taken_about(EVENTS // 2 + 1)
        gone = controller.departures
        broker_of_several.kill()
        day.until(lambda: controller.departures > gone)
        broker_of_several.start()
        day.check()
        for name in ("intake", "accounting", "view"):
            check_told_calmly(day.log_of(name))


@pytest.mark.timeout(1_800)
def test_a_broker_that_stands_still_for_longer_than_a_transaction_may_take(
    never_missed: Broker, redis_server: RedisServer, own_name: str, tmp_path: Path
) -> None:
    """Who was within a transaction takes over again, and nobody is called; meanwhile the page says for how long lag is not known."""
    redis = RedisSettings(url=redis_server.url, prefix=f"{own_name}:")
    site = site_on(never_missed, tmp_path / "site", redis_section(redis))
    port = free_port()
    with BadDay(site, EVENTS, redis=redis, more={"accounting": [f"metrics.port={port}"]}) as day:
        day.produce(EVENTS // 3)
        day.taken(EVENTS // 3)
        day.until(lambda: 0 <= lag_age(port) < LOOK_SECONDS + ANSWER_SECONDS)
        day.produce(EVENTS)
        day.taken_about(EVENTS // 2)
        never_missed.pause()
        day.until(lambda: lag_age(port) > TRANSACTION_TIMEOUT + LOOK_SECONDS + ANSWER_SECONDS)
        never_missed.resume()
        day.until(lambda: 0 <= lag_age(port) < LOOK_SECONDS + ANSWER_SECONDS)
        day.check()


def check_told_calmly(log: str) -> None:
    """Each line begins with its time; of the connections that fail, some for each process that was started, once a minute of each
    reason.
    """
    assert "%3|" not in log
    lines = [line for line in log.splitlines() if "Kafka's client: " in line]
    times = [datetime.fromisoformat(line.split()[0]) for line in lines]
    assert all(each.tzinfo is UTC for each in times)
    starts = 1 + log.count("; starts again in ")
    minutes = (max(times) - min(times)) // timedelta(minutes=1) if times else 0
    assert len(lines) <= LINES_MAX * (starts + minutes)
    assert "SIGTERM: ends in order; what was in flight is finished" in log


def lag_age(port: int) -> float:
    """-1 while the process has no page."""
    name = f'{catalogue.LAG_AGE}{{dataflow="accounting"}} '
    status, body = get(port, "/metrics")
    found = [line.partition(name)[2] for line in body.decode().splitlines() if line.startswith(name)]
    return float(found[0]) if status and found else -1.0


@pytest.mark.timeout(1_800)
def test_a_registry_that_is_away_is_needed_by_a_first_start_alone(
    own_broker: Broker, registry: Registry, tmp_path: Path
) -> None:
    """Without ids from before nobody goes on, until it is there; with them neither a running process nor a start needs it."""
    door = Door(registry.port)
    url = registry.url.replace(f":{registry.port}/", f":{door.port}/")
    with door:
        site = registered(site_on(own_broker, tmp_path / "site"), url, tmp_path)
    both = ("intake", "accounting")
    with closing(door), BadDay(site, EVENTS, dataflows=both) as day:
        for name in both:
            day.said(
                name, "ended with 30 (guard: the registry does not answer, and no schema ids are kept from before)"
            )
            assert f"no schema ids: {url}: Connection refused. None are kept in " in day.log_of(name)
        door.open()
        day.produce(EVENTS // 3)
        day.taken(EVENTS // 3)
        door.close()
        day.produce(EVENTS * 2 // 3)
        day.taken(EVENTS * 2 // 3)
        for name in both:
            day.signal(name, signal.SIGKILL)
            day.said(name, f"{url}: Connection refused. Going on with the ")
        looked = milepost("doctor", "--timeout", "60", *told_to_doctor(site))
        assert looked.returncode == exit_codes.DONE, looked.stdout
        assert "ids, with which processes start and run" in looked.stdout
        day.check()


@pytest.mark.timeout(1_800)
def test_a_redis_that_is_away_keeps_back_the_view_alone(own_broker: Broker, started: Start, tmp_path: Path) -> None:
    """At its start and later; it comes back empty, and has everything again."""
    server = RedisServer(tmp_path / "redis")
    redis = RedisSettings(url=server.url)
    site = site_on(own_broker, tmp_path / "site", redis_section(redis))
    with BadDay(site, EVENTS, redis=redis) as day:
        day.said("view", "waiting for Redis: ")
        day.produce(EVENTS // 2)
        day.taken(EVENTS // 2)
        started(server)
        day.until(lambda: in_redis(redis) == newest_views(site) != {})
        server.kill()
        day.produce(EVENTS * 2 // 3)
        day.taken(EVENTS * 2 // 3)
        day.said("view", "waiting for Redis: ", times=2)
        check_doctor(site)
        shutil.rmtree(tmp_path / "redis" / "appendonlydir")
        server.start()
        day.check()


def told_to_doctor(site: Site) -> list[str]:
    return ["--settings", str(site.settings_file), "--set", f"store.folder={site.folder}/store"]


def check_doctor(site: Site) -> None:
    """It tells who is kept back, and by what; who has no view asks for the others, or does not set [redis]."""
    told = ["doctor", "--timeout", "60", *told_to_doctor(site)]
    looked = milepost(*told)
    assert looked.returncode == exit_codes.FAILURE
    said = [" ".join(line.split()) for line in looked.stdout.splitlines()]
    assert "intake nothing keeps it back" in said
    assert "accounting nothing keeps it back" in said
    assert "view kept back by redis" in said
    assert milepost(*told, "--for", "intake", "--for", "accounting").returncode == exit_codes.DONE
