"""What came between two moments, and what it moved."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import EngagementLog
from connectors.files.figure_index import FORECASTS, STATEMENTS, FigureIndex
from connectors.files.figure_rows import engagement_named
from connectors.files.moments import LogCut, Moment, cut_at, latest, log_end, shards_at
from connectors.files.written import WrittenOutput
from connectors.telling import Tell
from domain.billing.statement import ISSUED, SUPERSEDED
from domain.outputs import (
    TOPICS,
    BillingStatement,
    ExceptionClosed,
    ExceptionRaised,
    ForecastUpdate,
    JournalEntry,
    Position,
)
from domain.units import Amount


class AccountMove(NamedTuple):
    """What journals posted on an account, in ledger currency; debits and credits are both positive."""

    legal_entity_id: str
    account: str
    currency: str
    journals: int
    debits: Amount
    credits: Amount

    @property
    def net(self) -> Amount:
        return self.debits - self.credits


class StatementSum(NamedTuple):
    """What is due by the statements of a window; `replaced` is what revisions issued before it were due with, negative."""

    legal_entity_id: str
    currency: str
    issued: Amount
    replaced: Amount

    @property
    def net(self) -> Amount:
        return self.issued + self.replaced


class ForecastMove(NamedTuple):
    """The last forecast that was known before, None where there was none, and the last one after."""

    before: ForecastUpdate | None
    after: ForecastUpdate


class ExceptionMove(NamedTuple):
    """An exception that was raised or closed; one that did both within is in neither list of what is left."""

    position: Position
    exception: ExceptionRaised | ExceptionClosed


class Reversed(Exception):
    """The first moment is later than the second."""


class Between(NamedTuple):
    """`end` is how far the log has come. A superseded statement is one that was issued before and is replaced: its amounts are negative."""

    since: LogCut
    until: LogCut
    end: LogCut
    events: dict[str, int]
    accounts: tuple[AccountMove, ...]
    statements: tuple[BillingStatement, ...]
    forecasts: tuple[ForecastMove, ...]
    opened: tuple[ExceptionMove, ...]
    closed: tuple[ExceptionMove, ...]

    @property
    def statement_sums(self) -> tuple[StatementSum, ...]:
        """By legal entity and currency."""
        sums: dict[tuple[str, str], list[Amount]] = {}
        for one in self.statements:
            held = sums.setdefault((one.legal_entity_id, one.currency), [0, 0])
            held[1 if one.status == SUPERSEDED else 0] += one.amount_due
        return tuple(StatementSum(*key, *sums[key]) for key in sorted(sums))


def between(output: Path, since: Moment, until: Moment, tell: Tell) -> Between:
    """Raises Reversed, NoOutputs, ContainerDamaged and GuardStop."""
    if None not in (since.instant, until.instant) and (since.instant or 0) > (until.instant or 0):
        raise Reversed
    seen: set[str] = set()
    return _together([_of_shard(output, shard, since, until, tell, seen) for shard in shards_at(output, since, until)])


def _of_shard(output: Path, shard: int, since: Moment, until: Moment, tell: Tell, seen: set[str]) -> Between:
    """`seen` are events that more than one record tells of, counted already."""
    with FigureIndex(output, shard) as index, EngagementLog.open(output, shard) as log:
        index.extend(tell)
        first, last, end = cut_at(index, since), cut_at(index, until), log_end(index)
        if (since.offset or first.offset) > (until.offset or last.offset):
            raise Reversed
        opened, closed = _exceptions(index, first, last)
        return Between(
            first,
            last,
            end,
            _events(log, first, last, seen),
            _accounts(index, first, last),
            _statements(index, first, last),
            _forecasts(index, first, last),
            opened,
            closed,
        )


def _written(index: FigureIndex, topic: str, first: LogCut, last: LogCut) -> Iterator[WrittenOutput]:
    start = index.lengths_at(first.offset) if first.offset else {}
    yield from index.between(topic, start, index.lengths_at(last.offset))


def _together(found: list[Between]) -> Between:
    if len(found) == 1:
        return found[0]
    accounts: dict[tuple[str, str, str], AccountMove] = {}
    for move in (move for each in found for move in each.accounts):
        key = (move.legal_entity_id, move.account, move.currency)
        held = accounts.get(key, AccountMove(*key, 0, 0, 0))
        accounts[key] = AccountMove(
            *key, held.journals + move.journals, held.debits + move.debits, held.credits + move.credits
        )
    return Between(
        latest(each.since for each in found),
        latest(each.until for each in found),
        latest(each.end for each in found),
        _by_number(sum((Counter(each.events) for each in found), Counter())),
        tuple(accounts[key] for key in sorted(accounts)),
        tuple(one for each in found for one in each.statements),
        tuple(sorted((one for each in found for one in each.forecasts), key=lambda one: one.after.project_id)),
        tuple(one for each in found for one in each.opened),
        tuple(one for each in found for one in each.closed),
    )


def _by_number(events: Counter[str]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(events.items(), key=lambda item: (-item[1], item[0])))


def _events(log: EngagementLog, first: LogCut, last: LogCut, seen: set[str]) -> dict[str, int]:
    """By type; one that went to several engagements, or to every shard, counts once."""
    found: Counter[str] = Counter()
    offset = first.offset
    while offset < last.offset and (records := log.read(offset, last.offset - offset)):
        for record in records:
            if record.own is not None or not record.engagement_id:
                event = f"{record.type_name} {record.event.event_id}"
                if event in seen:
                    continue
                seen.add(event)
            found[record.type_name] += 1
        offset += len(records)
    return _by_number(found)


def _accounts(index: FigureIndex, first: LogCut, last: LogCut) -> tuple[AccountMove, ...]:
    sums: dict[tuple[str, str, str], list[int]] = {}
    for written in _written(index, TOPICS["JournalEntry"], first, last):
        journal = written.record
        if not isinstance(journal, JournalEntry):
            continue
        for account in {line.account for line in journal.lines}:
            held = sums.setdefault((journal.legal_entity_id, account, journal.ledger_currency), [0, 0, 0])
            held[0] += 1
            for line in journal.lines:
                if line.account == account:
                    held[1 if line.ledger_amount > 0 else 2] += abs(line.ledger_amount)
    return tuple(AccountMove(*key, *sums[key]) for key in sorted(sums))


def _statements(index: FigureIndex, first: LogCut, last: LogCut) -> tuple[BillingStatement, ...]:
    """One record each, however many parts. What is issued again counts in its last revision; what it replaced, issued before, is taken
    back, so that the windows of a period add up to it. A draft counts once it is issued.
    """
    found: dict[tuple[str, int], BillingStatement] = {}
    before: dict[str, frozenset[tuple[str, int]]] = {}
    for written in _written(index, STATEMENTS, first, last):
        one = written.record
        if not isinstance(one, BillingStatement):
            continue
        key = one.statement_id, one.revision
        if one.status == ISSUED:
            found.setdefault(key, one)
        elif one.status == SUPERSEDED:
            found.pop(key, None)
            engagement_id = engagement_named(one)
            if engagement_id not in before:
                before[engagement_id] = index.issued_before(engagement_id, first.offset)
            if key in before[engagement_id]:
                found[key] = taken_back(one)
    return tuple(found.values())


def taken_back(statement: BillingStatement) -> BillingStatement:
    """With every amount the other way round; it has no lines."""
    return statement._replace(
        lines=(),
        total=-statement.total,
        retained=-statement.retained,
        released=-statement.released,
        deposits_applied=-statement.deposits_applied,
        amount_due=-statement.amount_due,
        control_total=-statement.control_total,
        tax=tuple(each._replace(base=-each.base, amount=-each.amount) for each in statement.tax),
        undetermined_tax=tuple(each._replace(base=-each.base) for each in statement.undetermined_tax),
    )


def _forecasts(index: FigureIndex, first: LogCut, last: LogCut) -> tuple[ForecastMove, ...]:
    after: dict[str, ForecastUpdate] = {}
    for written in _written(index, FORECASTS, first, last):
        if isinstance(written.record, ForecastUpdate):
            after[written.record.project_id] = written.record
    return tuple(
        ForecastMove(index.forecast_before(project_id, first.offset), after[project_id]) for project_id in sorted(after)
    )


def _exceptions(
    index: FigureIndex, first: LogCut, last: LogCut
) -> tuple[tuple[ExceptionMove, ...], tuple[ExceptionMove, ...]]:
    """What is open after and was not before, and what was open before and is closed after."""
    opened: dict[str, ExceptionMove] = {}
    closed: dict[str, ExceptionMove] = {}
    for written in _written(index, TOPICS["ExceptionRaised"], first, last):
        match written.record:
            case ExceptionRaised() as raised:
                if raised.exception_id in closed:
                    del closed[raised.exception_id]
                elif not index.was_open(raised.exception_id, first.offset):
                    opened[raised.exception_id] = ExceptionMove(written.position, raised)
            case ExceptionClosed() as done:
                if opened.pop(done.exception_id, None) is None:
                    closed[done.exception_id] = ExceptionMove(written.position, done)
            case _:
                pass
    return tuple(opened.values()), tuple(closed.values())
