"""How figures are kept with the steps of a long history, as the rules recorded them; `dataflows/kept_figures.py` says which."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domain.explanation import Arithmetic, EventRef, Node, PolicyUse
from domain.identity import composed

# Address and step.
Place = tuple[str, int]

# Nodes that are no figures have addresses of their own, which no rule records.
_ADDED, _PLACED, _SHARED = "+added", "+placed", "+shared"


def added_at(address: str, number: int) -> str:
    """What a step added to a sum, by its number."""
    return composed(_ADDED, address, str(number))


def placed_at(address: str, of: str, place: int, name: str) -> str:
    """What one put into sums in order, by a name."""
    return composed(_PLACED, address, of, str(place), name)


def shared_at(number: int) -> str:
    """What several nodes of a step are made of."""
    return composed(_SHARED, str(number))


def is_shared(address: str) -> bool:
    return address.startswith(_SHARED)


class NamedFigure(msgspec.Struct, array_like=True, tag=0):
    """A figure of its own."""

    address: str
    step: int


class KeptNode(msgspec.Struct, array_like=True, tag=1):
    title: str
    value: int | None
    unit: str
    currency: str
    operation: str | None
    operands: tuple[KeptNode | NamedFigure, ...]
    parameters: dict[str, str | int | tuple[str, ...]]
    rule: str
    policies: tuple[PolicyUse, ...]
    facts: tuple[tuple[str, str], ...]
    why: tuple[KeptNode | NamedFigure, ...]
    event: EventRef | None
    field: str
    id: str


def kept_node(node: Node, of: Callable[[Node], KeptNode | NamedFigure]) -> KeptNode:
    """`of` says how what it is made of is kept."""
    arithmetic = node.arithmetic
    return KeptNode(
        node.title,
        int(node.value) if node.value is not None else None,
        node.unit,
        node.currency,
        arithmetic.operation if arithmetic is not None else None,
        tuple(map(of, arithmetic.operands)) if arithmetic is not None else (),
        dict(arithmetic.parameters) if arithmetic is not None else {},
        node.rule,
        node.policies,
        node.facts,
        tuple(map(of, node.why)),
        node.event,
        node.field,
        node.id,
    )


_decoder = msgspec.msgpack.Decoder(KeptNode | NamedFigure)


def node_of(data: bytes, known: Callable[[str, int], Node]) -> Node:
    """As it was recorded; `known` gives figures of their own."""
    return _node(_decoder.decode(data), known)


def _node(kept: KeptNode | NamedFigure, known: Callable[[str, int], Node]) -> Node:
    if isinstance(kept, NamedFigure):
        return known(kept.address, kept.step)
    operands, why = (tuple(_node(one, known) for one in several) for several in (kept.operands, kept.why))
    arithmetic = Arithmetic(kept.operation, operands, kept.parameters) if kept.operation is not None else None
    return Node(
        kept.title,
        kept.value,
        kept.unit,
        kept.currency,
        arithmetic,
        kept.rule,
        kept.policies,
        kept.facts,
        why,
        kept.event,
        kept.field,
        kept.id,
    )
