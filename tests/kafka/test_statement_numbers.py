"""On Kafka the numbers of statements have no gap and come once, with two shards of one company that are killed within transactions."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.avro_codec import OUTPUT_CODECS
from connectors.kafka.outputs import SHARD_TOPICS
from dataflows.accounting_kafka import run, store_path
from domain.outputs import TOPICS, BillingStatement
from state.store.store import Store
from tests.kafka.firm import ROOT, Site, Until, expected, site
from tests.kafka.killed_accounting import LEAVE_OPEN, STEPS
from tests.kafka.servers import PATIENCE
from tests.numbered_firm import SHARDS, check_gapless, folded, issued, logs, numbered, told
from tests.servers.kafka import Broker

# At the third batch of both shards at the latest: of their 680 records there are some left for the last start.
BATCH_RECORDS = 30
TIMES = (2, 3)
KILLS = (*STEPS, *LEAVE_OPEN)


@pytest.fixture
def two(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    return site(broker, own_name, tmp_path / "stores", partitions=SHARDS)


def killed(of: Site, step: str, times: int) -> None:
    """Both shards are served by one process, which has ended."""
    command = [
        sys.executable,
        "-m",
        "tests.kafka.killed_accounting",
        step,
        str(times),
        "serve",
        "accounting",
        "--alone",
    ]
    options = ["--all-shards", *of.options(batch_records=BATCH_RECORDS)]
    ran = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, check=False, timeout=PATIENCE)
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()


def is_open(of: Site) -> bool:
    """Whether readers of committed outputs wait for the end of a transaction."""
    places = [(of.names.shared(topic), shard) for topic in SHARD_TOPICS for shard in range(SHARDS)]
    return any(stable < high for stable, high in (of.clients.last_stable(*place) for place in places))


def published(of: Site) -> list[BillingStatement]:
    """As readers of committed records see them, shard by shard."""
    outputs = [one for shard in range(SHARDS) for one in of.read(shard)[TOPICS["BillingStatement"]]]
    read = [OUTPUT_CODECS[one.type_name].decode(one.body)[1] for one in outputs]
    return [one for one in read if isinstance(one, BillingStatement)]


def test_killed_within_transactions_both_shards_give_the_numbers_of_one_run(two: Site, tmp_path: Path) -> None:
    """One store is lost on the way, the other before the last start, which folds that shard's log from its beginning."""
    parts, chance, giver = logs(), random.Random(1), two.giver()
    for shard, records in enumerate(parts):
        giver.give(shard, records)
    left_open = 0
    for kill, step in enumerate(KILLS):
        killed(two, step, chance.choice(TIMES))
        left_open += is_open(two)
        if kill == 2:
            Store.delete(store_path(two.job(), 0))
    assert left_open == sum(step in LEAVE_OPEN for step in KILLS) == 4
    before = len(published(two))
    Store.delete(store_path(two.job(), 1))
    end = Until({shard: len(records) for shard, records in enumerate(parts)})
    run(two.job(), end.reached, end.on_commit)
    found = published(two)
    assert 0 < before < len(found), "kills came before the first statement, or after the last"
    check_gapless(numbered(found))
    numbers = [one.number for one in found if one.status == "issued"]
    assert len(numbers) == len(set(numbers)) > 60
    for shard, records in enumerate(parts):
        folded(tmp_path / "plain", shard, records)
        assert two.said(shard) == expected(two, shard, records)
    assert told(found) == told(issued(tmp_path / "plain"))
