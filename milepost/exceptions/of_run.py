"""Exceptions as the output folder of a run has them, and decisions about them, which a file in its input folder brings to the next run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import typer

from connectors.files.added_events import DECISIONS, add_events
from connectors.files.engagement_log import EngagementLog
from connectors.files.found_exceptions import KnownException, closings, exceptions_of, latest_of
from connectors.files.lookup import contract_ids, contracts_of, nearest, project_ids
from dataflows.books_read import reading_books, reference_book
from domain.events.catalogue import Event
from domain.exceptions import UNKNOWN
from domain.outputs import ExceptionRaised
from domain.units import Instant
from milepost.days import moment
from milepost.deciding import Outcome, Person, input_folder, into_a_file
from milepost.exceptions.decided import (
    FactLookup,
    corrections_to_come,
    decided_of,
    decision_versions,
    held_of,
    pending,
    pending_text,
)
from milepost.exceptions.effects import refusal_of
from milepost.exceptions.plan import DecisionPlan, plan_of, with_limits
from milepost.exceptions.second_person import OwnDecisions, SecondPerson
from milepost.exceptions.shown import ClosedExceptions, HeldBalances
from milepost.exceptions.waiting import correction_text
from milepost.unknown_id import unknown_id

IDS: Final[Mapping[str, Callable[[Path], frozenset[str]]]] = {"project": project_ids, "contract": contract_ids}


class ExceptionsOfRun:
    def __init__(self, output: Path, input_dir: Path | None = None) -> None:
        self.output = output
        self._input_dir = input_dir

    @property
    def outcome(self) -> Outcome:
        return into_a_file(self.folder, self.output)

    @cached_property
    def folder(self) -> Path:
        """Raises BadParameter where there is none."""
        return input_folder(self._input_dir, self.output)

    @cached_property
    def known(self) -> dict[str, KnownException]:
        return exceptions_of(self.output)

    @cached_property
    def as_of(self) -> Instant:
        return latest_of(self.output)

    def contracts(self, project_id: str) -> frozenset[str]:
        # Work may name a project that is not known yet.
        raised = (each.raised.project_id for each in self.known.values())
        projects = project_ids(self.output) | {each for each in raised if each is not None}
        if project_id not in projects:
            raise unknown_id(self.output, project_id, "a project", projects, "milepost dump project.views", "--project")
        return contracts_of(self.output, project_id)

    def nearest(self, raised: ExceptionRaised) -> tuple[str, ...]:
        """Known ids that look like the project, contract or person that is not known, the likeliest first."""
        if (raised.category, raised.field) == (UNKNOWN, "person_id"):
            with reading_books(self.output) as reader:
                persons = reference_book(reader, "PersonDefined").persons
            return nearest(raised.person_id or "", frozenset(persons))
        ids = IDS.get(raised.subject_kind) if raised.category == "unrouted" else None
        return nearest(raised.subject_id, ids(self.output)) if ids is not None else ()

    def closings(self, known: Iterable[KnownException]) -> Mapping[str, Event]:
        return closings(known, partial(EngagementLog.open, self.output))

    def decided(self, known: Iterable[KnownException]) -> ClosedExceptions:
        with reading_books(self.output) as reader:
            return decided_of(self.output, known, reader)

    def held(self, known: Iterable[KnownException]) -> Mapping[str, Sequence[HeldBalances]]:
        with reading_books(self.output) as reader:
            return held_of(self.output, reader, known)

    def unknown(self, exception_id: str) -> typer.BadParameter:
        listed = "milepost exceptions list --state all"
        return unknown_id(self.output, exception_id, "an exception", frozenset(self.known), listed)

    def plan(
        self, type_name: str, found: Sequence[KnownException], who: Person, approved_by: str | None
    ) -> DecisionPlan:
        """An assignment keeps no decision back, none keeps it back, and it needs no second person."""
        is_assigned = type_name == "ExceptionAssigned"
        with reading_books(self.output) as reader:
            own = OwnDecisions(self.output, reader, self.known, who.name, approved_by, type_name)
            books = FactLookup(self.output, self.folder, reader)
            waiting = {} if is_assigned else pending(books)
            sent = () if is_assigned else corrections_to_come(books)

            def refusal(raised: ExceptionRaised) -> str | None:
                waits = waiting.get(raised.exception_id)
                return (
                    refusal_of(raised, type_name)
                    or (pending_text(waits) if waits is not None else None)
                    or (correction_text(self.output, self.known[raised.exception_id], sent) if sent else None)
                    or own.refusal(raised)
                )

            plan = plan_of(type_name, found, refusal)
            return plan if is_assigned else with_limits(plan, SecondPerson(reader), approved_by)

    def versions(self, taken: Sequence[KnownException]) -> Mapping[str, int]:
        with reading_books(self.output) as reader:
            return decision_versions(FactLookup(self.output, self.folder, reader), [each.raised for each in taken])

    def add(self, events: Sequence[dict[str, Any]]) -> str:
        return str(add_events(self.folder, DECISIONS, events, moment()))
