"""What of an entry is over the cap of its line and went on to the next (policy `overflow=next_rule`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.explanation import Node
from domain.work.recorded import PASSED, PASSED_HOURS
from milepost.explain.sources import Sources
from state.books import Price

if TYPE_CHECKING:
    from milepost.explain.entries import EntryNodes, VersionStanding


class PassingNodes:
    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
        self.entries = entries

    def passed(self, at: VersionStanding) -> Node:
        """The value that is not billable on the entry's own line."""
        price = _price(at)
        return self.entries.figure(at, PASSED, price.passed)

    def passed_hours(self, at: VersionStanding) -> Node:
        """As many as the part has."""
        return self.entries.figure(at, PASSED_HOURS, _price(at).passed_hours)


def _price(at: VersionStanding) -> Price:
    assert at.work.price is not None, "the work is priced"
    return at.work.price
