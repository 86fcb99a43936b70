"""How long searches take: short in CI, long with `make test HYPOTHESIS_PROFILE=thorough`."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from hypothesis import settings

EXAMPLES: Final = settings().max_examples
THOROUGH: Final = EXAMPLES >= 2_000


def tried(name: str, one_in: int) -> bool:
    """Whether one of many cases is tried in CI too; what is added beside it does not change that."""
    return THOROUGH or crc32(name.encode()) % one_in == 0
