"""An explanation as a tree of lines; what was shown already is named, not repeated."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text
from rich.tree import Tree

from domain.columns import SumParts
from domain.explanation import Node
from milepost.console import printable
from milepost.explained import below, event_text, formula, policies_text, shared, value_text
from milepost.printer import Printer

SHOWN_FIRST: Final = 8
# Wider than any line, so that nothing is broken where no terminal is.
UNBROKEN: Final = 10_000
DIM, BOLD = "dim", "bold"


def show(root: Node, depth: int | None, *, everything: bool) -> None:
    console = Printer()
    if not console.is_terminal:
        console = Printer(width=UNBROKEN, color_system=None)
    console.print(tree(root, depth, everything=everything), soft_wrap=not console.is_terminal)


def tree(root: Node, depth: int | None, *, everything: bool) -> Tree:
    """`depth` counts levels below the root."""
    made = Tree(_line(root))
    seen: set[int] = {shared(root)}
    stack: list[tuple[Tree, Node, int]] = [(made, root, 0)]
    while stack:
        branch, node, level = stack.pop()
        if level and below(node) and shared(node) in seen:
            branch.label = _line(node).append(" (as above)", style=DIM)
            continue
        seen.add(shared(node))
        for line in _notes(node):
            branch.add(_text(line, style=DIM))
        nodes = below(node)
        if depth is not None and level >= depth:
            if nodes:
                branch.add(_text(f"… {len(nodes):,} below, --depth {depth + 1} shows them", style=DIM))
            continue
        shown = nodes if everything else _first(nodes)
        later = [(branch.add(_line(one)), one, level + 1) for one in shown]
        if len(shown) < len(nodes):
            branch.add(_text(f"… {len(nodes) - len(shown):,} more, --all shows them", style=DIM))
        stack += reversed(later)
    return made


def _text(words: str, style: str = "") -> Text:
    return Text(printable(words), style=style)


def _first(nodes: Sequence[Node]) -> Sequence[Node]:
    """What stands under a heading is shown whole, a long sum by its first parts."""
    if not isinstance(nodes, SumParts) and any(node.arithmetic is None for node in nodes):
        return nodes
    return nodes if len(nodes) <= SHOWN_FIRST + 2 else nodes[:SHOWN_FIRST]


def _line(node: Node) -> Text:
    made = _text(node.title)
    if node.value is not None:
        made.append(": ")
        made.append(printable(value_text(node)), style=BOLD)
    how = formula(node)
    if how:
        made.append(f" = {how}")
    if node.rule:
        made.append(f"  [{node.rule}]", style=DIM)
    return made


def _notes(node: Node) -> Iterator[str]:
    """Event, facts, policies, and what to ask for to see this alone."""
    if node.event is not None:
        yield event_text(node.event)
    for name, value in node.facts:
        yield f"{name}: {value}"
    if node.policies:
        yield policies_text(node.policies)
    if node.id and (node.why or node.arithmetic is None) and not node.event:
        yield f"id: {node.id}"
