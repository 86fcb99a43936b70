"""Rows that are alike are added as one, and every explanation is what it is where each is added by itself."""

from pathlib import Path

import pytest

from milepost.explain import sources
from milepost.explain.alike_rows import AlikeRows, Rows
from milepost.explained import as_json
from tests import explained
from tests.recordings import SCENARIOS
from tests.scenario_play import play
from tests.scenario_text import Scenario, read_scenarios

# Days in another order than ids, a cap that some of the work is over, an entry like no other between (T-6), a second month, an estimate.
STORY = """# Rows

```
entity    LE  USD  America/New_York
customer  C
person    bob  consultant of LE
cost      person bob 100.00 USD
project   P of LE
contract  K C LE USD
  line L P
    rate 200.00
    cap hard 4,000.00
```

## Many rows

```
2026-06-01  estimate P 40 h 4000.00
  => ...
2026-06-03  time T-1 bob 1 h
  => ...
2026-06-03  time T-3 bob 2 h
  => ...
2026-06-03  time T-5 bob 3 h
  => ...
2026-06-04  time T-2 bob 1 h
  => ...
2026-06-04  time T-4 bob 1.5 h
  => ...
2026-06-04  time T-6 bob 2 h not_billable
  => ...
2026-06-04  time T-7 bob 1 h
  => ...
2026-06-04  time T-8 bob 1 h
  => ...
2026-06-30  day ended
  => ...
2026-07-02  time U-1 bob 4 h
  => ...
2026-07-02  time U-2 bob 4 h
  => ...
2026-07-02  time U-3 bob 4 h
  => ...
2026-07-02  time U-4 bob 3 h
  => ...
```
"""


def figures(scenario: Scenario) -> list[dict[str, object]]:
    """Each as JSON has it, with all that it is made of."""
    books = play(scenario)
    try:
        return [
            as_json(figure)
            for engagement_id in explained.engagements(books)
            for figure in explained._asked(explained.explainer_of(books, engagement_id))
        ]
    finally:
        books.close()


def by_itself(alike: AlikeRows, step: int) -> Rows:
    rows = list(alike.nodes.rows.all_at(step))
    return Rows(rows, rows, {row.entry_id: row for row in rows})


def test_rows_added_as_one_explain_as_rows_added_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure of a history that is taken for one of very many rows."""
    (tmp_path / "rows.md").write_text(STORY)
    [scenario] = read_scenarios(tmp_path / "rows.md")
    monkeypatch.setattr(sources, "ENTRIES_FOLLOWED", 0)
    added: list[int] = []
    at = AlikeRows.at

    def counting(alike: AlikeRows, step: int) -> Rows:
        rows = at(alike, step)
        added.append(len(rows.indexed) - len(rows.to_add))
        return rows

    monkeypatch.setattr(AlikeRows, "at", counting)
    together = figures(scenario)
    assert max(added) == 4, "of eight rows in June four are added with others"
    monkeypatch.setattr(AlikeRows, "at", by_itself)
    assert together == figures(scenario)


def test_journals_in_another_currency_name_their_lines_where_rows_are_very_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """600.00 USD at 0.90 are 540.00 EUR, of which the forecast names the journal's line as a figure to ask for."""
    monkeypatch.setattr(sources, "ENTRIES_FOLLOWED", 0)
    wanted = "Work that waited for its retainer draws by its days, in another currency"
    [scenario] = [one for one in read_scenarios(SCENARIOS / "retainer.md") if one.name == wanted]
    made = figures(scenario)
    assert made, "every figure is explained"
    monkeypatch.setattr(AlikeRows, "at", by_itself)
    assert made == figures(scenario)
