"""Plays cases until so many mutated events are through, and keeps what fails, made small.

python -m tests.fuzz --events 300000 --seed 1 --keep build/fuzz
python -m tests.fuzz --seed 1 --case 17
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import typer.testing

from tests.fuzz.corpus import Line
from tests.fuzz.play import FOLD_AGAIN_EVERY, case, fault_of, write

# Made once, not for each case.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]  # its own import

TRIES = 120


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=10_000, help="mutated events")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--case", type=int, help="this one alone")
    arguments.add_argument("--first", type=int, default=0, help="the case to begin with")
    arguments.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for what fails")
    given = arguments.parse_args()
    if given.case is not None:
        print(fault_of(case(given.seed, given.case).lines) or "holds")
        return
    events = changed = failed = 0
    number = given.first
    started = time.monotonic()
    while changed < given.events:
        made = case(given.seed, number)
        fault = fault_of(made.lines, fold_again=number % FOLD_AGAIN_EVERY == 0)
        events, changed = events + len(made.lines), changed + made.changed
        if fault:
            failed += 1
            _keep(given.keep / f"{given.seed}-{number}", made.lines, fault)
        number += 1
        if number % 20 == 0 or fault or changed >= given.events:
            spent = time.monotonic() - started
            print(
                f"{number} cases, {events:,} events, {changed:,} mutated, {failed} failed, {spent:,.0f} s", flush=True
            )


def _keep(folder: Path, lines: Sequence[Line], fault: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    small = smallest(lines, fault)
    write(folder / "events.jsonl", small)
    (folder.parent / f"{folder.name}.txt").write_text(
        f"{len(small)} of {len(lines)} events\n{fault_of(small)}", encoding="utf-8"
    )
    print(f"{folder}: {len(small)} events: {fault.strip().splitlines()[-1][:200]}", flush=True)


def smallest(lines: Sequence[Line], fault: str) -> list[Line]:
    """Fewer lines with a fault of the same kind, as far as so many tries go."""
    kind, found, size, tries = _kind(fault), list(lines), len(lines) // 2, TRIES
    while size and tries > 0:
        place = 0
        while place < len(found) and tries > 0:
            fewer = found[:place] + found[place + size :]
            tries -= 1
            if fewer and _kind(fault_of(fewer)) == kind:
                found = fewer
            else:
                place += size
        size //= 2
    return found


def _kind(fault: str) -> str:
    """The command, and the last line of a traceback or the check that does not hold, without what they name."""
    lines = fault.strip().splitlines()
    first = next(
        (line for line in lines if "First violation" in line or "cannot be folded" in line), lines[-1] if lines else ""
    )
    told = "".join(char for char in first.partition("This is a fault")[0] if not char.isdigit())
    return f"{fault[:6]} {told[-90:]}"


if __name__ == "__main__":
    main()
