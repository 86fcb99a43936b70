"""The benchmark of statements to send runs and its figures make sense; how fast it is, no test says."""

from __future__ import annotations

import re

import pytest

from benchmarks.sending import main


@pytest.mark.usefixtures("commands_forked")
def test_a_small_firm_sends_its_month(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks.sending", "--projects", "6", "--times", "1"])
    main()
    printed = capsys.readouterr().out
    rows = re.findall(r"\| (\d+) \| (PDFs(?: and e-invoices)?) \| ([0-9.]+) \|", printed)
    assert [what for _, what, _ in rows] == ["PDFs", "PDFs and e-invoices"]
    (statements, _, pdfs), (also, _, both) = rows
    assert int(statements) == int(also) > 2
    assert float(pdfs) > 0
    assert float(both) > 0
    assert f"s for {statements} with their e-invoices" in printed
