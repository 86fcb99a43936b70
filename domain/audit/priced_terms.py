"""What a price is by the terms that the log had stated by a place in it: which of them were in force in which days.

Where terms were refused, or wait, nobody here knows which of them are in force: then any of them is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.audit.terms import every_version, is_approved
from domain.contract import amend
from domain.events.commercial import ContractAmended, ContractSigned, VariableConsiderationRevised
from domain.events.common import VariableConsideration
from domain.outputs import ExceptionRaised
from domain.refusals import UNSUPPORTED
from domain.terms import methods
from domain.units import Amount

# Raised about terms that are not, or not yet, in force.
OF_TERMS: Final = {"invalid_terms", UNSUPPORTED, "unknown_reference", "amendment_gap", "conflicting_version"}


class PricedEvent(NamedTuple):
    """Terms, or an estimate of a variable part, with their place in the log."""

    offset: int
    event: ContractSigned | ContractAmended | VariableConsiderationRevised


class PricedVersion(NamedTuple):
    """Terms that hold on the days of [since, before)."""

    since: date
    before: date
    terms: ContractSigned


def is_of_terms(raised: ExceptionRaised) -> bool:
    return raised.category in OF_TERMS and raised.contract_id is not None


class PricedTerms:
    """Of a contract, by what the log had stated of it; `certain` where nothing of that was refused."""

    def __init__(self, stated: Sequence[PricedEvent], *, certain: bool) -> None:
        events = [each.event for each in stated]
        self._terms = [one for one in events if isinstance(one, ContractSigned | ContractAmended)]
        self._revised = [one for one in events if isinstance(one, VariableConsiderationRevised)]
        any_of_them = (PricedVersion(date.min, date.max, terms) for terms in every_version(self._terms))
        self._held = self._in_force() if certain else list(any_of_them)

    def sharing(self, line_id: str) -> frozenset[str]:
        """The lines that have a price with it; none where one of them ever was without one."""
        lines = [line for held in self._held for line in held.terms.lines]
        shared = {line.line_id for line in lines if methods.is_shared(line)}
        names = shared if line_id in shared else {line_id}
        own = [line for line in lines if line.line_id in names]
        priced = own and all(methods.price(line.terms) is not None for line in own)
        return frozenset(names if priced else ())

    def most(self, lines: frozenset[str], first: date, last: date) -> Amount:
        """The highest that the lines are worth on any day, with the most that each variable part may add."""
        return sum(self._price(line_id, first, last) + self._variable(line_id) for line_id in lines)

    def _price(self, line_id: str, first: date, last: date) -> Amount:
        """Of a line that is over, what it was worth last."""
        newest, most = 0, None
        for held in (held for held in self._held if held.since <= last):
            price = next((methods.price(one.terms) for one in held.terms.lines if one.line_id == line_id), None)
            if price is not None:
                newest = price
                if held.before > first:
                    most = max(price, most or 0)
        return newest if most is None else most

    def _variable(self, line_id: str) -> Amount:
        most: dict[str, Amount] = {}
        of_line = (line for held in self._held for line in held.terms.lines if line.line_id == line_id)
        for item in (item for line in of_line for item in line.variable_consideration):
            most[item.item_id] = max(most.get(item.item_id, 0), *_amounts(item))
        for said in (said for said in self._revised if said.line_id == line_id):
            most[said.item_id] = max(most.get(said.item_id, 0), *_amounts(said))
        return sum(most.values())

    def _in_force(self) -> list[PricedVersion]:
        found: list[PricedVersion] = []
        version = 0
        for event in self._terms:
            if event.version <= version:
                continue
            if isinstance(event, ContractSigned):
                version = event.version
                found = [PricedVersion(date.min, date.max, event)]
            elif found and is_approved(event):
                version, since = event.version, event.effective_on
                found = [each._replace(before=min(each.before, since)) for each in found]
                found.append(
                    PricedVersion(date.min if event.retroactive else since, date.max, amend(found[-1].terms, event))
                )
        return found


def _amounts(said: VariableConsideration | VariableConsiderationRevised) -> Iterator[Amount]:
    yield said.amount or 0
    yield from (outcome.amount for outcome in said.outcomes)
