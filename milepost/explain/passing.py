"""What of an entry is over the cap of its line and went on to the next (policy `overflow=next_rule`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.explanation import Node
from domain.work.recorded import PASSED, PASSED_HOURS
from milepost.explain.nodes import Nodes

if TYPE_CHECKING:
    from milepost.explain.entries import VersionStanding


class PassingNodes(Nodes):
    def passed(self, at: VersionStanding) -> Node:
        """The value that is not billable on the entry's own line."""
        return self.nodes.entries.figure(at, PASSED, at.price.passed)

    def passed_hours(self, at: VersionStanding) -> Node:
        """As many as the part has."""
        return self.nodes.entries.figure(at, PASSED_HOURS, at.price.passed_hours)
