"""Why an import cannot start: the mapping, the file or the target is not what it has to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ImportRefused(Exception):
    """Wrong usage, in words a person can act on; single unreadable rows are listed instead and never raise this."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; the nearest is "Hours"`, or nothing where none comes close; one that begins so goes before one alike."""
    folded = name.casefold()
    by_folded = {each.casefold(): each for each in known}
    begun = [each for each in by_folded if folded and each.startswith(folded)]
    close = begun or get_close_matches(folded, by_folded, n=1, cutoff=0.5)
    return f'; the nearest is "{by_folded[close[0]]}"' if close else ""
