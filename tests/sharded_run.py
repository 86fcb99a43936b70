"""The output of a run as shards of a log have it: a log, books and outputs for each, as an audit of topics keeps them."""

from __future__ import annotations

from pathlib import Path

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_appender import LogAppender
from dataflows.embedded import close, open_accounting, run_plain
from state.genesis import Genesis
from state.intake.intake import EVERYONE
from state.intake.partition import partition_of

SHARDS = 4


def sharded(output: Path, folder: Path) -> None:
    """Into `folder`; BRIDGE and TUNNEL are of two shards."""
    with EngagementLog.open(output) as log:
        genesis, records = log.genesis, list(log.records())
    places = {partition_of(each, SHARDS) for each in ("BRIDGE", "TUNNEL")}
    assert len(places) == 2, "the engagements are of two shards"
    for number in range(SHARDS):
        own: Genesis = genesis._replace(partition=number, partitions=SHARDS)
        appender = LogAppender.open(folder, own, None)
        for record in records:
            if record.engagement_id == EVERYONE or partition_of(record.engagement_id, SHARDS) == number:
                appender.append(record.engagement_id, record.event, record.own)
        appender.sync()
        appender.publish()
        appender.close()
        accounting = open_accounting(folder, own)
        with EngagementLog.open(folder, number) as log:
            run_plain(accounting, log)
        close(accounting)
