"""Recorded figures as nodes of an explanation: their fields found in the log, and what is explained elsewhere put in its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from domain.explanation import ELSEWHERE, FIELD, Arithmetic, Node, PolicyUse, agreeing, constant, stated, total
from domain.identity import parts_of
from domain.why import CONTRACT_LINE, QUOTE, UNPLACED
from milepost.explain.recompute import everything
from milepost.explain.sources import Sources

# What explains an address by the parts after its kind; None where it has no such figure.
Resolver = Callable[..., Node | None]


class RecordedNodes:
    """`resolvers` by the first part of an address, else the figure of that id is asked for."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.resolvers: dict[str, Resolver] = {}
        self._made: dict[int, Node] = {}

    def figure(self, address: str, step: int | None = None) -> Node | None:
        """As a step left it, else as it stands; None where no rule recorded it."""
        why = self.sources.trace.why
        found = why.figure_at(address, why.now if step is None else step)
        return self._bound(found) if found is not None else None

    def sum(self, address: str, title: str, step: int, currency: str, **more: Any) -> Node:
        """What was added under an address up to a step."""
        parts = [self._bound(part) for part in self.sources.trace.why.parts_at(address, step)]
        return total(title, parts, "amount", currency, **more)

    def _bound(self, root: Node) -> Node:
        """Operands before what is made of them, so that no chain of figures is too long."""
        if id(root) not in self._made:
            for node in everything(root):
                if id(node) not in self._made:
                    self._made[id(node)] = self._leaf(node) or self._with_operands(node)
        return self._made[id(root)]

    def _with_operands(self, node: Node) -> Node:
        arithmetic = node.arithmetic
        if arithmetic is not None:
            operands = tuple(self._made[id(one)] for one in arithmetic.operands)
            arithmetic = Arithmetic(arithmetic.operation, operands, arithmetic.parameters)
        why = tuple(self._made[id(one)] for one in node.why)
        return node._replace(arithmetic=arithmetic, why=why, policies=tuple(map(self._policy, node.policies)))

    def _policy(self, used: PolicyUse) -> PolicyUse:
        """Its value and who states it, of a policy of a legal entity or a contract line that a rule names."""
        of = used.stated_by
        if of is None or of.log_offset != UNPLACED:
            return used
        if of.kind == CONTRACT_LINE:
            contract_id, line_id, entity_id, version = parts_of(of.id)
            company = self.sources.trace.entity(entity_id, int(version))
            return self.sources.line_policies(contract_id, of.version, line_id, company, used.name)[0]
        entity = self.sources.trace.entity(of.id, of.version)
        return self.sources.entity_policies(entity, used.name)[0]

    def _leaf(self, node: Node) -> Node | None:
        operation = node.arithmetic.operation if node.arithmetic is not None else ""
        if operation == ELSEWHERE:
            return self._elsewhere(node)
        if operation == FIELD and node.event is not None and node.event.log_offset == UNPLACED:
            return self._field(node)
        return None

    def _elsewhere(self, node: Node) -> Node:
        kind, *parts = parts_of(node.id)
        made = self.resolvers[kind](*parts)
        if made is None and not node.value:
            return constant(node.title, 0, node.unit, node.currency)
        return agreeing(made, stated(node.title, node.value or 0, node.unit, node.currency))

    def _field(self, node: Node) -> Node:
        """Of an event at hand, of terms that a version may have from one before it, or of a quoted rate."""
        named, path = node.event, node.field
        assert named is not None, "a field is of an event"
        sources, found = self.sources, None
        if named.event_id:
            record = sources.trace.record_with(named.event_id)
            found = sources.ref(record) if record is not None else None
        elif named.kind == QUOTE:
            rate_type, one, other, day = parts_of(named.id)
            record = sources.trace.quote(rate_type, one, other, date.fromisoformat(day), named.version)
            found = sources.ref(record) if record is not None else None
        elif named.kind == CONTRACT_LINE:
            contract_id, line_id = parts_of(named.id)
            line = sources.line_field(contract_id, named.version, line_id)
            if line is not None:
                found, path = sources.ref_of(line[0]), f"{line[2]}.{path}"
        else:
            event = sources.terms_event(named.id, named.version, path.partition(".")[0])
            found = sources.ref_of(event) if event is not None else None
        if found is None:
            return stated(node.title, node.value or 0, node.unit, node.currency)
        return node._replace(event=found, field=path)
