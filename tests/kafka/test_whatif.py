"""`milepost whatif` on the folder that an audit of topics keeps: the answer is that of one log with the same events."""

from __future__ import annotations

from pathlib import Path

from connectors.log_records import StoredRecord
from dataflows.accounting_kafka import run
from dataflows.audit_kafka import audited_shards
from domain.events.delivery import TimeApproved
from state.intake.partition import partition_of
from tests.commands.tiny_firm import event
from tests.kafka.firm import Until, simulated, simulated_output, site
from tests.servers.kafka import Broker
from tests.whatif.really import predicted


def test_a_folder_that_was_kept_answers_as_an_embedded_run_does(broker: Broker, own_name: str, tmp_path: Path) -> None:
    records = simulated(months=1)
    two = site(broker, own_name, tmp_path / "stores")
    parts = placed(records, two.settings.partitions)
    giver = two.giver()
    for number, part in enumerate(parts):
        giver.give(number, part)
    end = Until({number: len(part) for number, part in enumerate(parts)})
    run(two.job(), end.reached, end.on_commit)
    kept = tmp_path / "kept"
    with audited_shards(two.job(), kept) as shards:
        assert [shard.catch_up(lambda *_: None).violations for shard in shards] == [(), ()]
    work = [[each.event for each in part if isinstance(each.event, TimeApproved)] for part in parts]
    assert all(work), "both shards have work"
    change = [
        event(
            "TimeWithdrawn",
            f"2026-05-04T09:00:0{number}Z",
            entry_id=each[-1].entry_id,
            version=each[-1].version + 1,
            project_id=each[-1].project_id,
        )
        for number, each in enumerate(work)
    ]
    one = predicted(simulated_output(months=1), change, "--on", "2026-05-31")
    several = predicted(kept, change, "--on", "2026-05-31")
    assert one["journals"]
    assert len(one["engagements"]) == 2
    assert {**several, "waiting_left_out": False} == one


def placed(records: list[StoredRecord], partitions: int) -> list[list[StoredRecord]]:
    """By partition as intake does it, numbered again in each; reference data goes to all."""
    made: list[list[StoredRecord]] = [[] for _ in range(partitions)]
    for record in records:
        of = record.engagement_id
        for number in [partition_of(of, partitions)] if of else range(partitions):
            made[number].append(record._replace(offset=len(made[number])))
    return made
