"""Finds a project, an engagement or a statement by its id in the outputs of a run."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.written import read_topic
from domain.outputs import TOPICS, BillingStatement, ForecastUpdate, Position, ProjectView, StatementLine

NEAREST_MAX: Final = 5


class Viewed(NamedTuple):
    """The newest view of a project."""

    position: Position
    view: ProjectView


class Issued(NamedTuple):
    """A statement, its parts joined."""

    position: Position
    statement: BillingStatement


class ProjectFound(NamedTuple):
    """`companions` are the other projects of an engagement of the same name."""

    viewed: Viewed
    forecast: ForecastUpdate | None
    statements: tuple[Issued, ...]
    companions: tuple[Viewed, ...] = ()


class EngagementFound(NamedTuple):
    engagement_id: str
    projects: tuple[Viewed, ...]
    statements: tuple[Issued, ...]


class NothingFound(NamedTuple):
    """`known` are all ids that there are."""

    nearest: tuple[str, ...]
    known: frozenset[str] = frozenset()


def find(output: Path, wanted: str) -> ProjectFound | EngagementFound | Issued | NothingFound:
    """Raises NoOutputs and ContainerDamaged."""
    views = _views(output, wanted)
    engagement = tuple(viewed for viewed in views.found if viewed.view.engagement_id == wanted)
    own = next((viewed for viewed in views.found if viewed.view.project_id == wanted), None)
    if own is not None:
        contracts = frozenset(balance.contract_id for balance in own.view.balances)
        statements = [each for each in _statements(output, contracts) if _names(each, wanted)]
        others = tuple(viewed for viewed in engagement if viewed is not own)
        return ProjectFound(own, latest_forecast(output, wanted), tuple(statements), others)
    if engagement:
        contracts = frozenset(balance.contract_id for viewed in engagement for balance in viewed.view.balances)
        return EngagementFound(wanted, engagement, tuple(_statements(output, contracts)))
    return _statement(output, wanted, views.ids)


def latest_forecast(output: Path, project_id: str) -> ForecastUpdate | None:
    last = None
    for written in read_topic(output, TOPICS["ForecastUpdate"]):
        if isinstance(written.record, ForecastUpdate) and written.record.project_id == project_id:
            last = written.record
    return last


def projects_with_forecasts(output: Path) -> frozenset[str]:
    found = (written.record for written in read_topic(output, TOPICS["ForecastUpdate"]))
    return frozenset(record.project_id for record in found if isinstance(record, ForecastUpdate))


def nearest(wanted: str, known: frozenset[str]) -> tuple[str, ...]:
    """Ids that look like it, the likeliest first."""
    same = [each for each in sorted(known) if wanted and wanted.casefold() in each.casefold()]
    alike = difflib.get_close_matches(wanted, sorted(known), NEAREST_MAX, 0.5)
    return tuple(dict.fromkeys([*alike, *same]))[:NEAREST_MAX]


def hint(wanted: str, known: frozenset[str]) -> str:
    """What was perhaps meant, to stand behind a message that there is no such id."""
    if near := nearest(wanted, known):
        return f"; the nearest are {', '.join(near)}"
    if not known:
        return "; there are none yet"
    some = sorted(known)[:NEAREST_MAX]
    return f"; there are {', '.join(some)}" + (
        f" and {len(known) - len(some):,} more" if len(known) > len(some) else ""
    )


class _Views(NamedTuple):
    """Newest views of what was wanted, in the order of their ids, and all ids there are."""

    found: tuple[Viewed, ...]
    ids: frozenset[str]


def _views(output: Path, wanted: str) -> _Views:
    ids: set[str] = set()
    newest: dict[str, Viewed] = {}
    for written in read_topic(output, TOPICS["ProjectView"]):
        view = written.record
        if isinstance(view, ProjectView):
            ids |= {view.project_id, view.engagement_id}
            if wanted in {view.project_id, view.engagement_id}:
                newest[view.project_id] = Viewed(written.position, view)
    return _Views(tuple(newest[project_id] for project_id in sorted(newest)), frozenset(ids))


def _statements(output: Path, contracts: frozenset[str]) -> list[Issued]:
    """In the order in which they were issued."""
    parts: dict[str, list[Issued]] = {}
    for written in read_topic(output, TOPICS["BillingStatement"]):
        statement = written.record
        if isinstance(statement, BillingStatement) and statement.contract_id in contracts:
            parts.setdefault(statement.statement_id, []).append(Issued(written.position, statement))
    return [_joined(found) for found in parts.values()]


def _statement(output: Path, wanted: str, known: frozenset[str]) -> Issued | NothingFound:
    ids = set(known)
    parts = []
    for written in read_topic(output, TOPICS["BillingStatement"]):
        statement = written.record
        if isinstance(statement, BillingStatement):
            ids.add(statement.statement_id)
            if statement.statement_id == wanted:
                parts.append(Issued(written.position, statement))
    return _joined(parts) if parts else NothingFound(nearest(wanted, frozenset(ids)), frozenset(ids))


def _joined(parts: list[Issued]) -> Issued:
    lines: tuple[StatementLine, ...] = tuple(line for part in parts for line in part.statement.lines)
    return Issued(parts[0].position, parts[0].statement._replace(lines=lines, part=1, parts=1))


def _names(issued: Issued, project_id: str) -> bool:
    return any(line.project_id == project_id for line in issued.statement.lines)
