"""The benchmark of tables runs and its figures make sense; how fast they are, no test says."""

from __future__ import annotations

import re

import pytest

from benchmarks.glance import AS_OF, TABLES, main


@pytest.mark.usefixtures("commands_forked")
def test_every_table_of_a_small_firm_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks.glance", "--projects", "6", "--times", "1"])
    main()
    printed = capsys.readouterr().out
    rows = re.findall(r"^\| (\w+) \| (now|[0-9-]+) \| ([0-9,]+) \| ([0-9.]+) \|$", printed, re.MULTILINE)
    assert [(table, moment) for table, moment, _, _ in rows] == [
        (table, when) for when in ("now", AS_OF) for table in TABLES
    ]
    of = {(table, moment): int(count) for table, moment, count, _ in rows}
    assert of["projects", "now"] >= 6
    assert of["people", "now"] == 10
    assert all(float(seconds) > 0 for *_, seconds in rows)
