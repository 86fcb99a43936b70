"""docs/one-event.md walks along the calls that an ordinary hour makes: folded here, they come in the order of the page."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType

import pytest

from domain.outputs import JournalEntry
from tests.harness import Books
from tests.scenario_play import play
from tests.scenario_text import read_scenarios

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "one-event.md"
STEP = re.compile(r"^(\w+/[\w/]+\.py) +(\w+) ", re.MULTILINE)
HOURS = """## Two hours

```
entity LE USD America/New_York
customer C
person bob consultant of LE
cost person bob 100.00 USD
project P of LE
contract K C LE USD policy increment_minutes=15
  line L P
    rate 200.00

2026-01-05  time T-1 bob 8 h
  => ...
2026-01-06  time T-2 bob 8 h
  => ...
```
"""


class Calls:
    """Functions of the product in the order in which they are called."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(ROOT):
                self.made.append((file.relative_to(ROOT).as_posix(), frame.f_code.co_name))


def way_of_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Of the second, when all that follows from terms and reference data is known."""
    page, calls, fold = tmp_path / "hours.md", Calls(), Books.fold

    def watched(books: Books, *events: object) -> list[object]:
        calls.made.clear()
        sys.setprofile(calls)
        try:
            return fold(books, *events)  # type: ignore[arg-type,return-value]
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(Books, "fold", watched)
    page.write_text(HOURS, encoding="utf-8")
    (scenario,) = read_scenarios(page)
    books = play(scenario)
    journal = books.folded[-1].record
    books.close()
    assert isinstance(journal, JournalEntry)
    assert [(line.account, line.amount) for line in journal.lines] == [
        ("5000", 800_0000),
        ("2150", -800_0000),
        ("1150", 1_600_0000),
        ("4000", -1_600_0000),
    ]
    return calls.made


def test_an_hour_goes_the_way_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = STEP.findall(PAGE.read_text(encoding="utf-8"))
    assert len(steps) > 30
    way, at, missing = way_of_an_hour(tmp_path, monkeypatch), 0, []
    for step in steps:
        if step in way[at:]:
            at = way.index(step, at) + 1
        else:
            missing.append(step)
    assert missing == []
