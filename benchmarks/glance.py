"""What the firm at a glance costs: each table of a firm, as a process of its own, now and at an earlier moment.

    python -m benchmarks.glance --write

A firm that is made up sells everything that there is, for three months, and is answered twice by its ERP and its bank: half
of that is known at the earlier moment. Processor seconds hold the start of Python.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.child import ROOT
from benchmarks.machine import Machine, machine, on_one_core

TABLES = ("projects", "clients", "receivables", "unbilled", "prepaid", "people")
TARGET_SECONDS = 2.0
SEED, MONTHS, AS_OF = "7", "3", "2026-05-04"
TIMES = 5
RESULTS = Path(__file__).with_name("RESULTS_GLANCE.md")
# As installed: what Python has compiled once is kept, also where the environment says no.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class TableCost(NamedTuple):
    """The lowest of several, in seconds of the processor; `rows` are those of the table."""

    table: str
    moment: str
    rows: int
    seconds: float


class GlanceCost(NamedTuple):
    tables: list[TableCost]
    starting: float
    indexing: float
    index_bytes: int


def made(folder: Path, projects: int) -> Path:
    """The output folder of the firm."""
    size = ("--people", str(max(10, projects * 2 // 5)), "--projects", str(projects), "--months", MONTHS)
    source, output = str(folder / "input"), str(folder / "output")
    spent_on("simulate", "--seed", SEED, *size, "--out", source)
    spent_on("run", "--input", source, "--output", output)
    for _ in range(2):
        spent_on("simulate-invoices", "--input", source, "--output", output)
        spent_on("run", "--input", source, "--output", output)
    return folder / "output"


def asked(output: Path, table: str, as_of: str | None) -> tuple[int, float]:
    """Rows, and seconds of the processor."""
    moment = () if as_of is None else ("--as-of", as_of)
    printed, spent = spent_on(table, "--json", "--output", str(output), *moment)
    return len(orjson.loads(printed)["rows"]), spent


def spent_on(*arguments: str, check: bool = True) -> tuple[bytes, float]:
    """What a command prints, and seconds of the processor; `check` is whether another exit code than 0 is a fault."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "milepost", *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=check
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return made.stdout, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measured(output: Path, times: int) -> GlanceCost:
    asked(output, TABLES[0], None)
    tables = list(_tables(output, times))
    size = sum(path.stat().st_size for path in (output / "index").glob("*.db"))
    shutil.rmtree(output / "index")
    _, indexing = asked(output, TABLES[0], None)
    return GlanceCost(tables, min(spent_on("--version")[1] for _ in range(times)), indexing, size)


def _tables(output: Path, times: int) -> Iterator[TableCost]:
    for moment in (None, AS_OF):
        for table in TABLES:
            found = [asked(output, table, moment) for _ in range(times)]
            yield TableCost(table, moment or "now", found[0][0], min(seconds for _, seconds in found))


def page(cost: GlanceCost, found: Machine, projects: int, times: int) -> str:
    most = max(each.seconds for each in cost.tables)
    kept = "kept" if most < TARGET_SECONDS else "missed"
    rows = "\n".join(f"| {each.table} | {each.moment} | {each.rows:,} | {each.seconds:.2f} |" for each in cost.tables)
    return (
        "# What the firm at a glance costs\n\n"
        "Written by `python -m benchmarks.glance --write`: each table as JSON, a process of its own on one core, the lowest of\n"
        f"{times}, with the start of Python; a made-up firm of {projects:,} projects and {MONTHS} months.\n\n"
        f"- Every table in {TARGET_SECONDS:.0f} seconds of the processor: {kept}, at most {most:.2f}.\n"
        f"- `milepost --version`, which asks nothing: {cost.starting:.2f} s of each.\n"
        f"- The first question where the index is gone: {cost.indexing:.1f} s. A run keeps it, so that no question pays that.\n"
        f"- The index: {cost.index_bytes / 1e6:.0f} MB.\n\n"
        "| table | moment | rows | processor s |\n| --- | --- | --- | --- |\n" + rows + "\n\n"
        f"{found.system}, {found.processor}, one of {found.cores} cores, Python {found.python}; calibration {found.calibration:.2f} ms.\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--projects", type=int, default=1000, help="Size of the firm.")
    options.add_argument("--times", type=int, default=TIMES, help="How often each table is asked for.")
    options.add_argument("--write", action="store_true", help=f"Write {RESULTS.relative_to(ROOT)}.")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="milepost-glance-") as made_in:
        on_one_core()
        cost = measured(made(Path(made_in), given.projects), given.times)
        text = page(cost, machine(), given.projects, given.times)
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
