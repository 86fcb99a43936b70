"""Where exceptions stand and decisions about them go: the folders of a run, or the topics."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import typer

from connectors.files.found_exceptions import KnownException
from domain.events.catalogue import Event
from domain.units import Instant
from milepost.deciding import Outcome, Person
from milepost.exceptions.plan import DecisionPlan
from milepost.exceptions.shown import ClosedExceptions, HeldBalances


class ExceptionsPort(Protocol):
    """Files and topics say and do the same; only what needs the books is known from files alone, and the fold looks at it in any case."""

    @property
    def outcome(self) -> Outcome: ...

    @property
    def known(self) -> Mapping[str, KnownException]:
        """By id, as they stand."""

    @property
    def as_of(self) -> Instant:
        """Of what `known` says."""

    def contracts(self, project_id: str) -> frozenset[str]:
        """Of a project. Raises BadParameter where it is known to be none."""

    def closings(self, known: Iterable[KnownException]) -> Mapping[str, Event]:
        """The events that ended them, by exception."""

    def decided(self, known: Iterable[KnownException]) -> ClosedExceptions:
        """What of these people closed."""

    def held(self, known: Iterable[KnownException]) -> Mapping[str, Sequence[HeldBalances]]:
        """What balances that wait keep out of the books, by exception; nothing where only topics are read."""

    def unknown(self, exception_id: str) -> typer.BadParameter:
        """What to say of an id that is none."""

    def plan(
        self, type_name: str, found: Sequence[KnownException], who: Person, approved_by: str | None
    ) -> DecisionPlan:
        """What is taken and what is left out, with what to look at before a yes."""

    def versions(self, taken: Sequence[KnownException]) -> Mapping[str, int]:
        """The last version of the decisions about each, taken in or only on its way; 0 where nobody has decided anything."""

    def add(self, events: Sequence[dict[str, Any]]) -> str:
        """The file or the topic that has the decisions now."""
