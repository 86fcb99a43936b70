"""Runs a case to its end and verifies it: whatever came in, no traceback, no stop, no violation."""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from typer.testing import CliRunner

from milepost.cli import app
from tests.folding import MEMORY_DISK
from tests.fuzz.corpus import Line, firm, stories
from tests.fuzz.mutations import mutated

FIRMS: Final = (3, 7, 11)
# Of a firm's events only so many, so that a case is short; of which the first define the firm.
TAKEN: Final = 400
# Folding again takes half of the time, and finds what changes from one fold to the next.
FOLD_AGAIN_EVERY: Final = 4
# What `run` and `verify` say of a folder in which nothing could be accounted for.
NOTHING_TO_VERIFY: Final = 2


class Case(NamedTuple):
    seed: int
    number: int
    lines: tuple[Line, ...]
    changed: int


def case(seed: int, number: int) -> Case:
    """Each by its own chance, so that one can be played alone."""
    random = Random(f"{seed}/{number}")
    lines = stories(random) if random.random() < 0.6 else _part_of_a_firm(random)
    found, changed = mutated(lines, random)
    return Case(seed, number, tuple(found), changed)


def _part_of_a_firm(random: Random) -> list[Line]:
    lines = firm(random.choice(FIRMS))
    founding = [line for line in lines if not line["type"].startswith(("Time", "Expense", "ExchangeRate"))]
    others = [line for line in lines if line["type"].startswith(("Time", "Expense", "ExchangeRate"))]
    kept = {id(line) for line in (*founding, *random.sample(others, min(TAKEN, len(others))))}
    return [line for line in lines if id(line) in kept]


def fault_of(lines: Sequence[Line], *, fold_again: bool = True) -> str:
    """Empty where the run comes to its end and holds."""
    with TemporaryDirectory(prefix="milepost-fuzz-", dir=MEMORY_DISK) as name:
        folder = Path(name)
        source = folder / "input"
        source.mkdir()
        write(source / "events.jsonl", lines)
        until = ["--until", _last_day(lines).isoformat(), "--yes"]
        made = _said(["run", "--input", str(source), "--output", str(folder / "output"), *until])
        if made:
            return f"run: {made}"
        found = _said(["verify", "--output", str(folder / "output"), *(() if fold_again else ("--fast",))])
        return f"verify: {found}" if found else ""


def write(path: Path, lines: Sequence[Line]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _last_day(lines: Sequence[Line]) -> date:
    days = [str(line.get("recorded_at") or line.get("occurred_at") or "")[:10] for line in lines]
    known = sorted(day for day in days if "2020" < day < "2031")
    return date.fromisoformat(known[-1]) + timedelta(days=40) if known else date(2026, 3, 31)


def _said(arguments: list[str]) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return "".join(traceback.format_exception(result.exception)[-6:])
    if result.exit_code == NOTHING_TO_VERIFY and "nothing is accounted for" in result.output:
        return ""
    return "" if result.exit_code == 0 else f"exit {result.exit_code}: {result.output[-3000:]}"
