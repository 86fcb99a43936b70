"""What the firm at a glance costs: each table of a folder, as a process of its own, now and at an earlier moment.

    python -m benchmarks.glance build/try/output --as-of 2026-02-15 --write

Processor seconds hold the start of Python. `index` is what the first question pays where `index/` is gone.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.child import ROOT

TABLES = ("projects", "clients", "receivables", "unbilled", "prepaid", "people")
TARGET_SECONDS = 2.0
TIMES = 3
RESULTS = Path(__file__).with_name("RESULTS_GLANCE.md")


class TableCost(NamedTuple):
    """The lowest of several, in seconds of the processor; `rows` are those of the table."""

    table: str
    moment: str
    rows: int
    seconds: float


def asked(output: Path, table: str, as_of: str | None) -> tuple[int, float]:
    """Rows, and seconds of the processor."""
    moment = () if as_of is None else ("--as-of", as_of)
    printed, spent = spent_on(table, "--json", "--output", str(output), *moment)
    return len(orjson.loads(printed)["rows"]), spent


def spent_on(*arguments: str, check: bool = True) -> tuple[bytes, float]:
    """What a command prints, and seconds of the processor; `check` is whether another exit code than 0 is a fault."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "milepost", *arguments], cwd=ROOT, capture_output=True, check=check
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return made.stdout, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measured(output: Path, as_of: str | None) -> Iterator[TableCost]:
    for moment in (None, as_of) if as_of is not None else (None,):
        for table in TABLES:
            found = [asked(output, table, moment) for _ in range(TIMES)]
            yield TableCost(table, moment or "now", found[0][0], min(seconds for _, seconds in found))


def page(costs: list[TableCost], starting: float, indexing: float, size: int) -> str:
    most = max(each.seconds for each in costs)
    kept = "kept" if most < TARGET_SECONDS else "missed"
    rows = "\n".join(f"| {each.table} | {each.moment} | {each.rows:,} | {each.seconds:.2f} |" for each in costs)
    return (
        "# What the firm at a glance costs\n\n"
        "Written by `python -m benchmarks.glance OUTPUT --as-of DAY --write`: each table as JSON, a process of its own on\n"
        f"one core, the lowest of {TIMES}, with the start of Python.\n\n"
        f"- Every table in {TARGET_SECONDS:.0f} seconds of the processor: {kept}, at most {most:.2f}.\n"
        f"- `milepost --version`, which asks nothing: {starting:.2f} s of each.\n"
        f"- The first question where the index is gone: {indexing:.1f} s. A run keeps it, so that no question pays that.\n"
        f"- The index: {size / 1e6:.0f} MB.\n\n"
        "| table | moment | rows | processor s |\n| --- | --- | --- | --- |\n" + rows + "\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("output", type=Path, help="Output folder of a run.")
    options.add_argument("--as-of", help="An earlier moment, measured too.")
    options.add_argument("--write", action="store_true", help=f"Write {RESULTS.name}.")
    given = options.parse_args()
    asked(given.output, TABLES[0], None)
    costs = list(measured(given.output, given.as_of))
    size = sum(path.stat().st_size for path in (given.output / "index").glob("*.db"))
    shutil.rmtree(given.output / "index")
    _, indexing = asked(given.output, TABLES[0], None)
    starting = min(spent_on("--version")[1] for _ in range(TIMES))
    text = page(costs, starting, indexing, size)
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
