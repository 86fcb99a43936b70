"""What explains one kind of figure of an engagement, beside what explains the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from milepost.explain.explainer import Explainer


class Nodes:
    """`nodes` has all others."""

    def __init__(self, nodes: Explainer) -> None:
        self.nodes = nodes
        self.sources = nodes.sources
        self.recorded = nodes.recorded
        self.begin()

    def begin(self) -> None:
        """What it keeps, and the addresses that it resolves."""
