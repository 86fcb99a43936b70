"""What is unbilled and prepaid of a firm that moved in stands in the tables as if it had been here from its beginning."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from connectors.json_records import record_to_json
from domain.events.reference import DayEnded
from milepost.cli import app
from tests.commands.tiny_firm import run, said
from tests.harness import ENGAGEMENT, Books
from tests.moving_in.test_twice import FIRMS, as_of
from tests.moving_in.twice import both, differences

# Nobody knows the service dates of work that balances state as one sum; of all of it they are their own day.
OF_DAYS = frozenset({"oldest", "days_0_30", "days_31_60", "days_61_90", "days_over_90"})

ENTRIES = "each entries"


@pytest.mark.parametrize("name", sorted(FIRMS))
def test_tables_are_the_same(name: str, tmp_path: Path) -> None:
    day = as_of(FIRMS[name])
    here, moved = both(FIRMS[name]._replace(after=""), day)
    unlike = {"explain"} if ENTRIES in FIRMS[name].balances else {"explain", *OF_DAYS}
    ones, others = (_tables(tmp_path / of, told.books, day, unlike) for of, told in (("here", here), ("moved", moved)))
    here.books.close()
    moved.books.close()
    assert differences(ones, others) == []


def _tables(folder: Path, books: Books, until: str, unlike: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    write_events(folder, books)
    run(folder, "--until", until)
    return {table: _rows(folder, table, unlike) for table in ("unbilled", "prepaid")}


def write_events(folder: Path, books: Books) -> None:
    """What the books were told, but the ends of days."""
    (folder / "input").mkdir(parents=True)
    told = [record.event for record in books.log if not isinstance(record.event, DayEnded)]
    own = ({"engagement_id": ENGAGEMENT} if "engagement_id" in event._fields else {} for event in told)
    lines = [orjson.dumps({**record_to_json(event), **each}) for event, each in zip(told, own, strict=True)]
    (folder / "input" / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def _rows(folder: Path, table: str, unlike: Collection[str]) -> list[dict[str, Any]]:
    found = said(CliRunner().invoke(app, [table, "--json", "--output", str(folder / "output")]))
    assert all(foot["holds"] for foot in found["feet"])
    return [{name: cell for name, cell in row.items() if name not in unlike} for row in found["rows"]]
