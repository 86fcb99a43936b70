"""The recorder of an explanation: what the rules say of their arithmetic while an engagement is folded once more.

In production there is none (`why is None`, one comparison a rule). An explanation hands one in with the books, and a rule that has made a
figure records how, by an address under which others name it as an operand:

    why.record("S-2#retained", 1_250_0000, evaluated("retained", "percent_of", (why.figure("S-2#gross"), percent), ...))

The step's operation over its operands has to give the value of the rule, else `Disagreement` is raised: an explanation can neither drift
from the rule nor guess. Operands are other recorded figures, fields of events (`in_terms`, `in_event`, `quoted`), and what has an
explanation of its own (`elsewhere`). A sum over entries is one generic figure: what `add` put under its address, in order.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import Final, NamedTuple

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
    step_of,
    total,
)
from domain.identity import composed
from domain.reference.exchange import Exchange

# Of an event that an explanation has yet to find in the log: what of it the recorder knows, and where else it may be.
UNPLACED: Final = -1
CONTRACT, CONTRACT_LINE, QUOTE, ENTITY = "contract", "contract_line", "exchange_rate", "legal_entity"


class Disagreement(AssertionError):
    """A recorded step that does not give the value of its rule: the rule and what it says of itself differ."""


class Why:
    """Figures by their addresses, and sums by theirs, each as it stood after every step of the fold; `now` counts these.

    What is tried on a copy of the books is recorded in a `fork`, which leaves this as it is.
    """

    __slots__ = ("_figures", "_parts", "_under", "now")

    def __init__(self, under: Why | None = None) -> None:
        self.now: int = under.now if under is not None else 0
        self._under = under
        self._figures: dict[str, list[tuple[int, Node]]] = {}
        self._parts: dict[str, list[tuple[int, Node]]] = {}

    def fork(self) -> Why:
        return Why(self)

    def take(self, tried: Why, of: str) -> None:
        """The figures that a fork recorded of something, `of` with its mark."""
        for address, figures in tried._figures.items():
            if address.startswith(of):
                self._figures.setdefault(address, []).extend(figures)

    # What rules say

    def record(self, address: str, value: int, made: Node) -> Node:
        """Raises Disagreement where `made` is not the value."""
        if made.value != value:
            raise Disagreement(f"{address}: the rule has {value}, its recorded step comes to {made.value}")
        self._figures.setdefault(address, []).append((self.now, made))
        return made

    def add(self, address: str, part: Node) -> None:
        """To a sum."""
        self._parts.setdefault(address, []).append((self.now, part))

    def figure(self, address: str) -> Node:
        """The newest of the address. Raises KeyError: an operand is recorded before what is made of it."""
        found = self.figure_at(address, self.now)
        if found is None:
            raise KeyError(address)
        return found

    def sum(self, address: str, title: str, currency: str) -> Node:
        """All that was added so far."""
        return total(title, self.parts_at(address, self.now), "amount", currency)

    # What explanations ask

    def figure_at(self, address: str, step: int) -> Node | None:
        kept = self._figures.get(address, ())
        place = bisect_right(kept, step, key=_when)
        if place:
            return kept[place - 1][1]
        return self._under.figure_at(address, step) if self._under is not None else None

    def parts_at(self, address: str, step: int) -> list[Node]:
        kept = self._parts.get(address, ())
        own = [part for _, part in kept[: bisect_right(kept, step, key=_when)]]
        return [*self._under.parts_at(address, step), *own] if self._under is not None else own


def _when(kept: tuple[int, Node]) -> int:
    return kept[0]


# Operands


def elsewhere(title: str, value: int, address: str, currency: str, unit: str = "amount") -> Node:
    """A figure with an explanation of its own."""
    return Node(title, value, unit, currency, Arithmetic(ELSEWHERE), id=address)


def in_terms(title: str, value: int, unit: str, terms: ContractSigned, path: str, line_id: str | None = None) -> Node:
    """A field of a contract's terms, or of a line of them; a version may have it from one before it."""
    kind = CONTRACT if line_id is None else CONTRACT_LINE
    subject = terms.contract_id if line_id is None else composed(terms.contract_id, line_id)
    currency = terms.currency if unit in ("amount", "rate") else ""
    return _field(title, value, unit, currency, _unplaced(kind, subject, terms.version), path)


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
    rates, legs = [], []
    for leg in exchange.path:
        pair = (leg.to_currency, leg.from_currency) if leg.inverted else (leg.from_currency, leg.to_currency)
        event = _unplaced(QUOTE, composed(rate_type, *pair, leg.date.isoformat()), leg.version)
        facts = (("asked for", day.isoformat()), ("kind", rate_type), ("way", "inverse" if leg.inverted else "direct"))
        title = f"{pair[0]} to {pair[1]}, quoted on {leg.date}"
        rates.append(_field(title, leg.rate, "exchange_rate", "", event, "rate")._replace(rule="R53", facts=facts))
        legs.append("divided" if leg.inverted else "times")
    policies = entity_policies(entity, "exchange_rate_type", "rate_staleness_days")
    return Rates(tuple(rates), tuple(legs), policies, (("rate of", day.isoformat()),))


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


def _field(title: str, value: int, unit: str, currency: str, event: EventRef, path: str) -> Node:
    return Node(title, value, unit, currency, Arithmetic(FIELD), event=event, field=path)


def _unplaced(kind: str, subject: str, version: int) -> EventRef:
    return EventRef("", kind, subject, version, UNPLACED, "", 0, 0, "")
