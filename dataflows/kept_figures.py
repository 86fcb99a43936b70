"""Which figures of statements with very many entries are kept with the steps of a long history, as the rules recorded them.

To fold such a cut again takes longer than a question may, of 28,000 entries six seconds. What a figure is made of is kept in it, or named
by its address where it is a figure of its own, so that a node which several rest on is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from domain.explanation import Node
from domain.why import Disagreement, node_kept, node_made
from state.store.snapshot import NotStorable, packed
from state.stored_nodes import KeptNode, NamedFigure, Place
from state.trace import Trace

# Rows that a step changes from which on its statements' figures are kept: fewer are folded again in a tenth of a second.
KEPT_FROM: Final = 500


def kept_figures(trace: Trace, rows: Mapping[int, int]) -> Iterator[tuple[str, int, bytes]]:
    """Those of statements that were issued by steps which change very many rows. Of a step all are kept or none, and none if something else
    that it made has a node of theirs: that would be another where the step is folded again."""
    statements: dict[int, set[str]] = {}
    for step, statement_id, _ in trace.listed:
        if rows.get(step, 0) >= KEPT_FROM:
            statements.setdefault(step, set()).add(statement_id)
    if not statements:
        return
    why = trace.why
    wanted: dict[int, dict[str, Node]] = {step: {} for step in statements}
    for address, step, figure in list(why.recorded()):
        if step in wanted and address.partition("#")[0] in statements[step]:
            try:
                wanted[step][address] = node_kept(figure)
            except Disagreement:
                del wanted[step]
    kept, others = _Places(), _Places()
    not_kept: dict[int, list[Node]] = {step: [] for step in wanted}
    for address, step, figure in why.recorded():
        if (node := node_made(figure)) is None:
            continue
        if step in wanted and wanted[step].get(address) is not node:
            not_kept[step].append(node)
            others.add(node, (address, step))
        else:
            kept.add(node, (address, step))
    beside = _below(why.beside_figures())
    for step, figures in wanted.items():

        def place(node: Node, step: int = step) -> Place | None:
            """Where it was recorded first, but for what the step does not keep."""
            first, other = kept.first(node, step), others.first(node, step - 1)
            return other if first is None or (other is not None and other[1] < first[1]) else first

        with suppress(NotStorable, OverflowError, RecursionError):
            yield from _of_step(figures, step, place, beside | _below(not_kept[step]))


class _Places(dict[int, Place]):
    """Where a node was recorded first, by its identity."""

    def add(self, node: Node, place: Place) -> None:
        if (had := self.get(id(node))) is None or had[1] > place[1]:
            self[id(node)] = place

    def first(self, node: Node, until: int) -> Place | None:
        found = self.get(id(node))
        return found if found is not None and found[1] <= until else None


def _below(nodes: Iterable[Node]) -> set[int]:
    """With all below them, by their identity."""
    found: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found.add(id(node))
            stack += node.why
            stack += node.arithmetic.operands if node.arithmetic is not None else ()
    return found


def _of_step(
    figures: dict[str, Node], step: int, place_of: Callable[[Node], Place | None], others: set[int]
) -> list[tuple[str, int, bytes]]:
    """Raises NotStorable."""
    within: set[int] = set()

    def kept(node: Node) -> KeptNode:
        if id(node) in others or id(node) in within:
            raise NotStorable("something else has the node too")
        within.add(id(node))
        arithmetic = node.arithmetic
        return KeptNode(
            node.title,
            int(node.value) if node.value is not None else None,
            node.unit,
            node.currency,
            arithmetic.operation if arithmetic is not None else None,
            tuple(map(operand, arithmetic.operands)) if arithmetic is not None else (),
            dict(arithmetic.parameters) if arithmetic is not None else {},
            node.rule,
            node.policies,
            node.facts,
            tuple(map(operand, node.why)),
            node.event,
            node.field,
            node.id,
        )

    def operand(node: Node) -> KeptNode | NamedFigure:
        place = place_of(node)
        return NamedFigure(*place) if place is not None else kept(node)

    def figure(address: str, node: Node) -> KeptNode | NamedFigure:
        place = place_of(node)
        return kept(node) if place in (None, (address, step)) else NamedFigure(*place)

    return [(address, step, packed(figure(address, node))) for address, node in figures.items()]
