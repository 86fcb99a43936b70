"""All forecasts of a project, and the events of the log that can have moved them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import log_path
from connectors.files.written import placed_of
from domain.events.catalogue import ENTITIES, Event
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.delivery import (
    EstimateRevised,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    TimeApproved,
    TimeWithdrawn,
)
from domain.events.reference import CostRateSet, ExchangeRateSet, PersonDefined, RateCardPublished
from domain.forecast.changes import work_cause
from domain.outputs import ForecastUpdate, Position
from domain.units import Instant
from state.intake.clock import recording_time

REFERENCE = (CostRateSet, ExchangeRateSet, PersonDefined, RateCardPublished)
COMMERCIAL = (ContractSigned, ContractAmended, ContractTerminated)
OF_PROJECT = (ProjectActivated, ProjectClosed, ResourceAssigned, EstimateRevised)


class PublishedForecast(NamedTuple):
    position: Position
    update: ForecastUpdate


class Moving(NamedTuple):
    """An event that can have moved the forecast, where it stands, and by which of the causes."""

    log_offset: int
    event: Event
    causes: frozenset[str]

    @property
    def label(self) -> str:
        """Its type, the id of what it is about, and of what comes in versions beside the first the version."""
        return label_of(self.event)


def label_of(event: Event) -> str:
    name = type(event).__name__
    ids = (getattr(event, field) for field in ENTITIES[name].id_fields)
    version = getattr(event, "version", 1)
    return f"{name} {'/'.join(str(each) for each in ids if each is not None)}{f' version {version}' if version > 1 else ''}"


# What each kind of event can do to a forecast; work is distinguished by when it came and whether it came before.
CAUSES = {
    "EstimateRevised": frozenset({"volume", "rate", "mix", "scope"}),
    "ProjectActivated": frozenset({"scope"}),
    "ProjectClosed": frozenset({"scope"}),
    "ResourceAssigned": frozenset({"scope", "volume"}),
    "ContractSigned": frozenset({"scope", "rate", "correction"}),
    "ContractAmended": frozenset({"scope", "rate", "correction"}),
    "ContractTerminated": frozenset({"scope"}),
    "RateCardPublished": frozenset({"rate"}),
    "CostRateSet": frozenset({"rate"}),
    "PersonDefined": frozenset({"rate"}),
    "ExchangeRateSet": frozenset({"exchange_rate"}),
}


def forecast_history(output: Path, project_id: str) -> tuple[PublishedForecast, ...]:
    """The oldest first. Raises NoOutputs."""
    placed = placed_of(output, ForecastUpdate)
    return tuple(PublishedForecast(position, update) for position, update in placed if update.project_id == project_id)


def moving_events(output: Path, history: tuple[PublishedForecast, ...]) -> tuple[Moving, ...]:
    """Of the project's work, estimates, assignments and contracts, and of reference data; none without the log."""
    shard = history[0].position.shard
    if not log_path(output, shard).exists():
        return ()
    project_id = history[0].update.project_id
    contracts = {contract_id for told in history for contract_id in told.update.contract_ids}
    reading = _Reading(project_id, contracts)
    found: list[Moving] = []
    with EngagementLog.open(output, shard) as log:
        for record in log.records():
            if record.offset > history[-1].position.log_offset:
                break
            causes = reading.causes_of(record.event)
            if causes:
                found.append(Moving(record.offset, record.event, causes))
    return tuple(_once(found))


def activated_in(events: Iterable[Moving]) -> ProjectActivated | None:
    """The project's activation in its newest version."""
    known = [each.event for each in events if isinstance(each.event, ProjectActivated)]
    return max(known, key=lambda event: event.version, default=None)


def _once(found: list[Moving]) -> Iterator[Moving]:
    """A broadcast event stands in the log once for each engagement that it concerns."""
    seen: set[tuple[str, int]] = set()
    for each in found:
        key = (each.label, getattr(each.event, "version", 0))
        if key not in seen:
            seen.add(key)
            yield each


class _Reading:
    """What was seen before decides whether work is new or corrected."""

    def __init__(self, project_id: str, contracts: set[str]) -> None:
        self._project_id = project_id
        self._contracts = contracts
        self._entries: set[str] = set()
        self._now: Instant = 0

    def causes_of(self, event: Event) -> frozenset[str]:
        self._now = max(self._now, recording_time(event))
        if isinstance(event, TimeApproved | TimeWithdrawn):
            return self._work(event)
        if isinstance(event, COMMERCIAL):
            concerns = event.contract_id in self._contracts
        else:
            concerns = isinstance(event, REFERENCE) or (
                isinstance(event, OF_PROJECT) and event.project_id == self._project_id
            )
        return CAUSES[type(event).__name__] if concerns else frozenset()

    def _work(self, event: TimeApproved | TimeWithdrawn) -> frozenset[str]:
        known = event.entry_id in self._entries
        if event.project_id != self._project_id and not known:
            return frozenset()
        self._entries.add(event.entry_id)
        return frozenset({work_cause(event.occurred_at, self._now, corrects=known)})
