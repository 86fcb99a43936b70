"""The entries that exception `over_cap` names: the first in the order of the work, bounded."""

from __future__ import annotations

from pathlib import Path

from domain.outputs import ExceptionRaised
from tests.scenario_play import play
from tests.scenario_text import read_scenarios

SETUP = """# Over a cap

## Story

```
entity    LE  USD  America/New_York
customer  C
person    bob  consultant of LE
cost      person bob 100.00 USD
project   P of LE
contract  K C LE USD
  line L P
    rate 100.00
    cap hard 1,000.00
"""


def raised(folder: Path, *events: str) -> list[ExceptionRaised]:
    story = folder / "story.md"
    story.write_text("\n".join([SETUP, *events, "```", ""]))
    (scenario,) = read_scenarios(story)
    books = play(scenario, folder)
    books.close()
    found = (one.record for one in books.folded if isinstance(one.record, ExceptionRaised))
    return [record for record in found if record.category == "over_cap"]


def test_entries_are_named_in_the_order_of_the_work(tmp_path: Path) -> None:
    first, again = raised(
        tmp_path,
        "2026-06-10  time T-1 bob 12 h\n  => ...",
        "2026-06-11  time T-0 bob 3 h on 2026-06-12\n  => ...",
        "2026-06-12  time T-2 bob 1 h on 2026-06-11\n  => ...",
        "2026-06-12  day ended\n  => ...",
    )
    assert (first.entries, first.blocks_count) == (("T-1",), 1)
    assert (again.entries, again.blocks_count) == (("T-1", "T-2", "T-0"), 3)
    assert (" of 1 entry is over " in first.message, " of 3 entries is over " in again.message) == (True, True)


def test_an_event_is_told_by_its_end(tmp_path: Path) -> None:
    """T-0 comes before two others and takes from both: they are named together, with the whole amount."""
    (only,) = raised(
        tmp_path,
        "2026-06-10  time T-1 bob 5 h\n  => ...",
        "2026-06-11  time T-2 bob 5 h\n  => ...",
        "2026-06-12  time T-0 bob 7 h on 2026-06-09\n  => ...",
    )
    assert (only.entries, only.blocks_amount) == (("T-1", "T-2"), 700_0000)


def test_no_more_than_a_hundred_entries_are_named(tmp_path: Path) -> None:
    works = [f"2026-06-10  time T-{number:03} bob 1 h approved_at 2026-06-10T08:00Z\n  => ..." for number in range(120)]
    *_, last = raised(tmp_path, *works, "2026-06-10  day ended\n  => ...")
    assert (last.blocks_count, last.entries) == (110, tuple(f"T-{number:03}" for number in range(10, 110)))


def test_work_that_a_second_signing_has_no_line_for_leaves_its_room(tmp_path: Path) -> None:
    """T-1 waits for a line: of 500.00 T-2's 800.00 have all, and 300.00 are over."""
    first = "2026-06-10  contract K C LE USD\n  line L P tasks B\n    rate 100.00\n  line X P tasks A\n    rate 100.00"
    second = "2026-06-12  contract K C LE USD\n  line L P tasks B\n    rate 100.00"
    *_, last = raised(
        tmp_path,
        f"{first}\n  shared cap S hard 500.00 lines L,X\n  => ...",
        "2026-06-11  time T-1 bob 8 h task A\n  => ...",
        f"{second}\n  shared cap S hard 500.00 lines L\n  => ...",
        "2026-06-13  time T-2 bob 8 h task B\n  => ...",
        "2026-06-13  day ended\n  => ...",
    )
    assert (last.entries, last.blocks_amount) == (("T-2",), 300_0000)


def test_they_are_named_in_order_over_months(tmp_path: Path) -> None:
    """Of June 50 are over, of July, August and of the year after 30 each; the last came first."""
    months = {"F": "2027-06-09", "E": "2026-08-20", "D": "2026-07-15"}
    works = [f"2027-06-10  time T-A{number:03} bob 1 h on 2026-06-10\n  => ..." for number in range(60)]
    for name, day in months.items():
        works += [f"2027-06-10  time T-{name}{number:03} bob 1 h on {day}\n  => ..." for number in range(30)]
    *_, last = raised(tmp_path, *works, "2027-06-10  day ended\n  => ...")
    june = [f"T-A{number:03}" for number in range(10, 60)]
    later = [f"T-{name}{number:03}" for name in "DEF" for number in range(30)]
    assert (last.blocks_count, last.entries) == (140, tuple([*june, *later][:100]))
