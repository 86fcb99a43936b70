"""Kimai's time entries as its API gives them (`/api/timesheets?full=true`), as the rows of its CSV export."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from connectors.imports.refusals import ImportRefused

ASKED: Final = "GET /api/timesheets?full=true"
START: Final = 64
HEADER: Final = (
    "Date,From,To,Duration,Currency,Price,Hourly price,Fixed price,Name,User,Customer,Project,Activity,Description,Billable,Exported"
).split(",")


def as_csv(path: Path) -> str | None:
    """None where the file is no JSON list. Raises ImportRefused where the list is not one of whole time entries."""
    with path.open("rb") as file:
        start = file.read(START)
    if not start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str)
    except ValueError as fault:
        raise ImportRefused(f"{path}: is no JSON: {fault}; export again") from fault
    rows = [_row(entry, f"{path}: entry {place}") for place, entry in enumerate(found, start=1)]
    table = io.StringIO()
    writer = csv.DictWriter(table, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def _row(entry: object, where: str) -> dict[str, object]:
    said = _inside({"entry": entry}, "entry", where)
    project, activity, user = (_inside(said, name, where) for name in ("project", "activity", "user"))
    customer = _inside(project, "customer", where)
    begin, end = (str(said.get(name) or "") for name in ("begin", "end"))
    times = (begin[:10], begin[11:19], end[11:19], _clock(said.get("duration")))
    money = (customer.get("currency"), *map(said.get, ("rate", "hourlyRate", "fixedRate")))
    names = (user.get("alias") or user.get("username"), user.get("username"))
    of = (each.get("name") for each in (customer, project, activity))
    return dict(
        zip(HEADER, (*times, *money, *names, *of, *map(said.get, ("description", "billable", "exported"))), strict=True)
    )


def _inside(found: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    inner = found.get(name)
    if not isinstance(inner, dict):
        raise ImportRefused(
            f"{where}: expected {name} with its name, found {inner!r}. The file is JSON; make the export as CSV or, of Kimai, ask"
            f" for whole entries: {ASKED}"
        )
    return inner


def _clock(seconds: object) -> str:
    """Empty while the timer runs."""
    if not isinstance(seconds, int):
        return ""
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
