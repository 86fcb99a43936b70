"""Bad days of a firm on Kafka: nothing lost, nothing doubled, a clear word, and nobody is called where it can pass by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from connectors.redis.settings import RedisSettings
from simulation.servers.kafka import Broker
from simulation.servers.redis import RedisServer
from tests.kafka.bad_day import TRANSACTION_TIMEOUT, BadDay, redis_section, site_on
from tests.kafka.servers import Start
from tests.kafka.small_disk import SmallDisk

EVENTS = 1_500
AWAY_SECONDS = 4.0


@pytest.fixture
def own_broker(started: Start, tmp_path: Path) -> Broker:
    return started(Broker(tmp_path / "kafka"))


FULL = "ended with 12 (guard: the output folder cannot be written, or the disk is full)"


@pytest.mark.timeout(600)
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
        disk.fill(but_kib=64)
        day.produce(EVENTS)
        for name in both:
            day.said(name, FULL, times=2)
            told = next(line for line in day.log_of(name).splitlines() if "cannot be written: " in line)
            assert told.startswith(f"{disk.folder}")
            assert "of 65,536 KiB are free on the disk of " in told
            assert "Make room" in told
        disk.make_room()
        day.check(disk.seen)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ended", ["killed", "in order"])
def test_a_broker_that_ends_and_comes_back_needs_nobody(
    own_broker: Broker, redis_server: RedisServer, own_name: str, tmp_path: Path, ended: str
) -> None:
    """Killed while everybody works; in order while nothing is open, as a single broker's end leaves open what is under way."""
    redis = RedisSettings(url=redis_server.url, prefix=f"{own_name}:")
    site = site_on(own_broker, tmp_path / "site", redis_section(redis))
    with BadDay(site, EVENTS, redis=redis) as day:
        for part in (1, 2):
            day.produce(EVENTS * part // 3)
            if ended == "killed":
                day.taken_about(EVENTS * part // 3 - EVENTS // 6)
                own_broker.kill()
            else:
                day.taken(EVENTS * part // 3)
                own_broker.stop()
            time.sleep(AWAY_SECONDS)
            own_broker.start()
        day.check()


@pytest.mark.timeout(600)
def test_a_broker_that_stands_still_for_longer_than_a_transaction_may_take(
    own_broker: Broker, redis_server: RedisServer, own_name: str, tmp_path: Path
) -> None:
    """Who was within a transaction is fenced, or finds it timed out, and takes over anew; lag says for how long it is not known."""
    redis = RedisSettings(url=redis_server.url, prefix=f"{own_name}:")
    site = site_on(own_broker, tmp_path / "site", redis_section(redis))
    with BadDay(site, EVENTS, redis=redis) as day:
        for part in (1, 2):
            day.produce(EVENTS * part // 3)
            day.taken_about(EVENTS * part // 3 - EVENTS // 6)
            own_broker.pause()
            time.sleep(TRANSACTION_TIMEOUT + AWAY_SECONDS)
            own_broker.resume()
        day.check()
