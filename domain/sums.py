"""Numbers that are added up by what they are of."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def summed(several: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    """In the order in which each key first comes."""
    found: dict[Key, int] = {}
    for key, number in several:
        found[key] = found.get(key, 0) + number
    return found
