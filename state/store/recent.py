"""What a store keeps of its rows between reads, bounded in bytes: decoded values, and which ids it has at all."""

from array import array
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import Final, Generic, TypeVar
from zlib import crc32

K = TypeVar("K")
V = TypeVar("V")

# A decoded row or part of the books takes about eight times the bytes that it is stored in.
DECODED: Final = 8
# Of ids: a word of 64 bits for every eight of them, in which three bits stand for each; at first, and at most (32 MB).
WORDS: Final = 1 << 18
WORDS_MAX: Final = 1 << 22
IDS_MAX: Final = 8 * WORDS
# Of a group with more ids it is not worth while to read them all.
GROUP_MAX: Final = IDS_MAX // 8
_BITS: Final = tuple(1 << (n & 63) | 1 << (n >> 6) | 1 << (n * 2_654_435_761 >> 26 & 63) for n in range(4096))


def _mixed(group: int, each: str) -> tuple[int, int]:
    """For the word and for the pattern in it; of one checksum the words of a large filter leave too few bits for patterns."""
    data = each.encode()
    return crc32(data, group), crc32(data[::-1], group) & 4095


class Recent(Generic[K, V]):
    """Values up to a number of bytes; those that were not used for the longest time go first."""

    __slots__ = ("_bytes", "_found", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._bytes = 0
        self._found: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._found.get(key)
        if found is None:
            return None
        self._found.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> bool:
        """In the place of what was there, if anything was; `size` is in bytes."""
        before = self._found.pop(key, None)
        if before is not None:
            self._bytes -= before[1]
        self._found[key] = value, size
        self._bytes += size
        self._let_go(self.limit, 1)
        return before is not None

    def take(self, key: K) -> V | None:
        """What is there no longer."""
        found = self._found.pop(key, None)
        if found is None:
            return None
        self._bytes -= found[1]
        return found[0]

    def spare(self, size: int) -> None:
        """Let go until so many bytes of the limit are free."""
        self._let_go(self.limit - size, 0)

    def _let_go(self, limit: int, least: int) -> None:
        while self._bytes > limit and len(self._found) > least:
            _, (_, gone) = self._found.popitem(last=False)
            self._bytes -= gone


class StoredIds:
    """A Bloom filter over the ids of rows, by group: an id that it denies was never stored; of those that were never stored it
    denies nearly all.

    Of a group nothing is known before its ids were added. A full filter forgets every group, and has room for twice as many ids then:
    one that stayed as it was would read the ids of every group again and again.
    """

    __slots__ = ("_count", "_groups", "_mask", "_max", "_words")

    def __init__(self) -> None:
        self._empty(WORDS, IDS_MAX)

    def knows(self, group: int) -> bool:
        return group in self._groups

    def add_group(self, group: int, ids: Iterable[str]) -> None:
        """All that are stored of it."""
        listed = list(islice(ids, GROUP_MAX + 1))
        if self._count + len(listed) > self._max:
            self._forget()
        for each in listed:
            self.add(group, each)
        self._groups[group] = len(listed) <= GROUP_MAX

    def add(self, group: int, each: str) -> None:
        if self._count >= self._max:
            self._forget()
        word, pattern = _mixed(group, each)
        at, bits = word & self._mask, _BITS[pattern]
        if self._words[at] & bits != bits:
            self._words[at] |= bits
            self._count += 1

    def denies(self, group: int, each: str) -> bool:
        """Of a group that it knows."""
        word, pattern = _mixed(group, each)
        bits = _BITS[pattern]
        return self._words[word & self._mask] & bits != bits and self._groups[group]

    def _forget(self) -> None:
        words = len(self._words)
        self._empty(*((2 * words, 2 * self._max) if words < WORDS_MAX else (words, self._max)))

    def _empty(self, words: int, most: int) -> None:
        self._words = array("Q", (0,)) * words
        self._mask, self._max = words - 1, most
        self._count = 0
        self._groups: dict[int, bool] = {}
