"""Why an import cannot start: the mapping, the file or the target is not what it has to be."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path


class ImportRefused(Exception):
    """Wrong usage, in words a person can act on; single unreadable rows are listed instead and never raise this."""


@contextmanager
def readable_file(path: Path) -> Iterator[None]:
    """What the system, a zip or an encoding says of a file that cannot be read, as a refusal."""
    try:
        yield
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile, RuntimeError) as fault:
        raise ImportRefused(f"{path}: cannot be read: {getattr(fault, 'strerror', None) or fault}") from fault


def nearest(name: str, known: Iterable[str]) -> str:
    """`; the nearest is "Hours"`, or nothing where none comes close; one that begins so goes before one alike."""
    folded = name.casefold()
    by_folded = {each.casefold(): each for each in known}
    begun = [each for each in by_folded if folded and each.startswith(folded)]
    close = begun or get_close_matches(folded, by_folded, n=1, cutoff=0.5)
    return f'; the nearest is "{by_folded[close[0]]}"' if close else ""
