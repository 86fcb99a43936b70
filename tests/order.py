"""The order of tests in which all workers together are busy for as short as it gets.

Each worker of `--dist worksteal` begins with an equal number of tests as they stand, and who has done them takes the last ones of another.
Half of the time of all tests is waiting. So the first workers wait, files as a whole, while the last computes, and then takes from
them what else there is to compute. Who waits computes for a third of the time: four of them and one that computes keep two cores busy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TypeVar

Test = TypeVar("Test")

# Where tests mostly wait, for servers and for time to pass; the longest are in the first.
WAITING = ("reliability", "kafka")
# Where some compute for half a minute: first of the others, so that no worker is left with one in the end.
LONG = ("explain", "real_data", "benchmarks")
# So many workers begin with tests that wait: these have processes of their own, which compute as well.
WAITING_MAX = 4


def in_turn(tests: Sequence[Test], workers: int, file_of: Callable[[Test], PurePath]) -> list[Test]:
    """Files are below `tests`."""
    folders = {folder: place for place, folder in enumerate((*WAITING, *LONG))}
    ranked = sorted(tests, key=lambda test: folders.get(file_of(test).parts[0], len(folders)))
    waiting = [test for test in ranked if file_of(test).parts[0] in WAITING]
    others = ranked[len(waiting) :]
    files = list(dict.fromkeys(map(file_of, waiting)))
    waiters = max(1, min(workers - 1, WAITING_MAX))
    found: list[Test] = []
    for first in range(waiters):
        mine = set(files[first::waiters])
        own = [test for test in waiting if file_of(test) in mine]
        room = max(0, len(tests) // workers - len(own))
        left = max(0, len(others) - room)
        found += [*own, *others[left:]]
        others = others[:left]
    return [*found, *others]
