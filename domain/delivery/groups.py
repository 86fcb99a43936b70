"""Which journals go to the ERP together, decided by the log alone, so that any run and any order of reading gives the same groups.

By grain `entry` every journal goes by itself, at once. By the others the journals of a company wait for the end of its day: every shard
marks it (`ControlTotals`) after what it posted, and with the last shard's mark the day is closed. What is alike among its journals is one
group: accounting date, currency and exchange rate, by `project_day` also the project. By `period` journals wait until their accounting
period is over, and a group is what is alike of the period.

    shard 0   J-1 (2 June)  J-2 (3 June)  mark of 3 June                  entity_day: J-1 and J-4, J-2
    shard 1                                J-4 (2 June)  mark of 3 June

Journals and marks of a shard may be read from different places, so a mark counts when as many journals are there as it says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import NamedTuple, TypeAlias

from domain.billing.statement import ISSUED
from domain.delivery.chart import ENTRY, PERIOD, PROJECT_DAY, EntityChart
from domain.delivery.documents import JOURNAL, key_of
from domain.ledger.journal import BILLING
from domain.outputs import BillingStatement, ControlTotals, JournalEntry, Position
from domain.units import Instant


class JournalGroup(NamedTuple):
    """Journals that are one of the ERP's, in the order of their ids; `kind` is the grain.

    `correlation_ids` are those of the members, `recorded_at` is when the oldest one's cause entered the log. `withdrawn` are members that
    the books had taken back before: the group may have been sent with them all the same, so they stay in it.
    """

    kind: str
    legal_entity_id: str
    accounting_date: date
    members: tuple[JournalEntry, ...]
    correlation_ids: tuple[str | None, ...]
    recorded_at: Instant
    withdrawn: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(each.journal_id for each in self.members)

    @property
    def key(self) -> str:
        return key_of(JOURNAL, self.ids)

    @property
    def reverses(self) -> frozenset[str]:
        """Journals that must be in the ERP before this group: those that it reverses and has not itself."""
        return frozenset(each.reverses for each in self.members if each.reverses) - set(self.ids)


class WaitingJournal(NamedTuple):
    """A journal until its day or period is over."""

    journal: JournalEntry
    correlation_id: str | None
    recorded_at: Instant
    is_withdrawn: bool = False


class SeenJournal(NamedTuple):
    """That a journal came that no mark has counted yet."""

    legal_entity_id: str


class Total(NamedTuple):
    """One currency of a mark."""

    seq: int
    journals: int
    currencies: int
    period_ended: str


class DayMark(NamedTuple):
    """A day of a company in a shard with all that was posted before."""

    day: date
    seq: int
    period_ended: str


@dataclass(slots=True)
class ShardSide:
    """What one shard says of one company. `count` are its journals up to the last mark, `since` the numbers of those after it.

    These are kept as rows of their own, so that a day with many journals is not written again with each of them.
    """

    count: int = 0
    since: set[int] = field(default_factory=set)
    totals: dict[date, dict[str, Total]] = field(default_factory=dict)
    marks: list[DayMark] = field(default_factory=list)
    # Journals below have been in a closed day; of a day up to this one no further mark counts.
    bound: int = -1
    upto: date = date.min

    @property
    def through(self) -> int:
        """The last mark that counts."""
        return self.marks[-1].seq if self.marks else self.bound


# What is kept under a name that begins with `side`, `seen`, `journal` or `part`.
Row: TypeAlias = ShardSide | SeenJournal | WaitingJournal | BillingStatement
SIDE, SEEN, WAITING, PART = "side", "seen", "journal", "part"
Record: TypeAlias = JournalEntry | ControlTotals | BillingStatement
_Place: TypeAlias = tuple[str, int]


class GroupChanges(NamedTuple):
    """Rows to keep in place of those of the same name, and names of rows that are over."""

    kept: tuple[tuple[str, Row], ...]
    gone: tuple[str, ...]


class OpenGroups:
    """The journals of one ERP account that wait for others, and the parts of statements.

    Kept as rows: `changes` gives those since it was last asked, and the constructor takes them all. What is read again changes nothing,
    but that journals of grain `entry` and whole statements come once more, with the same keys. Companies without a chart are passed
    over, so when one is added everything is read again from the start.
    """

    __slots__ = ("_charts", "_dirty", "_gone", "_new", "_parts", "_places", "_renewed", "_shards", "_sides", "_waiting")

    def __init__(self, shards: int, charts: Mapping[str, EntityChart], rows: Iterable[tuple[str, Row]] = ()) -> None:
        self._shards = shards
        self._charts = charts
        self._sides: defaultdict[_Place, ShardSide] = defaultdict(ShardSide)
        self._waiting: defaultdict[str, dict[tuple[int, int], WaitingJournal]] = defaultdict(dict)
        # Where a journal waits: its company, shard and number.
        self._places: dict[str, tuple[str, int, int]] = {}
        self._parts: defaultdict[tuple[str, int], dict[int, tuple[str, BillingStatement]]] = defaultdict(dict)
        self._dirty: set[_Place] = set()
        self._new: dict[str, Row] = {}
        self._gone: list[str] = []
        # Rows that were kept before, among the new ones.
        self._renewed: set[str] = set()
        for name, row in rows:
            self._restore(name, row)

    def add(self, position: Position, record: JournalEntry | ControlTotals) -> list[JournalGroup]:
        """The groups that are complete with it, in an order that is the same on any run."""
        chart = self._charts.get(record.legal_entity_id)
        if chart is None:
            return []
        if isinstance(record, JournalEntry):
            return self._add_journal(position, record, chart)
        return self._add_total(position, record) if record.currencies else []

    def add_part(self, position: Position, part: BillingStatement) -> BillingStatement | None:
        """The whole statement with its last part; None before, and of drafts, which are not billed."""
        chart = self._charts.get(part.legal_entity_id)
        if chart is None or part.status != ISSUED:
            return None
        if part.parts == 1:
            return part
        found = self._parts[part.statement_id, part.revision]
        name = _name(PART, position.shard, position.output_seq)
        if part.part not in found:
            found[part.part] = (name, part)
            self._new[name] = part
        if len(found) < part.parts:
            return None
        del self._parts[part.statement_id, part.revision]
        self._forget(name for name, _ in found.values())
        parts = [found[number][1] for number in sorted(found)]
        return parts[0]._replace(lines=tuple(line for each in parts for line in each.lines), parts=1)

    @property
    def waiting(self) -> int:
        """Journals that wait for their day or period to end."""
        return sum(len(each) for each in self._waiting.values())

    def waits(self) -> Iterator[tuple[JournalEntry, str]]:
        """Journals that wait, each with the day or accounting period that has to end; empty before a company's first day has."""
        for entity, waiting in self._waiting.items():
            for (shard, seq), each in waiting.items():
                grain = self._charts[entity].grain_on(each.journal.accounting_date)
                yield (
                    each.journal,
                    each.journal.period if grain == PERIOD else _day_of(seq, self._sides[entity, shard]),
                )

    def has(self, journal_id: str) -> bool:
        """Whether it waits for its day or period to end."""
        return journal_id in self._places

    def changes(self) -> GroupChanges:
        kept = dict(self._new)
        for place in sorted(self._dirty):
            kept[_side_name(place)] = replace(_copied(self._sides[place]), since=set())
        changes = GroupChanges(tuple(kept.items()), tuple(self._gone))
        self._dirty.clear()
        self._new.clear()
        self._renewed.clear()
        self._gone.clear()
        return changes

    def _restore(self, name: str, row: Row) -> None:
        shard, rest = name.split("/", 2)[1:]
        match row:
            case ShardSide():
                since = self._sides[rest, int(shard)].since
                self._sides[rest, int(shard)] = replace(_copied(row), since=since | row.since)
            case SeenJournal():
                self._sides[row.legal_entity_id, int(shard)].since.add(int(rest))
            case WaitingJournal():
                self._wait(row, int(shard), int(rest))
            case BillingStatement():
                self._parts[row.statement_id, row.revision][row.part] = (name, row)

    def _add_journal(self, position: Position, journal: JournalEntry, chart: EntityChart) -> list[JournalGroup]:
        entity, shard, seq = journal.legal_entity_id, position.shard, position.output_seq
        waiting = WaitingJournal(journal, position.correlation_id, position.recorded_at)
        is_sent = journal.deliver and bool(journal.lines)
        grain = chart.grain_on(journal.accounting_date)
        alone = [_group(ENTRY, [waiting])] if is_sent and grain == ENTRY else []
        side = self._sides[entity, shard]
        if (withdrawn := withdrawn_by(journal)) is not None:
            self._withdraw(withdrawn)
        if seq <= side.through or seq in side.since:
            return alone
        side.since.add(seq)
        self._new[_name(SEEN, shard, seq)] = SeenJournal(entity)
        if is_sent and grain != ENTRY:
            self._wait(waiting, shard, seq)
            self._new[_name(WAITING, shard, seq)] = waiting
        return [*alone, *self._closed(entity, shard)]

    def _wait(self, waiting: WaitingJournal, shard: int, seq: int) -> None:
        entity = waiting.journal.legal_entity_id
        self._waiting[entity][shard, seq] = waiting
        self._places[waiting.journal.journal_id] = (entity, shard, seq)

    def _withdraw(self, journal_id: str) -> None:
        place = self._places.get(journal_id)
        if place is None:
            return
        entity, shard, seq = place
        name = _name(WAITING, shard, seq)
        if name not in self._new:
            self._renewed.add(name)
        self._waiting[entity][shard, seq] = self._new[name] = self._waiting[entity][shard, seq]._replace(
            is_withdrawn=True
        )

    def _add_total(self, position: Position, total: ControlTotals) -> list[JournalGroup]:
        """Where a company ends a day twice, since it moved to another zone, the first mark counts."""
        place = (total.legal_entity_id, position.shard)
        side = self._sides[place]
        found = Total(position.output_seq, total.journal_count, total.currencies, total.period_ended or "")
        known = side.totals.get(total.date, {})
        if total.date <= side.upto or len(known) == next(iter(known.values()), found).currencies:
            return []
        side.totals.setdefault(total.date, {})[total.currency] = found
        self._dirty.add(place)
        return self._closed(*place)

    def _closed(self, entity: str, shard: int) -> list[JournalGroup]:
        """Of all days that are closed now."""
        counted = _settle(self._sides[entity, shard])
        if counted is None:
            return []
        self._dirty.add((entity, shard))
        self._forget(_name(SEEN, shard, seq) for seq in counted)
        groups = []
        sides = [self._sides[entity, each] for each in range(self._shards)]
        until = min(each.upto for each in sides)
        for day in sorted({mark.day for side in sides for mark in side.marks if mark.day <= until}):
            ended = ""
            for number, side in enumerate(sides):
                while side.marks and side.marks[0].day <= day:
                    mark = side.marks.pop(0)
                    side.bound, ended = mark.seq, max(ended, mark.period_ended)
                    self._dirty.add((entity, number))
            groups += self._taken(entity, ended)
        return groups

    def _taken(self, entity: str, period_ended: str) -> list[JournalGroup]:
        waiting = self._waiting[entity]
        alike: defaultdict[tuple[str, ...], list[WaitingJournal]] = defaultdict(list)
        taken = []
        for (shard, seq), each in waiting.items():
            grain = self._charts[entity].grain_on(each.journal.accounting_date)
            is_over = grain != PERIOD or each.journal.period <= period_ended
            if is_over and seq < self._sides[entity, shard].bound:
                alike[_alike(grain, each.journal)].append(each)
                taken.append((shard, seq))
        for place in taken:
            del self._places[waiting.pop(place).journal.journal_id]
        self._forget(_name(WAITING, *place) for place in taken)
        return [_group(key[0], alike[key]) for key in sorted(alike)]

    def _forget(self, names: Iterable[str]) -> None:
        """A row that was never kept need not go."""
        self._gone += [name for name in names if self._new.pop(name, None) is None or name in self._renewed]


def withdrawn_by(record: Record) -> str | None:
    """The journal that a memo takes back in our books alone, since the ERP never accepted it."""
    return record.reverses if isinstance(record, JournalEntry) and not record.deliver else None


def invoiced_by(record: Record) -> str | None:
    """The statement whose invoice a journal of the books is about, of this delivery or of somebody else."""
    return record.affected_id if isinstance(record, JournalEntry) and record.kind == BILLING else None


def _day_of(seq: int, side: ShardSide) -> str:
    """The day whose mark comes after it; days end one after the other."""
    day = next((mark.day for mark in side.marks if seq < mark.seq), None)
    if day is None and side.upto > date.min:
        day = side.upto + timedelta(days=1)
    return "" if day is None else day.isoformat()


def _settle(side: ShardSide) -> list[int] | None:
    """The journals of further marks that count now, as all their currencies and all journals before them are there; None of no mark."""
    counted: list[int] | None = None
    while side.totals:
        day, totals = next(iter(side.totals.items()))
        posted = sum(total.journals for total in totals.values()) - side.count
        first = next(iter(totals.values()))
        if len(totals) < first.currencies or len(side.since) < posted:
            break
        before = [number for number in side.since if number < first.seq]
        if len(before) < posted:
            break
        del side.totals[day]
        side.count += posted
        side.since.difference_update(before)
        side.marks.append(DayMark(day, first.seq, first.period_ended))
        side.upto, counted = day, [*(counted or ()), *before]
    return counted


def _alike(grain: str, journal: JournalEntry) -> tuple[str, ...]:
    if grain == ENTRY:
        return (grain, journal.journal_id)
    projects = {line.project_id or "" for line in journal.lines}
    return (
        grain,
        (projects.pop() if len(projects) == 1 else "") if grain == PROJECT_DAY else "",
        "" if grain == PERIOD else journal.accounting_date.isoformat(),
        journal.period,
        journal.currency,
        journal.ledger_currency,
        f"{journal.exchange_rate:024}",
    )


def _group(grain: str, found: Iterable[WaitingJournal]) -> JournalGroup:
    members = sorted(found, key=lambda each: each.journal.journal_id)
    return JournalGroup(
        grain,
        members[0].journal.legal_entity_id,
        max(each.journal.accounting_date for each in members),
        tuple(each.journal for each in members),
        tuple(each.correlation_id for each in members),
        min(each.recorded_at for each in members),
        tuple(each.journal.journal_id for each in members if each.is_withdrawn),
    )


def _copied(side: ShardSide) -> ShardSide:
    totals = {day: dict(each) for day, each in side.totals.items()}
    return replace(side, since=set(side.since), totals=totals, marks=list(side.marks))


def _side_name(place: _Place) -> str:
    return f"{SIDE}/{place[1]}/{place[0]}"


def _name(kind: str, shard: int, seq: int) -> str:
    return f"{kind}/{shard}/{seq}"
