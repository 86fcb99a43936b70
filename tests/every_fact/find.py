"""Renews the table of stories: `python -m tests.every_fact.find [FIELD ...]`, by default of the fields that lack a story that shows them.

It tries the stories that have the record, those where the field is stated first, and writes which one shows it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.every_fact.schema_fields import fields
from tests.every_fact.table import TABLE, Row, needs_a_story, read, write
from tests.every_fact.twins import CHECKED, NAMES_OF_STORIES, NOTHING, REFUSED, SHOWN, at, counts, places, story


def main(asked: list[str]) -> int:
    rows = read()
    for key in fields():
        if not (key in rows or needs_a_story(key)) or (asked and key not in asked):
            continue
        row = rows.get(key)
        if not asked and row is not None and row.story in NAMES_OF_STORIES and counts(key, row.story) == row.how:
            continue
        found = _look(key)
        if found is None:
            rows.pop(key, None)
            print(f"{key}: no story shows it")
        else:
            rows[key] = found
    write({key: row for key, row in rows.items() if key in fields()})
    print(f"{TABLE.name}: {len(rows)} fields and values")
    return 0


def _look(key: str) -> Row | None:
    best = None
    for name in _stories(key):
        how = counts(key, name)
        if how == SHOWN:
            return Row(how, name)
        if how != NOTHING and (best is None or (best.how, how) == (CHECKED, REFUSED)):
            best = Row(how, name)
    return best


def _stories(key: str) -> Iterator[str]:
    record, _, rest = key.partition(".")
    field = rest.partition("=")[0]
    stated, other = [], []
    for name in NAMES_OF_STORIES:
        log, _ = story(name)
        held = [at(log[place.offset].event, (*place.way, field)) for place in places(log, record)]
        if any(value not in (None, ()) for value in held):
            stated.append(name)
        elif held:
            other.append(name)
    step = max(1, len(other) // 8)
    yield from (*stated[:: max(1, len(stated) // 30)], *other[::step])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
