"""All forecasts of a project, and the events of the log that can have moved them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import EngagementLog, event_of
from connectors.files.found_exceptions import exceptions_of
from connectors.files.log_format import log_path
from connectors.files.written import placed_of
from domain.caps.purchase_order import ORDER, OVER_CAP, OVER_ORDER, SUBJECT_KIND
from domain.events.catalogue import ENTITIES, Event
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import Milestones
from domain.events.delivery import (
    EstimateRevised,
    ExpenseApproved,
    ExpenseWithdrawn,
    MilestoneAccepted,
    MilestoneRevoked,
    ProgressReported,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    TimeApproved,
    TimeWithdrawn,
    UnitsDelivered,
)
from domain.events.reference import CostRateSet, ExchangeRateSet, PersonDefined, RateCardPublished
from domain.forecast.changes import work_cause
from domain.identity import composed
from domain.outputs import Alert, ExceptionRaised, ForecastCap, ForecastUpdate, Position
from domain.reference.book import owner_key
from domain.units import HUNDRED_PERCENT, Instant
from state.intake.clock import recording_time

REFERENCE = (CostRateSet, ExchangeRateSet, PersonDefined, RateCardPublished)
COMMERCIAL = (ContractSigned, ContractAmended, ContractTerminated)
OF_PROJECT = (ProjectActivated, ProjectClosed, ResourceAssigned, EstimateRevised)
WORK = (TimeApproved, TimeWithdrawn, ExpenseApproved, ExpenseWithdrawn, UnitsDelivered)
CHARGED = (MilestoneAccepted, MilestoneRevoked, ProgressReported)
KINDS = ("line", "shared", ORDER)


class UsedUp(NamedTuple):
    """A cap without room. `since` is when the event that took the last of it entered the log; `waiting` is what is over it."""

    cap: ForecastCap
    since: Instant
    log_offset: int
    event: Event | None = None
    waiting: ExceptionRaised | None = None

    @property
    def label(self) -> str:
        """Of the event that used it up; empty where only a later forecast says that it is."""
        return _label_of(self.event) if self.event is not None else ""


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
        return _label_of(self.event)


def _label_of(event: Event) -> str:
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
    "MilestoneAccepted": frozenset({"volume"}),
    "MilestoneRevoked": frozenset({"volume"}),
    "ProgressReported": frozenset({"volume"}),
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
    """Of the project's work, milestones, progress, estimates, assignments and contracts, and of reference data; none without the log."""
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
    """What was seen before decides whether work is new or corrected, and of which lines and milestones the project is."""

    def __init__(self, project_id: str, contracts: set[str]) -> None:
        self._project_id = project_id
        self._contracts = contracts
        self._entries: set[tuple[str, str]] = set()
        self._charged: set[str] = set()
        self._now: Instant = 0

    def causes_of(self, event: Event) -> frozenset[str]:
        self._now = max(self._now, recording_time(event))
        if isinstance(event, WORK):
            return self._work(event)
        if isinstance(event, COMMERCIAL):
            concerns = event.contract_id in self._contracts
            self._learn(event)
        elif isinstance(event, CHARGED):
            named = event.line_id if isinstance(event, ProgressReported) else event.milestone_id
            concerns = named in self._charged and event.contract_id in {None, *self._contracts}
        else:
            concerns = isinstance(event, REFERENCE) or (
                isinstance(event, OF_PROJECT) and event.project_id == self._project_id
            )
        return CAUSES[type(event).__name__] if concerns else frozenset()

    def _learn(self, event: ContractSigned | ContractAmended | ContractTerminated) -> None:
        if event.contract_id not in self._contracts or isinstance(event, ContractTerminated):
            return
        for line in event.lines or ():
            if line.project_id == self._project_id:
                self._charged.add(line.line_id)
                if isinstance(line.terms, Milestones):
                    self._charged |= {one.milestone_id for one in line.terms.milestones}

    def _work(
        self, event: TimeApproved | TimeWithdrawn | ExpenseApproved | ExpenseWithdrawn | UnitsDelivered
    ) -> frozenset[str]:
        entry = owner_key(event)
        known = entry in self._entries
        if event.project_id != self._project_id and not known:
            return frozenset()
        self._entries.add(entry)
        is_time = isinstance(event, TimeApproved | TimeWithdrawn)
        # Of other work seen before, what was withdrawn, or waited, is new again.
        corrects = {known} if is_time or not known else {True, False}
        return frozenset(work_cause(event.occurred_at, self._now, corrects=each) for each in corrects)


def is_used_up(cap: ForecastCap) -> bool:
    """The nearer of its limits is reached."""
    limits = ((cap.used_amount, cap.limit_amount), (cap.used_hours, cap.limit_hours))
    return any(limit is not None and used >= limit for used, limit in limits)


def used_up(output: Path, history: Sequence[PublishedForecast]) -> tuple[UsedUp, ...]:
    """Since when the caps of a forecast are used up, by which event, and what waits over them: as alerts and exceptions stated it.

    The caps of the last forecast that have no room, in its order. Raises NoOutputs and ContainerDamaged.
    """
    caps = [cap for cap in history[-1].update.caps if is_used_up(cap)]
    if not caps:
        return ()
    alerts = [placed for placed in placed_of(output, Alert) if placed[1].kind in ("cap", SUBJECT_KIND)]
    over = {
        known.raised.subject_id: known.raised
        for known in exceptions_of(output).values()
        if known.is_open and known.raised.category in (OVER_CAP, OVER_ORDER)
    }
    found = []
    for cap in caps:
        one = _since(output, history, cap, alerts)
        found.append(one._replace(waiting=next((over[name] for name in _subjects(cap) if name in over), None)))
    return tuple(found)


def _since(
    output: Path, history: Sequence[PublishedForecast], cap: ForecastCap, alerts: Sequence[tuple[Position, Alert]]
) -> UsedUp:
    """The crossing lies between the last forecast with room and the first without; there an alert knows it exactly."""
    latest = history[-1].update
    run = list(takewhile(lambda told: _is_used_up_in(told.update, cap, latest), reversed(history)))
    first = run[-1].position
    before = history[-len(run) - 1].position.log_offset if len(run) < len(history) else -1
    crossings = [
        (position, alert)
        for position, alert in alerts
        if before < position.log_offset <= first.log_offset and _tells_of(alert, cap)
    ]
    # One beyond the whole of the cap was crossed later, if that is not the only one that is watched.
    exact = [each for each in crossings if (each[1].threshold or 0) <= HUNDRED_PERCENT] or crossings
    if not exact:
        return UsedUp(cap, first.recorded_at, first.log_offset)
    position = exact[-1][0]
    return UsedUp(cap, position.recorded_at, position.log_offset, event_of(output, position))


def _tells_of(alert: Alert, cap: ForecastCap) -> bool:
    """That nothing is left of the cap, or of one of its months."""
    names = tuple(_subjects(cap))
    limits = ((alert.used_amount, alert.limit_amount), (alert.used_hours, alert.limit_hours))
    return any(used is not None and limit is not None and used >= limit for used, limit in limits) and any(
        alert.subject_id == name or alert.subject_id.startswith(f"{name}/") for name in names
    )


def _is_used_up_in(update: ForecastUpdate, cap: ForecastCap, latest: ForecastUpdate) -> bool:
    """A month's cap begins again with the month."""
    same_month = cap.period != "month" or (update.as_of.year, update.as_of.month) == (
        latest.as_of.year,
        latest.as_of.month,
    )
    return same_month and any(
        is_used_up(one) and (one.cap_id, one.contract_id, one.period) == (cap.cap_id, cap.contract_id, cap.period)
        for one in update.caps
    )


def _subjects(cap: ForecastCap) -> Iterator[str]:
    """By which alerts and exceptions name it."""
    if cap.contract_id is not None:
        yield from (composed(cap.contract_id, f"{kind}:{cap.cap_id}") for kind in KINDS)
