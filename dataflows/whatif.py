"""What a change would do to postings, statements and forecasts: the log is folded on with it and without it, and both are compared.

Everything happens on copies of store and intake's memory in the system's temporary place. The fold is the one of a run, so a run that
takes the change in next makes what is reported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from connectors.files.engagement_log import EngagementLog
from connectors.files.input_reader import InputItem
from connectors.files.output_lock import resting
from connectors.files.rounds import read_rounds
from connectors.files.written import shards
from connectors.telling import Tell
from dataflows.whatif_difference import KeptPrice, Stood, WhatIfDifference, WhatIfSide, difference, kept_prices
from dataflows.whatif_folder import bring_up_to_date, copy_of, directory_of, open_books
from dataflows.whatif_intake import ChangeTakenIn, MemoryPlace, own_of, read_change, take
from domain.events.commercial import ContractAmended
from domain.events.delivery import ResourceAssigned
from domain.identity import engagement_of
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastUpdate, ProjectView
from domain.reference.zones import universal_day
from domain.units import Instant
from state.imagined import BilledWork, ImaginedForecast, ImaginedOutput
from state.intake.clock import DATE_LAST, recording_time
from state.intake.intake import EVERYONE

# Raised by the record of an event whose content is not taken over, or not all of it.
REFUSING: Final = frozenset(
    {
        "amendment_gap",
        "conflicting_version",
        "invalid_terms",
        "misapplied",
        "not_authoritative",
        "over_credited",
        "project_already_bound",
        "unapproved_amendment",
        "unrouted",
        "unsupported",
    }
)
# Days that end beyond these, after today and the log, are most often of a mistyped year.
DAYS_ON_MAX: Final = 731
# Facts that who asked for them may not approve; work of which the same is said is taken over and waits.
OF_TWO: Final = frozenset({"contract", "credit_memo", "exception", "statement", "write_off"})


class UnreadableChange(Exception):
    """Lines of the change that a run would put among the dead letters."""

    def __init__(self, items: Sequence[InputItem]) -> None:
        count = "" if len(items) == 1 else f"{len(items):,} lines are no events; the first is "
        of_csv = "; milepost import makes events of a CSV" if items[0].name.endswith(".csv") else ""
        super().__init__(f"{count}{_why(items[0])}; expected events, one a line of JSON{of_csv}")


class NoChange(Exception):
    """There is nothing in the file that could change anything; the message says what was expected."""


class NoSuchDay(Exception):
    """Days up to the one asked for cannot end; the message says which can."""


class TooFarAhead(Exception):
    """Days up to that of an event would end, which takes long and is most often a mistyped year; the message says which may."""


class WhatIf(NamedTuple):
    """`events` are types and places of the change; `since` is how far the log had come, `until` to where both were folded.

    `refused` are exceptions that say that an event, or a part of it, is not taken over. `kept` is billed work that keeps its price.
    `left_out`: the folder does not tell which events wait for a project or contract, and so none of them goes on.
    """

    events: tuple[tuple[str, str], ...]
    since: Instant
    until: Instant
    on: date | None
    engagements: tuple[str, ...]
    refused: tuple[ExceptionRaised, ...]
    difference: WhatIfDifference
    left_out: bool = False
    kept: tuple[KeptPrice, ...] = ()


def what_if(output: Path, change: Path, on: date | None, tell: Tell, today: date | None) -> WhatIf:
    """`today` is None where days however far ahead may end. Raises NoOutputs, Unreadable, NoChange, NoSuchDay, TooFarAhead, ShardMissing,
    OutputInUse, and GuardStop where something cannot be read."""
    numbers = shards(output)
    items = _checked(change, on)
    with ExitStack() as held:
        scratch = Path(held.enter_context(TemporaryDirectory(prefix="milepost-whatif-")))
        with resting(output):
            logs = [held.enter_context(closing(EngagementLog.open(output, number))) for number in numbers]
            copy_of(output, numbers, scratch)
            rounds = read_rounds(output)
        _check_not_before(logs, on)
        if today is not None:
            _check_ahead(logs, items, on, today)
        known = directory_of(logs, scratch, tell)
        ownership = rounds[-1].ownership if rounds else {}
        for log in logs:
            bring_up_to_date(scratch, log, tell)
        with_it = take(known, logs, items, ownership, 0, on)
        without = take(known, logs, (), ownership, with_it.latest, on)
        return _compared(_Asked(scratch, logs, items, known, on), with_it, without)


def _refuses(raised: ExceptionRaised) -> bool:
    return raised.category in REFUSING or (raised.category == "self_approved" and raised.subject_kind in OF_TWO)


def _compared(asked: _Asked, with_it: ChangeTakenIn, without: ChangeTakenIn) -> WhatIf:
    taken = (each for side in (with_it, without) for records in side.records.values() for each in records)
    now = max([with_it.latest, *(each.event.occurred_at for each in taken)])
    own = own_of(with_it, without)
    only = None if EVERYONE in own.engagements else own.engagements
    fold = _Fold(asked, only, now)
    before, after = _both(fold, without, with_it)
    refused = tuple(
        said.record
        for shard, said in after.said
        if said.offset in own.offsets[shard] and isinstance(said.record, ExceptionRaised)
        if _refuses(said.record)
    )
    touched = (after.touched | before.touched) - {EVERYONE}
    return WhatIf(
        events=tuple((type(item.event).__name__, str(item)) for item in asked.items),
        since=asked.known.latest,
        until=now,
        on=asked.on,
        engagements=tuple(sorted(touched if only is None else only)),
        refused=refused,
        difference=difference(before.side, after.side, _stood(asked, (before, after))),
        left_out=not asked.known.is_whole,
        kept=kept_prices(before.side, after.side),
    )


class _Asked(NamedTuple):
    """The question, and copies to answer it with."""

    scratch: Path
    logs: Sequence[EngagementLog]
    items: Sequence[InputItem]
    known: MemoryPlace
    on: date | None


class _Fold(NamedTuple):
    """`only`: engagements that can differ; None: any can."""

    asked: _Asked
    only: frozenset[str] | None
    now: Instant


class _Folded(NamedTuple):
    side: WhatIfSide
    said: Sequence[tuple[int, ImaginedOutput]]
    touched: frozenset[str]
    told: Mapping[str, ForecastUpdate]


def _both(fold: _Fold, without: ChangeTakenIn, with_it: ChangeTakenIn) -> tuple[_Folded, _Folded]:
    """Without the change and with it; forecasts that one side has published are looked at on the other as of the same day.

    Without a day nobody tells what is not worth it at once, so all are looked at as of today.
    """
    if fold.asked.on is None:
        return _folded(fold, without, None), _folded(fold, with_it, None)
    before = _folded(fold, without, {})
    after = _folded(fold, with_it, _days(before))
    if not after.told.keys() <= before.told.keys():
        before = _folded(fold, without, _days(after))
    return before, after


def _days(side: _Folded) -> dict[str, date]:
    return {project_id: update.as_of for project_id, update in side.told.items()}


def _folded(fold: _Fold, taken: ChangeTakenIn, days: Mapping[str, date] | None) -> _Folded:
    """One side, over all shards; nothing of it goes into the copies. `days` are those of forecasts that it has not published itself."""
    said: list[tuple[int, ImaginedOutput]] = []
    views: dict[str, ProjectView] = {}
    foreseen: dict[str, ImaginedForecast] = {}
    billed: dict[str, BilledWork] = {}
    touched: set[str] = set()
    rerates = any(isinstance(item.event, ContractAmended | ResourceAssigned) for item in fold.asked.items)
    for log in fold.asked.logs:
        number = log.genesis.partition
        shard = open_books(fold.asked.scratch, log, fold.only)
        with closing(shard.store):
            shard.listen()
            shard.imagine(taken.records[number])
            said.extend((number, each) for each in shard.said)
            touched |= shard.store.touched
            for engagement_id in shard.store.everyone() if fold.only is None else sorted(fold.only):
                if shard.store.has(engagement_id):
                    views.update(shard.views(engagement_id, fold.now))
                    foreseen.update(shard.foreseen(engagement_id, fold.now, days))
                    billed.update(shard.billed_work(engagement_id, fold.now) if rerates else ())
    told = {each.record.project_id: each.record for _, each in said if isinstance(each.record, ForecastUpdate)}
    if days is not None:
        foreseen.update(
            (name, ImaginedForecast(update.project, update.caps, update.as_of)) for name, update in told.items()
        )
    return _Folded(
        WhatIfSide(tuple(each.record for _, each in said), views, foreseen, billed), said, frozenset(touched), told
    )


def _stood(asked: _Asked, sides: Sequence[_Folded]) -> Stood:
    """What is open in the copies, of engagements of which an exception or a statement was reported."""
    named: dict[int, set[str]] = {}
    for shard, said in (each for side in sides for each in side.said):
        if isinstance(said.record, ExceptionRaised | ExceptionClosed):
            named.setdefault(shard, set()).add(engagement_of(said.record.exception_id))
        elif isinstance(said.record, BillingStatement):
            named.setdefault(shard, set()).add(engagement_of(said.record.statement_id))
    exceptions: set[str] = set()
    statements: list[BillingStatement] = []
    for log in asked.logs:
        if log.genesis.partition not in named:
            continue
        books = open_books(asked.scratch, log)
        with closing(books.store):
            for engagement_id in sorted(named[log.genesis.partition]):
                if books.store.has(engagement_id):
                    exceptions |= books.open_exceptions(engagement_id)
                    statements += books.open_statements(engagement_id)
    return Stood(frozenset(exceptions), statements)


def _checked(change: Path, on: date | None) -> list[InputItem]:
    if on is not None and on > DATE_LAST:
        raise NoSuchDay(f"expected a day up to {DATE_LAST}, got {on}")
    items = read_change(change)
    if wrong := [item for item in items if item.event is None]:
        raise UnreadableChange(wrong)
    if not items:
        raise NoChange(f"{change}: expected events, one a line, found none")
    return items


def _check_not_before(logs: Sequence[EngagementLog], on: date | None) -> None:
    """Raises NoSuchDay where no day of the log is over by then."""
    firsts = [universal_day(recording_time(log.read(0, 1)[0].event)) for log in logs if log.end]
    if on is None or not firsts:
        return
    first = date.fromordinal(min(firsts))
    if on < first:
        raise NoSuchDay(f"expected a day from {first} on, the first of the log, got {on}")


def _why(item: InputItem) -> str:
    wrong = item.unreadable
    assert wrong is not None, "what is no event says why"
    field = f"{wrong.field_path}: " if wrong.field_path else ""
    return f"{item}: {field}{wrong.reason}"


def _check_ahead(logs: Sequence[EngagementLog], items: Sequence[InputItem], on: date | None, today: date) -> None:
    lasts = [universal_day(recording_time(log.read(log.end - 1, 1)[0].event)) for log in logs if log.end]
    last = date.fromordinal(max(lasts, default=0) or 1)
    furthest = max(last, today) + timedelta(days=DAYS_ON_MAX)
    since = "the log's last day" if last > today else "today"
    expected = f"expected a day up to {furthest}, {DAYS_ON_MAX} days after {since}"
    if on is not None and on > furthest:
        raise NoSuchDay(f"{expected}, got {on}; say --yes if it is meant")
    for item in items:
        assert item.event is not None, "lines that are no events were refused"
        if (day := date.fromordinal(universal_day(recording_time(item.event)))) > furthest:
            what = f"{type(item.event).__name__} {item.event.event_id}"
            raise TooFarAhead(f"{item}: {expected}, got {what} of {day}; say --yes if it is meant")
