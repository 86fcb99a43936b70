"""What a figure is called where finance reads it, as docs/glossary.md has it, where its field is named otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TITLES: Final[Mapping[str, str]] = {
    "billed": "issued",
    "held": "on hold",
    "contract_position": "contract balance",
}


def figure_words(name: str) -> str:
    """`on hold` of `held`, `over cap` of `over_cap`."""
    return TITLES.get(name) or name.replace("_", " ")
