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
    *("Date", "From", "To", "Duration", "Currency", "Price", "Hourly price", "Fixed price", "Name", "User", "Customer"),
    *("Project", "Activity", "Description", "Billable", "Exported"),
)


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
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(HEADER)
    for place, entry in enumerate(found, start=1):
        writer.writerow(_row(entry, f"{path}: entry {place}"))
    return table.getvalue()


def _row(entry: object, where: str) -> tuple[object, ...]:
    said = _inside({"entry": entry}, "entry", where)
    project, activity, user = (_inside(said, name, where) for name in ("project", "activity", "user"))
    customer = _inside(project, "customer", where)
    begin, end = (str(said.get(name) or "") for name in ("begin", "end"))
    return (
        *(begin[:10], begin[11:19], end[11:19], _clock(said.get("duration"))),
        *(_text(customer, "currency"), _text(said, "rate"), _text(said, "hourlyRate"), _text(said, "fixedRate")),
        *(_text(user, "alias") or _text(user, "username"), _text(user, "username"), _text(customer, "name")),
        *(
            _text(project, "name"),
            _text(activity, "name"),
            _text(said, "description"),
            _text(said, "billable"),
            _text(said, "exported"),
        ),
    )


def _inside(found: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    inner = found.get(name)
    if not isinstance(inner, dict):
        raise ImportRefused(
            f"{where}: expected {name} with its name, found {inner!r}. The file is JSON; make the export as CSV or, of Kimai, ask"
            f" for whole entries: {ASKED}"
        )
    return inner


def _text(found: Mapping[str, object], name: str) -> str:
    value = found.get(name)
    return "" if value is None else str(value)


def _clock(seconds: object) -> str:
    """Empty while the timer runs."""
    if not isinstance(seconds, int):
        return ""
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
