"""How long searches take: short in CI, long with `make test HYPOTHESIS_PROFILE=thorough`."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

EXAMPLES: Final = settings().max_examples
THOROUGH: Final = EXAMPLES >= 2_000
