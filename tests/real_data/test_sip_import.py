"""Ten years of a software house nobody here made up."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

from connectors.imports.csv_time import import_time
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import read_mapping
from connectors.imports.time_rows import TimeWanted
from tests.connectors.imports.exporting import NOW

MAPPING = Path(__file__).with_name("sip.toml")


def test_every_row_of_the_data_is_an_entry(real_data: Path, tmp_path: Path) -> None:
    """12,299 developer-task rows; 752 of them are over 24 hours, for a row is a whole task."""
    mapped = read_mapping(MAPPING, ["write.entity.hours_max_per_entry=24"])
    result = import_time(
        real_data / "sip-effort.csv", mapped, MAPPING.name, ImportTarget(tmp_path, "csv", "sip"), TimeWanted(NOW)
    )
    assert (result.rows, result.imported, result.rejected) == (12_299, 12_299, 0)
    assert result.hours == Decimal("95001.98")
    assert (result.first_day, result.last_day) == (date(2004, 6, 23), date(2014, 12, 5))
    assert dict(result.events) == {
        "LegalEntityDefined": 1,
        "CustomerDefined": 20,
        "PersonDefined": 22,
        "CostRateSet": 1,
        "ProjectActivated": 20,
        "ContractSigned": 20,
        "TimeApproved": 12_299,
    }
    events = [json.loads(line) for line in result.events_path.read_text(encoding="utf-8").splitlines()]
    assert sum(Decimal(event["hours"]) > 24 for event in events if event["type"] == "TimeApproved") == 752
    assert [event["occurred_at"] for event in events] == sorted(event["occurred_at"] for event in events)
