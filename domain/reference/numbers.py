"""Numbers of statements: ranges of a company, their formats, and which definitions would give a number twice.

A range counts without gaps. Each partition of the log counts a series of its own, so the format of a log of several partitions has
`{series}`. Whether a definition is refused follows from definitions alone, never from numbers that were given: every shard answers alike.

    INV-{year}-{number:5} of a range that restarts each year: INV-2026-00017, ..., INV-2027-00001
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

from domain.events.common import FiscalCalendar, NumberRange
from domain.events.reference import LegalEntityDefined
from domain.identity import composed
from domain.outputs import StatementNumber
from domain.policy_faults import Fault
from domain.reference.fiscal import period_of

STATEMENT, CREDIT = "statement", "credit"
NEVER, YEAR, FISCAL_YEAR = "never", "year", "fiscal_year"
NUMBER, SERIES = "number", "series"
# The parts of a format; a colon gives the least number of digits.
PLACEHOLDERS: Final = (NUMBER, YEAR, FISCAL_YEAR, SERIES)
NUMBER_MOST: Final = 10**12
FORMAT_MOST: Final = 60
_PART: Final = re.compile(r"\{([a-z_]+)(?::([1-9]))?\}")
_TOKEN: Final = re.compile(r"\{[a-z_]+(?::[1-9])?\}|[0-9]+|[^0-9{}]+|[{}]")


class NumberGiven(NamedTuple):
    """The number of a revision of a statement."""

    revision: int
    number: str
    place: StatementNumber
    replaces: str | None = None


def range_for(ranges: Iterable[NumberRange], *, is_credit: bool) -> NumberRange | None:
    """That for credits takes what gives money back; without one the other takes all."""
    by_kind = {one.takes: one for one in ranges}
    return (by_kind.get(CREDIT) if is_credit else None) or by_kind.get(STATEMENT)


def next_place(
    counted: Mapping[str, int], entity: LegalEntityDefined, numbers: NumberRange, day: date, series: int
) -> StatementNumber:
    """After the last of the year; in the first year of the range its first number. `counted` are last numbers, by `count_key`."""
    year = _years(entity.fiscal_calendar, day).get(numbers.restarts, "")
    key = count_key(entity.legal_entity_id, numbers.range_id, year)
    if key in counted:
        return StatementNumber(numbers.range_id, series, year, counted[key] + 1)
    of_range = composed(entity.legal_entity_id, numbers.range_id, "")
    is_begun = any(each.startswith(of_range) for each in counted)
    return StatementNumber(numbers.range_id, series, year, 1 if is_begun else numbers.first_number)


def count_key(legal_entity_id: str, range_id: str, year: str) -> str:
    return composed(legal_entity_id, range_id, year)


def text_of(entity: LegalEntityDefined, numbers: NumberRange, day: date, place: StatementNumber) -> str:
    values = {**_years(entity.fiscal_calendar, day), SERIES: str(place.series), NUMBER: str(place.value)}
    return _PART.sub(lambda part: values[part[1]].zfill(int(part[2] or 1)), numbers.format)


def _years(calendar: FiscalCalendar, day: date) -> dict[str, str]:
    return {YEAR: f"{day.year}", FISCAL_YEAR: period_of(calendar, day).name[:4]}


# What a definition may not say


def number_range_faults(ranges: Sequence[NumberRange]) -> Iterator[Fault]:
    """Of one definition, whatever was defined before."""
    ids: dict[str, int] = {}
    kinds: dict[str, int] = {}
    for place, one in enumerate(ranges):
        path = f"number_ranges[{place}]"
        yield from _format_faults(f"{path}.format", one)
        if not 1 <= one.first_number < NUMBER_MOST:
            yield f"{path}.first_number", f"expected 1 to {NUMBER_MOST - 1}, got {one.first_number}"
        if (first := ids.setdefault(one.range_id, place)) != place:
            yield f"{path}.range_id", f"{one.range_id} is number_ranges[{first}] already"
        if (first := kinds.setdefault(one.takes, place)) != place:
            yield f"{path}.takes", f"{one.takes} is taken by number_ranges[{first}] already"
    if ranges and STATEMENT not in kinds:
        yield "number_ranges", f"expected a range that takes {STATEMENT}, got only one for credits"


def _format_faults(path: str, one: NumberRange) -> Iterator[Fault]:
    tokens = _TOKEN.findall(one.format)
    named = [_PART.fullmatch(each) for each in tokens]
    parts = [match[1] for match in named if match is not None]
    unknown = [each for each in parts if each not in PLACEHOLDERS]
    if unknown or "{" in tokens or "}" in tokens:
        known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
        yield path, f"expected {known}, digits after a colon as in {{number:5}}, got {one.format!r}"
        return
    if parts.count(NUMBER) != 1:
        yield path, f"expected {{number}} once, got {one.format!r}"
    if len(one.format) > FORMAT_MOST or not one.format.isprintable():
        yield path, f"expected up to {FORMAT_MOST} printable characters, got {one.format!r}"
    for before, after in pairwise(tokens):
        if _counts(before) and _counts(after):
            yield path, f"expected a sign that is no digit between {before} and {after}, got {one.format!r}"
    if one.restarts in {YEAR, FISCAL_YEAR} and one.restarts not in parts:
        yield path, f"expected {{{one.restarts}}}, since the range restarts by it, got {one.format!r}"


def _counts(token: str) -> bool:
    return token.isdecimal() or token.startswith("{")


def needs_series(ranges: Sequence[NumberRange], partitions: int) -> Iterator[Fault]:
    """Each partition of the log counts for itself: without `{series}` two of them would give one number twice."""
    for place, one in enumerate(ranges):
        if partitions > 1 and not any(match[1] == SERIES for match in _PART.finditer(one.format)):
            why = f"since this log has {partitions} partitions that each count a series, got {one.format!r}"
            yield f"number_ranges[{place}].format", f"expected {{series}}, {why}"


def changed_faults(before: Sequence[NumberRange], ranges: Sequence[NumberRange]) -> Iterator[Fault]:
    """`before` is every version of every range that the company has ever defined."""
    first = {one.range_id: one for one in reversed(before)}
    for place, one in enumerate(ranges):
        path = f"number_ranges[{place}]"
        had = first.get(one.range_id)
        if had is not None and one.first_number != had.first_number:
            how = "backwards" if one.first_number < had.first_number else "over a gap"
            got = f"got {one.first_number}: it would run {how}; define another range with another format to begin elsewhere"
            yield f"{path}.first_number", f"expected {had.first_number}, with which range {one.range_id} began, {got}"
        if had is not None and (one.takes, one.restarts) != (had.takes, had.restarts):
            field = "takes" if one.takes != had.takes else "restarts"
            expected, got = getattr(had, field), getattr(one, field)
            yield f"{path}.{field}", f"expected {expected}, as range {one.range_id} began with, got {got}"
        for other in (*before, *ranges[:place]):
            if _may_meet(one, other):
                expected = f"expected one whose numbers differ from those of range {other.range_id} ({other.format})"
                yield f"{path}.format", f"{expected}, got {one.format} of range {one.range_id}"
                break


def _may_meet(one: NumberRange, other: NumberRange) -> bool:
    """Whether two formats can give the same text; those of one range may, as it counts on, where its number stands at the same place."""
    tokens, others = _TOKEN.findall(one.format), _TOKEN.findall(other.format)
    if len(tokens) != len(others):
        return False
    for mine, theirs in zip(tokens, others, strict=True):
        if _counts(mine) != _counts(theirs) or (not _counts(mine) and mine != theirs):
            return False
        if mine.isdecimal() and theirs.isdecimal() and mine != theirs:
            return False
    counts = {NUMBER, one.restarts}
    return one.range_id != other.range_id or _places(tokens, counts) != _places(others, counts)


def _places(tokens: Sequence[str], names: Set[str]) -> list[str]:
    """Where these placeholders stand."""
    found = [_PART.fullmatch(each) for each in tokens]
    return [match[1] if match is not None and match[1] in names else "" for match in found]
