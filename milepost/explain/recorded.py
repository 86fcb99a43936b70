"""Recorded figures as nodes of an explanation: their fields found in the log, and what is explained elsewhere put in its place."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from domain.caps.recorded import FREE, HOURS, PINNED, SETTLED, TAKEN
from domain.columns import AddendColumn, SumParts
from domain.counting import counted
from domain.explanation import ELSEWHERE, FIELD, Arithmetic, Node, PolicyUse, constant, total
from domain.figure import as_recorded
from domain.identity import parts_of
from domain.why import CONTRACT_LINE, IN_ORDER, QUOTE, UNPLACED, Disagreement, PlacedPart, Why
from milepost.explain.published import given
from milepost.explain.recompute import everything
from milepost.explain.sources import NAMED, Sources

# What explains an address by the parts after its kind; None where it has no such figure.
Resolver = Callable[..., Node | None]
# By the name of what is summed, all of it; and of what is taken what those before an entry have.
ALL_OF_IT = {SETTLED: "settled of {}", TAKEN: "taken by {}", PINNED: "settled of {}", FREE: "taken by {}"}
BEFORE_IT = "taken by {} before"


class RecordedNodes:
    """`resolvers` by the first part of an address, else the figure of that id is asked for."""

    def __init__(self, sources: Sources, why: Why | None = None) -> None:
        self.sources = sources
        self.why = why if why is not None else sources.trace.why
        self.resolvers: dict[str, Resolver] = {}
        self._made: dict[int, Node] = {}
        # Of what is made here, so that no other node has its identity.
        self._own: list[Node] = []
        self._sums: dict[tuple[str, str, int, str], Node] = {}
        self._placed: dict[tuple[int, str], Node] = {}
        # What a figure of an entry is called that is placed under an address by a name.
        self.called: Callable[[str, str], str] = lambda _address, name: name

    def figure(self, address: str, step: int | None = None) -> Node | None:
        """As a step left it, else as it stands; None where no rule recorded it."""
        found = self.why.figure_at(address, self.why.now if step is None else step)
        return self._bound(found) if found is not None else None

    def known(self, address: str, step: int | None = None) -> Node:
        """Raises Disagreement where no rule recorded it."""
        return given(self.figure(address, step), address)

    def of(self, address: str, step: int, value: int) -> Node:
        """How the books came to a figure, as its rule recorded it. Raises Disagreement where that is another, or none did."""
        return as_recorded(value, self.known(address, step)).node

    def sum(self, address: str, title: str, step: int, currency: str = "", **more: Any) -> Node:
        """What was added under an address up to a step."""
        parts = [self._bound(part) for part in self.why.parts_at(address, step)]
        return total(title, parts, "amount", parts[0].currency if parts else currency, **more)

    def bound(self, node: Node) -> Node:
        """What is made of operands as rules record them."""
        self._own.append(node)
        return self._bound(node)

    def part(self, address: str, of: str, name: str, step: int) -> Node | None:
        """What one of several puts into a sum, as a step left it; None where it never did."""
        placed = self.why.placed_of(address, of, step=step)
        return self._part(placed, name) if placed is not None and placed.parts is not None else None

    def _part(self, placed: PlacedPart, name: str) -> Node:
        assert placed.parts is not None, "it has a place"
        key = (id(placed.parts), name)
        if key not in self._placed:
            self._placed[key] = self.bound(placed.parts.node(name))
        return self._placed[key]

    def placed(self, address: str, name: str, places: Sequence[PlacedPart], title: str, currency: str) -> Node | None:
        """A sum in order; None where nobody has a part of it. Of very many parts each is only named."""
        if self.sources.are_many and places:
            parts: Sequence[Node] = self._named(address, name, places, currency)
        else:
            parts = [self._part(one, name) for one in places]
        if not parts:
            return None
        title = title.format(counted(len(parts), "entry", "entries"))
        return total(title, parts, parts[0].unit, parts[0].currency, rule="R16")

    def _named(self, address: str, name: str, places: Sequence[PlacedPart], currency: str) -> SumParts:
        unit, called = "hours" if name.endswith("hours") else "amount", self.called(address, name)

        def part(place: int, value: int) -> Node:
            return self.sources.part(places[place].of, called, value, unit, currency, places[place].step)

        values = [one.parts.values[name] for one in places if one.parts is not None]
        return SumParts([AddendColumn(range(len(places)), values, part)])

    def all_placed(
        self,
        address: str,
        name: str,
        title: str,
        currency: str = "",
        *,
        step: int | None = None,
        turn: int | None = None,
    ) -> Node:
        """What several put into a sum, as a turn left it, or a step."""
        parts = [self._part(one, name) for one in self.why.placed(address, name, step=step, turn=turn)]
        return total(title, parts, "amount", parts[0].currency if parts else currency)

    def _in_order(self, address: str, name: str, turn: str, orders: str, before: str, *, currency: str) -> Node | None:
        at = int(turn)
        key = (address, name, self.why.changes(address, at), before)
        if key not in self._sums:
            places, title = self.why.placed(address, name, turn=at), ALL_OF_IT[name.removesuffix(HOURS)]
            if before:
                own, title = self.why.placed_of(orders, before, turn=at), BEFORE_IT
                assert own is not None, "what is granted has a place"
                places = [one for one in places if one.order < own.order]
            made = self.placed(address, name, places, title, currency)
            if made is None:
                return None
            self._sums[key] = made
        return self._sums[key]

    def _bound(self, root: Node) -> Node:
        """Operands before what is made of them, so that no chain of figures is too long."""
        made = self._made
        if id(root) not in made:
            # Of very many most are leaves.
            is_leaf = not root.why and (root.arithmetic is None or not root.arithmetic.operands)
            for node in (root,) if is_leaf else everything(root, made, of_rows=False):
                if node.arithmetic is NAMED and node.id in self.sources.named:
                    made[id(node)] = node
                elif id(node) not in made:
                    found = made[id(node)] = self._leaf(node) or self._with_operands(node)
                    made[id(found)] = found
        return made[id(root)]

    def _with_operands(self, node: Node) -> Node:
        arithmetic = node.arithmetic
        if arithmetic is not None:
            operands: Sequence[Node] = arithmetic.operands
            if not isinstance(operands, SumParts):
                operands = tuple(self._made[id(one)] for one in operands)
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
            found = self._field(node)
            if not node.why and not node.policies:
                return found
            why = tuple(self._made[id(one)] for one in node.why)
            return found._replace(why=why, policies=tuple(map(self._policy, node.policies)))
        return None

    def _elsewhere(self, node: Node) -> Node:
        if node.id in self.sources.named:
            return node
        kind, *parts = parts_of(node.id)
        made = self._in_order(*parts, currency=node.currency) if kind == IN_ORDER else self.resolvers[kind](*parts)
        if made is None and not node.value:
            return constant(node.title, 0, node.unit, node.currency)
        return as_recorded(node.value or 0, given(made, node.title)).node

    def _field(self, node: Node) -> Node:
        """Of an event at hand, of terms that a version may have from one before it, or of a quoted rate."""
        named, path = node.event, node.field
        assert named is not None, "a field is of an event"
        sources, found = self.sources, None
        if named.type:
            record = sources.trace.fact(named.type, named.kind, named.id, named.version)
            found = sources.ref(record) if record is not None else None
        elif named.event_id:
            found = sources.ref_with(named.event_id)
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
            event = sources.terms_event(named.id, named.version, path.partition(".")[0].partition("[")[0])
            found = sources.ref_of(event) if event is not None else None
        if found is None:
            raise Disagreement(f"{node.title}: the log has no event that states it", node.value or 0)
        return node._replace(event=found, field=path)
