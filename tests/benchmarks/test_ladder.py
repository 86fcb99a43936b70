"""A step of the ladder is a row with a figure in every column; how fast anything is, no test says."""

from __future__ import annotations

from pathlib import Path

from benchmarks import ladder


def test_a_step_is_a_row(tmp_path: Path) -> None:
    page = tmp_path / "LADDER.md"
    head = next(line for line in ladder.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| date"))
    page.write_text(f"{head}\n", encoding="utf-8")
    assert ladder.main(["a step", "--entries", "400", "--rounds", "1", "--page", str(page)]) == 0
    rows = page.read_text(encoding="utf-8").splitlines()
    names, row = ([cell.strip() for cell in line.strip("| ").split("|")] for line in rows)
    found = dict(zip(names, row, strict=True))
    assert found["step"] == "a step"
    assert all(float(found[name]) > 0 for name in names[3:] if name != "rest")
    assert float(found["files"]) < float(found["Python calls"])
