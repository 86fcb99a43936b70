"""The benchmark of statements to send runs and its figures make sense; how fast it is, no test says."""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks.child import ROOT


def test_a_small_firm_sends_its_month() -> None:
    command = [sys.executable, "-m", "benchmarks.sending", "--projects", "6", "--times", "1"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    rows = re.findall(r"\| (\d+) \| (PDFs(?: and e-invoices)?) \| ([0-9.]+) \|", ended.stdout)
    assert [what for _, what, _ in rows] == ["PDFs", "PDFs and e-invoices"]
    (statements, _, pdfs), (also, _, both) = rows
    assert int(statements) == int(also) > 2
    assert float(pdfs) > 0
    assert float(both) > 0
    assert f"s for {statements} with their e-invoices" in ended.stdout
