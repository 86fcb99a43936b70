"""Follows the arithmetic of an explanation, and finds what does not hold."""

from collections.abc import Container, Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from domain.columns import SumParts
from domain.explanation import OPERATIONS, SCALES, STATED, EventRef, Node


class WrongNode(NamedTuple):
    """A node whose arithmetic gives another value than it says."""

    node: Node
    found: Fraction | None

    @property
    def what(self) -> str:
        said = Fraction(self.node.value or 0, 10 ** SCALES.get(self.node.unit, 0))
        return f"{self.node.title}: says {said}, its arithmetic gives {self.found}"


def everything(root: Node, known: Container[int] = (), *, of_rows: bool = True) -> Iterator[Node]:
    """Every node once, those below before those above; but those `known` by their identity and all below them. Without those `of_rows` none
    has to be made of what very long sums add up."""
    seen: set[int] = set()
    # After what is below the node that was opened last there is nothing in the stack, for its turn.
    stack: list[Node | None] = [root]
    opened: list[Node] = []
    while stack:
        node = stack.pop()
        if node is None:
            yield opened.pop()
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        below = node.below if of_rows or not _is_of_rows(node) else node.why
        if not below:
            yield node
            continue
        opened.append(node)
        stack.append(None)
        stack += [one for one in reversed(below) if id(one) not in seen and id(one) not in known]


def _is_of_rows(node: Node) -> bool:
    return node.arithmetic is not None and isinstance(node.arithmetic.operands, SumParts)


def recompute(root: Node) -> list[WrongNode]:
    """Nodes whose value does not follow from their operands; empty where everything holds."""
    return wrong_of(everything(root))


def wrong_of(nodes: Iterable[Node]) -> list[WrongNode]:
    """Of these, nodes whose value does not follow from their operands; those below come before those above."""
    found: dict[int, Fraction] = {}
    wrong = []
    for node in nodes:
        if node.value is None:
            continue
        said = _exact(node.value, node.unit)
        operation = node.arithmetic.operation if node.arithmetic is not None else ""
        made: Fraction | None = said
        if node.arithmetic is not None and isinstance(node.arithmetic.operands, SumParts):
            made = _exact(node.arithmetic.operands.value, node.arithmetic.operands[0].unit)
        elif node.arithmetic is not None and operation in OPERATIONS:
            made = OPERATIONS[operation](
                [found[id(one)] for one in node.arithmetic.operands], node.arithmetic.parameters
            )
        if made != said:
            wrong.append(WrongNode(node, made))
        found[id(node)] = said
    return wrong


@lru_cache(maxsize=4_096)
def _exact(value: int, unit: str) -> Fraction:
    """Many of very many entries have the same hours, and cost the same."""
    return Fraction(value, 10 ** SCALES[unit])


def counted_nodes(nodes: Iterable[Node]) -> int:
    """How many these are, all that `everything` found without those of rows, with these."""
    several = list(nodes)
    all_parts = [one.arithmetic.operands for one in several if one.arithmetic is not None]
    columns = {id(column): column for parts in all_parts if isinstance(parts, SumParts) for column in parts.columns}
    made = {id(node) for column in columns.values() for node in column.made.values()}
    return sum(id(one) not in made for one in several) + sum(len(column.values) for column in columns.values())


def events_of(nodes: Iterable[Node]) -> list[EventRef]:
    """Every event that all these nodes rest on, in log order."""
    found = {node.event for node in nodes if node.event is not None}
    return sorted(found, key=lambda event: event.log_offset)


def unexplained(root: Node) -> list[Node]:
    """Nodes that say a value which nothing below them gives."""
    return stated_of(everything(root))


def stated_of(nodes: Iterable[Node]) -> list[Node]:
    """Of these, nodes that say a value which nothing below them gives."""
    return [node for node in nodes if node.arithmetic is not None and node.arithmetic.operation == STATED]


def disagreeing(nodes: Iterable[Node]) -> list[Node]:
    """Of these, nodes whose explanation comes to another value, which stands below them."""
    return [node for node in stated_of(nodes) if node.arithmetic is not None and node.arithmetic.parameters]
