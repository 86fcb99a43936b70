"""Which rows a hold of an entry is about: sources know an expense by its own id, the books know it with its kind before it."""

from collections.abc import Iterator

from domain.billing.holds import entry_scopes
from domain.work.rows import TIME_ENTRY, named, origin
from state.caps.given_up import rows_of
from state.draft import Draft
from state.rerating.passed_on import with_parts


def rows_held(draft: Draft, name: str) -> Iterator[str]:
    """The first row of that name, with those of its parts."""
    row = _row_of(draft, name)
    return iter(()) if row is None else with_parts(draft, row)


def scopes_of(draft: Draft, row: str) -> set[tuple[str, str]]:
    """How holds of the entry name it."""
    whole = origin(row)
    found = entry_scopes(row)
    if named(whole)[0] == TIME_ENTRY:
        return found
    return {(kind, name) for kind, name in found if name == whole or _row_of(draft, name) == whole}


def _row_of(draft: Draft, name: str) -> str | None:
    return next((row for row in rows_of(name) if draft.entry(row) is not None), None)
