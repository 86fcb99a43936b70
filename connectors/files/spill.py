"""Sorts more records than fit into memory by their key: each key's records come together, in the order they were added.

Keys are spread over shares by their hash; a share is a temporary file and must fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, NamedTuple

from connectors.closing import Closable

HEAD: Final = Struct("<BHI")
SHARES_MAX: Final = 256
BYTES_A_SHARE: Final = 16 * 1024 * 1024


class Spilled(NamedTuple):
    """`kind` is a number that the writer gives a meaning."""

    kind: int
    body: bytes


class Spill(Closable):
    """Made for about so many bytes; its files go when it is closed."""

    def __init__(self, expected_bytes: int) -> None:
        self._opened = ExitStack()
        folder = Path(self._opened.enter_context(TemporaryDirectory(prefix="milepost-")))
        self._count = max(1, min(SHARES_MAX, -(-expected_bytes // BYTES_A_SHARE)))
        self._files: list[BinaryIO] = [
            self._opened.enter_context((folder / str(share)).open("w+b")) for share in range(self._count)
        ]

    def close(self) -> None:
        self._opened.close()

    def add(self, key: str, kind: int, body: bytes) -> None:
        name = key.encode()
        share = int.from_bytes(blake2b(name, digest_size=4).digest(), "big") % self._count
        self._files[share].write(HEAD.pack(kind, len(name), len(body)) + name + body)

    def shares(self) -> Iterator[dict[str, list[Spilled]]]:
        """By key; one share is in memory at a time."""
        for file in self._files:
            file.seek(0)
            found: dict[str, list[Spilled]] = {}
            while head := file.read(HEAD.size):
                kind, name_length, body_length = HEAD.unpack(head)
                name = file.read(name_length).decode()
                found.setdefault(name, []).append(Spilled(kind, file.read(body_length)))
            yield found
