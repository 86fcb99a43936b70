"""What a figure is called where finance reads it, as docs/glossary.md has it, where its field is named otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.money import format_amount

TITLES: Final[Mapping[str, str]] = {
    "billed": "issued",
    "held": "on hold",
    # Also those over a cap, which nobody is billed for.
    "hours_charged": "hours priced",
    "contract_position": "contract balance",
}


def figure_words(name: str) -> str:
    """`on hold` of `held`, `over cap` of `over_cap`."""
    return TITLES.get(name) or name.replace("_", " ")


def rounding_words(note: str) -> str:
    """`entry, half_up, to 0.01 EUR` of the note on a statement, `entry, half_up, 100/10000 EUR`."""
    scope, mode, unit = note.split(", ")
    amount, currency = unit.split("/10000 ")
    return f"{scope}, {mode}, to {format_amount(int(amount), currency)} {currency}"
