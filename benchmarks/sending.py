"""What it costs to send a month: all its statements as PDFs and e-invoices, by one command, a process of its own.

    python -m benchmarks.sending --projects 80 --write

A firm that is made up sells everything that there is, for two months; the statements are those whose billing period ends in the second.
Processor seconds hold the start of Python.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.child import ROOT
from benchmarks.glance import spent_on
from benchmarks.machine import Machine, machine, on_one_core

RESULTS = Path(__file__).with_name("RESULTS_SENDING.md")
TARGET_SECONDS, TARGET_STATEMENTS = 20.0, 92
SEED, PERIOD, UNTIL = "7", "2026-02", "2026-03-31"
TIMES = 3


class SendingCost(NamedTuple):
    """The lowest of several, in seconds of the processor."""

    statements: int
    megabytes: float
    pdfs: float
    with_e_invoices: float


def made(folder: Path, projects: int) -> Path:
    """The output folder of the firm."""
    size = ("--seed", SEED, "--people", str(max(10, projects)), "--projects", str(projects), "--months", "2")
    spent_on("simulate", *size, "--start", "2026-01-01", "--out", str(folder / "input"))
    spent_on("run", "--input", str(folder / "input"), "--output", str(folder / "output"), "--until", UNTIL)
    return folder / "output"


def measured(output: Path, folder: Path, times: int) -> SendingCost:
    pdfs, both = [], []
    for turn in range(times):
        wanted = ("statement", "--period", PERIOD, "--output", str(output), "--pdf", str(folder / f"pdf-{turn}"))
        pdfs.append(spent_on(*wanted)[1])
        # It exits with 1 for a statement that only releases what was retained, of which there is no e-invoice.
        both.append(spent_on(*wanted, "--e-invoice", str(folder / f"xml-{turn}"), check=False)[1])
    written = list((folder / "pdf-0").glob("*.pdf"))
    return SendingCost(len(written), sum(each.stat().st_size for each in written) / 1e6, min(pdfs), min(both))


def page(cost: SendingCost, found: Machine, starting: float, times: int) -> str:
    target = TARGET_SECONDS * cost.statements / TARGET_STATEMENTS
    kept = "kept" if cost.with_e_invoices < target else "missed"
    each = (cost.with_e_invoices - starting) / max(1, cost.statements) * 1000
    return (
        "# What it costs to send a month\n\n"
        "Written by `python -m benchmarks.sending --write`: `milepost statement --period`, a process of its own on one core,\n"
        f"the lowest of {times}, with the start of Python.\n\n"
        f"- {TARGET_STATEMENTS} statements in {TARGET_SECONDS:.0f} seconds of the processor: {kept},"
        f" {cost.with_e_invoices:.1f} s for {cost.statements} with their e-invoices.\n"
        f"- The start of Python, which asks nothing: {starting:.2f} s. A statement on top: {each:.0f} ms.\n"
        f"- {cost.megabytes:.1f} MB of PDFs.\n\n"
        "| statements | written | processor s |\n| --- | --- | --- |\n"
        f"| {cost.statements} | PDFs | {cost.pdfs:.1f} |\n"
        f"| {cost.statements} | PDFs and e-invoices | {cost.with_e_invoices:.1f} |\n\n"
        f"{found.system}, {found.processor}, one of {found.cores} cores, Python {found.python}, fpdf2 {version('fpdf2')},"
        f" fontTools {version('fonttools')}; calibration {found.calibration:.2f} ms.\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--projects", type=int, default=80, help="Size of the firm.")
    options.add_argument("--times", type=int, default=TIMES, help="How often it is measured.")
    options.add_argument("--write", action="store_true", help=f"Write {RESULTS.relative_to(ROOT)}.")
    given = options.parse_args()
    on_one_core()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cost = measured(made(folder, given.projects), folder, given.times)
    text = page(cost, machine(), min(spent_on("--version")[1] for _ in range(given.times)), given.times)
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
