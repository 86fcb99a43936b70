import json
import sys
from datetime import date, datetime, timezone
from decimal import Decimal

import fastavro

with open("schemas/avro/history/milepost.events.TimeApproved/1.avsc", encoding="utf-8") as file:
    schema = json.load(file)
entry = {
    "event_id": "TimeApproved-T-4",
    "occurred_at": datetime(2026, 3, 5, 17, tzinfo=timezone.utc),
    "source": "example",
    "entry_id": "T-4",
    "version": 1,
    "project_id": "BRIDGE",
    "person_id": "ADA",
    "approved_by": "BEN",
    "worked_on": date(2026, 3, 5),
    "hours": Decimal("2"),
}
with open(sys.argv[1], "wb") as file:
    fastavro.writer(file, schema, [entry], codec="deflate")
