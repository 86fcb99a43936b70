"""The recorder of an explanation: what the rules say of their arithmetic while an engagement is folded once more.

In production there is none (`why is None`, one comparison a rule). An explanation hands one in with the books, and a rule that has made a
figure records how, by an address under which others name it as an operand:

    why.record("S-2#retained", 1_250_0000, evaluated("retained", "percent_of", (why.figure("S-2#gross"), percent), ...))

The step's operation over its operands has to give the value of the rule, else `Disagreement` is raised: an explanation can neither drift
from the rule nor guess. Operands are other recorded figures, fields of events (`in_terms`, `in_event`, `quoted`), and what has an
explanation of its own (`elsewhere`). A sum over entries is one generic figure: what `add` put under its address, in order. Where entries
take places before others, as under a cap, `place` keeps what each puts into the sum, and `in_order` names the sum, or what of it is before
an entry, as a `turn` left it: one decision of a step over all whom it concerns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Final, NamedTuple, Protocol

from domain.events.catalogue import ENTITIES, Event
from domain.events.commercial import ContractSigned
from domain.events.reference import LegalEntityDefined
from domain.explanation import (
    ELSEWHERE,
    FIELD,
    Arithmetic,
    EventRef,
    Node,
    Parameter,
    PolicyUse,
    evaluated,
    negated,
    step_of,
    total,
)
from domain.identity import composed
from domain.reference.exchange import Exchange

# Of an event that an explanation has yet to find in the log: what of it the recorder knows, and where else it may be.
UNPLACED: Final = -1
# What is before an entry in a sum in order.
IN_ORDER: Final = "in_order"
CONTRACT, CONTRACT_LINE, QUOTE, ENTITY = "contract", "contract_line", "exchange_rate", "legal_entity"


class Disagreement(AssertionError):
    """A recorded step that does not give the value of its rule: the rule and what it says of itself differ.

    `made` is the step, None where there is none, and `number` what the rule has.
    """

    def __init__(self, said: str, number: int = 0, made: Node | None = None) -> None:
        super().__init__(said)
        self.number = number
        self.made = made


class Later(Protocol):
    """A figure of which the step is made when somebody asks: what the rule had at hand is kept instead."""

    @property
    def node(self) -> Node: ...
    @property
    def made(self) -> Node | None:
        """The same, if it has been made."""


class Deferred:
    """The same, of a figure by its address."""

    __slots__ = ("_address", "_make", "made", "value")

    def __init__(self, address: str, value: int, make: Callable[[], Node]) -> None:
        self._address, self._make, self.value = address, make, value
        self.made: Node | None = None

    @property
    def node(self) -> Node:
        if self.made is None:
            self.made = _agreed(self._address, self.value, self._make())
        return self.made


class Addends(Protocol):
    """What one of several puts into sums, by their names."""

    @property
    def values(self) -> Mapping[str, int]: ...

    def node(self, name: str) -> Node: ...

    def made(self) -> Iterable[Node]:
        """Nodes that have been made, and are the same when they are asked for again."""


class PlacedPart(NamedTuple):
    """What one of several puts into sums, at its place in their order; None: nothing any more."""

    step: int
    turn: int
    of: str
    order: tuple[str, ...]
    parts: Addends | None


class Why:
    """Figures by their addresses, and sums by theirs, each as it stood after every step of the fold; `now` counts these.

    What is tried on a copy of the books is recorded in a `fork`, which leaves this as it is.
    """

    __slots__ = (
        "_changes",
        "_figures",
        "_held",
        "_marked",
        "_of",
        "_parts",
        "_placed",
        "_under",
        "held_since",
        "held_until",
        "marked_at",
        "now",
        "turn",
    )

    def __init__(self, under: Why | None = None) -> None:
        self.now: int = under.now if under is not None else 0
        self.turn: int = under.turn if under is not None else 0
        self._under = under
        self._figures: dict[str, list[tuple[int, Node | Later]]] = {}
        self._parts: dict[str, list[tuple[int, Node]]] = {}
        self._placed: dict[str, dict[str, list[PlacedPart]]] = {}
        self._changes: dict[str, list[int]] = {}
        self._held: dict[str, dict[str, Deferred]] = {}
        self._of: str | None = None
        self._marked: dict[str, list[tuple[str, Node]]] = {}
        # The step that holds what is held, and what was, with the step to which it was; the steps that added something within another.
        self.held_since: dict[str, int] = {}
        self.held_until: list[tuple[str, int, int]] = []
        self.marked_at: dict[str, list[int]] = {}

    def fork(self) -> Why:
        return Why(self)

    def take(self, tried: Why, of: str) -> None:
        """The figures that a fork recorded of something, `of` with its mark."""
        for address, figures in tried._figures.items():
            if address.startswith(of):
                self._figures.setdefault(address, []).extend(figures)

    def close(self) -> None:
        """Nothing is asked any more. What makes a figure later asks its recorder, which has it: these rings are opened."""
        for kept in (self._figures, self._parts, self._placed, self._held, self._marked):
            kept.clear()

    # What rules say

    def record(self, address: str, value: int, made: Node) -> Node:
        """Raises Disagreement where `made` is not the value."""
        self._figures.setdefault(address, []).append((self.now, _agreed(address, value, made)))
        return made

    def later(self, address: str, value: int, make: Callable[[], Node]) -> None:
        """The same of a figure that few ask for."""
        self.record_later(address, Deferred(address, value, make))

    def record_later(self, address: str, figure: Later) -> None:
        """The same where it has been put off already."""
        self._figures.setdefault(address, []).append((self.now, figure))

    def hold(self, of: str, address: str, value: int, make: Callable[[], Node]) -> None:
        """A figure of something that a rule values: recorded when that is booked, forgotten where it never is."""
        self._held.setdefault(of, {})[address] = Deferred(address, value, make)
        self._end(of)
        self.held_since[of] = self.now

    def forget(self, of: str) -> None:
        self._held.pop(of, None)
        self._end(of)

    def _end(self, of: str) -> None:
        since = self.held_since.pop(of, None)
        if since is not None and since < self.now:
            self.held_until.append((of, since, self.now))

    def held_or_figure(self, of: str, address: str) -> Node:
        """What is held of it, else as it was recorded last."""
        held = self._held.get(of, {}).get(address)
        return held.node if held is not None else self.figure(address)

    def keep(self, of: str) -> None:
        """It is booked, with what is held of it."""
        for address, held in self._held.pop(of, {}).items():
            self.record_later(address, held)
        self._end(of)

    def add(self, address: str, part: Node) -> None:
        """To a sum."""
        self._parts.setdefault(address, []).append((self.now, part))
        if self._of is not None:
            self._marked[self._of].append((address, part))

    @contextmanager
    def within(self, of: str) -> Iterator[None]:
        """What is added to sums meanwhile is of this, newly; `take_back` finds it."""
        self._of, self._marked[of] = of, []
        self.marked_at.setdefault(of, []).append(self.now)
        yield
        self._of = None

    def take_back(self, of: str, kinds: Collection[str]) -> None:
        """Of what was added within it, what is in sums whose addresses begin with these."""
        for address, part in self._within(of):
            if address.partition("/")[0] in kinds:
                self.add(address, negated(f"{part.title}, taken back", part))

    def _within(self, of: str) -> list[tuple[str, Node]]:
        if of in self._marked or self._under is None:
            return self._marked.get(of, [])
        return self._under._within(of)

    def place(self, address: str, of: str, order: tuple[str, ...], parts: Addends | None) -> None:
        """What it puts into the sums from now on."""
        had = self.placed_of(address, of)
        if had is None and parts is None:
            return
        if had is not None and had.order == order and _values(had.parts) == _values(parts):
            return
        self._placed.setdefault(address, {}).setdefault(of, []).append(
            PlacedPart(self.now, self.turn, of, order, parts)
        )
        self._changes.setdefault(address, []).append(self.turn)

    def clear(self, address: str) -> None:
        """Nobody puts anything into the sums."""
        for of in self._putting_in(address):
            if (had := self.placed_of(address, of)) is not None:
                self.place(address, of, had.order, None)

    def _putting_in(self, address: str) -> dict[str, None]:
        under = self._under._putting_in(address) if self._under is not None else {}
        return under | dict.fromkeys(self._placed.get(address, {}))

    def figure(self, address: str) -> Node:
        """The newest of the address. Raises KeyError: an operand is recorded before what is made of it."""
        found = self.figure_at(address, self.now)
        if found is None:
            raise KeyError(address)
        return found

    def known(self, address: str, step: int) -> Node:
        """As a step left it. Raises Disagreement where no rule recorded it."""
        found = self.figure_at(address, step)
        if found is None:
            raise Disagreement(f"{address}: no rule recorded it")
        return found

    def sum(self, address: str, title: str, currency: str) -> Node:
        """All that was added so far."""
        return total(title, self.parts_at(address, self.now), "amount", currency)

    # What a stored copy of the record keeps: all but the nodes, which a step folded again gives

    def addresses(self) -> Iterator[tuple[str, int]]:
        """Of figures, each with the steps that recorded it."""
        return ((address, step) for address, kept in self._figures.items() for step in dict.fromkeys(map(_when, kept)))

    def sums(self) -> Iterator[tuple[str, int]]:
        """Of sums, each with the steps that added to it."""
        return ((address, step) for address, kept in self._parts.items() for step in dict.fromkeys(map(_when, kept)))

    def places(self) -> Iterator[tuple[str, PlacedPart]]:
        return ((address, one) for address, of in self._placed.items() for places in of.values() for one in places)

    def recorded(self) -> Iterator[tuple[str, int, Node | Later]]:
        """Figures with their addresses and steps; the last of a step is the one that it left."""
        return ((address, *one) for address, kept in self._figures.items() for one in kept)

    def added(self) -> Iterator[tuple[str, int, Node]]:
        """What is in sums, each with the address and the step that added it."""
        return ((address, *one) for address, kept in self._parts.items() for one in kept)

    def earlier_addends(self) -> Iterable[Node]:
        """Parts of sums that earlier steps added, which have been asked for: what is recorded here may be made of them."""
        return ()

    # What explanations ask

    def figure_at(self, address: str, step: int) -> Node | None:
        found = self.kept_at(address, step)
        return found if found is None else node_kept(found)

    def kept_at(self, address: str, step: int) -> Node | Later | None:
        """The same, as it is kept."""
        found = self._found(address, step)
        return found[1] if found is not None else None

    def step_of(self, address: str, step: int) -> int | None:
        """Which step recorded what stood after one."""
        kept = self._figures.get(address, ())
        place = bisect_right(kept, step, key=_when)
        if place:
            return kept[place - 1][0]
        return self._under.step_of(address, step) if self._under is not None else None

    def _found(self, address: str, step: int) -> tuple[int, Node | Later] | None:
        kept = self._figures.get(address, ())
        place = bisect_right(kept, step, key=_when)
        if place:
            return kept[place - 1]
        return self._under._found(address, step) if self._under is not None else None

    def parts_at(self, address: str, step: int) -> list[Node]:
        kept = self._parts.get(address, ())
        own = [part for _, part in kept[: bisect_right(kept, step, key=_when)]]
        return [*self._under.parts_at(address, step), *own] if self._under is not None else own

    def placed(self, address: str, name: str, *, turn: int | None = None, step: int | None = None) -> list[PlacedPart]:
        """Who puts something into the sum, in order, as a turn left them, or the step."""
        own = self._placed.get(address, {})
        under = self._under.placed(address, name, turn=turn, step=step) if self._under is not None else []
        found = [one for one in under if one.of not in own]
        when_of, when = (_turn, turn) if turn is not None else (_step, step)
        for of, places in own.items():
            # Large caps have thousands of parts, most of them placed once, before or after: those are not looked for.
            if places and (when is None or when_of(places[-1]) <= when):
                one: PlacedPart | None = places[-1]
            elif places and when is not None and when_of(places[0]) > when and self._under is None:
                continue
            else:
                one = self.placed_of(address, of, turn=turn, step=step)
            if one is not None and one.parts is not None and one.parts.values[name]:
                found.append(one)
        return sorted(found, key=_order)

    def placed_of(
        self, address: str, of: str, *, turn: int | None = None, step: int | None = None
    ) -> PlacedPart | None:
        """Its own, also where it puts in nothing any more; None where it never did."""
        places = self._placed.get(address, {}).get(of, ())
        place = len(places)
        if turn is not None:
            place = bisect_right(places, turn, key=_turn)
        elif step is not None:
            place = bisect_right(places, step, key=_step)
        if place:
            return places[place - 1]
        return self._under.placed_of(address, of, turn=turn, step=step) if self._under is not None else None

    def turns_of(self, address: str, of: str, name: str, step: int) -> list[int]:
        """Turns of the step at which what it puts in by the name became another."""
        had, found = _put_in(self.placed_of(address, of, step=step - 1), name), []
        for one in self._placed.get(address, {}).get(of, ()):
            if one.step == step and (now := _put_in(one, name)) != had:
                had = now
                found.append(one.turn)
        return found

    def changes(self, address: str, turn: int) -> int:
        """How often the sum changed up to a turn."""
        return bisect_right(self._changes.get(address, ()), turn)


def _agreed(address: str, value: int, made: Node) -> Node:
    if made.value != value:
        raise Disagreement(f"{address}: the rule has {value}, its recorded step comes to {made.value}", value, made)
    return made


def node_kept(kept: Node | Later) -> Node:
    return kept if isinstance(kept, Node) else kept.node


def node_made(kept: Node | Later) -> Node | None:
    """None where nobody has asked for it so far."""
    return kept if isinstance(kept, Node) else kept.made


def _when(kept: tuple[int, Node | Later]) -> int:
    return kept[0]


def _turn(placed: PlacedPart) -> int:
    return placed.turn


def _step(placed: PlacedPart) -> int:
    return placed.step


def _values(parts: Addends | None) -> Mapping[str, int] | None:
    return parts.values if parts is not None else None


def _put_in(placed: PlacedPart | None, name: str) -> int:
    return placed.parts.values[name] if placed is not None and placed.parts is not None else 0


def _order(placed: PlacedPart) -> tuple[str, ...]:
    return placed.order


# Operands


def elsewhere(title: str, value: int, address: str, currency: str, unit: str = "amount") -> Node:
    """A figure with an explanation of its own."""
    return Node(title, value, unit, currency, Arithmetic(ELSEWHERE), id=address)


def in_order(node: Node, address: str, name: str, turn: int, orders: str, before: str) -> Node:
    """What all have placed under the address by the name, as a turn left it; with an entry what those `before` it have, by its place under
    `orders`. `node` says what it comes to."""
    return node._replace(
        arithmetic=Arithmetic(ELSEWHERE), id=composed(IN_ORDER, address, name, str(turn), orders, before)
    )


def in_version(
    title: str, value: int, unit: str, currency: str, contract_id: str, version: int, path: str, line_id: str | None
) -> Node:
    """A field of a version of a contract's terms, or of a line of them, which may have it from one before it."""
    kind = CONTRACT if line_id is None else CONTRACT_LINE
    subject = contract_id if line_id is None else composed(contract_id, line_id)
    return _field(title, value, unit, currency, _unplaced(kind, subject, version), path)


def in_terms(title: str, value: int, unit: str, terms: ContractSigned, path: str, line_id: str | None = None) -> Node:
    """The same of terms at hand."""
    currency = terms.currency if unit in ("amount", "rate") else ""
    return in_version(title, value, unit, currency, terms.contract_id, terms.version, path, line_id)


def in_event(title: str, value: int, unit: str, event: Event, path: str, currency: str = "") -> Node:
    """A field of the event."""
    kind = ENTITIES[type(event).__name__].kind
    return _field(title, value, unit, currency, _unplaced(kind, "", 0)._replace(event_id=event.event_id), path)


class Rates(NamedTuple):
    """Rates on the way from one currency to another, and whether each multiplies or divides; none of one currency."""

    nodes: tuple[Node, ...] = ()
    legs: tuple[str, ...] = ()
    policies: tuple[PolicyUse, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def quoted(exchange: Exchange, rate_type: str, day: date, entity: LegalEntityDefined) -> Rates:
    """As the table had them for a day, by policies of the legal entity."""
    policies = entity_policies(entity, "exchange_rate_type", "rate_staleness_days")
    found = quotes(exchange._replace(rate_type=rate_type, day=day))
    return found._replace(policies=policies, facts=(("rate of", day.isoformat()),))


def quotes(exchange: Exchange) -> Rates:
    """The quoted rates on its way."""
    rates, legs, rate_type, day = [], [], exchange.rate_type, exchange.day
    for leg in exchange.path:
        pair = (leg.to_currency, leg.from_currency) if leg.inverted else (leg.from_currency, leg.to_currency)
        event = _unplaced(QUOTE, composed(rate_type, *pair, leg.date.isoformat()), leg.version)
        facts = (("asked for", day.isoformat()), ("kind", rate_type), ("way", "inverse" if leg.inverted else "direct"))
        title = f"{pair[0]} to {pair[1]}, quoted on {leg.date}"
        rates.append(_field(title, leg.rate, "exchange_rate", "", event, "rate")._replace(rule="R53", facts=facts))
        legs.append("divided" if leg.inverted else "times")
    return Rates(tuple(rates), tuple(legs))


def exchanged(amount: Node, rates: Rates, currency: str, mode: str) -> Node:
    """In ledger currency."""
    title = "in ledger currency"
    if not rates.nodes:
        return Node(title, amount.value, "amount", currency, Arithmetic("same", (amount,)))
    parameters: dict[str, Parameter] = {"legs": rates.legs, "step": step_of(currency), "mode": mode}
    rule = "R53" if rates.policies else "R52"
    made = evaluated(title, "convert", (amount, *rates.nodes), parameters, "amount", currency, rule=rule)
    return made._replace(policies=rates.policies, facts=rates.facts)


def entity_policies(entity: LegalEntityDefined, *names: str) -> tuple[PolicyUse, ...]:
    """As the legal entity resolves them; an explanation finds their values and who states them."""
    of = _unplaced(ENTITY, entity.legal_entity_id, entity.version)
    return tuple(PolicyUse(name, "", "", of) for name in names)


def line_policies(
    terms: ContractSigned, line_id: str, entity: LegalEntityDefined, *names: str
) -> tuple[PolicyUse, ...]:
    """As a line of a contract's terms resolves them, else the contract or the legal entity."""
    subject = composed(terms.contract_id, line_id, entity.legal_entity_id, str(entity.version))
    return tuple(PolicyUse(name, "", "", _unplaced(CONTRACT_LINE, subject, terms.version)) for name in names)


def rounding(currency: str, mode: str) -> dict[str, Parameter]:
    """Parameters of an operation that rounds to what the currency can be paid in."""
    return {"step": step_of(currency), "mode": mode}


def in_fact(title: str, value: int, unit: str, fact: tuple[str, str, str, int], path: str, currency: str = "") -> Node:
    """A field of the event of a type about an entity, in a version of it."""
    kind, entity, of_id, version = fact
    return _field(title, value, unit, currency, _unplaced(entity, of_id, version)._replace(type=kind), path)


def _field(title: str, value: int, unit: str, currency: str, event: EventRef, path: str) -> Node:
    return Node(title, value, unit, currency, Arithmetic(FIELD), event=event, field=path)


def _unplaced(kind: str, subject: str, version: int) -> EventRef:
    return EventRef("", kind, subject, version, UNPLACED, "", 0, 0, "")
