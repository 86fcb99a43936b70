"""An explanation as a tree of lines; what was shown already is named, not repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from domain.explanation import Node
from milepost.explained import event_text, formula, policy_text, value_text

SHOWN_FIRST: Final = 8
# Wider than any line, so that nothing is broken where no terminal is.
UNBROKEN: Final = 10_000
DIM, BOLD = "dim", "bold"


def show(root: Node, depth: int | None, *, everything: bool) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=UNBROKEN, color_system=None)
    console.print(tree(root, depth, everything=everything), soft_wrap=not console.is_terminal)


def tree(root: Node, depth: int | None, *, everything: bool) -> Tree:
    """`depth` counts levels below the root."""
    made = Tree(_line(root))
    seen: set[int] = {id(root)}
    stack: list[tuple[Tree, Node, int]] = [(made, root, 0)]
    while stack:
        branch, node, level = stack.pop()
        for line in _notes(node):
            branch.add(Text(line, style=DIM))
        below = _below(node)
        if depth is not None and level >= depth:
            if below:
                branch.add(Text(f"… {len(below):,} below, --depth {depth + 1} shows them", style=DIM))
            continue
        shown = below if everything else _first(below)
        later = []
        for one in shown:
            if id(one) in seen and _below(one):
                branch.add(Text(f"{_line(one).plain} (as above)", style=DIM))
                continue
            seen.add(id(one))
            later.append((branch.add(_line(one)), one, level + 1))
        if len(shown) < len(below):
            branch.add(Text(f"… {len(below) - len(shown):,} more, --all shows them", style=DIM))
        stack += reversed(later)
    return made


def _below(node: Node) -> list[Node]:
    operands = node.arithmetic.operands if node.arithmetic is not None else ()
    return [*operands, *node.why]


def _first(nodes: Sequence[Node]) -> Sequence[Node]:
    return nodes if len(nodes) <= SHOWN_FIRST + 2 else nodes[:SHOWN_FIRST]


def _line(node: Node) -> Text:
    made = Text(node.title)
    if node.value is not None:
        made.append(": ")
        made.append(value_text(node), style=BOLD)
    how = formula(node)
    if how:
        made.append(f" = {how}" if node.value is not None and not how.startswith("field") else f" = {how}")
    if node.rule:
        made.append(f"  [{node.rule}]", style=DIM)
    return made


def _notes(node: Node) -> Iterator[str]:
    """Event, facts, policies, and what to ask for to see this alone."""
    if node.event is not None:
        yield event_text(node.event)
    for name, value in node.facts:
        yield f"{name}: {value}"
    for policy in node.policies:
        yield policy_text(policy)
    if node.id and (node.why or node.arithmetic is None) and not node.event:
        yield f"id: {node.id}"
