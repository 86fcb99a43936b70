"""Whatever came, and whatever comes next: what `milepost whatif` says is what a run then does. So with shards."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.json_records import record_to_json
from domain.events.control import IntakeNoticed
from domain.events.reference import DayEnded
from tests.commands.tiny_firm import Event, event, run, write
from tests.finished_run import finished_run
from tests.histories.draw import histories
from tests.histories.log import History
from tests.sharded_run import sharded
from tests.thoroughness import EXAMPLES
from tests.whatif.really import check, predicted

# Nobody else may say them.
WRITTEN_BY_INTAKE = (DayEnded, IntakeNoticed)


@settings(max_examples=EXAMPLES // 2)
@given(histories(), st.integers(1, 3))
def test_what_is_said_is_what_then_happens(history: History, count: int) -> None:
    """The last events of a history are the change, recorded when all else was."""
    events = [as_line(each.event) for each in history.logged if not isinstance(each.event, WRITTEN_BY_INTAKE)]
    told, changes = events[:-count], events[-count:]
    with TemporaryDirectory() as folder:
        firm = Path(folder)
        write(firm / "input", told)
        run(firm)
        check(firm, changes, "2026-09-30")


def as_line(known: Any) -> Event:
    found: Event = orjson.loads(orjson.dumps(record_to_json(known)))
    return {name: value for name, value in found.items() if value is not None}


def test_shards_are_asked_as_one_log_is(tmp_path: Path) -> None:
    """The folder that an audit of topics keeps has no memory of intake, and a log, books and outputs for each shard."""
    sharded(finished_run(), tmp_path)
    change = [
        event(
            "ContractAmended",
            "2026-03-09T08:00:00Z",
            contract_id="K-2",
            version=2,
            replaces_version=1,
            effective_on="2026-02-01",
            retroactive=True,
            treatment="prospective",
            approved_by="DAN",
            policies={"increment_minutes": 240},
        )
    ]
    one = predicted(finished_run(), change, "--on", "2026-03-31")
    several = predicted(tmp_path, change, "--on", "2026-03-31")
    assert one.pop("waiting_left_out") is False
    assert several.pop("waiting_left_out") is True
    assert several == one
    assert one["journals"]


def test_reference_data_concerns_every_shard(tmp_path: Path) -> None:
    sharded(finished_run(), tmp_path)
    change = [
        event(
            "CostRateSet",
            "2026-03-09T08:00:00Z",
            cost_rate_id="ADA",
            version=2,
            person_id="ADA",
            currency="EUR",
            rate="60",
            effective_from="2026-03-01",
        ),
        *(
            event(
                "TimeApproved",
                f"2026-03-09T09:00:0{number}Z",
                entry_id=f"X-{number}",
                version=1,
                project_id=project_id,
                person_id="ADA",
                approved_by="CARA",
                worked_on="2026-03-06",
                hours="1",
            )
            for number, project_id in enumerate(("BRIDGE", "TUNNEL"))
        ),
    ]
    one, several = (predicted(folder, change, "--on", "2026-03-31") for folder in (finished_run(), tmp_path))
    costs = [each["amount"] for each in several["journals"] if each["account"] == "5000"]
    assert costs == ["60.00", "60.00"]
    assert {**several, "waiting_left_out": False} == one
