"""How figures are kept with the steps of a long history, as the rules recorded them; `dataflows/kept_figures.py` says which."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domain.explanation import Arithmetic, EventRef, Node, PolicyUse

# Address and step.
Place = tuple[str, int]


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
