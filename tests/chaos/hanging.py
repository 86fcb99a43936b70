"""Transactions that are open: waited for, and where Kafka itself has left one open for ever, ended as the runbook says.

A single Kafka node whose partitions have no leader for a moment takes them for deleted ones, and leaves out the marks of
transactions that end just then (TransactionMarkerChannelManager); it says so in its log. That happens while it ends in
order, and when it starts within its session after a kill: until the controller, which is itself, lets it in again it
works with the leaders of before. The guard of a hanging transaction is for that. What is open for any other reason is
a fault of ours, and stays.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Final

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from connectors.kafka.names import DEAD_LETTERS
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import Place
from tests.chaos.site import Site

LEFT_OUT: Final = re.compile(r"Couldn't find leader endpoint for partitions Set\(([^)]*)\)")
LOOK_SECONDS: Final = 0.25
# For an answer, and for transactions whose time is over: the brokers look for them every so often (tests/chaos/site.py).
LONGEST_SECONDS: Final = 30.0


def places_of_shards(site: Site, shards: Sequence[int]) -> list[Place]:
    """Where accounting writes."""
    topics = (site.names.progress, *map(site.names.shared, SHARD_TOPICS))
    return [(topic, shard) for topic in topics for shard in shards]


def places_of_intake(site: Site) -> list[Place]:
    log = [(site.names.log, shard) for shard in range(site.kafka.partitions)]
    return [*log, (site.names.directory, 0), (site.names.shared(DEAD_LETTERS), 0)]


def all_places(site: Site) -> list[Place]:
    return [*places_of_intake(site), *places_of_shards(site, range(site.kafka.partitions))]


def still_open(site: Site, places: Sequence[Place]) -> dict[Place, int]:
    """Those where a transaction is open, with the offset from which on readers of committed records see nothing."""
    latest = OffsetSpec.latest()
    asked = {TopicPartition(*place): latest for place in places}
    # Held by its name: what a client was asked is never answered once it is gone.
    admin = site.clients.admin
    stable, high = (
        {
            (at.topic, at.partition): answer.result(LONGEST_SECONDS).offset
            for at, answer in admin.list_offsets(asked, isolation_level=level).items()
        }
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return {place: stable[place] for place in places if stable[place] < high[place]}


def await_all_ended(site: Site, places: Sequence[Place], least_seconds: float) -> None:
    """Anyone who could end them stands still: the brokers do it when their time is over."""
    time.sleep(least_seconds)
    until = time.monotonic() + LONGEST_SECONDS
    while still_open(site, places) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)


def end_left_out(site: Site, places: Sequence[Place]) -> list[Place]:
    """Of those, where nobody is at work, the ones that Kafka left open by its own account; they are ended."""
    named = {each.strip() for found in LEFT_OUT.findall(site.broker.log_text()) for each in found.split(",")}
    ended = []
    for (topic, partition), offset in still_open(site, places).items():
        if f"{topic}-{partition}" in named:
            at = ["--topic", topic, "--partition", str(partition), "--start-offset", str(offset)]
            site.broker.tool("TransactionsCommand", "abort", *at)
            ended.append((topic, partition))
    return ended
