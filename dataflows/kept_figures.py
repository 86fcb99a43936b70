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


class _Wanted(NamedTuple):
    """Of a step: figures of the statements that it issued, what they have of each row, and all that it added to sums."""

    figures: dict[str, Node]
    # By addresses that are theirs alone; several may have one node.
    beside: dict[str, Node]


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
    wanted: dict[int, _Wanted] = {step: _Wanted({}, {}) for step in statements}
    for address, step, figure in list(why.recorded()):
        if step in wanted and address.partition("#")[0] in statements[step]:
            try:
                wanted[step].figures[address] = node_kept(figure)
            except Disagreement:
                del wanted[step]
    not_wanted = list(_want_beside(why, wanted, statements))
    others = _below((*not_wanted, *why.asked_before()))
    kept, apart = _Places(), _Places()
    not_kept: dict[int, list[Node]] = {step: [] for step in wanted}
    made: list[tuple[int, Node]] = []
    for address, step, figure in why.recorded():
        if (node := node_made(figure)) is None:
            continue
        made.append((step, node))
        if step in wanted and wanted[step].figures.get(address) is not node:
            not_kept[step].append(node)
            apart.add(node, (address, step))
        else:
            kept.add(node, (address, step))
    for step, of_step in wanted.items():

        def place(node: Node, step: int = step) -> Place | None:
            """Where it was recorded first, but for what the step does not keep."""
            first, other = kept.first(node, step), apart.first(node, step - 1)
            return other if first is None or (other is not None and other[1] < first[1]) else first

        elsewhere = (node for other, one in wanted.items() if other != step for node in one.beside.values())
        also = others | _below((*not_kept[step], *elsewhere))
        of_others = _below(node for at, node in made if at != step)
        try:
            yield from _of_step(of_step, step, place, also, of_others)
        except (NotStorable, OverflowError, RecursionError):
            with suppress(NotStorable, OverflowError, RecursionError):
                also |= _below(of_step.beside.values())
                yield from _of_step(of_step._replace(beside={}), step, place, also, of_others)


def _want_beside(why: Why, wanted: dict[int, _Wanted], statements: Mapping[int, set[str]]) -> Iterator[Node]:
    """Beside figures; gives what is not kept, as far as it is made."""
    counts: Counter[tuple[str, int]] = Counter()
    marked = {step for steps in why.marked_at.values() for step in steps}
    for address, step, node in why.added():
        if step in wanted and step not in marked:
            wanted[step].beside[added_at(address, counts[address, step])] = node
            counts[address, step] += 1
        else:
            yield node
    places: Counter[tuple[str, str, int]] = Counter()
    for address, one in why.places():
        place = places[address, one.of, one.step]
        places[address, one.of, one.step] += 1
        if one.parts is None:
            continue
        if one.step in wanted and one.of in statements[one.step]:
            try:
                made = {name: one.parts.node(name) for name in one.parts.values}
            except Disagreement:
                del wanted[one.step]
            else:
                of_step = wanted[one.step].beside
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


def _below(nodes: Iterable[Node]) -> set[int]:
    """With all below them, by their identity."""
    found: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found.add(id(node))
            stack += _under(node)
    return found


def _under(node: Node) -> tuple[Node, ...]:
    return (*node.why, *node.arithmetic.operands) if node.arithmetic is not None else node.why


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
            stack += _under(node)
    return found


def _of_step(
    of: _Wanted, step: int, place_of: Callable[[Node], Place | None], others: set[int], foreign: set[int]
) -> list[tuple[str, int, bytes]]:
    """Raises NotStorable."""
    within: set[int] = set()
    unfit = others
    shared = {id_: node for id_, node in _several(of.beside.values()).items() if place_of(node) is None}
    numbers = {id_: number for number, id_ in enumerate(shared)}

    def kept(node: Node) -> KeptNode:
        if id(node) in unfit or id(node) in within:
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

    figures = {address: figure(address, node) for address, node in of.figures.items()}
    unfit = others | foreign
    beside = {address: operand(node) for address, node in of.beside.items()}
    of_several = {shared_at(numbers[id_]): kept(node) for id_, node in shared.items()}
    return [(address, step, packed(made)) for address, made in (figures | beside | of_several).items()]
