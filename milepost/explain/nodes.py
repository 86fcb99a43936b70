"""What explains one kind of figure of an engagement, beside what explains the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from milepost.explain.explainer import Explainer

Own = TypeVar("Own", bound="Nodes")
Of = ParamSpec("Of")
Made = TypeVar("Made")


def once(make: Callable[Concatenate[Own, Of], Made]) -> Callable[Concatenate[Own, Of], Made]:
    """What is asked for again is the same node, and takes no time."""

    @wraps(make)
    def found(own: Own, /, *of: Of.args, **named: Of.kwargs) -> Made:
        key = (make, *of, *named.items())
        if key not in own.kept:
            own.kept[key] = make(own, *of, **named)
        return cast("Made", own.kept[key])

    return found


class Nodes:
    """`nodes` has all others."""

    def __init__(self, nodes: Explainer) -> None:
        self.kept: dict[tuple[object, ...], object] = {}
        self.nodes = nodes
        self.sources = nodes.sources
        self.recorded = nodes.recorded
        self.begin()

    def begin(self) -> None:
        """What it keeps, and the addresses that it resolves."""
