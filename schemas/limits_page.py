"""Writes the tables of docs/limits.md from `domain/refusals.py`: `python -m schemas.limits_page [--check]`.

What stands around the tables is written by hand; each stands between `<!-- refused: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from domain import refusals
from domain.refusals import REFUSALS
from schemas.files import keep_page

PAGE: Final = Path(__file__).parent.parent / "docs" / "limits.md"
TABLE: Final = re.compile(r"(<!-- refused: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# The tables of the page, with what of the list each holds.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "contracts": (refusals.CONTRACT, refusals.AMENDMENT),
    "lines": (refusals.LINE,),
    "policies": (refusals.COMPANY,),
    "work": (refusals.WORK,),
    "money": (refusals.PAYMENT, refusals.TAKEN_BACK),
}


def main(arguments: list[str]) -> int:
    differs = "its tables differ from domain/refusals.py; run `python -m schemas.limits_page`"
    return keep_page(PAGE, page(PAGE.read_text(encoding="utf-8")), differs, arguments)


def page(text: str) -> str:
    """The page with its tables as the list has them. Raises KeyError for a table that is not among them."""
    return TABLE.sub(lambda found: f"{found[1]}{table(TABLES[found[2]])}{found[3]}", text)


def table(stops: tuple[str, ...]) -> str:
    rows = [one for one in REFUSALS.values() if one.stops in stops]
    lines = [f"| {one.asked} | {one.where} | {one.instead} |" for one in rows]
    return "\n".join(("| asked for | in the event | instead |", "|---|---|---|", *lines, ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
