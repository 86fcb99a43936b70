"""What people are told of an id that is not there: what was asked for, what is taken, what it may be, and where the ids are listed."""

from __future__ import annotations

from connectors.files.lookup import hint


def unknown(wanted: str, kinds: str, known: frozenset[str], listed_by: str, instead: str = "") -> str:
    """`kinds` with an article, such as `a project or a statement`; `instead` says what the id is, where it is anything."""
    asked = wanted or "(nothing)"
    if instead:
        return f"expected the id of {kinds}, got {asked}: {instead}"
    return f"expected the id of {kinds}, got {asked}{hint(wanted, known)}. `{listed_by}` lists them"
