"""The scenario language itself: what it must not let pass, and what it says when it cannot read a text."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.scenario_events import (
    AMENDMENT_OPTIONS,
    CAP_OPTIONS,
    CONTRACT_OPTIONS,
    LINE_OPTIONS,
    RATE_OPTIONS,
    TIME_OPTIONS,
    VERBS,
)
from tests.scenario_outputs import COLUMN, MEASURES
from tests.scenario_play import ScenarioFailed, play
from tests.scenario_text import ScenarioError, read_scenarios

TEXT = """# A file

```
entity    LE  USD  America/New_York
customer  C
person    bob  consultant of LE
cost      person bob 100.00 USD
project   P of LE
contract  K C LE USD
  line L P
    rate 200.00
```

## One entry

```
2026-06-03  time T-1 bob 8 h
  => 2026-06-03  posting T-1  Dr 5000 800.00  Cr 2150 800.00
       Dr 1150 1,600.00  Cr 4000 1,600.00
2026-06-30  day ended
  => statement K/C/2026-06-01/1  to 2026-07-01  total 1,600.00 USD
       line  person  hours  rate    amount    entries
       L     bob     8      200.00  1,600.00  T-1
  => line K/L  billed 1,600.00
```
"""


def played(folder: Path, text: str) -> None:
    path = folder / "example.md"
    path.write_text(text, encoding="utf-8")
    for scenario in read_scenarios(path):
        play(scenario, folder).close()


def test_a_text_that_is_right_passes(tmp_path: Path) -> None:
    played(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Dr 5000 800.00", "Dr 5000 800.01"),
        ("Cr 4000 1,600.00", "Cr 4050 1,600.00"),
        ("=> 2026-06-03  posting", "=> 2026-06-04  posting"),
        ("posting T-1  Dr", "posting T-1 memo  Dr"),
        ("to 2026-07-01", "to 2026-07-02"),
        ("total 1,600.00 USD", "total 1,600.00 EUR"),
        ("L     bob     8 ", "L     bob     9 "),
        ("billed 1,600.00", "billed 1,600.01"),
        ("2026-06-30  day ended\n  =>", "2026-06-30  day ended\n  => closed over_cap K/line:L\n  =>"),
    ],
)
def test_every_figure_counts(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in TEXT
    with pytest.raises(ScenarioFailed):
        played(tmp_path, TEXT.replace(right, wrong))


def test_what_the_text_does_not_mention_fails(tmp_path: Path) -> None:
    """Not even an event without any expectation may post."""
    with pytest.raises(ScenarioFailed):
        played(tmp_path, TEXT.replace("2026-06-30  day", "2026-06-04  time T-2 bob 1 h\n2026-06-30  day"))


@pytest.mark.parametrize("most", [24, 8])
def test_a_message_is_compared_where_it_is_stated(tmp_path: Path, most: int) -> None:
    waits = "2026-06-04  time T-2 bob 25 h\n  => raised hours_out_of_range T-2  5,000.00 USD"
    says = f'says "expected 0 to {most} hours, got 25"'
    text = TEXT.replace("2026-06-30  day", f"{waits}\n       {says}\n2026-06-30  day")
    with pytest.raises(ScenarioFailed, match=says) if most == 8 else nullcontext():
        played(tmp_path, text)


def test_only_three_dots_leave_an_outcome_open(tmp_path: Path) -> None:
    opened = TEXT.replace("2026-06-30  day", "2026-06-04  withdraw T-1\n  => ...\n2026-06-30  day")
    played(tmp_path, opened[: opened.index("2026-06-30")] + "```\n")


def test_a_failure_shows_the_line_and_both_sides(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFailed) as failure:
        played(tmp_path, TEXT.replace("Dr 5000 800.00  Cr 2150 800.00", "Dr 5000 700.00  Cr 2150 700.00"))
    message = str(failure.value)
    assert message.startswith("example.md:17: 2026-06-03  time T-1 bob 8 h")
    assert "Dr 5000 700.00" in message
    assert "Dr 5000 800.00" in message
    assert "the text says" in message
    assert "came out" in message


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("time T-1 bob 8 h", "tiem T-1 bob 8 h", "example.md:17: expected one of entity"),
        ("time T-1 bob 8 h", "time T-1 bob 8 h tusk X", "example.md:17: expected one of on, start"),
        ("time T-1 bob 8 h", "time T-1 bob 8 hours", "example.md:17: expected 'h', got 'hours'"),
        ("time T-1 bob 8 h", "time T-1 bob eight h", "example.md:17: TimeApproved: hours: expected a decimal number"),
        ("time T-1 bob 8 h", 'time T-1 bob 8 h task "X', "example.md:17: No closing quotation; close the quotation"),
        ("time T-1 bob 8 h", "correct T-9 8 h", "example.md:17: expected an entry that was approved before"),
        ("posting T-1  Dr", "booking T-1  Dr", "example.md:18: expected a dated journal"),
        ("Dr 5000 800.00", "Dt 5000 800.00", "example.md:18: "),
        ("Dr 5000 800.00", "Dr 5000 eight", "example.md:18: expected a number, got 'eight'"),
        ("L     bob     8  ", "L     bob     ", "example.md:23: expected 6 cells"),
        ("  => line K/L", "=> line K/L x", "example.md:24: expected one of hours"),
        ("2026-06-30  day ended", "2026-06-01  day ended", "example.md:20: 2026-06-01 has ended already"),
        ("2026-06-30  day ended", "day ended", "example.md:20: expected a date before 'day ended'"),
        ("  line L P\n", "    rate 1.00\n  line L P\n", "example.md:10: expected a line before its rate"),
        ("    rate 200.00", "  discount 200.00", "example.md:11: expected => or one of and, cap"),
        ("customer  C", "customer  C  policy x=y", "example.md:5: expected one of parent"),
        ("LE USD\n  line", "LE USD policy cap_splitt=split\n  line", "example.md:9: there is no policy 'cap_splitt'"),
        ("contract  K C LE USD", "contract  K C LE USD policy cap_split=half", "ContractSigned: policies.cap_split"),
        ("## One entry", "#### One entry", "example.md:1: expected a heading '## name'"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in TEXT
    with pytest.raises(ScenarioError) as error:
        played(tmp_path, TEXT.replace(right, wrong, 1))
    assert message in str(error.value)


def test_a_date_before_the_last_event_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as error:
        played(tmp_path, TEXT.replace("2026-06-30  day ended", "2026-06-01  time T-2 bob 1 h"))
    assert "example.md:20: expected a date from 2026-06-03" in str(error.value)


def test_the_setup_of_a_scenario_takes_the_place_of_the_files(tmp_path: Path) -> None:
    other = TEXT.replace("```\n2026-06-03", "```\ncost  person bob 50.00 USD\n\n2026-06-03")
    played(tmp_path, other.replace("Dr 5000 800.00  Cr 2150 800.00", "Dr 5000 400.00  Cr 2150 400.00"))


def test_an_unclosed_block_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"example.md:16: the block is not closed"):
        played(tmp_path, TEXT.rstrip().removesuffix("```"))


def test_the_page_about_scenarios_names_every_word_of_the_language() -> None:
    page = (Path(__file__).parents[1] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    told = set(re.findall(r"[a-z_]+", page))
    options = (RATE_OPTIONS, CAP_OPTIONS, LINE_OPTIONS, CONTRACT_OPTIONS, AMENDMENT_OPTIONS, TIME_OPTIONS)
    words = {*VERBS, *COLUMN, *(word for table in (*options, *MEASURES.values()) for word in table)}
    assert words <= told


def test_every_file_of_stories_is_on_the_page() -> None:
    page = (Path(__file__).parents[1] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    files = sorted(file.name for file in (Path(__file__).parent / "scenarios").glob("*.md"))
    assert [name for name in files if f"`{name}`" not in page] == []
