"""Changes of a firm's events that systems, people and chance make: other values, ids and order; some are refused, none may stop a run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from tests.fuzz.corpus import Line

# Of what a field says, where it is not taken from another event.
NUMBERS: Final = (
    "0",
    "-1",
    "0.01",
    "0.0001",
    "1",
    "33.33",
    "99.999999",
    "-250.5",
    "1000000",
    "99999999999",
    "0.333333",
)
TEXTS: Final = (
    "",
    " ",
    "x",
    "K/L",
    "a.b",
    "é",
    "e\u0301",
    "\u202eevil",
    "\x1b[31mred",
    "nul\x00",
    "x" * 128,
    "x" * 129,
    "<b>&amp;",
)
CURRENCIES: Final = ("EUR", "USD", "JPY", "KWD", "XXX", "eur")
PLAIN_DAYS: Final = (-400, -60, -31, -7, -1, 0, 1, 7, 31, 60, 400)
# How much of the events is changed, and how much moves.
CHANGED: Final = 0.25
MOVED: Final = 0.2

Path = tuple[Any, ...]
Pool = dict[str, list[Any]]


def mutated(lines: Sequence[Line], random: Random) -> tuple[list[Line], int]:
    """The events in the order of their file, and how many of them are not as they were."""
    pool = _pool(lines)
    found: list[Line] = []
    changed = 0
    for line in lines:
        if random.random() >= CHANGED:
            found.append(line)
            continue
        made = random.choice(KINDS)(copy.deepcopy(line), pool, random)
        changed += max(len(made), 1)
        found += made
    for _ in range(int(len(found) * MOVED)):
        found.insert(random.randrange(len(found)), found.pop(random.randrange(len(found))))
        changed += 1
    return found, changed


def _pool(lines: Sequence[Line]) -> Pool:
    """What each field says somewhere."""
    found: Pool = {}
    for line in lines:
        for path, value in _leaves(line):
            found.setdefault(_name(path), []).append(value)
    return found


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Plain values, and lists and objects as a whole too."""
    if path:
        yield path, value
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _leaves(each, (*path, place))


def _name(path: Path) -> str:
    return str(next(part for part in reversed(path) if isinstance(part, str)))


def _owner(line: Line, path: Path) -> Any:
    found: Any = line
    for part in path[:-1]:
        found = found[part]
    return found


def _place(line: Line, random: Random, wanted: Callable[[Path, Any], bool]) -> Path | None:
    places = [path for path, value in _leaves(line) if path != ("type",) and wanted(path, value)]
    return random.choice(places) if places else None


# Each gives the events that stand in place of one


def _another_value(line: Line, pool: Pool, random: Random) -> list[Line]:
    """What the same field says in another event."""
    path = _place(line, random, lambda path, _: path != ("event_id",))
    if path is not None:
        _owner(line, path)[path[-1]] = copy.deepcopy(random.choice(pool[_name(path)]))
    return [line]


def _another_id(line: Line, pool: Pool, random: Random) -> list[Line]:
    path = _place(line, random, lambda path, _: _name(path).endswith("_id"))
    if path is not None:
        _owner(line, path)[path[-1]] = copy.deepcopy(random.choice(pool[_name(path)]))
    return [line]


def _odd_value(line: Line, _pool: Pool, random: Random) -> list[Line]:
    path = _place(line, random, lambda _, value: not isinstance(value, dict | list))
    if path is not None:
        _owner(line, path)[path[-1]] = _odd(_owner(line, path)[path[-1]], random)
    return [line]


def _odd(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((0, 1, 2, value + 1, value - 1, -1, 10**6))
    if isinstance(value, str):
        if _is_number(value):
            return random.choice(NUMBERS)
        if _is_day(value):
            return _shifted(value, random)
        if len(value) == 3 and value.isupper():
            return random.choice(CURRENCIES)
    return random.choice(TEXTS)


def _is_number(value: str) -> bool:
    return value.lstrip("-").replace(".", "", 1).isdigit()


def _is_day(value: str) -> bool:
    return len(value) >= 10 and value[4:5] == value[7:8] == "-" and value[:4].isdigit()


def _shifted(value: str, random: Random) -> str:
    by = timedelta(days=random.choice(PLAIN_DAYS) if len(value) == 10 else random.choice(PLAIN_DAYS[1:-1]))
    if len(value) == 10:
        return (date.fromisoformat(value) + by).isoformat()
    return (datetime.fromisoformat(value) + by).isoformat()


def _another_day(line: Line, _pool: Pool, random: Random) -> list[Line]:
    path = _place(line, random, lambda _, value: isinstance(value, str) and _is_day(value))
    if path is not None:
        _owner(line, path)[path[-1]] = _shifted(_owner(line, path)[path[-1]], random)
    return [line]


def _left_out(line: Line, _pool: Pool, random: Random) -> list[Line]:
    """A field, or one of a list."""
    path = _place(line, random, lambda path, _: path[0] not in ("event_id", "occurred_at", "source"))
    if path is not None:
        del _owner(line, path)[path[-1]]
    return [line]


def _added(line: Line, pool: Pool, random: Random) -> list[Line]:
    """A field that events of this firm have; many are refused."""
    name = random.choice(list(pool))
    line.setdefault(name, copy.deepcopy(random.choice(pool[name])))
    return [line]


def _twice_in_a_list(line: Line, _pool: Pool, random: Random) -> list[Line]:
    path = _place(line, random, lambda _, value: isinstance(value, list) and bool(value))
    if path is not None:
        several = _owner(line, path)[path[-1]]
        several.append(copy.deepcopy(random.choice(several)))
    return [line]


def _again(line: Line, _pool: Pool, random: Random) -> list[Line]:
    return [line, {**line, "event_id": f"{line['event_id']}-again{random.randrange(9)}"}]


def _next_version(line: Line, pool: Pool, random: Random) -> list[Line]:
    """A correction that says something else."""
    other = copy.deepcopy(line)
    if isinstance(other.get("version"), int):
        other["version"] += random.choice((-1, 0, 1, 1, 1, 2))
    other["event_id"] = f"{line['event_id']}-next{random.randrange(9)}"
    return [line, *random.choice((_another_value, _another_day, _odd_value, _another_id))(other, pool, random)]


def _lost(_line: Line, _pool: Pool, _random: Random) -> list[Line]:
    return []


def _late(line: Line, _pool: Pool, random: Random) -> list[Line]:
    """Recorded weeks after it happened."""
    recorded = datetime.fromisoformat(str(line["occurred_at"])) + timedelta(days=random.choice((1, 10, 40)))
    return [{**line, "recorded_at": recorded.isoformat()}]


KINDS: Final = (
    *(_another_value, _another_value, _another_id, _another_id, _odd_value, _another_day, _another_day),
    *(_left_out, _added, _twice_in_a_list, _again, _next_version, _next_version, _next_version, _lost, _late),
)
