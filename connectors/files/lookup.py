"""Finds a project, an engagement or a statement by its id in the outputs of a run."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, takewhile
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.found_exceptions import KnownException, exceptions_of
from connectors.files.written import placed_of, read_topic, records_of
from domain.billing.statement import OPEN
from domain.counting import named
from domain.identity import engagement_of
from domain.outputs import (
    TOPICS,
    BillingStatement,
    ExceptionRaised,
    ForecastUpdate,
    Position,
    ProjectView,
    StatementLine,
)
from domain.units import Amount, Instant

NEAREST_MAX: Final = 5


class Viewed(NamedTuple):
    """The newest view of a project."""

    position: Position
    view: ProjectView


class FoundStatement(NamedTuple):
    """A statement, its parts joined."""

    position: Position
    statement: BillingStatement


class ProjectFound(NamedTuple):
    """`companions` are the other projects of an engagement of the same name; `now` is how far the folder has come."""

    viewed: Viewed
    forecast: ForecastUpdate | None
    statements: tuple[FoundStatement, ...]
    companions: tuple[Viewed, ...] = ()
    waiting: tuple[KnownException, ...] = ()
    now: Instant = 0


class EngagementFound(NamedTuple):
    engagement_id: str
    projects: tuple[Viewed, ...]
    statements: tuple[FoundStatement, ...]
    waiting: tuple[KnownException, ...] = ()
    now: Instant = 0


class NothingFound(NamedTuple):
    """`known` are all ids that there are."""

    nearest: tuple[str, ...]
    known: frozenset[str] = frozenset()


def find(output: Path, wanted: str) -> ProjectFound | EngagementFound | FoundStatement | NothingFound:
    """Raises NoOutputs and ContainerDamaged."""
    views = _views(output, wanted)
    engagement = tuple(viewed for viewed in views.found if viewed.view.engagement_id == wanted)
    own = next((viewed for viewed in views.found if viewed.view.project_id == wanted), None)
    if own is not None:
        contracts = frozenset(balance.contract_id for balance in own.view.balances)
        statements = [each for each in _statements(output, contracts) if _names(each, wanted)]
        others = tuple(viewed for viewed in engagement if viewed is not own)
        waiting, now = open_exceptions(output, own.view.engagement_id)
        concerning = tuple(each for each in waiting if _concerns(each.raised, own.view, contracts))
        forecast = latest_forecast(output, wanted)
        return ProjectFound(own, forecast, tuple(statements), others, concerning, max(now, own.position.recorded_at))
    if engagement:
        contracts = frozenset(balance.contract_id for viewed in engagement for balance in viewed.view.balances)
        waiting, now = open_exceptions(output, wanted)
        return EngagementFound(wanted, engagement, tuple(_statements(output, contracts)), waiting, now)
    return _statement(output, wanted, views.ids)


def open_exceptions(output: Path, engagement_id: str) -> tuple[tuple[KnownException, ...], Instant]:
    """Those of an engagement, the oldest first, and the instant that the folder has come to."""
    known = exceptions_of(output).values()
    said = (each.closed_at or each.position for each in known)
    totals = (written.position for written in read_topic(output, TOPICS["ControlTotals"]))
    now = max((position.recorded_at for position in chain(said, totals)), default=0)
    standing = (each for each in known if each.is_open and engagement_of(each.raised.exception_id) == engagement_id)
    return tuple(sorted(standing, key=lambda each: (each.since, each.raised.exception_id))), now


def _concerns(raised: ExceptionRaised, view: ProjectView, contracts: frozenset[str]) -> bool:
    """It is about the project, about a contract of it, or about its engagement as a whole."""
    if raised.exception_id in {one.exception_id for one in view.open_exceptions}:
        return True
    if raised.project_id is not None:
        return raised.project_id == view.project_id
    return raised.contract_id is None or raised.contract_id in contracts


def latest_forecast(output: Path, project_id: str) -> ForecastUpdate | None:
    last = None
    for update in records_of(output, ForecastUpdate):
        if update.project_id == project_id:
            last = update
    return last


def projects_with_forecasts(output: Path) -> frozenset[str]:
    return frozenset(update.project_id for update in records_of(output, ForecastUpdate))


def project_ids(output: Path) -> frozenset[str]:
    """Of all that have a view."""
    return frozenset(view.project_id for view in records_of(output, ProjectView))


def contract_ids(output: Path) -> frozenset[str]:
    """Of all that a view has balances of."""
    return frozenset(balance.contract_id for view in records_of(output, ProjectView) for balance in view.balances)


def contracts_of(output: Path, project_id: str) -> frozenset[str]:
    """Those that the project's last view has balances of."""
    views = _views(output, project_id).found
    own = next((viewed.view for viewed in views if viewed.view.project_id == project_id), None)
    return frozenset(balance.contract_id for balance in own.balances) if own is not None else frozenset()


def over_caps(output: Path) -> dict[str, Amount]:
    """By contract what is over its caps, by the last views of its projects."""
    newest = {view.project_id: view for view in records_of(output, ProjectView)}
    sums: Counter[str] = Counter()
    for view in newest.values():
        for balance in view.balances:
            sums[balance.contract_id] += balance.over_cap
    return dict(sums)


def nearest(wanted: str, known: frozenset[str]) -> tuple[str, ...]:
    """Ids that look like it, the likeliest first; of those that are alike as much, those that end as it does, as PRJ-00003 for OLD-0003."""
    same = [each for each in sorted(known) if wanted and wanted.casefold() in each.casefold()]
    matcher = difflib.SequenceMatcher(b=wanted)

    def likeness(each: str) -> tuple[float, int, str]:
        matcher.set_seq1(each)
        ends = takewhile(lambda two: two[0] == two[1], zip(reversed(each), reversed(wanted), strict=False))
        return matcher.ratio(), sum(1 for _ in ends), each

    alike = difflib.get_close_matches(wanted, known, len(known) or 1, 0.5)
    alike.sort(key=likeness, reverse=True)
    return tuple(dict.fromkeys([*alike, *same]))[:NEAREST_MAX]


def hint(wanted: str, known: frozenset[str]) -> str:
    """What was perhaps meant, to stand after a message that there is no such id."""
    if near := nearest(wanted, known):
        return f"; the nearest are {', '.join(near)}"
    if not known:
        return "; there are none yet"
    return f"; there are {named(sorted(known), NEAREST_MAX)}"


class _Views(NamedTuple):
    """Newest views of what was wanted, in the order of their ids, and all ids there are."""

    found: tuple[Viewed, ...]
    ids: frozenset[str]


def _views(output: Path, wanted: str) -> _Views:
    ids: set[str] = set()
    newest: dict[str, Viewed] = {}
    for position, view in placed_of(output, ProjectView):
        ids |= {view.project_id, view.engagement_id}
        if wanted in {view.project_id, view.engagement_id}:
            newest[view.project_id] = Viewed(position, view)
    return _Views(tuple(newest[project_id] for project_id in sorted(newest)), frozenset(ids))


def statement_revisions(output: Path, statement_id: str) -> tuple[FoundStatement, ...]:
    """All of a statement, the oldest first; none where there is no such statement."""
    wanted = (each for each in _issued(output) if each.statement.statement_id == statement_id)
    return tuple(_joined(wanted))


def statements_of(output: Path, contract_id: str) -> tuple[FoundStatement, ...]:
    """Of a contract, each in its newest revision, in the order in which they were issued first."""
    return tuple(_statements(output, frozenset({contract_id})))


def newest_statements(output: Path) -> tuple[FoundStatement, ...]:
    """All of the folder, each in its newest revision, in the order in which they were issued first."""
    return tuple(_newest(_issued(output)))


def statements_called(output: Path, wanted: str) -> tuple[FoundStatement, ...]:
    """The statement with that id in its newest revision, else those of which a revision has that number, in that revision.

    Several have it where several companies begin their numbers alike.
    """
    told = _joined(each for each in _issued(output) if wanted in {each.statement.statement_id, each.statement.number})
    by_id = [each for each in told if each.statement.statement_id == wanted]
    return tuple(by_id[-1:] or {each.statement.statement_id: each for each in told}.values())


def was_drafted(output: Path, statement_id: str) -> bool:
    """Whether it was out as a draft, for somebody to approve."""
    told = (each.statement for each in _issued(output) if each.statement.statement_id == statement_id)
    return any(one.status == OPEN for one in told)


def statement_names(output: Path) -> frozenset[str]:
    """Their ids and numbers."""
    found = (each.statement for each in _issued(output))
    return frozenset(name for one in found for name in (one.statement_id, one.number) if name is not None)


def statement_ids(output: Path) -> frozenset[str]:
    return frozenset(each.statement.statement_id for each in _issued(output))


def _statements(output: Path, contracts: frozenset[str]) -> list[FoundStatement]:
    """In the order in which they were issued."""
    return _newest(each for each in _issued(output) if each.statement.contract_id in contracts)


def _statement(output: Path, wanted: str, known: frozenset[str]) -> FoundStatement | NothingFound:
    called = statements_called(output, wanted)
    if len(called) == 1:
        return called[0]
    ids = known | statement_ids(output)
    return NothingFound(nearest(wanted, ids), ids)


def _issued(output: Path) -> Iterator[FoundStatement]:
    return (FoundStatement(*placed) for placed in placed_of(output, BillingStatement))


def _newest(parts: Iterable[FoundStatement]) -> list[FoundStatement]:
    return [*{each.statement.statement_id: each for each in _joined(parts)}.values()]


def _joined(parts: Iterable[FoundStatement]) -> list[FoundStatement]:
    """Each revision of each statement whole, as it was published last, in the order of their first parts."""
    by_revision: dict[tuple[str, int], list[FoundStatement]] = {}
    for part in parts:
        told = by_revision.setdefault((part.statement.statement_id, part.statement.revision), [])
        if told and told[0].statement.status != part.statement.status:
            told.clear()  # a draft that was issued or superseded is published again whole
        told.append(part)
    return [_whole(found) for found in by_revision.values()]


def _whole(parts: list[FoundStatement]) -> FoundStatement:
    lines: tuple[StatementLine, ...] = tuple(line for part in parts for line in part.statement.lines)
    return FoundStatement(parts[0].position, parts[0].statement._replace(lines=lines, part=1, parts=1))


def _names(issued: FoundStatement, project_id: str) -> bool:
    lines = issued.statement.lines  # one without lines only releases what its contract retains
    return not lines or any(line.project_id == project_id for line in lines)
