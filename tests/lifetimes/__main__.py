"""Plays stories by chance and keeps what does not hold, made small.

python -m tests.lifetimes SEED END [FOLDER]
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from state.store.store import StoreError
from tests.lifetimes.draw import Block
from tests.lifetimes.hold import Played, differs_by_arrival, faults
from tests.lifetimes.sold import LAST
from tests.lifetimes.story import story
from tests.scenario_text import ScenarioError

TRIES = 250
ARRIVAL_EVERY, EXPLAINED_EVERY = 10, 20
Search = Callable[[Sequence[Block]], str]


def main(first: int, end: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kinds: Counter[str] = Counter()
    started = time.monotonic()
    for seed in range(first, end):
        blocks = story(seed)
        searches: list[Search] = [partial(fault_of, explained=seed % EXPLAINED_EVERY == 0)]
        searches += [differs_by_arrival] if seed % ARRIVAL_EVERY == 0 else []
        for search in searches:
            fault = search(blocks)
            if fault:
                kinds[_kind(fault)] += 1
                _keep(folder / f"{seed}.txt", smallest(blocks, search, _kind(fault)), search)
                print(f"{seed}: {fault[:200]}", flush=True)
    print(f"{end - first} stories, {dict(kinds)}, {time.monotonic() - started:,.0f} s", flush=True)


def fault_of(blocks: Sequence[Block], *, explained: bool = False) -> str:
    """The first that does not hold; empty where all does, or where the text says nothing that can be played."""
    try:
        played = Played(blocks)
    except ScenarioError:
        return ""
    except Exception:  # noqa: BLE001  # whatever stops the fold is found
        return f"{traceback.format_exc(limit=-2)}"
    try:
        return next(iter(faults(played, explained=explained)), "")
    except StoreError:
        return ""
    finally:
        played.books.close()


def smallest(blocks: Sequence[Block], search: Search, kind: str) -> list[Block]:
    """Fewer blocks and contract lines with a fault of the same kind, as far as so many tries go; what bills the last cent stays."""
    tries = TRIES

    def is_found(fewer: Sequence[Block]) -> bool:
        nonlocal tries
        tries -= 1
        try:
            return tries > 0 and any(one.day for one in fewer) and _kind(search(fewer)) == kind
        except ScenarioError:
            return False

    found, end = [one for one in blocks if one.day < LAST], [one for one in blocks if one.day >= LAST]
    size = len(found) // 2
    while size:
        place = 0
        while place < len(found):
            fewer = found[:place] + found[place + size :]
            if is_found([*fewer, *end]):
                found = fewer
            else:
                place += size
        size //= 2
    for name in sorted({line.split()[1] for block in found for line in block.below if line.split()[0] == "line"}):
        fewer = [
            one for one in (block._replace(below=_without(block, name)) for block in found) if name not in one.words
        ]
        rest = [one for one in end if not any(word.startswith(name) for word in one.words)]
        if is_found([*fewer, *rest]):
            found, end = fewer, rest
    return [*found, *end]


def _without(block: Block, name: str) -> tuple[str, ...]:
    kept, is_kept = [], True
    for line in block.below:
        words = line.split()
        is_kept = words[1] != name if words[0] in ("line", "shared") else is_kept
        kept += [line] if is_kept else []
    return tuple(kept)


def _kind(fault: str) -> str:
    """A check, or the last line of a traceback, without what it is about."""
    return fault.strip().splitlines()[-1].partition(":")[0] if fault else ""


def _keep(path: Path, blocks: Sequence[Block], search: Search) -> None:
    """As a scenario's text."""
    try:
        lines = Played(blocks).lines
    except Exception:  # noqa: BLE001
        lines = [line for block in blocks for line in (block.head, *block.below)]
    path.write_text("\n".join((search(blocks), "", *lines, "")), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3] if len(sys.argv) > 3 else "build/lifetimes"))
