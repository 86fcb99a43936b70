"""Which figures of steps that issue very many entries are kept with the steps of a long history, as the rules recorded them.

To fold such a cut again takes longer than a question may, of 28,000 entries six seconds. What a figure is made of is kept in it, or named
by its address where it is a figure of its own, so that a node which several rest on is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from domain.explanation import Node
from domain.why import Disagreement, Why, node_kept, node_made
from state.forecast.caps import is_published_after
from state.store.snapshot import NotStorable, packed
from state.stored_nodes import KeptNode, NamedFigure, Place, added_at, kept_node, placed_at, shared_at
from state.trace import Trace

# Rows that a step changes from which on its statements' figures are kept: fewer are folded again in a tenth of a second.
KEPT_FROM: Final = 500


# Of a node that several steps have.
SEVERAL: Final = -1


class _ToKeep(NamedTuple):
    """What of a step's nodes is kept, if nothing else has them."""

    # Of the statements that it issued.
    figures: dict[str, Node]
    # What the statements have of each row, and all that the step added to sums, by addresses of their own; several may have one node.
    addends: dict[str, Node]


def kept_figures(trace: Trace, rows: Mapping[int, int]) -> Iterator[tuple[str, int, bytes]]:
    """Those of statements that were issued by steps which change very many rows; and of every forecast after which decision it was
    published. Of a step all are kept or none, and none if something else that it made has a node of theirs: that would be another where
    the step is folded again."""
    why = trace.why
    for address, step, figure in why.recorded():
        if is_published_after(address):
            yield address, step, packed(_alone(node_kept(figure)))
    statements: dict[int, set[str]] = {}
    for step, statement_id, _ in trace.listed:
        if rows.get(step, 0) >= KEPT_FROM:
            statements.setdefault(step, set()).add(statement_id)
    if not statements:
        return
    to_keep: dict[int, _ToKeep] = {step: _ToKeep({}, {}) for step in statements}
    for address, step, figure in list(why.recorded()):
        if step in to_keep and address.partition("#")[0] in statements[step]:
            try:
                to_keep[step].figures[address] = node_kept(figure)
            except Disagreement:
                del to_keep[step]
    in_addends, in_figures = _Steps(), _Steps()
    in_addends.add((*_other_addends(why, to_keep, statements), *why.earlier_addends()), SEVERAL)
    for step, of_step in to_keep.items():
        in_addends.add(of_step.addends.values(), step)
    kept, apart = _Places(), _Places()
    not_kept: dict[int, list[Node]] = {step: [] for step in to_keep}
    for address, step, figure in why.recorded():
        if (node := node_made(figure)) is None:
            continue
        in_figures.add((node,), step)
        if step in to_keep and to_keep[step].figures.get(address) is not node:
            not_kept[step].append(node)
            apart.add(node, (address, step))
        else:
            kept.add(node, (address, step))
    for step, of_step in to_keep.items():

        def place(node: Node, step: int = step) -> Place | None:
            """Where it was recorded first, but for what the step does not keep."""
            first, other = kept.first(node, step), apart.first(node, step - 1)
            return other if first is None or (other is not None and other[1] < first[1]) else first

        own = _below(not_kept[step])
        try:
            yield from _of_step(of_step, step, place, own, in_addends, in_figures)
        except (NotStorable, OverflowError, RecursionError):
            with suppress(NotStorable, OverflowError, RecursionError):
                own |= _below(of_step.addends.values())
                yield from _of_step(of_step._replace(addends={}), step, place, own, in_addends, in_figures)


def _other_addends(why: Why, to_keep: dict[int, _ToKeep], statements: Mapping[int, set[str]]) -> Iterator[Node]:
    """Puts the parts of sums that a step keeps into `to_keep`; gives those that no step keeps, if their nodes have been made."""
    counts: Counter[tuple[str, int]] = Counter()
    marked = {step for steps in why.marked_at.values() for step in steps}
    for address, step, node in why.added():
        if step in to_keep and step not in marked:
            to_keep[step].addends[added_at(address, counts[address, step])] = node
            counts[address, step] += 1
        else:
            yield node
    places: Counter[tuple[str, str, int]] = Counter()
    for address, one in why.places():
        place = places[address, one.of, one.step]
        places[address, one.of, one.step] += 1
        if one.parts is None:
            continue
        if one.step in to_keep and one.of in statements[one.step]:
            try:
                made = {name: one.parts.node(name) for name in one.parts.values}
            except Disagreement:
                del to_keep[one.step]
            else:
                of_step = to_keep[one.step].addends
                of_step.update((placed_at(address, one.of, place, name), node) for name, node in made.items())
        else:
            yield from one.parts.made()


def _alone(node: Node) -> KeptNode:
    return kept_node(node, _alone)


class _Places(dict[int, Place]):
    """Where a node was recorded first, by its identity."""

    def add(self, node: Node, place: Place) -> None:
        if (had := self.get(id(node))) is None or had[1] > place[1]:
            self[id(node)] = place

    def first(self, node: Node, until: int) -> Place | None:
        found = self.get(id(node))
        return found if found is not None and found[1] <= until else None


class _Steps(dict[int, int]):
    """The step that has a node, or has something that is made of it, by the node's identity; SEVERAL where more than one has."""

    def add(self, nodes: Iterable[Node], step: int) -> None:
        stack = list(nodes)
        while stack:
            node = stack.pop()
            had = self.get(id(node))
            if had not in (step, SEVERAL):
                self[id(node)] = step if had is None else SEVERAL
                stack += node.below

    def has_another(self, node: Node, step: int) -> bool:
        return self.get(id(node), step) != step


def _below(nodes: Iterable[Node]) -> set[int]:
    """With all below them, by their identity."""
    found: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found.add(id(node))
            stack += node.below
    return found


def _several(nodes: Iterable[Node]) -> dict[int, Node]:
    """Those that several of these are, or are made of, by their identity."""
    once: set[int] = set()
    found: dict[int, Node] = {}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if id(node) in once:
            found[id(node)] = node
        else:
            once.add(id(node))
            stack += node.below
    return found


def _of_step(
    of: _ToKeep, step: int, place_of: Callable[[Node], Place | None], own: set[int], addends: _Steps, figures: _Steps
) -> list[tuple[str, int, bytes]]:
    """`own` are nodes of the step that it does not keep. Raises NotStorable."""
    within = set(own)
    others = [addends]
    shared = {id_: node for id_, node in _several(of.addends.values()).items() if place_of(node) is None}
    numbers = {id_: number for number, id_ in enumerate(shared)}

    def kept(node: Node) -> KeptNode:
        if id(node) in within or any(one.has_another(node, step) for one in others):
            raise NotStorable("something else has the node too")
        within.add(id(node))
        return kept_node(node, operand)

    def operand(node: Node) -> KeptNode | NamedFigure:
        place = place_of(node)
        if place is None and id(node) in numbers:
            place = shared_at(numbers[id(node)]), step
        return NamedFigure(*place) if place is not None else kept(node)

    def figure(address: str, node: Node) -> KeptNode | NamedFigure:
        place = place_of(node)
        return kept(node) if place in (None, (address, step)) else NamedFigure(*place)

    of_figures = {address: figure(address, node) for address, node in of.figures.items()}
    others.append(figures)
    of_addends = {address: operand(node) for address, node in of.addends.items()}
    of_several = {shared_at(numbers[id_]): kept(node) for id_, node in shared.items()}
    return [(address, step, packed(made)) for address, made in (of_figures | of_addends | of_several).items()]
